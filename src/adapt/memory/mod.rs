//! The memory of a stream beside the weights.

mod understood;
mod window;

pub(super) use understood::{Remembered, Understood, confident_labels};
pub(super) use window::Window;
