//! A still in memory, and sets of stills.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use tttseg::video::{ClassMap, LeftOut, Rgb, StillError, list_stills};

/// One labelled image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// File name of the frame, less its extension.
    pub name: String,
    /// The picture.
    pub rgb: Rgb,
    /// Class ids, of the picture's size; 255 where nothing is labelled.
    pub labels: ClassMap,
}

impl Sample {
    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        let (height, width, _) = self.rgb.dim();
        (width, height)
    }
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
