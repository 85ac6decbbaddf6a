//! Steps towards labels as graphs, on a whole frame and on one of which parts are hidden: their loss and their gradients.

use std::collections::BTreeMap;

use super::{CLASSES, SIZE, picture};
use crate::adapt::Trainable;
use crate::adapt::graphs::{
    AveragedStepOptions, consistency_step_graph, main_layout, replay_step_graph,
};
use crate::model::testing::{tiny, untrained};
use crate::model::{ModelConfig, Readout};
use crate::optim::AdamW;
use crate::runtime::{Tensor, testing};
use crate::video::ClassMap;
use crate::weights::Weights;

const RATE: f32 = 1e-3;
const PULL: f32 = 0.25;

/// Labels in bands, the first of which have none.
fn labels() -> ClassMap {
    ClassMap::from_shape_fn((SIZE.height, SIZE.width), |(y, x)| match (y + x / 4) / 10 {
        0 => 255,
        band => (band % CLASSES) as u8,
    })
}

fn query_decoder() -> ModelConfig {
    let mut config = tiny(CLASSES);
    config.main.readout = Readout::Queries;
    config.main.queries = 7;
    config
}

/// The steps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Replay,
    Consistency,
}

/// The weights that g has in all steps.
fn of_g(config: &ModelConfig) -> Weights {
    untrained(config.clone(), 9).weights
}

/// A step on the picture of a time with these weights: what it gives, by name.
fn run(
    step: Step,
    config: &ModelConfig,
    weights: &Weights,
    labels: &ClassMap,
    rate: f32,
) -> Option<BTreeMap<String, Vec<f32>>> {
    let runtime = testing::runtime()?;
    // One tensor for every parameter.
    let layout = main_layout(config, 0, Trainable::All).unwrap();
    let options = AveragedStepOptions {
        size: SIZE,
        optimiser: AdamW {
            weight_decay: 0.0,
            clip_norm: 1.0,
            moments: false,
            betas: AdamW::BETAS,
        },
        expose: true,
    };
    let normalisation = untrained(tiny(CLASSES), 1).normalisation;
    let graph = match step {
        Step::Replay => replay_step_graph(config, &normalisation, &layout, options),
        Step::Consistency => {
            consistency_step_graph(config, &normalisation, &layout, &of_g(config), options)
        }
    };
    let graph = graph.unwrap();
    let rgb = picture(SIZE, 0);
    let images = Tensor::from_u8(&[1, SIZE.height, SIZE.width, 3], rgb.as_slice().unwrap());
    let labels = Tensor::from_u8(&[1, SIZE.height, SIZE.width], labels.as_slice().unwrap());
    let number = |value: f32| Tensor::from_f32(&[], &[value]).unwrap();
    let class_weights = [0.5, 1.0, 2.0, 4.0, 1.0];
    let class_weights = Tensor::from_f32(&[CLASSES, 1], &class_weights).unwrap();
    let mut inputs = vec![
        ("images".to_owned(), images.unwrap()),
        ("labels".to_owned(), labels.unwrap()),
        ("class_weights".to_owned(), class_weights),
        ("learning_rate".to_owned(), number(rate)),
        ("share".to_owned(), number(0.5)),
    ];
    let packed = layout.pack(weights).unwrap();
    for (buffer, tensor) in layout.buffers.iter().zip(packed) {
        let tensor = Tensor::from_f32(&tensor.shape, &tensor.data).unwrap();
        inputs.push((buffer.name.clone(), tensor.clone()));
        inputs.push((format!("mean.{}", buffer.name), tensor));
    }
    if step == Step::Consistency {
        let (rows, columns) = SIZE.blocks();
        let mask: Vec<f32> = (0..rows * columns).map(|at| (at % 2) as f32).collect();
        let mask = Tensor::from_f32(&[1, rows, columns], &mask).unwrap();
        inputs.extend([("mask".to_owned(), mask), ("pull".to_owned(), number(PULL))]);
        for (buffer, tensor) in layout
            .buffers
            .iter()
            .zip(layout.pack(&of_g(config)).unwrap())
        {
            let tensor = Tensor::from_f32(&tensor.shape, &tensor.data).unwrap();
            inputs.push((format!("initial.{}", buffer.name), tensor));
        }
    }
    let names: Vec<String> = graph.outputs().iter().map(|(n, _)| n.clone()).collect();
    let given: Vec<_> = inputs.iter().map(|(name, t)| (name.as_str(), t)).collect();
    let outputs = testing::run(runtime, graph, &given);
    let outputs = names.into_iter().zip(outputs);
    let numbers = outputs.filter_map(|(name, tensor)| Some((name, tensor.to_f32().ok()?)));
    Some(numbers.collect())
}

