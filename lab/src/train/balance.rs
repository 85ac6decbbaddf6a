//! Giving rare classes their share.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Weights of classes in a loss, from the pixels of each: the inverse of a class's share of the labelled pixels to the
/// power of `temper`, scaled so that the mean over these pixels is 1. With 0 all weigh the same, with 1 each class
/// weighs the same as a whole; between them neither are rare classes ignored nor do a few wrong labels rule the
/// gradient. A class without a pixel weighs 1: it does not occur.
pub fn class_weights(pixels: &[u64], temper: f64) -> Vec<f32> {
    let total = pixels.iter().sum::<u64>() as f64;
    let raw = |n: u64| (n as f64 / total).powf(-temper);
    let mass: f64 = pixels
        .iter()
        .filter(|n| **n > 0)
        .map(|&n| raw(n) * n as f64)
        .sum();
    pixels
        .iter()
        .map(|&n| match n {
            0 => 1.0,
            n => (raw(n) * total / mass) as f32,
        })
        .collect()
}

/// Draws classes, rare ones more often: with the inverse root of their pixels.
#[derive(Debug)]
pub(super) struct ClassDraw {
    /// Classes and what is drawn with, added up; only classes that have a pixel.
    sums: Vec<(u8, f64)>,
}

impl ClassDraw {
    /// For classes with so many pixels each.
    pub(super) fn new(pixels: &[u64]) -> Self {
        let mut total = 0.0;
        let present = pixels.iter().zip(0u8..).filter(|(n, _)| **n > 0);
        let sums = present
            .map(|(&n, class)| {
                total += 1.0 / (n as f64).sqrt();
                (class, total)
            })
            .collect();
        Self { sums }
    }

    /// A class; `None` when none has a pixel.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Option<u8> {
        let &(last, total) = self.sums.last()?;
        let at = rng.random::<f64>() * total;
        let drawn = self.sums.iter().find(|(_, sum)| at < *sum);
        Some(drawn.map_or(last, |(class, _)| *class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const PIXELS: [u64; 4] = [900, 90, 0, 10];

    #[test]
    fn weights_follow_the_temper() {
        assert_eq!(class_weights(&PIXELS, 0.0), [1.0; 4]);
        let mean = |w: &[f32]| -> f32 {
            let each = w.iter().zip(PIXELS).map(|(w, n)| w * n as f32);
            each.sum::<f32>() / 1000.0
        };
        for temper in [0.25, 0.5, 1.0] {
            let weights = class_weights(&PIXELS, temper);
            assert!((mean(&weights) - 1.0).abs() < 1e-5);
            let ratio = 90f32.powf(temper as f32);
            assert!((weights[3] / weights[0] / ratio - 1.0).abs() < 1e-4);
            assert_eq!(weights[2], 1.0);
        }
        assert_eq!(class_weights(&[0, 0], 0.5), [1.0, 1.0]);
        assert!(class_weights(&[], 0.5).is_empty());
    }

    #[test]
    fn classes_are_drawn_by_the_inverse_root() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let draw = ClassDraw::new(&PIXELS);
        let mut counts = [0.0; 4];
        for _ in 0..20_000 {
            counts[usize::from(draw.draw(&mut rng).unwrap())] += 1.0 / 20_000.0;
        }
        let raw = PIXELS.map(|n| if n == 0 { 0.0 } else { (n as f64).powf(-0.5) });
        let total: f64 = raw.iter().sum();
        for (found, wanted) in counts.iter().zip(raw) {
            assert!((found - wanted / total).abs() < 0.015, "{counts:?}");
        }
        assert_eq!(ClassDraw::new(&[0, 0]).draw(&mut rng), None);
    }
}
