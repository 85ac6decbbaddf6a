//! Joint training of f, g and h on still images: for classes on labelled ones, for colours on photographs.

mod augment;
mod balance;
mod colours;
mod data;
mod dusk;
mod film;
mod graph;
mod loader;
mod photometric;
mod pictures;
mod reference;
mod start;
#[cfg(test)]
mod tests;
mod trainer;

pub use augment::{Augmentation, AugmentationError};
pub use balance::class_weights;
pub use colours::{ColourBatches, ColourSet};
pub use data::{DataError, LabelledSet, Sample};
pub use film::Film;
pub(crate) use graph::dense_loss;
pub use graph::{TrainOptions, train_graph};
pub use loader::{Batch, BatchSize, Batches, Loader, LoaderError, Sources, Supply};
pub use pictures::{PictureSet, PicturesError};
pub use reference::{ReferenceError, Stills, unexplained};
pub use start::{StartError, colours_to_start_from, weights_for_colours, weights_to_start_from};
pub use trainer::{Schedule, StepReport, TrainError, Trainer, TrainerOptions};
pub use tttseg::video::LeftOut;
