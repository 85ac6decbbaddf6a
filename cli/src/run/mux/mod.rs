//! The film's own file: segments joined, with its sound and time code, and checked.
//!
//! | file | holds |
//! |---|---|
//! | `join` | the pipeline that puts all in one file |
//! | `feed` | sound on its way to it |
//! | `check` | what is in that file, against what went in |
//! | `read` | a file read again: its streams, its frames decoded |
//! | `slices` | the checksums of FFV1's slices |

mod check;
mod feed;
mod join;
mod read;
mod slices;

pub use check::check;
pub use join::{Film, join};
pub use read::Reader;
