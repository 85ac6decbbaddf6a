//! What is remembered of a stream beside the weights.

mod window;

pub(super) use window::Window;
