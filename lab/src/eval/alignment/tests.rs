use std::collections::BTreeMap;

use super::graph::{SUMS, part_of, parts};
use super::{AlignmentOptions, alignment_graph};
use tttseg::adapt::graphs::{Size, StepOptions, learning_layout, step_graph};
use tttseg::model::testing::tiny;
use tttseg::model::{ENCODER_PREFIX, LossOver, ModelConfig, Preset, initial_weights, parameters};
use tttseg::optim::{AdamW, Layout};
use tttseg::runtime::{Runtime, Tensor, testing};
use tttseg::weights::{Normalisation, Weights};

const SIZE: Size = Size {
    height: 32,
    width: 64,
};
const CLASSES: usize = 3;
const VIEWS: usize = 2;

fn config() -> ModelConfig {
    tiny(CLASSES)
}

/// Larger than at the start of training, so that no rounding hides what is looked for.
fn weights() -> Weights {
    let mut weights = initial_weights(&config(), 4).unwrap();
    for (name, tensor) in &mut weights.0 {
        if name.starts_with(ENCODER_PREFIX) && !tttseg::model::is_norm(name) {
            tensor.data.iter_mut().for_each(|v| *v *= 10.0);
        }
    }
    weights
}

fn rgb() -> Vec<u8> {
    let pixels = SIZE.height * SIZE.width * 3;
    (0..pixels).map(|i| (i * i / 7 % 251) as u8).collect()
}

fn mask(views: usize) -> Tensor {
    let (rows, columns) = SIZE.blocks();
    let mask: Vec<f32> = (0..views * rows * columns)
        .map(|i| f32::from(i % 3 == 0))
        .collect();
    Tensor::from_f32(&[views, rows, columns], &mask).unwrap()
}

/// Outputs by name.
fn run(runtime: &'static Runtime, weights: &Weights) -> BTreeMap<String, Vec<f32>> {
    let layout = Layout::new(&parameters(&config()).unwrap(), Layout::PACK_BELOW);
    let options = AlignmentOptions {
        size: SIZE,
        views: VIEWS,
        loss_over: LossOver::Masked,
        expose: true,
    };
    let graph = alignment_graph(&config(), &Normalisation::default(), &layout, options).unwrap();
    let labels: Vec<u8> = (0..SIZE.height * SIZE.width)
        .map(|i| {
            if i % 11 == 0 {
                255
            } else {
                (i / 300 % 3) as u8
            }
        })
        .collect();
    let images = Tensor::from_u8(&[1, SIZE.height, SIZE.width, 3], &rgb()).unwrap();
    let labels = Tensor::from_u8(&[1, SIZE.height, SIZE.width], &labels).unwrap();
    let mask = mask(VIEWS);
    let packed: Vec<Tensor> = layout
        .pack(weights)
        .unwrap()
        .iter()
        .map(|t| Tensor::from_f32(&t.shape, &t.data).unwrap())
        .collect();
    let buffers = layout.buffers.iter().map(|b| b.name.as_str());
    let mut given: Vec<_> = buffers.zip(&packed).collect();
    given.extend([("images", &images), ("labels", &labels), ("mask", &mask)]);
    let names: Vec<String> = graph.outputs().iter().map(|(n, _)| n.clone()).collect();
    let outputs = testing::run(runtime, graph, &given);
    let values = outputs.iter().map(|t| t.to_f32().unwrap());
    names.into_iter().zip(values).collect()
}

/// The encoder's gradients whose names begin with this.
fn gradients(outputs: &BTreeMap<String, Vec<f32>>, of: &str) -> BTreeMap<String, Vec<f32>> {
    let named = outputs.iter().filter_map(|(name, values)| {
        let name = name.strip_prefix(of)?;
        name.starts_with(ENCODER_PREFIX)
            .then(|| (name.to_owned(), values.clone()))
    });
    named.collect()
}

#[test]
fn every_part_has_parameters_and_every_parameter_its_part() {
    let config = Preset::Nano.config(5);
    let names = parts(&config);
    assert_eq!(
        names,
        ["embedding", "stage 1", "stage 2", "stage 3", "stage 4"]
    );
    for (name, part) in [
        ("embeddings.patch_embeddings.projection.weight", 0),
        ("embeddings.norm.bias", 0),
        ("encoder.layers.0.blocks.1.layernorm_after.weight", 1),
        ("encoder.layers.0.downsample.norm.weight", 1),
        ("encoder.layers.3.blocks.0.output.dense.bias", 4),
        ("hidden_states_norms.stage2.bias", 2),
    ] {
        assert_eq!(part_of(&format!("{ENCODER_PREFIX}{name}")), part, "{name}");
    }
    let known = parameters(&config).unwrap();
    let encoder = known.iter().filter(|(n, _)| n.starts_with(ENCODER_PREFIX));
    let mut found: Vec<usize> = encoder.map(|(n, _)| part_of(n)).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, [0, 1, 2, 3, 4]);
}

