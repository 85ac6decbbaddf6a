//! Random views of a labelled image: where to cut, and what light to see it in.

use super::data::Sample;
use super::photometric;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What images are padded with: ImageNet's mean, nothing once normalised.
pub(super) const PADDING: [u8; 3] = [124, 116, 104];

/// What a view may differ in. Probabilities are from 0 to 1; colours count from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Least and largest magnification, above 0, drawn uniformly in the logarithm.
    pub scale: (f32, f32),
    /// Largest ratio between the magnifications along the two axes, from 1.
    pub stretch: f32,
    /// Probability of a mirror image.
    pub flip: f32,
    /// Probability that the view is chosen to contain a pixel of a class, which is drawn by the inverse root of its pixels.
    pub rare: f32,
    /// Probability of each of brightness, contrast, saturation and hue.
    pub jitter: f32,
    /// Largest change of brightness, from 0 to 1.
    pub brightness: f32,
    /// Largest change of contrast as a factor less 1, from 0 to 1.
    pub contrast: f32,
    /// Largest change of saturation as a factor less 1, from 0 to 1.
    pub saturation: f32,
    /// Largest turn of the hue as a part of a circle, from 0 to 0.5.
    pub hue: f32,
    /// Probability of a gamma.
    pub gamma: f32,
    /// Least and largest exponent of the gamma, above 0, drawn uniformly in the logarithm; above 1 darkens.
    pub gamma_range: (f32, f32),
    /// Probability of darkening towards dusk.
    pub dusk: f32,
    /// Largest exponent of dusk, from 1.
    pub dusk_gamma: f32,
    /// Least gain of dusk, above 0, at most 1.
    pub dusk_gain: f32,
    /// Largest change of the gain of red, and the opposite one of blue, at dusk, from 0 to 1.
    pub dusk_cast: f32,
    /// Largest share of the saturation that is lost at dusk, from 0 to 1.
    pub dusk_fade: f32,
    /// Largest standard deviation of the noise at dusk, from 0 to 1.
    pub dusk_noise: f32,
    /// Probability of lamps, at dusk.
    pub lamps: f32,
    /// Probability of fog.
    pub fog: f32,
    /// Largest share of the image that fog replaces by grey, from 0 to 1.
    pub fog_depth: f32,
    /// Probability of uneven light: shade below and towards the corners.
    pub shade: f32,
    /// Largest share of the light that shade takes, from 0 to 1.
    pub shade_depth: f32,
    /// Probability of noise.
    pub noise: f32,
    /// Largest standard deviation of the noise, from 0 to 1.
    pub noise_sigma: f32,
    /// Probability of blur.
    pub blur: f32,
    /// Largest standard deviation of the blur in pixels, from 0.3 to 3.
    pub blur_sigma: f32,
    /// Probability of no colour at all.
    pub grey: f32,
}

impl Default for Augmentation {
    /// Strong in light, because the shift that matters is from day to dusk.
    fn default() -> Self {
        Self {
            scale: (0.5, 2.0),
            stretch: 1.1,
            flip: 0.5,
            rare: 0.5,
            jitter: 0.5,
            brightness: 0.2,
            contrast: 0.4,
            saturation: 0.5,
            hue: 0.05,
            gamma: 0.3,
            gamma_range: (0.6, 1.6),
            dusk: 0.5,
            dusk_gamma: 3.0,
            dusk_gain: 0.12,
            dusk_cast: 0.3,
            dusk_fade: 0.7,
            dusk_noise: 0.04,
            lamps: 0.4,
            fog: 0.2,
            fog_depth: 0.6,
            shade: 0.35,
            shade_depth: 0.8,
            noise: 0.3,
            noise_sigma: 0.06,
            blur: 0.2,
            blur_sigma: 1.5,
            grey: 0.08,
        }
    }
}

/// A knob that is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("augmentation: {knob} is {value}, possible is {range}")]
pub struct AugmentationError {
    /// The field.
    pub knob: &'static str,
    /// What it was set to.
    pub value: f32,
    /// What is possible.
    pub range: &'static str,
}

impl Augmentation {
    /// Only crops: every change switched off.
    pub fn none() -> Self {
        Self {
            scale: (1.0, 1.0),
            stretch: 1.0,
            flip: 0.0,
            rare: 0.0,
            ..Self::default().in_light(0.0)
        }
    }

    /// The same with changes of colour and light that many times as likely, certain at most: from 0 for none. How
    /// strong each of them is stays as it is.
    pub fn in_light(mut self, often: f32) -> Self {
        for probability in [
            &mut self.jitter,
            &mut self.gamma,
            &mut self.dusk,
            &mut self.fog,
            &mut self.shade,
            &mut self.noise,
            &mut self.blur,
            &mut self.grey,
        ] {
            *probability = (*probability * often).min(1.0);
        }
        self
    }

