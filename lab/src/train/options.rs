//! Everything that defines a training run, but the images.

use super::Scheme;
use super::batch::BatchSize;
use tttseg::model::ModelConfig;
use tttseg::weights::Normalisation;

/// Learning rate over the iterations: linear warm-up, then a cosine down to zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Largest rate.
    pub peak: f64,
    /// Iterations of warm-up.
    pub warm_up: u64,
    /// Iterations in all.
    pub iterations: u64,
}

impl Schedule {
    /// The rate at an iteration, counted from 0.
    pub fn rate(&self, iteration: u64) -> f64 {
        if iteration < self.warm_up {
            return self.peak * (iteration + 1) as f64 / self.warm_up as f64;
        }
        let span = self.iterations.saturating_sub(self.warm_up).max(1);
        let done = ((iteration - self.warm_up) as f64 / span as f64).min(1.0);
        self.peak * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }
}

/// Everything that defines a training run, but the images.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainerOptions {
    /// Sizes of f, h and g; h with the fixed readout.
    pub config: ModelConfig,
    /// How pixels become the network's input.
    pub normalisation: Normalisation,
    /// Images per iteration, and their size.
    pub batch: BatchSize,
    /// Learning rate.
    pub schedule: Schedule,
    /// Learning rate of the encoder as a multiple of that of the heads.
    pub encoder_multiplier: f64,
    /// Weight decay (of what: `docs/method.md#optimiser`).
    pub weight_decay: f64,
    /// Largest global gradient norm.
    pub clip_norm: f64,
    /// Share of 16×16 patches hidden from g.
    pub mask_ratio: f64,
    /// Weight of the reconstruction loss; that of the main task is 1.
    pub recon_weight: f64,
    /// Weight of the dice term of the main-task loss, that of cross-entropy being 1; colours have none.
    pub dice_weight: f64,
    /// Weight of the main-task loss on what the queries of h give before every query layer (deep supervision), on average
    /// over the layers; 0 for none. Without query layers it has no effect.
    pub deep_supervision: f64,
    /// Weight of every class, or of every bin of chroma, in the cross-entropy.
    pub class_weights: Vec<f32>,
    /// What labels mean, if they are not all the model's own classes: a batch says of every image which of these schemes
    /// it is labelled in. Their weights are used then, and not those of the classes.
    pub schemes: Vec<Scheme>,
    /// How much of the running average of the weights stays at every iteration, from 0 to below 1; 0 keeps none.
    pub ema: f64,
    /// Seed of weights and masks.
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_then_falls_to_zero() {
        let schedule = Schedule {
            peak: 1.0,
            warm_up: 10,
            iterations: 110,
        };
        assert!((schedule.rate(0) - 0.1).abs() < 1e-12);
        assert!((schedule.rate(9) - 1.0).abs() < 1e-12);
        assert!((schedule.rate(60) - 0.5).abs() < 1e-12);
        assert!(schedule.rate(110) < 1e-12);
    }
}
