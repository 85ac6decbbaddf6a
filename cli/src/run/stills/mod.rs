//! Files of pictures: PNG, JPEG, TIFF, DPX, EXR.
//!
//! | file | holds |
//! |---|---|
//! | `raster` | a picture as files hold it |
//! | `encoding` | what samples stand for: to be shown, and in colours |
//! | `png` | PNG and JPEG |
//! | `tiff` | TIFF |
//! | `exr` | OpenEXR |
//! | `dpx` | DPX |

mod dpx;
mod encoding;
mod exr;
mod png;
mod raster;
mod tiff;

use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tttseg::ndarray::Array3;
use tttseg::video::Rgb;

use super::error::Error;
use super::extension;
pub use raster::{Encoding, Raster, Samples};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Format {
    /// PNG, of 8 or 16 bits.
    Png,
    /// TIFF, of 8 or 16 bits or in floating point.
    Tiff,
    /// DPX, of 8, 10, 12 or 16 bits.
    Dpx,
    /// OpenEXR, in floating point.
    Exr,
}

/// What a file says beside its samples, to be written again.
pub enum Header {
    None,
    Tiff(tiff::Header),
    Dpx(Box<dpx::Header>),
    Exr(Box<exr::Header>),
}

impl Format {
    /// What a picture with such an extension, in small letters, becomes; none where it is no picture.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "png" | "jpg" | "jpeg" => Some(Self::Png),
            "tif" | "tiff" => Some(Self::Tiff),
            "dpx" => Some(Self::Dpx),
            "exr" => Some(Self::Exr),
            _ => None,
        }
    }

    /// The extension of its files, in small letters.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Tiff => "tif",
            Self::Dpx => "dpx",
            Self::Exr => "exr",
        }
    }

    /// The picture as such a file can hold it.
    fn fitted(self, raster: Raster) -> Raster {
        let bits = match &raster.samples {
            Samples::Codes { bits, .. } => *bits,
            Samples::Float(_) => 16,
        };
        let is_shown = raster.encoding == Encoding::Display;
        let is_float = matches!(raster.samples, Samples::Float(_));
        match self {
            Self::Png | Self::Tiff if is_shown && !is_float => {
                raster.to_shown(if bits <= 8 { 8 } else { 16 })
            }
            Self::Png => raster.to_shown(16),
            Self::Tiff if is_float => raster,
            Self::Tiff => raster.to_shown(16),
            Self::Dpx if is_float => raster.to_shown(16),
            Self::Dpx => raster,
            Self::Exr => raster.to_linear(),
        }
    }

    /// The bytes of a file with a picture. What the header of another format says is not in it.
    ///
    /// # Errors
    /// What the format cannot hold.
    pub fn encode(self, raster: Raster, header: &Header) -> Result<Vec<u8>, String> {
        let raster = self.fitted(raster);
        match (self, header) {
            (Self::Png, _) => png::encode(&raster),
            (Self::Tiff, Header::Tiff(header)) => tiff::encode(&raster, header),
            (Self::Tiff, _) => tiff::encode(&raster, &tiff::Header::default()),
            (Self::Exr, Header::Exr(header)) => exr::encode(&raster, Some(header)),
            (Self::Exr, _) => exr::encode(&raster, None),
            (Self::Dpx, Header::Dpx(header)) => {
                dpx::write(&raster, header).map_err(|e| e.to_string())
            }
            (Self::Dpx, _) => {
                dpx::write(&raster, &dpx::Header::new(&raster)).map_err(|e| e.to_string())
            }
        }
    }
}

/// The most samples that a file of so many bytes can hold: no compression is better by far. What says that it holds more is
/// damaged, and is not to be given the memory.
fn most_samples(bytes: &[u8]) -> usize {
    bytes.len().saturating_mul(4096)
}

/// Reads a picture, upright.
///
/// # Errors
/// A file that cannot be read, or that holds something else.
pub fn read(path: &Path) -> Result<(Raster, Header), Error> {
    let format = Format::of_extension(&extension(path));
    if format.is_none_or(|format| format == Format::Png) {
        return Ok((png::read(path)?, Header::None));
    }
    let bytes = std::fs::read(path).map_err(|e| Error::of(path, e))?;
    let read = match format {
        Some(Format::Tiff) => tiff::decode(&bytes).map(|(r, h)| (r, Header::Tiff(h))),
        Some(Format::Exr) => exr::decode(&bytes).map(|(r, h)| (r, Header::Exr(Box::new(h)))),
        _ => dpx::read(&bytes)
            .map(|(r, h)| (r, Header::Dpx(Box::new(h))))
            .map_err(|e| e.to_string()),
    };
    read.map_err(|e| Error::of(path, e))
}

/// A picture as it is shown, in RGB of 8 bits.
///
/// # Errors
/// A file that cannot be read, or that holds something else.
pub fn shown(path: &Path) -> Result<Rgb, Error> {
    let (raster, _) = read(path)?;
    let shape = (raster.height, raster.width, 3);
    let pixels = Array3::from_shape_vec(shape, raster.to_rgb8());
    pixels.map_err(|e| Error::of(path, e))
}

/// Width and height of a picture, upright.
///
/// # Errors
/// As [`shown`].
pub fn size(path: &Path) -> Result<(usize, usize), Error> {
    let (raster, _) = read(path)?;
    Ok((raster.width, raster.height))
}
