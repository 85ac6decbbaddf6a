//! A still in memory, and sets of stills.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use tttseg::video::{ClassMap, LeftOut, Rgb, StillError, list_stills};

/// One labelled image.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// File name of the frame, less its extension.
    pub name: String,
    /// The picture.
    pub rgb: Rgb,
    /// Class ids, of the picture's size; 255 where nothing is labelled.
    pub labels: ClassMap,
    /// Width of a pixel as a multiple of its height: 1, but for pictures that were squeezed.
    pub pixel_aspect: f32,
}

impl Sample {
    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        let (height, width, _) = self.rgb.dim();
        (width, height)
    }

    /// Width and height as the picture is to be seen, in the height of a pixel.
    pub fn shown_size(&self) -> (usize, usize) {
        let (width, height) = self.size();
        ((width as f32 * self.pixel_aspect) as usize, height)
    }

    /// The same with pixels of the shape that gives the picture these proportions, width over height.
    #[must_use]
    pub fn with_aspect(mut self, aspect: Option<f32>) -> Self {
        let (width, height) = self.size();
        self.pixel_aspect = aspect.map_or(1.0, |a| a * height as f32 / width as f32);
        self
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

/// The images of a folder and their names without extensions, sorted; other files are added to `left_out`, hidden ones as one.
pub(super) fn images_of(
    dir: &Path,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<(String, PathBuf)>, StillError> {
    let listing = list_stills(dir)?;
    left_out.extend(listing.other.into_iter().map(|path| LeftOut {
        path,
        reason: "not a JPEG or PNG file, or the second of its name".to_owned(),
    }));
    if listing.clutter > 0 {
        left_out.push(LeftOut {
            path: dir.to_owned(),
            reason: format!(
                "{} hidden files, or files of an operating system",
                listing.clutter
            ),
        });
    }
    let mut images = vec![];
    for (name, path) in listing.images {
        match name.into_string() {
            Ok(name) => images.push((name, path)),
            Err(_) => left_out.push(LeftOut {
                path,
                reason: "its name is no UTF-8, in which reports name it".to_owned(),
            }),
        }
    }
    Ok(images)
}
