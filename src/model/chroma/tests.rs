//! Target, loss and mean against the formulas in double precision, and the loss's gradient against differences.

use super::*;
use crate::grad::gradients;
use crate::model::{Feature, PixelFeatures};
use crate::runtime::{Tensor, testing};

const BATCH: usize = 2;
const SIDE: usize = 8;
/// Patches of a picture.
const TOKENS: usize = (SIDE / PATCH) * (SIDE / PATCH);

fn config() -> ChromaConfig {
    ChromaConfig {
        bins: vec![[0, 0], [12, 0], [0, 12], [-12, -12], [48, -24]],
        step: 12,
        temperature: 0.5,
    }
}

const WEIGHTS: [f32; 5] = [0.2, 1.0, 1.5, 2.0, 3.0];

fn colours() -> Vec<u8> {
    (0..BATCH * SIDE * SIDE * 3)
        .map(|i| (100 + i * 37 % 61 - 30 * (i % 3)) as u8)
        .collect()
}

fn logits() -> Vec<f32> {
    let count = BATCH * TOKENS * config().bins.len();
    (0..count)
        .map(|i| ((i * 29 % 17) as f32 - 8.0) / 5.0)
        .collect()
}

/// A head of which only the masks matter.
fn output(g: &mut Graph) -> HeadOutput {
    let shape = [BATCH, TOKENS, config().bins.len()];
    let masks = g.input("masks", DType::F32, &shape).unwrap();
    let mask = Feature {
        tokens: masks,
        size: (SIDE / PATCH, SIDE / PATCH),
    };
    HeadOutput {
        features: PixelFeatures {
            mask,
            levels: vec![],
        },
        class_logits: None,
        masks,
        earlier_masks: vec![],
    }
}

/// The distribution that the token of a picture is to have.
fn shares(token: usize) -> Vec<f64> {
    let (picture, place) = (token / TOKENS, token % TOKENS);
    let (top, left) = (
        place / (SIDE / PATCH) * PATCH,
        place % (SIDE / PATCH) * PATCH,
    );
    let all = colours();
    let mut mean = [0.0; 3];
    for (y, x) in (0..PATCH).flat_map(|y| (0..PATCH).map(move |x| (y, x))) {
        let pixel = (picture * SIDE * SIDE + (top + y) * SIDE + left + x) * 3;
        for (c, mean) in mean.iter_mut().enumerate() {
            *mean += f64::from(all[pixel + c]) / (PATCH * PATCH) as f64;
        }
    }
    let luma = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
    let chroma = [(mean[2] - luma) / 1.772, (mean[0] - luma) / 1.402];
    softmax(config().bins.iter().map(|bin| {
        let square = |i: usize| (f64::from(bin[i]) - chroma[i]).powi(2);
        -(square(0) + square(1)) / (2.0 * 36.0)
    }))
}

fn softmax(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let powers: Vec<f64> = values.map(f64::exp).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

/// The loss by its definition.
fn loss(logits: &[f64]) -> f64 {
    let count = config().bins.len();
    let (mut sum, mut mass) = (0.0, 0.0);
    for (token, logits) in logits.chunks(count).enumerate() {
        let shares = shares(token);
        let weighted = shares.iter().zip(WEIGHTS).map(|(s, w)| s * f64::from(w));
        let weight: f64 = weighted.sum();
        let found = softmax(logits.iter().copied());
        let surprise = shares.iter().zip(found).map(|(s, p)| s * p.ln());
        sum -= weight * surprise.sum::<f64>();
        mass += weight;
    }
    sum / mass
}

#[test]
fn the_loss_and_its_gradient_are_those_of_the_definition() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let mut graph = Graph::new("loss");
    let g = &mut graph;
    let output = output(g);
    let colours_in = g
        .input("colours", DType::U8, &[BATCH, SIDE, SIDE, 3])
        .unwrap();
    let target = chroma_target(g, &config(), colours_in).unwrap();
    let value = chroma_loss(g, &config(), &output, target, &WEIGHTS).unwrap();
    let gradient = gradients(g, value, &[output.masks]).unwrap()[0].unwrap();
    g.output("loss", value).unwrap();
    g.output("shares", target).unwrap();
    g.output("gradient", gradient).unwrap();
    let shape = [BATCH, TOKENS, config().bins.len()];
    let images = Tensor::from_u8(&[BATCH, SIDE, SIDE, 3], &colours()).unwrap();
    let masks = Tensor::from_f32(&shape, &logits()).unwrap();
    let found = testing::run(runtime, graph, &[("masks", &masks), ("colours", &images)]);

    let wanted: Vec<f64> = logits().iter().map(|&v| f64::from(v)).collect();
    let exact = loss(&wanted);
    let value = f64::from(found[0].to_f32().unwrap()[0]);
    assert!((value - exact).abs() < 1e-4, "{value} {exact}");
    let all: Vec<f64> = (0..BATCH * TOKENS).flat_map(shares).collect();
    for (found, wanted) in found[1].to_f32().unwrap().iter().zip(all) {
        assert!(
            (f64::from(*found) - wanted).abs() < 1e-4,
            "{found} {wanted}"
        );
    }
    for (i, found) in found[2].to_f32().unwrap().iter().enumerate() {
        let moved = |by: f64| {
            let mut at = wanted.clone();
            at[i] += by;
            loss(&at)
        };
        let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!(
            (f64::from(*found) - slope).abs() < 1e-5,
            "{i}: {found} {slope}"
        );
    }
}

