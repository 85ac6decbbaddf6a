//! Random weights to start training from (`docs/method.md#initial-weights`).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ENCODER_PREFIX, ModelConfig, RECON_PREFIX, is_norm, parameters};
use crate::graph::Result;
use crate::weights::{Tensor, Weights};

/// Fresh weights of f, h and g; the same seed gives the same weights.
pub fn initial_weights(config: &ModelConfig, seed: u64) -> Result<Weights> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = Weights::default();
    for (name, shape) in parameters(config)? {
        let heads = if name.starts_with(RECON_PREFIX) {
            config.recon.heads
        } else {
            config.main.heads
        };
        let data = initial(&name, &shape, heads, &mut rng);
        weights.0.insert(name, Tensor { shape, data });
    }
    Ok(weights)
}

fn initial(name: &str, shape: &[usize], heads: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let fan_out = shape[0];
    let fan_in: usize = shape[1..].iter().product();
    if is_norm(name) && name.ends_with("weight") {
        return vec![1.0; count];
    }
    if name.ends_with("sampling_offsets.bias") {
        return sampling_directions(count, heads);
    }
    if name.contains("sampling_offsets") || name.contains("attention_weights") {
        return vec![0.0; count];
    }
    let default_linear = name.contains("mask_embedder") || name.contains("class_predictor");
    if name.ends_with("bias") && !default_linear {
        return vec![0.0; count];
    }
    if name.contains("queries_") || name.contains("level_embed") {
        return (0..count).map(|_| normal(rng)).collect();
    }
    if name.starts_with(ENCODER_PREFIX) && !name.contains("patch_embeddings") {
        return (0..count)
            .map(|_| 0.02 * normal(rng).clamp(-2.0, 2.0))
            .collect();
    }
    let bound = if default_linear {
        // Of a bias, too: its fan-in is that of the layer, whose width equals its own in the mask
        // embedding and is larger elsewhere.
        1.0 / (if shape.len() > 1 { fan_in } else { fan_out } as f32).sqrt()
    } else if [
        "adapter_1",
        "layer_1",
        "mask_projection",
        "patch_embeddings",
    ]
    .iter()
    .any(|n| name.contains(n))
    {
        (3.0 / fan_in as f32).sqrt()
    } else {
        (6.0 / (fan_in + fan_out) as f32).sqrt()
    };
    (0..count)
        .map(|_| rng.random_range(-bound..bound))
        .collect()
}

/// Offsets that point along eight directions, further with every point (`docs/method.md#initial-weights`): `(heads, levels, points, 2)`.
fn sampling_directions(count: usize, heads: usize) -> Vec<f32> {
    const POINTS: usize = 4;
    let levels = count / (heads * POINTS * 2);
    let mut data = Vec::with_capacity(count);
    for head in 0..heads {
        let angle = std::f64::consts::TAU * head as f64 / heads as f64;
        let (x, y) = (angle.cos(), angle.sin());
        let longest = x.abs().max(y.abs());
        for _ in 0..levels {
            for point in 1..=POINTS {
                data.extend([
                    (x / longest * point as f64) as f32,
                    (y / longest * point as f64) as f32,
                ]);
            }
        }
    }
    data
}

/// A standard normal number (Box–Muller).
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let u: f64 = 1.0 - rng.random::<f64>();
    let v: f64 = rng.random();
    ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Preset;

    #[test]
    fn the_same_seed_gives_the_same_weights() {
        let config = Preset::Nano.config(11);
        let a = initial_weights(&config, 1).expect("nano");
        assert_eq!(a, initial_weights(&config, 1).expect("nano"));
        assert_ne!(a, initial_weights(&config, 2).expect("nano"));
    }

    #[test]
    fn offsets_point_in_eight_directions() {
        let data = sampling_directions(8 * 3 * 4 * 2, 8);
        let first = |head: usize| [data[head * 24].round(), data[head * 24 + 1].round()];
        assert_eq!(first(0), [1.0, 0.0]);
        assert_eq!(first(1), [1.0, 1.0]);
        assert_eq!(first(5), [-1.0, -1.0]);
        assert_eq!(
            data[6], 4.0,
            "the fourth point of head 0 is four pixels away"
        );
    }
}
