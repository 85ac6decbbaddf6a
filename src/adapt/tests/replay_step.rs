//! The step on a remembered frame as a graph: its loss and its gradients.

use std::collections::BTreeMap;

use super::{CLASSES, SIZE, picture};
use crate::adapt::Trainable;
use crate::adapt::graphs::{AveragedStepOptions, main_layout, replay_step_graph};
use crate::model::testing::{tiny, untrained};
use crate::model::{ModelConfig, Readout};
use crate::optim::AdamW;
use crate::runtime::{Tensor, testing};
use crate::video::ClassMap;
use crate::weights::Weights;

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

/// Loss and gradients by name, with these weights.
fn gradients(
    config: &ModelConfig,
    weights: &Weights,
    labels: &ClassMap,
) -> Option<(f32, BTreeMap<String, Vec<f32>>)> {
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
    let step = replay_step_graph(config, &normalisation, &layout, options).unwrap();
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
        ("learning_rate".to_owned(), number(1e-3)),
        ("share".to_owned(), number(0.5)),
    ];
    let packed = layout.pack(weights).unwrap();
    for (buffer, tensor) in layout.buffers.iter().zip(packed) {
        let tensor = Tensor::from_f32(&tensor.shape, &tensor.data).unwrap();
        inputs.push((buffer.name.clone(), tensor.clone()));
        inputs.push((format!("mean.{}", buffer.name), tensor));
    }
    let names: Vec<String> = step.outputs().iter().map(|(n, _)| n.clone()).collect();
    let given: Vec<_> = inputs.iter().map(|(name, t)| (name.as_str(), t)).collect();
    let outputs = testing::run(runtime, step, &given);
    let named: BTreeMap<_, _> = names.iter().zip(&outputs).collect();
    let loss = named[&"loss".to_owned()].to_f32().unwrap()[0];
    let of_parameters = named.iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix("grad.")?;
        Some((name.to_owned(), tensor.to_f32().unwrap()))
    });
    Some((loss, of_parameters.collect()))
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for config in [tiny(CLASSES), query_decoder()] {
        let weights = untrained(config.clone(), 1).weights;
        let Some((loss, gradients_of)) = gradients(&config, &weights, &labels()) else {
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
                gradients(&config, &weights, &labels()).unwrap().0
            };
            // Far enough for single precision, near enough for a straight line.
            let by = 0.002;
            let slope = (moved(by) - moved(-by)) / (2.0 * by);
            let error = (slope - length).abs() / length;
            assert!(error < 0.03, "{part}: {slope} for {length}");
        }
    }
}

#[test]
fn pixels_without_a_class_do_not_count() {
    let config = tiny(CLASSES);
    let weights = untrained(config.clone(), 1).weights;
    let mut ones = labels();
    let Some((loss, _)) = gradients(&config, &weights, &ones) else {
        return;
    };
    // What is no class of the model is like what has none.
    ones.mapv_inplace(|label| if label == 255 { CLASSES as u8 } else { label });
    assert_eq!(gradients(&config, &weights, &ones).unwrap().0, loss);
    let none = ClassMap::from_elem((SIZE.height, SIZE.width), 255);
    let (loss, of_none) = gradients(&config, &weights, &none).unwrap();
    assert_eq!(loss, 0.0);
    assert!(of_none.values().flatten().all(|g| *g == 0.0));
}
