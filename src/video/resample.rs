//! Resampling along one axis.

use multiversion::multiversion;

/// Weights of a result are padded with zeros to a multiple of this, so that sums run over whole groups.
pub(super) const GROUP: usize = 4;

/// Sizes of an axis before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Extent {
    from: usize,
    covered: f64,
    to: usize,
}

/// For each result along an axis, the samples it is made of and their weights. The filter is a triangle as wide as the
/// reduction: an antialiased bilinear one.
///
/// fast_image_resize has the same filter, but it makes its weights anew for every frame, in hundreds of allocations, and
/// reads neither words of 10 bits nor components that lie apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Resampler {
    extent: Extent,
    /// First sample and number of samples of each result.
    spans: Vec<(u32, u32)>,
    /// `group` weights for each result.
    weights: Vec<f32>,
    group: usize,
}

impl Resampler {
    /// Makes the weights for `from` samples of which the first `covered` become `to` results, unless it has them already.
    pub fn fit(&mut self, from: usize, covered: f64, to: usize) {
        let extent = Extent { from, covered, to };
        if self.extent == extent {
            return;
        }
        self.extent = extent;
        let scale = covered / to as f64;
        let radius = scale.max(1.0);
        self.group = (2 * radius.ceil() as usize + 1).next_multiple_of(GROUP);
        self.spans.clear();
        self.weights.clear();
        for i in 0..to {
            let centre = (i as f64 + 0.5) * scale;
            let weight = |x: usize| 1.0 - ((x as f64 + 0.5 - centre) / radius).abs();
            let first = (centre - radius).floor().max(0.0) as usize;
            let last = ((centre + radius).ceil() as usize).min(from);
            // A triangle that ends on the centre of a sample gives it nothing.
            let first = (first..last).find(|&x| weight(x) > 0.0).unwrap_or(first);
            let count = (first..last).take_while(|&x| weight(x) > 0.0).count();
            let sum: f64 = (first..first + count).map(weight).sum();
            let samples = (first..first + count).map(|x| (weight(x) / sum) as f32);
            self.weights.extend(samples);
            self.weights.resize((i + 1) * self.group, 0.0);
            self.spans.push((first as u32, count as u32));
        }
    }

    /// Samples that a row has to hold beyond its own for [`Resampler::apply`]; their values do not matter as long as they
    /// are numbers.
    pub fn padding(&self) -> usize {
        self.group
    }

    /// The samples of a result, each with its weight.
    pub fn taps(&self, result: usize) -> impl Iterator<Item = (usize, f32)> {
        let (first, count) = self.spans[result];
        let weights = &self.weights[result * self.group..][..count as usize];
        (first as usize..).zip(weights.iter().copied())
    }

    /// All results of a row of samples.
    pub fn apply(&self, samples: &[f32], results: &mut [f32]) {
        products(samples, &self.spans, &self.weights, self.group, results);
    }
}

/// As in [`super::samples`], for the processor it runs on.
#[multiversion(targets("x86_64+avx2"))]
fn products(
    samples: &[f32],
    spans: &[(u32, u32)],
    weights: &[f32],
    group: usize,
    results: &mut [f32],
) {
    let weights = weights.chunks_exact(group.max(1));
    for ((result, &(first, _)), weights) in results.iter_mut().zip(spans).zip(weights) {
        *result = product(&samples[first as usize..][..weights.len()], weights);
    }
}

/// The scalar product, in one order on every machine.
#[inline(always)]
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; GROUP];
    let groups = a.as_chunks::<GROUP>().0.iter();
    for (a, b) in groups.zip(b.as_chunks::<GROUP>().0) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fitted(from: usize, covered: f64, to: usize) -> Resampler {
        let mut weights = Resampler::default();
        weights.fit(from, covered, to);
        weights
    }

    #[test]
    fn same_size_is_identity() {
        let weights = fitted(5, 5.0, 5);
        for i in 0..5 {
            assert_eq!(weights.taps(i).collect::<Vec<_>>(), [(i, 1.0)]);
        }
    }

    #[test]
    fn halving_is_a_triangle() {
        let weights = fitted(8, 8.0, 4);
        let middle: Vec<_> = weights.taps(1).collect();
        assert_eq!(middle, [(1, 0.125), (2, 0.375), (3, 0.375), (4, 0.125)]);
    }

    proptest! {
        #[test]
        fn weights_add_up_and_lie_within(from in 1usize..300, to in 1usize..300, odd: bool) {
            let covered = from as f64 - if odd { 0.5 } else { 0.0 };
            let weights = fitted(from, covered, to);
            for i in 0..to {
                let (samples, values): (Vec<_>, Vec<_>) = weights.taps(i).unzip();
                prop_assert!(!samples.is_empty() && samples.iter().all(|&s| s < from));
                prop_assert!(values.iter().all(|&w| w > 0.0));
                prop_assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                // What they weigh lies where the result does.
                if samples[0] > 0 && samples[samples.len() - 1] + 1 < from {
                    let places = samples.iter().zip(&values);
                    let centre: f32 = places.map(|(&s, w)| (s as f32 + 0.5) * w).sum();
                    let wanted = (i as f64 + 0.5) * covered / to as f64;
                    prop_assert!((f64::from(centre) - wanted).abs() < 0.3, "{centre}, not {wanted}");
                }
            }
        }

        #[test]
        fn applying_is_summing(from in 1usize..200, to in 1usize..200, seed: u8) {
            let weights = fitted(from, from as f64, to);
            let mut samples: Vec<f32> = (0..from).map(|i| (i * 37 + usize::from(seed)) as f32 % 256.0).collect();
            samples.resize(from + weights.padding(), 99.0);
            let mut results = vec![0.0; to];
            weights.apply(&samples, &mut results);
            for (i, result) in results.into_iter().enumerate() {
                let exact: f32 = weights.taps(i).map(|(s, w)| samples[s] * w).sum();
                prop_assert!((result - exact).abs() < 1e-3, "{result} instead of {exact}");
            }
        }
    }
}
