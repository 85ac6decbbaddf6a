//! Frames in files.
//!
//! | file | holds |
//! |---|---|
//! | `codec` | the encodings: elements, containers, depths |
//! | `shape` | what all frames of a file have in common |
//! | `writer` | a segment of a film, written to a file of its own |

mod codec;
mod shape;
mod writer;

pub use codec::Codec;
pub use shape::{differences, shape_of};
pub use writer::{Segment, Writer};
