//! Joint training of f, g and h on still images: for classes on labelled ones, for colours on photographs.

mod augment;
mod balance;
mod batch;
mod colours;
mod dense_loss;
mod film_degradation;
mod graph;
mod loader;
mod mix;
mod options;
mod random;
mod start;
#[cfg(test)]
mod tests;
mod trainer;
mod unexplained;

pub use augment::{Augmentation, AugmentationError};
pub use balance::class_weights;
pub use batch::{BatchSize, LoaderError};
pub use colours::{ColourBatches, ColourSet};
pub use dense_loss::Scheme;
pub(crate) use dense_loss::{class_logits, dense_loss};
pub use film_degradation::FilmDegradation;
pub use graph::train_graph;
pub use loader::{Batch, Batches, Loader, Sources, Supply};
pub use mix::LabelledSource;
pub use options::{Schedule, TrainerOptions};
pub use start::{StartError, colours_to_start_from, weights_for_colours, weights_to_start_from};
pub use trainer::{StepReport, TrainError, Trainer};
pub use unexplained::{UnexplainedError, unexplained};
