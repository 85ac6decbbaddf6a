//! Sequences of pictures: PNG, JPEG, TIFF, DPX and EXR in, the same out but for JPEG, under the same names.
//!
//! | file | holds |
//! |---|---|
//! | `sequence` | all pictures, one after the other; goes on after an interruption |
//! | `names` | the pictures of a folder or of a pattern, their numbers, where each goes |
//! | `picture` | one picture, read and through the element |

mod names;
mod picture;
mod sequence;

pub use names::{of_folder, of_pattern};
pub use sequence::run;
