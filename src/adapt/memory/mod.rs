//! The memory of a stream beside the weights.

mod stills;
mod understood;
mod window;

pub(super) use stills::Stills;
pub use understood::remembered_frames;
pub(super) use understood::{Remembered, Understood, class_weights};
pub(super) use window::Window;
