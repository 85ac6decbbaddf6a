//! Joint training of f, g and h on still images.

mod augment;
mod balance;
mod data;
mod dusk;
mod graph;
mod loader;
mod photometric;
mod pictures;
mod reference;
mod start;
#[cfg(test)]
mod tests;
mod trainer;

pub use crate::video::LeftOut;
pub use augment::{Augmentation, AugmentationError};
pub use balance::class_weights;
pub use data::{DataError, LabelledSet, Sample};
pub(crate) use graph::dense_loss;
pub use graph::{TrainOptions, train_graph};
pub use loader::{Batch, BatchSize, Batches, Loader, LoaderError, Sources};
pub use pictures::{PictureSet, PicturesError};
pub use reference::{ReferenceError, unexplained};
pub use start::{StartError, weights_to_start_from};
pub use trainer::{Schedule, StepReport, TrainError, Trainer, TrainerOptions};
