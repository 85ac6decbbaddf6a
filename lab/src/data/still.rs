//! A still in memory, and sets of stills.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use tttseg::video::{LeftOut, StillError, list_stills};

/// One labelled image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// File name of the frame, less its extension.
    pub name: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Interleaved RGB, `height` × `width` × 3.
    pub rgb: Vec<u8>,
    /// Class ids, `height` × `width`; 255 where nothing is labelled.
    pub labels: Vec<u8>,
}

/// A set of stills.
pub trait Stills {
    /// How many there are.
    fn count(&self) -> usize;
    /// One of them, or what is wrong with it.
    ///
    /// # Errors
    /// Why it can no longer be read.
    fn still(&self, index: usize) -> Result<Cow<'_, Sample>, String>;
}

/// The images of a folder and their names without extensions, sorted; other files are added to `left_out`.
pub(super) fn images_of(
    dir: &Path,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<(String, PathBuf)>, StillError> {
    let listing = list_stills(dir)?;
    left_out.extend(listing.other.into_iter().map(|path| LeftOut {
        path,
        reason: "not a JPEG or PNG file, or the second of its name".to_owned(),
    }));
    Ok(listing.images)
}