/// Loss and gradients by name, with these weights.
fn gradients(
    step: Step,
    config: &ModelConfig,
    weights: &Weights,
    labels: &ClassMap,
) -> Option<(f32, BTreeMap<String, Vec<f32>>)> {
    let outputs = run(step, config, weights, labels, RATE)?;
    let loss = outputs["loss"][0];
    let of_parameters = outputs.into_iter().filter_map(|(name, values)| {
        let name = name.strip_prefix("grad.")?;
        Some((name.to_owned(), values))
    });
    Some((loss, of_parameters.collect()))
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let steps = [
        (Step::Replay, tiny(CLASSES)),
        (Step::Replay, query_decoder()),
        (Step::Consistency, tiny(CLASSES)),
    ];
    for (step, config) in steps {
        let weights = untrained(config.clone(), 1).weights;
        let Some((loss, gradients_of)) = gradients(step, &config, &weights, &labels()) else {
            return;
        };
        assert!(loss.is_finite() && loss > 0.5, "{loss}");
        assert!(gradients_of.keys().all(|name| !name.starts_with("recon.")));
        // Along the gradient of some parameters near the beginning and the end of f and h, the loss rises by its length.
        for part in [
            "patch_embeddings.projection.weight",
            "encoder.layers.2.",
            "decoder.mask_projection",
            "transformer_module",
        ] {
            let of_part: Vec<_> = gradients_of
                .iter()
                .filter(|(name, _)| name.contains(part))
                .collect();
            assert!(!of_part.is_empty(), "{part}");
            let square: f32 = of_part.iter().flat_map(|(_, g)| *g).map(|v| v * v).sum();
            let length = square.sqrt();
            let moved = |by: f32| {
                let mut weights = weights.clone();
                for (name, gradient) in &of_part {
                    let tensor = weights.0.get_mut(*name).unwrap();
                    for (value, slope) in tensor.data.iter_mut().zip(*gradient) {
                        *value += by * slope / length;
                    }
                }
                gradients(step, &config, &weights, &labels()).unwrap().0
            };
            // Far enough for single precision, near enough for a straight line.
            let by = 0.002;
            let slope = (moved(by) - moved(-by)) / (2.0 * by);
            let error = (slope - length).abs() / length;
            assert!(error < 0.03, "{step:?}, {part}: {slope} for {length}");
        }
    }
}

#[test]
fn pixels_without_a_class_do_not_count() {
    let step = Step::Replay;
    let config = tiny(CLASSES);
    let weights = untrained(config.clone(), 1).weights;
    let mut ones = labels();
    let Some((loss, _)) = gradients(step, &config, &weights, &ones) else {
        return;
    };
    // What is no class of the model is like what has none.
    ones.mapv_inplace(|label| if label == 255 { CLASSES as u8 } else { label });
    assert_eq!(gradients(step, &config, &weights, &ones).unwrap().0, loss);
    let none = ClassMap::from_elem((SIZE.height, SIZE.width), 255);
    let (loss, of_none) = gradients(step, &config, &weights, &none).unwrap();
    assert_eq!(loss, 0.0);
    assert!(of_none.values().flatten().all(|g| *g == 0.0));
}

#[test]
fn the_pull_takes_a_share_of_the_way_back() {
    let config = tiny(CLASSES);
    let weights = untrained(config.clone(), 1).weights;
    // Without a step before it.
    let Some(outputs) = run(Step::Consistency, &config, &weights, &labels(), 0.0) else {
        return;
    };
    let (mut compared, initial) = (0, of_g(&config));
    for (name, new) in &outputs {
        let Some(weight) = name.strip_prefix("new.").and_then(|n| weights.0.get(n)) else {
            continue;
        };
        compared += 1;
        let initial = &initial.0[&name["new.".len()..]];
        for ((new, old), initial) in new.iter().zip(&weight.data).zip(&initial.data) {
            let wanted = old + PULL * (initial - old);
            assert!((new - wanted).abs() < 1e-6, "{name}: {new} {wanted}");
        }
    }
    assert!(compared > 20, "{compared}");
    assert!(outputs.keys().all(|name| !name.contains("recon.")));
}
