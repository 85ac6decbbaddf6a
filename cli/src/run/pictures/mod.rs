//! Sequences of pictures: PNG, JPEG, TIFF, DPX and EXR in, the same out but for JPEG, under the same names.
//!
//! | file | holds |
//! |---|---|
//! | `sequence` | all pictures, one after the other; goes on after an interruption |
//! | `names` | the pictures of a folder or of a pattern, their numbers, where each goes |
//! | `picture` | one picture: read, through the element, and written |
//! | `formats` | files: PNG, JPEG, TIFF, DPX, EXR |
//! | `encoding` | what samples stand for: to be shown, and in colours |
//! | `raster` | a picture as files hold it |

mod encoding;
mod formats;
mod names;
mod picture;
mod raster;
mod sequence;

pub use formats::Format;
pub use names::{of_folder, of_pattern};
pub use picture::{shown, size};
pub use sequence::run;
