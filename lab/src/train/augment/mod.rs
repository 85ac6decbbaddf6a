//! Random views of labelled images: what may change from one to the next, and by how much.

mod dusk;
mod filters;
mod light;
#[cfg(test)]
mod tests;
mod view;

pub(super) use filters::{blur, noise};
pub(super) use view::Viewer;

use serde::{Deserialize, Serialize};

/// Highest quality of a view's JPEG: better ones leave nothing to be seen.
const BEST_JPEG: f32 = 90.0;

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
    /// Probability of the traces of JPEG.
    pub jpeg: f32,
    /// Least quality of the JPEG, from 1 to 90, drawn uniformly up to 90.
    pub jpeg_quality: f32,
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
            jpeg: 0.2,
            jpeg_quality: 20.0,
            grey: 0.08,
        }
    }
}

/// A setting that is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("augmentation: {setting} is {value}, possible is {range}")]
pub struct AugmentationError {
    /// The field.
    pub setting: &'static str,
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
            &mut self.jpeg,
            &mut self.grey,
        ] {
            *probability = (*probability * often).min(1.0);
        }
        self
    }

    /// The same at a magnification at which a picture that is seen at one size (width, height) fills views of another, up to twice that:
    /// what is padding is nothing to learn from.
    pub(in crate::train) fn filling(
        self,
        (width, height): (usize, usize),
        view: (usize, usize),
    ) -> Self {
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
    /// The first setting that is out of its range.
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
            ("jpeg", self.jpeg),
            ("grey", self.grey),
        ]
        .map(|(setting, value)| (setting, value, 0.0, 1.0, "0 to 1"));
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
            ("jpeg_quality", self.jpeg_quality, 1.0, BEST_JPEG, "1 to 90"),
        ];
        for (setting, value, low, high, range) in unit.into_iter().chain(others) {
            // False for NaN as well.
            if !(low..=high).contains(&value) {
                return Err(AugmentationError {
                    setting,
                    value,
                    range,
                });
            }
        }
        Ok(())
    }
}