    /// The same at a magnification at which a picture of one size (width, height) fills views of another, up to twice that:
    /// what is padding is nothing to learn from.
    pub(super) fn filling(self, (width, height): (usize, usize), view: (usize, usize)) -> Self {
        let across = view.0 as f32 / width as f32;
        let down = view.1 as f32 / height as f32;
        // Stretching takes its root from one axis.
        let fills = across.max(down) * self.stretch.sqrt();
        Self {
            scale: (fills, 2.0 * fills),
            ..self
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// The first knob that is out of its range.
    pub fn validate(&self) -> Result<(), AugmentationError> {
        let unit = [
            ("flip", self.flip),
            ("rare", self.rare),
            ("jitter", self.jitter),
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
            ("gamma", self.gamma),
            ("dusk", self.dusk),
            ("dusk_cast", self.dusk_cast),
            ("dusk_fade", self.dusk_fade),
            ("dusk_noise", self.dusk_noise),
            ("lamps", self.lamps),
            ("fog", self.fog),
            ("fog_depth", self.fog_depth),
            ("shade", self.shade),
            ("shade_depth", self.shade_depth),
            ("noise", self.noise),
            ("noise_sigma", self.noise_sigma),
            ("blur", self.blur),
            ("grey", self.grey),
        ]
        .map(|(knob, value)| (knob, value, 0.0, 1.0, "0 to 1"));
        let (low, high) = self.scale;
        let (dim, bright) = self.gamma_range;
        let others = [
            ("scale.0", low, 0.05, 20.0, "0.05 to 20"),
            ("scale.1", high, low, 20.0, "scale.0 to 20"),
            ("stretch", self.stretch, 1.0, 4.0, "1 to 4"),
            ("hue", self.hue, 0.0, 0.5, "0 to 0.5"),
            ("gamma_range.0", dim, 0.1, 10.0, "0.1 to 10"),
            ("gamma_range.1", bright, dim, 10.0, "gamma_range.0 to 10"),
            ("dusk_gamma", self.dusk_gamma, 1.0, 10.0, "1 to 10"),
            ("dusk_gain", self.dusk_gain, 0.01, 1.0, "0.01 to 1"),
            ("blur_sigma", self.blur_sigma, 0.3, 3.0, "0.3 to 3"),
        ];
        for (knob, value, low, high, range) in unit.into_iter().chain(others) {
            // False for NaN as well.
            if !(low..=high).contains(&value) {
                return Err(AugmentationError { knob, value, range });
            }
        }
        Ok(())
    }
}

/// Uniform between two values, which may be equal.
pub(super) fn uniform(rng: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// True with a probability. Draws in any case, so that knobs do not shift the draws of others.
pub(super) fn chance(rng: &mut ChaCha8Rng, probability: f32) -> bool {
    rng.random::<f32>() < probability
}

/// Buffers for views, reused from one to the next.
#[derive(Debug, Default)]
pub(super) struct Viewer {
    resizer: Resizer,
    part: Vec<u8>,
    work: [Vec<f32>; 2],
}

/// One axis of a view: where it starts in the image and how far apart its pixels are, both in the image's pixels.
#[derive(Clone, Copy, Debug)]
struct Axis {
    start: f64,
    step: f64,
    length: usize,
    extent: usize,
}

impl Axis {
    /// Places a view of `length` pixels at random over `extent` pixels of the image, `point` inside if there is one. What
    /// is shorter than the other lies within it.
    fn place(
        rng: &mut ChaCha8Rng,
        length: usize,
        extent: usize,
        magnification: f32,
        point: Option<usize>,
    ) -> Self {
        let step = 1.0 / f64::from(magnification);
        let span = length as f64 * step;
        let slack = extent as f64 - span;
        let (mut low, mut high) = (slack.min(0.0), slack.max(0.0));
        if let Some(point) = point {
            let point = point as f64 + 0.5;
            low = (point - span * 0.9).clamp(low, high);
            high = (point - span * 0.1).clamp(low, high);
        }
        let start = low + (high - low) * rng.random::<f64>();
        Self {
            start,
            step,
            length,
            extent,
        }
    }

    /// Pixels of the view that lie wholly inside the image.
    fn inside(&self) -> std::ops::Range<usize> {
        let first = (-self.start / self.step - 1e-6).ceil().max(0.0) as usize;
        let last = ((self.extent as f64 - self.start) / self.step + 1e-6).floor();
        let last = (last.max(0.0) as usize).min(self.length);
        first.min(last)..last
    }

    /// The part of the image under a range of the view's pixels: start and length.
    fn under(&self, range: &std::ops::Range<usize>) -> (f64, f64) {
        let extent = self.extent as f64;
        let start = (self.start + range.start as f64 * self.step).clamp(0.0, extent);
        let end = (self.start + range.end as f64 * self.step).clamp(start, extent);
        (start, end - start)
    }

    /// The image's pixel under the centre of one of the view's.
    fn nearest(&self, i: usize) -> usize {
        let at = self.start + (i as f64 + 0.5) * self.step;
        (at.max(0.0) as usize).min(self.extent - 1)
    }
}

impl Viewer {
    /// Writes a random view of `sample`, `height` × `width` pixels, to `image` (RGB) and `labels`. With a `class`, the
    /// view contains a pixel of it if the sample does. Outside the sample the image is [`PADDING`], the label 255.
    #[expect(
        clippy::too_many_arguments,
        reason = "two outputs, their size, and three inputs"
    )]
    pub(super) fn view(
        &mut self,
        sample: &Sample,
        knobs: &Augmentation,
        class: Option<u8>,
        rng: &mut ChaCha8Rng,
        (width, height): (usize, usize),
        image: &mut [u8],
        labels: &mut [u8],
    ) -> Result<(), String> {
        let point = class.and_then(|class| pick(&sample.labels, class, rng));
        let point = point.map(|i| (i % sample.width, i / sample.width));
        let (low, high) = knobs.scale;
        let scale = uniform(rng, low.ln(), high.ln());
        let stretch = uniform(rng, -0.5, 0.5) * knobs.stretch.ln();
        let across = Axis::place(
            rng,
            width,
            sample.width,
            (scale + stretch).exp(),
            point.map(|p| p.0),
        );
        let down = Axis::place(
            rng,
            height,
            sample.height,
            (scale - stretch).exp(),
            point.map(|p| p.1),
        );
        let flip = chance(rng, knobs.flip);
        let (columns, rows) = (across.inside(), down.inside());

        image
            .chunks_exact_mut(3)
            .for_each(|p| p.copy_from_slice(&PADDING));
        labels.fill(255);
        if !columns.is_empty() && !rows.is_empty() {
            self.cut(sample, (&across, &down), (&columns, &rows))?;
            let part = columns.len() * 3;
            for (y, from) in rows.clone().zip(self.part.chunks_exact(part)) {
                image[(y * width + columns.start) * 3..][..part].copy_from_slice(from);
                let from = &sample.labels[down.nearest(y) * sample.width..][..sample.width];
                for x in columns.clone() {
                    labels[y * width + x] = from[across.nearest(x)];
                }
            }
        }
        photometric::apply(image, width, knobs, rng, &mut self.work);
        for (y, row) in image.chunks_exact_mut(width * 3).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                if !rows.contains(&y) || !columns.contains(&x) {
                    pixel.copy_from_slice(&PADDING);
                }
            }
            if flip {
                let mut pixels = row.chunks_exact_mut(3);
                while let (Some(left), Some(right)) = (pixels.next(), pixels.next_back()) {
                    left.swap_with_slice(right);
                }
            }
        }
        if flip {
            labels.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        Ok(())
    }

