//! DPX (SMPTE ST 268-1): one element of grey or RGB, of 8 to 16 bits.
//!
//! | file | holds |
//! |---|---|
//! | `header` | what a file says of its samples, and all else that it says |
//! | `samples` | samples in words |

mod header;
mod samples;

use super::most_samples;
use super::raster::{Raster, Samples};
pub use header::Header;
use header::{Element, GREY, RGB};
use tttseg::ndarray::Array3;

/// Why bytes are no picture, or a picture cannot be bytes.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum DpxError {
    /// They begin otherwise.
    #[error("this is no DPX file")]
    Magic,
    /// They end too early.
    #[error("it ends after {found} bytes; its header says {wanted}")]
    Short {
        /// How many there are.
        found: usize,
        /// How many there should be at least.
        wanted: usize,
    },
    /// A field of the header says something that is not read here.
    #[error("{field} is {value}; {possible}")]
    Field {
        /// The field of the standard.
        field: &'static str,
        /// What it says.
        value: u32,
        /// What can be read.
        possible: &'static str,
    },
    /// A picture that the format does not hold.
    #[error("{0}")]
    Raster(&'static str),
}

/// A picture, upright, out of the bytes of a file.
///
/// # Errors
/// Bytes that are no such file, or one of a kind that is not read here.
pub fn read(bytes: &[u8]) -> Result<(Raster, Header), DpxError> {
    let header = Header::read(bytes)?;
    let element = header.element()?;
    let Element {
        width,
        height,
        components,
        bits,
        ..
    } = element;
    let all = width.saturating_mul(height).saturating_mul(components);
    let data = bytes.get(element.offset..).unwrap_or_default();
    if all > most_samples(bytes) {
        return Err(DpxError::Short {
            found: bytes.len(),
            wanted: all,
        });
    }
    let values = samples::read(data, &element, header.is_big())?;
    let orientation = header.orientation()?;
    let recorded = Array3::from_shape_vec((height, width, components), values);
    let recorded = recorded.map_err(|_| DpxError::Raster("its size makes no picture"))?;
    let upright = orientation.upright(&recorded, [0, 1]);
    let (height, width, _) = upright.dim();
    let raster = Raster {
        width,
        height,
        components,
        samples: Samples::Codes {
            bits,
            values: upright.into_iter().collect(),
        },
        encoding: header.encoding(),
    };
    Ok((raster, header))
}

/// The bytes of a file with these samples, under this header: what it says of samples becomes what they are.
///
/// # Errors
/// A picture that is not of codes.
pub fn write(raster: &Raster, header: &Header) -> Result<Vec<u8>, DpxError> {
    let Samples::Codes { bits, values } = &raster.samples else {
        return Err(DpxError::Raster(
            "DPX files hold no numbers in floating point here",
        ));
    };
    let wrong = DpxError::Raster("the picture is too large for a DPX file");
    let side = |n: usize| u32::try_from(n).ok();
    let Some((width, height)) = side(raster.width).zip(side(raster.height)) else {
        return Err(wrong);
    };
    let descriptor = if raster.components == 1 { GREY } else { RGB };
    let mut header = header.clone();
    let is_same = header.encoding() == raster.encoding;
    header.describe(
        (width, height),
        descriptor,
        *bits,
        (!is_same).then_some(raster.encoding),
    );
    let size = (raster.width, raster.components);
    let data = samples::write(values, size, *bits, header.is_big());
    header.finish(data.len()).ok_or(wrong).map(|mut bytes| {
        bytes.extend(data);
        bytes
    })
}

#[cfg(test)]
mod tests;
