//! Objectives of a step that need more than the frame itself: colours that are given.

mod colours;

pub use colours::ColourTarget;
pub(super) use colours::colour_loss;
