//! A still in memory, and sets of stills.

use std::borrow::Cow;

use tttseg::video::{ClassMap, Rgb};

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
