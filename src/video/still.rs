//! Still images on disk.

use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader};
use ndarray::{Array, ArrayRef, Dimension, IntoDimension};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Rgb;
use crate::files::{self, Pending};

/// An error in reading or writing an image file.
#[derive(Debug, thiserror::Error)]
pub enum StillError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] files::Error),
    /// The file is not an image that can be decoded.
    #[error("{path}: {source}", path = path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// The error of the decoder.
        source: image::ImageError,
    },
    /// Labels in a layout that does not say what they stand for.
    #[error("{path}: labels that cannot be read: {found}", path = path.display())]
    LabelLayout {
        /// The file.
        path: PathBuf,
        /// The layout found, and what can be done.
        found: String,
    },
    /// A label that stands for nothing.
    #[error(
        "{path}: label {id} is none of the {classes} classes and not void (first at x {x}, y {y})",
        path = path.display()
    )]
    LabelId {
        /// The file.
        path: PathBuf,
        /// The id found.
        id: u16,
        /// Number of classes.
        classes: usize,
        /// The column of the first pixel of it.
        x: usize,
        /// Its row.
        y: usize,
    },
    /// A colour that stands for nothing.
    #[error(
        "{path}: colour {colour:?} is not in the table of colours {table} (first at x {x}, y {y})",
        path = path.display()
    )]
    LabelColour {
        /// The file.
        path: PathBuf,
        /// Red, green and blue.
        colour: [u8; 3],
        /// The table's name or file.
        table: String,
        /// The column of the first pixel of it.
        x: usize,
        /// Its row.
        y: usize,
    },
    /// An array that is no image.
    #[error("{path}: an array of shape {shape:?} is no image", path = path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The array's shape.
        shape: Vec<usize>,
    },
}

/// A file that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub reason: String,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The reasons that come from decoding name the file themselves.
        let path = self.path.display().to_string();
        if self.reason.starts_with(&path) {
            f.write_str(&self.reason)
        } else {
            write!(f, "{path}: {}", self.reason)
        }
    }
}

/// The image files of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// JPEG and PNG files with their names less the extension, sorted by name.
    pub images: Vec<(OsString, PathBuf)>,
    /// Everything else in the folder, sorted.
    pub other: Vec<PathBuf>,
    /// Hidden files, and those of operating systems ([`files::is_clutter`]), of which nothing else is said.
    pub clutter: usize,
}

