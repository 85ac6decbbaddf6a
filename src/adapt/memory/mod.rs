//! The memory of a stream beside the weights.

mod window;

pub(super) use window::Window;