    /// Resizes the part of the sample under `columns` and `rows` into `self.part`, antialiased.
    fn cut(
        &mut self,
        sample: &Sample,
        (across, down): (&Axis, &Axis),
        (columns, rows): (&std::ops::Range<usize>, &std::ops::Range<usize>),
    ) -> Result<(), String> {
        let (left, wide) = across.under(columns);
        let (top, high) = down.under(rows);
        self.part.resize(columns.len() * rows.len() * 3, 0);
        let text = |e: &dyn std::fmt::Display| format!("{}: {e}", sample.name);
        let (w, h) = (sample.width as u32, sample.height as u32);
        let whole = TypedImageRef::<U8x3>::from_buffer(w, h, &sample.rgb).map_err(|e| text(&e))?;
        let (w, h) = (columns.len() as u32, rows.len() as u32);
        let mut part =
            TypedImage::<U8x3>::from_buffer(w, h, &mut self.part).map_err(|e| text(&e))?;
        // The sum of start and length may exceed the image by a rounding error.
        let wide = wide.min(sample.width as f64 - left - 1e-9).max(1e-9);
        let high = high.min(sample.height as f64 - top - 1e-9).max(1e-9);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(left, top, wide, high);
        self.resizer
            .resize_typed(&whole, &mut part, &options)
            .map_err(|e| text(&e))
    }
}

/// A random pixel of a class.
fn pick(labels: &[u8], class: u8, rng: &mut ChaCha8Rng) -> Option<usize> {
    let count = labels.iter().filter(|&&l| l == class).count();
    if count == 0 {
        return None;
    }
    let nth = rng.random_range(0..count as u64) as usize;
    let mut places = labels.iter().enumerate().filter(|(_, l)| **l == class);
    places.nth(nth).map(|(i, _)| i)
}

#[cfg(test)]
mod tests;