/// Lists the JPEG and PNG files of a folder by their extension; nothing is opened. Of two files that differ in their
/// extension only, the second counts as another file.
///
/// # Errors
/// [`StillError::Io`] when the folder cannot be read.
pub fn list_stills(dir: &Path) -> Result<Listing, StillError> {
    let io = |source| StillError::Io {
        path: dir.to_owned(),
        source,
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .map_err(io)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(io)?;
    paths.sort();
    let mut listing = Listing::default();
    for path in paths {
        if files::is_clutter(&path) {
            listing.clutter += 1;
            continue;
        }
        let extension = path.extension().and_then(|e| e.to_str());
        let known = extension
            .is_some_and(|e| ["jpg", "jpeg", "png"].contains(&e.to_ascii_lowercase().as_str()));
        match path.file_stem() {
            Some(stem) if known && listing.images.last().is_none_or(|(last, _)| last != stem) => {
                listing.images.push((stem.to_owned(), path));
            }
            _ => listing.other.push(path),
        }
    }
    // Names without their extension can sort otherwise than with it ("a-1.png" comes before "a.png").
    listing.images.sort();
    Ok(listing)
}

/// Reads a PNG or JPEG image in the samples that it has, and turns it as its EXIF orientation says. An orientation that cannot
/// be read is none.
///
/// # Errors
/// [`StillError`] when the file cannot be read or decoded.
pub fn read_upright(path: &Path) -> Result<DynamicImage, StillError> {
    let io = |source| StillError::Io {
        path: path.to_owned(),
        source,
    };
    let broken = |source| StillError::Decode {
        path: path.to_owned(),
        source,
    };
    let reader = ImageReader::open(path)
        .map_err(io)?
        .with_guessed_format()
        .map_err(io)?;
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    // As `ImageReader::decode` does.
    let mut limits = image::Limits::default();
    limits.reserve(decoder.total_bytes()).map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The bytes of a decoded image as an array.
pub(super) fn array<D: Dimension>(
    path: &Path,
    shape: impl IntoDimension<Dim = D>,
    bytes: Vec<u8>,
) -> Result<Array<u8, D>, StillError> {
    let shape = shape.into_dimension();
    Array::from_shape_vec(shape.clone(), bytes).map_err(|_| no_image(path, shape.slice()))
}

fn no_image(path: &Path, shape: &[usize]) -> StillError {
    StillError::Shape {
        path: path.to_owned(),
        shape: shape.to_owned(),
    }
}

/// Reads a PNG or JPEG image as RGB (height, width, 3), turned as its EXIF orientation says; grey images become RGB, opacity is
/// dropped.
///
/// # Errors
/// [`StillError`] when the file cannot be read or decoded.
pub fn read_rgb(path: &Path) -> Result<Rgb, StillError> {
    let image = read_upright(path)?.into_rgb8();
    let shape = (image.height() as usize, image.width() as usize, 3);
    array(path, shape, image.into_raw())
}

/// Writes an image as PNG, to a temporary name first: (height, width) is grey, (height, width, 3) RGB.
///
/// # Errors
/// [`StillError`] when the array is neither or the file cannot be written.
pub fn write_png<D: Dimension>(path: &Path, image: &ArrayRef<u8, D>) -> Result<(), StillError> {
    Ok(pending_png(path, image)?.commit_unsynced()?)
}

/// As [`write_png`], but the file does not have its name yet.
///
/// # Errors
/// As [`write_png`].
pub fn pending_png<D: Dimension>(
    path: &Path,
    image: &ArrayRef<u8, D>,
) -> Result<Pending, StillError> {
    let (height, width, colour) = match *image.shape() {
        [height, width] => (height, width, ExtendedColorType::L8),
        [height, width, 3] => (height, width, ExtendedColorType::Rgb8),
        _ => return Err(no_image(path, image.shape())),
    };
    let layout = image.as_standard_layout();
    let (bytes, w, h) = match (
        layout.as_slice(),
        u32::try_from(width),
        u32::try_from(height),
    ) {
        (Some(bytes), Ok(w), Ok(h)) if w > 0 && h > 0 => (bytes, w, h),
        _ => return Err(no_image(path, image.shape())),
    };
    let file = Pending::new(path)?;
    image::save_buffer_with_format(file.temporary(), bytes, w, h, colour, ImageFormat::Png)
        .map_err(|e| match e {
            image::ImageError::IoError(e) => file.error(e).into(),
            source => StillError::Decode {
                path: path.to_owned(),
                source,
            },
        })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::ClassMap;
    use crate::video::{LabelIds, read_labels};
    use ndarray::array;

    #[test]
    fn images_and_labels_there_and_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.png");
        let rgb = Rgb::from_shape_fn((2, 3, 3), |(y, x, c)| (9 * y + 3 * x + c) as u8);
        write_png(&file, &rgb).unwrap();
        assert_eq!(read_rgb(&file).unwrap(), rgb);

        write_png(&file, &array![[0, 10], [11, 255]]).unwrap();
        let labels = read_labels(&file, &LabelIds::with_void_last(11)).unwrap();
        assert_eq!(labels, array![[0, 10], [255, 255]]);
        let refused = read_labels(&file, &LabelIds::with_void_last(10)).unwrap_err();
        assert!(matches!(refused, StillError::LabelId { id: 11, .. }));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn pictures_are_turned_as_their_exif_says() {
        use crate::video::testing::exif;
        use image::ImageEncoder;
        use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
        let dir = tempfile::tempdir().unwrap();
        // Two blocks of JPEG side by side: dark, then light.
        let stored = Rgb::from_shape_fn((16, 32, 3), |(_, x, _)| if x < 16 { 20 } else { 220 });
        let bytes = stored.as_slice().unwrap();
        let file = |name: &str| dir.path().join(name);
        let write = |name: &str, data: Vec<u8>| {
            let to = std::fs::File::create(file(name)).unwrap();
            let (width, height, colour) = (32, 16, ExtendedColorType::Rgb8);
            if name.ends_with("png") {
                let mut encoder = PngEncoder::new(to);
                encoder.set_exif_metadata(data).unwrap();
                encoder.write_image(bytes, width, height, colour).unwrap();
            } else {
                let mut encoder = JpegEncoder::new_with_quality(to, 100);
                encoder.set_exif_metadata(data).unwrap();
                encoder.write_image(bytes, width, height, colour).unwrap();
            }
        };
        for name in ["a.png", "a.jpg"] {
            // Orientation, size, and whether the first and the last pixel are light.
            for (orientation, size, light) in [
                (1, (16, 32, 3), (false, true)),
                (2, (16, 32, 3), (true, false)),
                (3, (16, 32, 3), (true, false)),
                (4, (16, 32, 3), (false, true)),
                (5, (32, 16, 3), (false, true)),
                (6, (32, 16, 3), (false, true)),
                (7, (32, 16, 3), (true, false)),
                (8, (32, 16, 3), (true, false)),
                (9, (16, 32, 3), (false, true)),
            ] {
                write(name, exif(orientation));
                let rgb = read_rgb(&file(name)).unwrap();
                assert_eq!(rgb.dim(), size, "{name}, {orientation}");
                let (first, last) = (rgb.first().unwrap(), rgb.last().unwrap());
                let found = (*first > 128, *last > 128);
                assert_eq!(found, light, "{name}, {orientation}");
            }
            write(name, b"no exif at all".to_vec());
            assert_eq!(read_rgb(&file(name)).unwrap().dim(), (16, 32, 3));
        }
    }

    #[test]
    fn folders_are_listed_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "b.JPG",
            "a.png",
            "a-1.png",
            "c.jpeg",
            "c.png",
            "notes.txt",
            ".png",
            "._a.png",
            "Thumbs.db",
        ] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        let listing = list_stills(dir.path()).unwrap();
        let stems: Vec<_> = listing.images.iter().map(|(s, _)| s.clone()).collect();
        assert_eq!(stems, ["a", "a-1", "b", "c"]);
        assert_eq!(listing.images[3].1, dir.path().join("c.jpeg"));
        let other = ["c.png", "notes.txt"].map(|n| dir.path().join(n));
        assert_eq!((listing.other, listing.clutter), (other.to_vec(), 3));
        let missing = list_stills(&dir.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("none: "));
    }

    #[test]
    fn what_is_no_image() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.png");
        assert!(matches!(read_rgb(&file), Err(StillError::Io { .. })));
        std::fs::write(&file, b"not an image").unwrap();
        let refused = read_rgb(&file).unwrap_err();
        assert!(refused.to_string().contains("a.png"));
        for shape in [(2, 2, 4), (0, 2, 3)] {
            let refused = write_png(&file, &Rgb::zeros(shape));
            assert!(matches!(refused, Err(StillError::Shape { .. })));
        }
        let nowhere = dir.path().join("none").join("a.png");
        assert!(write_png(&nowhere, &ClassMap::zeros((2, 2))).is_err());
    }
}
