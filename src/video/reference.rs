//! Reference pictures for colours.

use std::path::{Path, PathBuf};

use super::still::{Rgb, StillError, list_stills, read_rgb};
use super::{FrameRef, ScaleError, Scaler, bt601_chroma};

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
        reason: ScaleError,
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
        if !has_colour(&picture.bytes) {
            return Err(ReferenceError::Grey(path));
        }
        let longest = picture.width.max(picture.height);
        let side = |side: usize| (side * LONGEST / longest.max(1)).max(1);
        if longest <= LONGEST {
            return Ok(picture);
        }
        let (width, height) = (side(picture.width), side(picture.height));
        let scaled = scaled(&picture, width, height, &mut scaler);
        scaled.map_err(|reason| ReferenceError::Size { path, reason })
    };
    paths.into_iter().map(&mut read).collect()
}

/// A picture at another size, whatever that does to its proportions.
///
/// # Errors
/// [`ScaleError`] when the size makes no sense.
pub fn scaled(
    picture: &Rgb,
    width: usize,
    height: usize,
    scaler: &mut Scaler,
) -> Result<Rgb, ScaleError> {
    let mut bytes = vec![0; width.saturating_mul(height).saturating_mul(3).min(1 << 30)];
    let view = FrameRef::rgb(picture.width, picture.height, &picture.bytes)?;
    scaler.to_rgb(&view, width, height, &mut bytes)?;
    Ok(Rgb {
        width,
        height,
        bytes,
    })
}

/// Whether there is more colour in a picture, interleaved RGB, than what is left of it in a grey one.
pub fn has_colour(rgb: &[u8]) -> bool {
    let pixels = rgb.as_chunks::<3>().0;
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
        let red = [200, 40, 40].repeat(2000 * 20);
        write_png(&at("b.png"), &red, 2000, 20).unwrap();
        write_png(&at("a.png"), &[[90, 120, 40]; 24].concat(), 6, 4).unwrap();
        let one = read_references(&at("a.png")).unwrap();
        assert_eq!((one.len(), one[0].width, one[0].height), (1, 6, 4));
        let both = read_references(dir.path()).unwrap();
        assert_eq!(both[0], one[0]);
        assert_eq!((both[1].width, both[1].height), (1024, 10));
        assert_eq!(both[1].bytes[..3], [200, 40, 40]);

        let refused = |path: &Path| read_references(path).unwrap_err().to_string();
        std::fs::create_dir(at("empty")).unwrap();
        std::fs::write(at("text.png"), b"no picture").unwrap();
        write_png(&at("grey.png"), &[[90, 91, 90]; 24].concat(), 6, 4).unwrap();
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
