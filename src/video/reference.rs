//! Reference pictures for colours.

use std::path::{Path, PathBuf};

use ndarray::ArrayRef3;

use super::colour::pixels;
use super::frame::check_size;
use super::still::{StillError, list_stills, read_rgb};
use super::{FrameError, FrameRef, Rgb, Scaler, bt601_chroma};

/// Mean distance from grey below which a picture has no colour, in steps of 8 bits.
pub const GREY: f32 = 2.0;
/// Longest side that is kept of a picture: more than any network sees.
const LONGEST: usize = 1024;

/// An error in reading reference pictures.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// A file or a folder that cannot be read, or a file that is no picture.
    #[error(transparent)]
    Still(#[from] StillError),
    /// A folder without pictures.
    #[error("{path}: there is no JPEG or PNG file in this folder", path = .0.display())]
    Empty(PathBuf),
    /// A picture in grey.
    #[error("{path}: this picture has no colour", path = .0.display())]
    Grey(PathBuf),
    /// A picture that cannot be brought to another size.
    #[error("{path}: {reason}", path = path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        reason: FrameError,
    },
}

/// Reads a picture in colour, or all JPEG and PNG files of a folder, which all have to be. Large ones are made smaller.
///
/// # Errors
/// [`ReferenceError`] names the file or the folder.
pub fn read_references(path: &Path) -> Result<Vec<Rgb>, ReferenceError> {
    let paths = if path.is_dir() {
        let listed = list_stills(path)?.images;
        listed.into_iter().map(|(_, path)| path).collect()
    } else {
        vec![path.to_owned()]
    };
    if paths.is_empty() {
        return Err(ReferenceError::Empty(path.to_owned()));
    }
    let mut scaler = Scaler::new();
    let mut read = |path: PathBuf| {
        let picture = read_rgb(&path)?;
        if !has_colour(&picture) {
            return Err(ReferenceError::Grey(path));
        }
        let (height, width, _) = picture.dim();
        let longest = width.max(height);
        let side = |side: usize| (side * LONGEST / longest.max(1)).max(1);
        if longest <= LONGEST {
            return Ok(picture);
        }
        let scaled = scaled(&picture, side(width), side(height), &mut scaler);
        scaled.map_err(|reason| ReferenceError::Size { path, reason })
    };
    paths.into_iter().map(&mut read).collect()
}

/// An RGB picture (height, width, 3) at another size, whatever that does to its proportions.
///
/// # Errors
/// [`FrameError`] when the size makes no sense.
pub fn scaled(
    picture: &ArrayRef3<u8>,
    width: usize,
    height: usize,
    scaler: &mut Scaler,
) -> Result<Rgb, FrameError> {
    check_size(width, height)?;
    let mut scaled = Rgb::zeros((height, width, 3));
    scaler.to_rgb(&FrameRef::rgb(picture)?, &mut scaled)?;
    Ok(scaled)
}

/// Whether there is more colour in an RGB picture (height, width, 3) than what is left of it in a grey one.
pub fn has_colour(rgb: &ArrayRef3<u8>) -> bool {
    let rgb = rgb.as_standard_layout();
    let pixels = pixels(&rgb);
    let distance: f64 = pixels
        .iter()
        .map(|pixel| {
            let [cb, cr] = bt601_chroma(pixel.map(f32::from));
            f64::from(cb.hypot(cr))
        })
        .sum();
    distance > f64::from(GREY) * pixels.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::write_png;

    #[test]
    fn a_picture_a_folder_and_what_is_neither() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let of = |shape, colour: [u8; 3]| Rgb::from_shape_fn(shape, |(_, _, c)| colour[c]);
        write_png(&at("b.png"), &of((20, 2000, 3), [200, 40, 40])).unwrap();
        let small = of((4, 6, 3), [90, 120, 40]);
        write_png(&at("a.png"), &small).unwrap();
        let one = read_references(&at("a.png")).unwrap();
        assert_eq!(one, std::slice::from_ref(&small));
        let both = read_references(dir.path()).unwrap();
        assert_eq!(both, [small, of((10, 1024, 3), [200, 40, 40])]);

        let refused = |path: &Path| read_references(path).unwrap_err().to_string();
        std::fs::create_dir(at("empty")).unwrap();
        std::fs::write(at("text.png"), b"no picture").unwrap();
        write_png(&at("grey.png"), &of((4, 6, 3), [90, 91, 90])).unwrap();
        for (name, why) in [
            ("empty", "no JPEG or PNG file in this folder"),
            ("none.png", "none.png: "),
            ("text.png", "text.png: "),
            ("grey.png", "grey.png: this picture has no colour"),
        ] {
            let message = refused(&at(name));
            assert!(message.contains(name) && message.contains(why), "{message}");
        }
        // One that cannot be used is one too many.
        assert!(refused(dir.path()).contains("grey.png"));
    }
}
