use std::collections::BTreeMap;

use super::{SIZE, config, model, picture};
use crate::adapt::LossOver;
use crate::adapt::Trainable;
use crate::adapt::graphs::{StepOptions, learning_layout, step_graph, stream_layout};
use crate::graph::Target;
use crate::optim::{AdamW, Layout};
use crate::runtime::{Tensor, testing};

/// Buffers and moments.
type State = Vec<Vec<f32>>;

/// Runs one step with moments on buffers in which `spoil` has put something.
/// Returns the state handed in, the state that came out, and whether the step was taken.
fn step(spoil: impl Fn(&mut State)) -> Option<(State, State, bool)> {
    let runtime = testing::runtime()?;
    let model = model(1);
    let layout = learning_layout(&config(), Layout::PACK_BELOW).unwrap();
    let options = StepOptions {
        batch: 1,
        size: SIZE,
        loss_over: LossOver::Masked,
        optimiser: AdamW {
            weight_decay: 0.05,
            clip_norm: 0.01,
            moments: true,
            betas: AdamW::BETAS,
        },
        stochastic_depth: false,
        pull: false,
        expose: false,
    };
    let step = step_graph(&config(), &model.normalisation, &layout, options).unwrap();

    let packed = layout.pack(&model.weights).unwrap();
    let mut state: State = packed.iter().map(|t| t.data.clone()).collect();
    for moment in [0.25, 0.5] {
        state.extend(packed.iter().map(|t| vec![moment; t.data.len()]));
    }
    spoil(&mut state);
    let mut inputs = vec![];
    for (place, kind) in ["", "first.", "second."].into_iter().enumerate() {
        for (at, buffer) in layout.buffers.iter().enumerate() {
            let data = &state[place * packed.len() + at];
            let tensor = Tensor::from_f32(&buffer.shape, data).unwrap();
            inputs.push((format!("{kind}{}", buffer.name), tensor));
        }
    }
    inputs.extend(common_inputs());
    inputs.push(("step".into(), Tensor::from_f32(&[], &[3.0]).unwrap()));

    let given: Vec<_> = inputs.iter().map(|(name, t)| (name.as_str(), t)).collect();
    let names: Vec<String> = step.outputs().iter().map(|(n, _)| n.clone()).collect();
    let outputs = testing::run(runtime, step, &given);
    let output = |wanted: &str| {
        names
            .iter()
            .position(|n| n == wanted)
            .map(|at| &outputs[at])
    };
    let new = inputs
        .iter()
        .filter_map(|(name, _)| Some(output(&format!("new.{name}"))?.to_f32().unwrap()));
    let taken = output("finite").unwrap().to_bool().unwrap()[0];
    Some((state, new.collect(), taken))
}

/// A masked picture and learning rates.
fn common_inputs() -> Vec<(String, Tensor)> {
    let (rows, columns) = SIZE.blocks();
    let mask: Vec<f32> = (0..rows * columns).map(|i| (i % 4 == 0).into()).collect();
    let picture = picture(SIZE, 0);
    let images = Tensor::from_u8(
        &[1, SIZE.height, SIZE.width, 3],
        picture.as_slice().unwrap(),
    );
    let mask = Tensor::from_f32(&[1, rows, columns], &mask);
    let mut inputs = vec![
        ("images".to_owned(), images.unwrap()),
        ("mask".to_owned(), mask.unwrap()),
    ];
    for rate in ["learning_rate", "encoder_learning_rate"] {
        inputs.push((rate.into(), Tensor::from_f32(&[], &[1e-3]).unwrap()));
    }
    inputs
}

fn bits(state: &[Vec<f32>]) -> Vec<Vec<u32>> {
    let of = |buffer: &Vec<f32>| buffer.iter().map(|v| v.to_bits()).collect();
    state.iter().map(of).collect()
}

#[test]
fn a_step_on_finite_weights_changes_every_buffer() {
    let Some((old, new, taken)) = step(|_| ()) else {
        return;
    };
    assert!(taken);
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(&new) {
        assert_ne!(old, new);
        assert!(new.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn one_element_that_is_not_finite_stops_the_whole_step() {
    for value in [f32::NAN, f32::INFINITY] {
        let Some((old, new, taken)) = step(|state| state[0][0] = value) else {
            return;
        };
        assert!(!taken, "{value}");
        assert_eq!(bits(&old), bits(&new), "{value}");
    }
}

/// Number of nodes, and gradients by name, of a step in which some parameters learn.
fn gradients(trainable: Trainable) -> Option<(usize, BTreeMap<String, Vec<f32>>)> {
    let runtime = testing::runtime()?;
    let model = model(1);
    let layout = stream_layout(&config(), Layout::PACK_BELOW, trainable).unwrap();
    let options = StepOptions {
        batch: 1,
        size: SIZE,
        loss_over: LossOver::Masked,
        optimiser: AdamW {
            weight_decay: 0.0,
            clip_norm: 0.01,
            moments: false,
            betas: AdamW::BETAS,
        },
        stochastic_depth: false,
        pull: false,
        expose: true,
    };
    let build = || step_graph(&config(), &model.normalisation, &layout, options).unwrap();
    let names: Vec<String> = build().outputs().iter().map(|(n, _)| n.clone()).collect();
    let nodes = build().finish(Target::Cpu).unwrap().node_count();
    let mut inputs = common_inputs();
    for (buffer, tensor) in layout
        .buffers
        .iter()
        .zip(layout.pack(&model.weights).unwrap())
    {
        let tensor = Tensor::from_f32(&tensor.shape, &tensor.data).unwrap();
        inputs.push((buffer.name.clone(), tensor));
    }
    let given: Vec<_> = inputs.iter().map(|(name, t)| (name.as_str(), t)).collect();
    let outputs = testing::run(runtime, build(), &given);
    let exposed = names.iter().zip(&outputs).filter_map(|(name, tensor)| {
        let name = name.strip_prefix("grad.")?;
        Some((name.to_owned(), tensor.to_f32().unwrap()))
    });
    Some((nodes, exposed.collect()))
}

#[test]
fn gradients_are_computed_only_for_what_learns() {
    let Some((all_nodes, all)) = gradients(Trainable::All) else {
        return;
    };
    for trainable in Trainable::EVERY {
        let (nodes, some) = gradients(trainable).unwrap();
        let expected: Vec<_> = all.keys().filter(|n| trainable.includes(n)).collect();
        assert!(some.keys().eq(expected), "{trainable:?}");
        for (name, gradient) in &some {
            for (a, b) in gradient.iter().zip(&all[name]) {
                assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{name}: {a} {b}");
            }
        }
        assert!(
            nodes < all_nodes || trainable == Trainable::All,
            "{trainable:?}"
        );
    }
    // The way back ends half-way through f.
    let (late, _) = gradients(Trainable::LastStages).unwrap();
    let (encoder, _) = gradients(Trainable::Encoder).unwrap();
    assert!(late < encoder, "{late} nodes, {encoder} for all of f");
}
