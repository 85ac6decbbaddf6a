//! PNG and JPEG.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ExtendedColorType, ImageFormat};
use tttseg::video::read_upright;

use super::super::error::Error;
use super::raster::{Encoding, Raster, Samples};

/// Reads a file. Opacity is left out.
pub fn read(path: &Path) -> Result<Raster, Error> {
    let decoded = read_upright(path).map_err(|e| Error::Other(e.to_string()))?;
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let is_grey = !decoded.color().has_color();
    let is_deep = decoded.color().bytes_per_pixel() > decoded.color().channel_count();
    let (bits, values) = match (is_deep, is_grey) {
        (true, true) => (16, luma16(decoded)),
        (true, false) => (16, decoded.into_rgb16().into_raw()),
        (false, true) => (8, widened(decoded.into_luma8().into_raw())),
        (false, false) => (8, widened(decoded.into_rgb8().into_raw())),
    };
    Ok(Raster {
        width,
        height,
        components: if is_grey { 1 } else { 3 },
        samples: Samples::Codes { bits, values },
        encoding: Encoding::Display,
    })
}

fn luma16(decoded: DynamicImage) -> Vec<u16> {
    match decoded {
        DynamicImage::ImageLuma16(grey) => grey.into_raw(),
        other => other.into_luma16().into_raw(),
    }
}

fn widened(bytes: Vec<u8>) -> Vec<u16> {
    bytes.into_iter().map(u16::from).collect()
}

/// The bytes of a PNG file.
pub fn encode(raster: &Raster) -> Result<Vec<u8>, String> {
    let Samples::Codes { bits, values } = &raster.samples else {
        return Err("PNG files hold no numbers in floating point".into());
    };
    let (colour, bytes): (_, Vec<u8>) = match (bits, raster.components) {
        (8, 1) => (
            ExtendedColorType::L8,
            values.iter().map(|v| *v as u8).collect(),
        ),
        (8, _) => (
            ExtendedColorType::Rgb8,
            values.iter().map(|v| *v as u8).collect(),
        ),
        (_, 1) => (
            ExtendedColorType::L16,
            values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
        ),
        (_, _) => (
            ExtendedColorType::Rgb16,
            values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
        ),
    };
    let side = |n: usize| u32::try_from(n).map_err(|e| e.to_string());
    let (width, height) = (side(raster.width)?, side(raster.height)?);
    let mut file = Cursor::new(vec![]);
    image::write_buffer_with_format(&mut file, &bytes, width, height, colour, ImageFormat::Png)
        .map_err(|e| e.to_string())?;
    Ok(file.into_inner())
}