#[test]
fn chroma_is_the_annealed_mean() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let mut graph = Graph::new("planes");
    let g = &mut graph;
    let output = output(g);
    let planes = chroma_planes(g, &config(), &output).unwrap();
    g.output("planes", planes).unwrap();
    let shape = [BATCH, TOKENS, config().bins.len()];
    let masks = Tensor::from_f32(&shape, &logits()).unwrap();
    let found = testing::run(runtime, graph, &[("masks", &masks)])[0]
        .to_f32()
        .unwrap();
    for (token, logits) in logits().chunks(config().bins.len()).enumerate() {
        let probability = softmax(logits.iter().map(|&v| f64::from(v) / 0.5));
        let (picture, place) = (token / TOKENS, token % TOKENS);
        for channel in 0..2 {
            let bins = config().bins.into_iter();
            let each = bins
                .zip(&probability)
                .map(|(bin, p)| f64::from(bin[channel]) * p);
            let wanted: f64 = each.sum();
            let found = found[(picture * 2 + channel) * TOKENS + place];
            assert!((f64::from(found) - wanted).abs() < 1e-3, "{found} {wanted}");
        }
    }
}

#[test]
fn a_target_can_be_less_sharp() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let given = [3.0_f32, -5.0, 40.0, -20.0];
    let mut graph = Graph::new("shares");
    let g = &mut graph;
    let chroma = g.input("chroma", DType::F32, &[1, 2, 2]).unwrap();
    let sharpness = g.input("sharpness", DType::F32, &[]).unwrap();
    let target = chroma_shares(g, &config(), chroma, Some(sharpness)).unwrap();
    g.output("shares", target).unwrap();
    let chroma = Tensor::from_f32(&[1, 2, 2], &given).unwrap();
    let sharpness = Tensor::from_f32(&[], &[0.5]).unwrap();
    let found = testing::run(
        runtime,
        graph,
        &[("chroma", &chroma), ("sharpness", &sharpness)],
    );
    let found = found[0].to_f32().unwrap();
    for (token, found) in found.chunks(config().bins.len()).enumerate() {
        let wanted = softmax(config().bins.iter().map(|bin| {
            let square = |i: usize| (f64::from(bin[i]) - f64::from(given[2 * token + i])).powi(2);
            -(square(0) + square(1)) / (2.0 * 72.0)
        }));
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(
                (f64::from(*found) - wanted).abs() < 1e-4,
                "{found} {wanted}"
            );
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let mut g = Graph::new("refused");
    let output = output(&mut g);
    for config in [
        ChromaConfig {
            temperature: f32::NAN,
            ..config()
        },
        ChromaConfig {
            step: 0,
            ..config()
        },
        ChromaConfig {
            bins: vec![],
            ..config()
        },
    ] {
        assert!(chroma_planes(&mut g, &config, &output).is_err());
    }
}
