//! The film's own file: segments joined, with its sound and time code.

mod join;
mod sound;

pub use join::{Film, join};
