//! Random numbers of a training run: functions of its seed, an iteration and a purpose.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Streams of random numbers that must not coincide.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    View = 1,
    Order = 2,
    Picture = 3,
}

/// Random numbers for one purpose.
pub(super) fn random(seed: u64, a: u64, b: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (to, from) in key.chunks_exact_mut(8).zip([seed, a, b, purpose as u64]) {
        to.copy_from_slice(&from.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Uniform between two values, which may be equal.
pub(super) fn uniform(rng: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// True with a probability. Draws in any case, so that settings do not shift the draws of others.
pub(super) fn chance(rng: &mut ChaCha8Rng, probability: f32) -> bool {
    rng.random::<f32>() < probability
}

/// A random order of `count` images.
pub(super) fn shuffled(seed: u64, epoch: u64, count: u64) -> Vec<u32> {
    let mut rng = random(seed, epoch, 0, Purpose::Order);
    let mut order: Vec<u32> = (0..count as u32).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, rng.random_range(0..=i as u64) as usize);
    }
    order
}
