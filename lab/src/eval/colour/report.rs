//! The report of an evaluation of colours, as the command line prints it.

use serde::{Deserialize, Serialize};

use super::frechet::Cloud;
use super::metrics::{chroma_error, colourfulness, psnr, rgb_error, ssim};
use super::perceptual::Perceptual;
use crate::eval::{RunConditions, TimesAndLosses};
use tttseg::video::Rgb;

/// How good the colours of a stream are: means over its frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColourScores {
    /// Peak signal-to-noise ratio in RGB, in decibels; 100 for the same picture.
    pub psnr: Option<f64>,
    /// Structural similarity in RGB, at most 1 (Wang et al. 2004).
    pub ssim: Option<f64>,
    /// Peak signal-to-noise ratio of chroma (Cb and Cr) alone, in decibels.
    pub chroma_psnr: Option<f64>,
    /// Colourfulness (Hasler and Süsstrunk 2003): 0 is grey, 45 average.
    pub colourfulness: Option<f64>,
    /// Mean change of chroma from where a thing was in the frame before, in steps of 8 bits.
    pub flicker: Option<f64>,
    /// LPIPS with AlexNet (Zhang et al. 2018): 0 for the same picture. Where the network was given ([`Perceptual`]).
    pub lpips: Option<f64>,
    /// Fréchet distance between the features of AlexNet's last convolution at all places of all frames and those of the
    /// true pictures: like FID, which takes the Inception network's for whole pictures. Where the network was given.
    pub frechet: Option<f64>,
}

/// The object `tttseg eval --json` prints for a model that colours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColourReport {
    /// The stream, and how the model was run along it.
    #[serde(flatten)]
    pub run: RunConditions,
    /// Frames that were learned from; the others were skipped, or familiar.
    pub frames_learned: u64,
    /// The model's colours.
    #[serde(flatten)]
    pub scores: ColourScores,
    /// The true colours, measured in the same way: what colourfulness and flicker are to be compared with.
    pub true_colours: ColourScores,
    /// What leaving everything grey gives.
    pub grey: ColourScores,
    /// What the mean chroma of every luma gives, where pictures to take it from were named.
    pub by_luma: Option<ColourScores>,
    /// Times and losses.
    #[serde(flatten)]
    pub learning: TimesAndLosses,
}

/// Means in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Scored {
    psnr: Mean,
    ssim: Mean,
    chroma_psnr: Mean,
    colourfulness: Mean,
    flicker: Mean,
    lpips: Mean,
    features: Option<Cloud>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl Scored {
    /// Counts a picture against the true one.
    pub fn picture(&mut self, rgb: &Rgb, truth: &Rgb) {
        self.psnr.add(Some(psnr(rgb_error(rgb, truth))));
        self.ssim.add(ssim(rgb, truth));
        let chroma = chroma_error(rgb, truth);
        self.chroma_psnr.add(Some(psnr(chroma)));
        self.colourfulness.add(Some(colourfulness(rgb)));
    }

    /// Counts how much a picture's colours differ from those before, where something was found again.
    pub fn flicker(&mut self, change: Option<f64>) {
        self.flicker.add(change);
    }

    /// Counts how different from the true one the network finds a picture, and the picture's features.
    pub fn perceived(&mut self, lpips: Option<f32>, features: &[f32]) {
        self.lpips.add(lpips.map(f64::from));
        let cloud = &mut self.features;
        cloud
            .get_or_insert_with(|| Cloud::new(Perceptual::DIMENSIONS))
            .add(features);
    }

    /// Means, with the distance from the features of the `truth`.
    pub fn scores(&self, truth: &Self) -> ColourScores {
        let clouds = self.features.as_ref().zip(truth.features.as_ref());
        ColourScores {
            psnr: self.psnr.value(),
            ssim: self.ssim.value(),
            chroma_psnr: self.chroma_psnr.value(),
            colourfulness: self.colourfulness.value(),
            flicker: self.flicker.value(),
            lpips: self.lpips.value(),
            frechet: clouds.and_then(|(a, b)| a.distance(b)),
        }
    }
}
