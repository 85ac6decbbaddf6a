//! Joint training of f, g and h on still images.

mod augment;
mod data;
mod graph;
mod loader;
mod photometric;
mod trainer;

pub use crate::video::LeftOut;
pub use augment::{Augmentation, AugmentationError};
pub use data::{DataError, LabelledSet, Sample};
pub(crate) use graph::dense_loss;
pub use graph::{TrainOptions, train_graph};
pub use loader::{Batch, BatchSize, Batches, Loader, LoaderError};
pub use trainer::{Schedule, StepReport, TrainError, Trainer, TrainerOptions};
