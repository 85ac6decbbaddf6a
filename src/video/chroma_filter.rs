//! A temporal filter of chroma against flicker, and the detection of cuts.

use ndarray::{Array3, ArrayRef3, Axis, s};

use super::colour::pixels;
use super::{ChromaMap, Motion};

/// Pixels of the network's frame under a token of chroma, on a side.
const TOKEN: usize = 4;
/// How much a token's luma may change, in steps of 8 bits, before its old chroma counts little (the standard deviation of a
/// Gaussian). Film flickers as a whole, which does not count, and has grain, of which 2 to 4 are left in a token's mean.
const STILL: f32 = 8.0;

/// Two frames belong to different scenes when their histograms, each around its mean, differ by more than this share of
/// the tokens. In an old street film and a newsreel cuts have 0.28 and more, everything else up to 0.10.
const OTHER_HISTOGRAM: f32 = 0.18;
/// Or when more than this share of the tokens has changed by more than [`CHANGED`]; there, cuts have 0.60 and more,
/// everything else up to 0.35.
const OTHER_TOKENS: f32 = 0.47;
const CHANGED: f32 = 20.0;
/// Or when the mean has changed by more than this, in steps of 8 bits: from black to white, for one.
const OTHER_MEAN: f32 = 40.0;
/// Bins of histograms, and steps of 8 bits in each.
const BINS: usize = 32;
const BIN: f32 = 16.0;

/// A temporal filter of chroma along motion.
///
/// Each token takes a share of the chroma that was in the last frame where it comes from. The share falls off as its luma
/// differs from what it was there; a change of the whole picture's brightness does not count.
#[derive(Clone, Debug, Default)]
pub struct ChromaFilter {
    /// Mean luma of every token of the frame that was seen last, and their mean.
    luma: Vec<f32>,
    mean: f32,
    histogram: Vec<f32>,
    /// Luma and its mean of the frame that chroma was last smoothed for.
    smoothed: Vec<f32>,
    smoothed_mean: f32,
    motion: Motion,
    /// Chroma and luma before, and carried along: memory.
    before: Array3<f32>,
    carried: Array3<f32>,
    /// Memory for luma and histogram of the next frame.
    buffers: (Vec<f32>, Vec<f32>),
}

impl ChromaFilter {
    /// Takes in a frame as the network sees it, RGB (height, width, 3). Returns whether another scene begins with it, to
    /// which the colours before it do not apply.
    pub fn is_cut(&mut self, rgb: &ArrayRef3<u8>) -> bool {
        let (mut luma, mut histogram) = std::mem::take(&mut self.buffers);
        token_luma(rgb, &mut luma);
        let mean = luma.iter().sum::<f32>() / luma.len().max(1) as f32;
        count(&luma, mean, &mut histogram);
        let other = self.luma.len() != luma.len()
            || (mean - self.mean).abs() > OTHER_MEAN
            || half_distance(&histogram, &self.histogram) > OTHER_HISTOGRAM
            || {
                let by = mean - self.mean;
                let both = luma.iter().zip(&self.luma);
                let changed = both.filter(|(now, then)| (*now - *then - by).abs() > CHANGED);
                changed.count() as f32 > OTHER_TOKENS * luma.len() as f32
            };
        self.mean = mean;
        self.motion.see(rgb);
        self.buffers = (
            std::mem::replace(&mut self.luma, luma),
            std::mem::replace(&mut self.histogram, histogram),
        );
        other
    }

    /// The chroma of the last frame given to [`ChromaFilter::is_cut`], with a share `keep` (0 to 1) of `before`, the result
    /// of the last call, carried along to where things are now. Nothing is kept of a map of another size, and where
    /// something has come into view.
    pub fn smooth(
        &mut self,
        mut chroma: ChromaMap,
        before: Option<&ChromaMap>,
        keep: f32,
    ) -> ChromaMap {
        let before = before.filter(|before| {
            before.dim() == chroma.dim()
                && 2 * self.luma.len() == chroma.len()
                && self.smoothed.len() == self.luma.len()
        });
        if let Some(before) = before.filter(|_| keep > 0.0) {
            self.mix(&mut chroma, before, keep);
        }
        self.motion.keep();
        self.smoothed.clone_from(&self.luma);
        self.smoothed_mean = self.mean;
        chroma
    }

    fn mix(&mut self, chroma: &mut ChromaMap, before: &ChromaMap, keep: f32) {
        let (_, height, width) = chroma.dim();
        if self.before.dim() != (3, height, width) {
            self.before = Array3::zeros((3, height, width));
        }
        self.before.slice_mut(s![..2, .., ..]).assign(before);
        let luma = self.before.index_axis_mut(Axis(0), 2);
        for (to, from) in luma.into_iter().zip(&self.smoothed) {
            *to = *from;
        }
        if !self.motion.follow() || !self.motion.carry(&self.before, &mut self.carried) {
            return;
        }
        let by = self.mean - self.smoothed_mean;
        let inside = |at: f32, side: usize| at > -0.5 && at < side as f32 - 0.5;
        let places = self.motion.places().indexed_iter();
        for (((v, u), place), luma) in places.zip(&self.luma) {
            if !inside(place[0], width) || !inside(place[1], height) {
                continue;
            }
            let change = luma - self.carried[[2, v, u]] - by;
            let stays = keep * (-change.powi(2) / (2.0 * STILL * STILL)).exp();
            for c in 0..2 {
                let now = &mut chroma[[c, v, u]];
                *now += stays * (self.carried[[c, v, u]] - *now);
            }
        }
    }
}

/// The mean luma of every token; pixels beyond the last whole one do not count.
fn token_luma(rgb: &ArrayRef3<u8>, luma: &mut Vec<f32>) {
    luma.clear();
    let rgb = rgb.as_standard_layout();
    let width = rgb.dim().1;
    for rows in pixels(&rgb).chunks_exact((width * TOKEN).max(1)) {
        let first = luma.len();
        luma.resize(first + width / TOKEN, 0.0);
        for row in rows.chunks_exact(width) {
            let pixels = row.chunks_exact(TOKEN);
            for (mean, pixels) in luma[first..].iter_mut().zip(pixels) {
                let sum: f32 = pixels
                    .iter()
                    .map(|p| {
                        let [red, green, blue] = p.map(f32::from);
                        0.299 * red + 0.587 * green + 0.114 * blue
                    })
                    .sum();
                *mean += sum / (TOKEN * TOKEN) as f32;
            }
        }
    }
}

/// The share of tokens by their luma, around the mean. Each counts in the two bins it lies between, so that a little
/// brighter is a little different.
fn count(luma: &[f32], mean: f32, histogram: &mut Vec<f32>) {
    histogram.clear();
    histogram.resize(BINS + 1, 0.0);
    let one = 1.0 / luma.len().max(1) as f32;
    for l in luma {
        let at = ((l - mean) / BIN + BINS as f32 / 2.0).clamp(0.0, BINS as f32 - 0.001);
        let (bin, share) = (at as usize, at.fract());
        histogram[bin] += one * (1.0 - share);
        histogram[bin + 1] += one * share;
    }
}

/// From 0 for the same to 1 for nothing in common.
fn half_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / 2.0
}

#[cfg(test)]
mod tests;
