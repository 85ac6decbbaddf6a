//! The memory of a stream beside the weights.

mod understood;
mod window;

pub use understood::remembered_frames;
pub(super) use understood::{Remembered, Understood, class_weights};
pub(super) use window::Window;
