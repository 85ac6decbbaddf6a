//! The proof of what became of a film's luma: `OUT.framemd5`, in the format of ffmpeg's framemd5, and its verification.
//!
//! Three streams stand in it, a line for every frame: 0 is the luma of IN as it was decoded, 1 that of OUT as a reader decodes it,
//! and 2 that of IN in the samples of OUT, on its way to the element. Where 1 and 2 agree, OUT has IN's luma.
//!
//! | file | holds |
//! |---|---|
//! | `luma` | the luma of a frame: its size and hash |
//! | `record` | hashes of a segment's frames in the folder of the run |
//! | `framemd5` | the format of the file |
//! | `write` | the file, written while OUT is read again |
//! | `verify` | OUT against its proof |

mod framemd5;
mod luma;
mod record;
mod verify;
mod write;

use std::path::{Path, PathBuf};

pub use record::Record;
pub use verify::run as verify;
pub use write::{Findings, Proof};

/// Where the proof of a film is.
pub fn path_of(output: &Path) -> PathBuf {
    let mut path = output.as_os_str().to_owned();
    path.push(".framemd5");
    path.into()
}
