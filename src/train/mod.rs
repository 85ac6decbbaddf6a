//! Joint training of f, g and h on still images.

mod augment;
mod data;
mod loader;
mod photometric;

pub use augment::{Augmentation, AugmentationError};
pub use data::{DataError, LabelledSet, LeftOut, Sample};
pub use loader::{Batch, BatchSize, Batches, Loader, LoaderError};