#[test]
fn sums_are_those_of_the_gradients() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let outputs = run(runtime, &weights());
    let (main, recon) = (gradients(&outputs, "main."), gradients(&outputs, "recon."));
    let count = parameters(&config()).unwrap();
    let count = count.iter().filter(|(n, _)| n.starts_with(ENCODER_PREFIX));
    assert_eq!(main.len(), count.count());
    let mut expected = vec![[0.0f64; SUMS]; 5];
    for (name, m) in &main {
        for (&m, &r) in m.iter().zip(&recon[name]) {
            let (m, r) = (f64::from(m), f64::from(r));
            let sign = if r == 0.0 { 0.0 } else { r.signum() };
            let sums = &mut expected[part_of(name)];
            for (sum, term) in sums.iter_mut().zip([m * r, m * sign, m * m, r * r]) {
                *sum += term;
            }
        }
    }
    let weights = |part: usize| {
        let members = main.iter().filter(|(name, _)| part_of(name) == part);
        members.map(|(_, m)| m.len()).sum::<usize>() as f64
    };
    for (part, (found, expected)) in outputs["sums"].chunks(SUMS).zip(&expected).enumerate() {
        let [_, _, m, r] = expected;
        assert!(*m > 0.0 && *r > 0.0, "part {part}");
        // Sums of terms of both signs: rounding is measured by what they could be at most.
        let most = [(m * r).sqrt(), (m * weights(part)).sqrt(), *m, *r];
        for ((found, expected), most) in found.iter().zip(expected).zip(most) {
            let error = (f64::from(*found) - expected).abs() / most;
            assert!(error < 1e-4, "part {part}: {found} {expected}");
        }
    }
}

#[test]
fn the_reconstruction_gradient_is_that_of_a_step() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let layout = learning_layout(&config(), Layout::PACK_BELOW).unwrap();
    let options = StepOptions {
        batch: VIEWS,
        size: SIZE,
        loss_over: LossOver::Masked,
        optimiser: AdamW {
            weight_decay: 0.0,
            clip_norm: 1.0,
            moments: false,
            betas: AdamW::BETAS,
        },
        stochastic_depth: false,
        pull: false,
        expose: true,
    };
    let step = step_graph(&config(), &Normalisation::default(), &layout, options).unwrap();
    let views = rgb().repeat(VIEWS);
    let images = Tensor::from_u8(&[VIEWS, SIZE.height, SIZE.width, 3], &views).unwrap();
    let (mask, rate) = (mask(VIEWS), Tensor::from_f32(&[], &[1e-3]).unwrap());
    let packed: Vec<Tensor> = layout
        .pack(&weights())
        .unwrap()
        .iter()
        .map(|t| Tensor::from_f32(&t.shape, &t.data).unwrap())
        .collect();
    let buffers = layout.buffers.iter().map(|b| b.name.as_str());
    let mut given: Vec<_> = buffers.zip(&packed).collect();
    given.extend([("images", &images), ("mask", &mask)]);
    given.extend([("learning_rate", &rate), ("encoder_learning_rate", &rate)]);
    let named = step.outputs().iter().map(|(n, _)| n.clone());
    let names: Vec<String> = named.collect();
    let outputs = testing::run(runtime, step, &given);
    let outputs = names.into_iter().zip(&outputs);
    let expected: BTreeMap<String, Vec<f32>> = outputs
        .filter(|(name, _)| name.starts_with("grad."))
        .map(|(name, t)| (name, t.to_f32().unwrap()))
        .collect();
    let expected = gradients(&expected, "grad.");
    let found = gradients(&run(runtime, &weights()), "recon.");
    assert!(found.keys().eq(expected.keys()));
    let all = expected.values().flatten();
    let largest = all.fold(0.0f32, |most, v| most.max(v.abs()));
    for (name, expected) in &expected {
        for (found, expected) in found[name].iter().zip(expected) {
            let error = (found - expected).abs() / largest;
            assert!(error < 1e-5, "{name}: {found} {expected}");
        }
    }
}

#[test]
fn the_main_gradient_is_how_the_main_loss_changes() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let start = weights();
    let main = gradients(&run(runtime, &start), "main.");
    let norm = main.values().flatten().map(|v| v * v).sum::<f32>().sqrt();
    let loss = |way: f32| {
        let mut moved = start.clone();
        for (name, gradient) in &main {
            let tensor = moved.0.get_mut(name).unwrap();
            for (w, g) in tensor.data.iter_mut().zip(gradient) {
                *w += way * g / norm;
            }
        }
        run(runtime, &moved)["main_loss"][0]
    };
    // Normalising small weights makes the loss strongly curved; less would drown in rounding.
    let way = 1e-4;
    let slope = (loss(way) - loss(-way)) / (2.0 * way);
    assert!((slope / norm - 1.0).abs() < 0.1, "{slope} {norm}");
}
