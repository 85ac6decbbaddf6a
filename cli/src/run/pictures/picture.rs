//! One picture: read, through the element, and written.

use std::path::Path;

use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use image::{DynamicImage, ExtendedColorType, ImageError, ImageFormat};
use tttseg::files::Pending;
use tttseg::video::{model_size, read_upright};

use super::super::Task;
use super::super::error::Error;
use super::super::worker::Worker;
use super::APART;

/// A picture as the element takes it.
pub struct Picture {
    info: VideoInfo,
    /// Rows without gaps.
    pixels: Vec<u8>,
}

/// A picture as a file holds it.
pub struct Pixels {
    width: u32,
    height: u32,
    colour: ExtendedColorType,
    bytes: Vec<u8>,
}

impl Picture {
    /// Upright; grey of 16 bits where there are so many and colours are to be found, or else RGB of 8.
    pub fn read(path: &Path, task: Task) -> Result<Self, Error> {
        let decoded = read_upright(path).map_err(|e| Error::Other(e.to_string()))?;
        let (width, height) = (decoded.width(), decoded.height());
        // The element would end with it, and take no other. Of the model, no more than that there is one.
        model_size(width as usize, height as usize, 256, 256).map_err(|e| Error::of(path, e))?;
        let is_deep = matches!(
            decoded,
            DynamicImage::ImageLuma16(_)
                | DynamicImage::ImageLumaA16(_)
                | DynamicImage::ImageRgb16(_)
                | DynamicImage::ImageRgba16(_)
        );
        let (format, pixels) = if is_deep && task == Task::Colorize {
            (VideoFormat::Gray16Le, luma(decoded))
        } else {
            (VideoFormat::Rgb, decoded.into_rgb8().into_raw())
        };
        let info = VideoInfo::builder(format, width, height)
            .fps(gst::Fraction::new(25, 1))
            .build()
            .map_err(|e| Error::of(path, e))?;
        Ok(Self { info, pixels })
    }

    /// What the element makes of it.
    pub fn through(self, worker: &mut Worker, time: gst::ClockTime) -> Result<Pixels, Error> {
        let mut buffer = gst::Buffer::with_size(self.info.size())?;
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(time);
            buffer.set_duration(APART);
            let row = self.pixels.len() / self.info.height().max(1) as usize;
            let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &self.info)?;
            let stride = frame.plane_stride()[0] as usize;
            let rows = frame.plane_data_mut(0)?.chunks_mut(stride);
            for (to, from) in rows.zip(self.pixels.chunks(row.max(1))) {
                to[..row].copy_from_slice(from);
            }
        }
        let caps = self.info.to_caps()?;
        let (caps, buffer) = worker.frame(&caps, buffer)?;
        let info = VideoInfo::from_caps(&caps)?;
        let frame = VideoFrameRef::from_buffer_ref_readable(&buffer, &info)?;
        let (width, height) = (info.width(), info.height());
        let plane = |plane: u32, bytes: usize| -> Result<Vec<u8>, Error> {
            let stride = frame.plane_stride()[plane as usize] as usize;
            let rows = frame.plane_data(plane)?.chunks(stride);
            let rows = rows.take(height as usize);
            Ok(rows
                .flat_map(|row| &row[..width as usize * bytes])
                .copied()
                .collect())
        };
        let (bytes, colour) = match info.format() {
            VideoFormat::Rgb => (plane(0, 3)?, ExtendedColorType::Rgb8),
            VideoFormat::Gray8 => (plane(0, 1)?, ExtendedColorType::L8),
            VideoFormat::Y44416le => (
                rgb16(&[plane(0, 2)?, plane(1, 2)?, plane(2, 2)?]),
                ExtendedColorType::Rgb16,
            ),
            other => {
                return Err(Error::Other(format!(
                    "the element makes {other} of pictures, which PNG files cannot hold"
                )));
            }
        };
        Ok(Pixels {
            width,
            height,
            colour,
            bytes,
        })
    }
}

impl Pixels {
    /// Writes them: as a whole, or not at all.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let file = Pending::by_one_writer(path);
        image::save_buffer_with_format(
            file.temporary(),
            &self.bytes,
            self.width,
            self.height,
            self.colour,
            ImageFormat::Png,
        )
        .map_err(|e| match e {
            ImageError::IoError(e) => file.error(e).into(),
            e => Error::of(path, e),
        })?;
        Ok(file.commit()?)
    }
}

/// Luma of 16 bits (BT.601), little endian.
fn luma(picture: DynamicImage) -> Vec<u8> {
    let grey: Vec<u16> = match picture {
        DynamicImage::ImageLuma16(grey) => grey.into_raw(),
        DynamicImage::ImageLumaA16(grey) => grey.pixels().map(|p| p.0[0]).collect(),
        other => {
            let pixels = other.into_rgb16();
            let luma = |[r, g, b]: [u16; 3]| {
                let [r, g, b] = [r, g, b].map(u32::from);
                ((299 * r + 587 * g + 114 * b + 500) / 1000) as u16
            };
            pixels.pixels().map(|p| luma(p.0)).collect()
        }
    };
    grey.into_iter().flat_map(u16::to_le_bytes).collect()
}

/// Interleaved RGB of 16 bits, in the machine's order, of planes in little endian: full range, BT.601. Chroma that cannot be
/// shown at its luma is paled until it can.
fn rgb16(planes: &[Vec<u8>; 3]) -> Vec<u8> {
    const WHITE: f32 = 65535.0;
    let samples = |plane: usize| {
        let words = planes[plane].as_chunks::<2>().0.iter();
        words.map(|w| f32::from(u16::from_le_bytes(*w)))
    };
    let all = samples(0).zip(samples(1).zip(samples(2)));
    all.flat_map(|(y, (cb, cr))| {
        let (cb, cr) = (cb - 32768.0, cr - 32768.0);
        let (red, blue) = (1.402 * cr, 1.772 * cb);
        let away = [red, -(0.299 * red + 0.114 * blue) / 0.587, blue];
        let share = away.iter().fold(1.0_f32, |share, &d| {
            let room = if d > 0.0 { WHITE - y } else { y };
            if d.abs() > room {
                share.min(room / d.abs())
            } else {
                share
            }
        });
        away.map(|d| (y + share * d).round().clamp(0.0, WHITE) as u16)
    })
    .flat_map(u16::to_ne_bytes)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_survives_in_rgb() {
        let word = |n: u16| n.to_le_bytes().to_vec();
        for (y, cb, cr) in [
            (30000, 32768, 32768),
            (30001, 40000, 30000),
            (60000, 65535, 0),
            (0, 0, 65535),
        ] {
            let bytes = rgb16(&[word(y), word(cb), word(cr)]);
            let rgb: Vec<f64> = bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|w| f64::from(u16::from_ne_bytes(*w)))
                .collect();
            let luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
            assert!((luma - f64::from(y)).abs() < 1.0, "{rgb:?} of {y}");
        }
    }
}
