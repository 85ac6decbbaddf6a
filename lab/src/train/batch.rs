//! The size of batches, and why there are none.

use super::augment::AugmentationError;

/// Size of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// Labelled images.
    pub images: usize,
    /// Images for reconstruction, at most as many.
    pub masked: usize,
    /// Height of each in pixels.
    pub height: usize,
    /// Width of each in pixels.
    pub width: usize,
}

/// Why there are no batches.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// A setting of the augmentation is out of range.
    #[error(transparent)]
    Augmentation(#[from] AugmentationError),
    /// Batches without pixels, or far too large.
    #[error(
        "batch of {} images, {} of them masked, of {}x{} pixels (1 to 4096 images, no more masked, sides from 1 to 8192)",
        .0.images, .0.masked, .0.width, .0.height
    )]
    Size(BatchSize),
    /// An image could not be resized.
    #[error("preparing a batch: {0}")]
    Image(String),
    /// Shares of labelled sets that do not add up to all views.
    #[error("the shares of {sets} labelled sets: {what}")]
    SetShares {
        /// How many sets there are.
        sets: usize,
        /// What is wrong.
        what: String,
    },
    /// A share that is none.
    #[error("{0} of the masked images are to be pictures without labels; possible is 0 to 1")]
    Share(f32),
    /// A thread could not be started.
    #[error("starting a loader thread: {0}")]
    Spawn(std::io::Error),
    /// A thread ended before its time.
    #[error("a loader thread has stopped")]
    Stopped,
}
