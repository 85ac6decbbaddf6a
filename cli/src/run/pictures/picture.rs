//! One picture: read, and through the element.

use std::path::Path;

use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use tttseg::video::model_size;

use super::super::Task;
use super::super::error::Error;
use super::super::stills::{Encoding, Header, Raster, Samples, read};
use super::super::worker::Worker;

/// Time from one picture to the next. The element looks at the order only.
pub const APART: gst::ClockTime = gst::ClockTime::from_mseconds(40);

/// A picture as the element takes it.
pub struct Picture {
    info: VideoInfo,
    /// Rows without gaps.
    pixels: Vec<u8>,
    /// Its grey, where colours come into its own samples.
    grey: Option<Raster>,
    header: Header,
}

impl Picture {
    /// Upright. Where colours are to be found and there are more bits than 8, or samples are not made to be shown, grey of 16
    /// bits as it is shown; or else RGB of 8.
    ///
    /// # Errors
    /// A file that cannot be read, or a picture that is too small.
    pub fn read(path: &Path, task: Task) -> Result<Self, Error> {
        let (raster, header) = read(path)?;
        let (width, height) = (raster.width, raster.height);
        // The element would end with it, and take no other. Of the model, no more than that there is one.
        model_size(width, height, 256, 256).map_err(|e| Error::of(path, e))?;
        let is_plain = raster.encoding == Encoding::Display
            && matches!(raster.samples, Samples::Codes { bits: 8, .. });
        let (format, pixels, grey) = match task == Task::Colorize && !is_plain {
            true => {
                let grey = raster.to_grey();
                let shown = grey.to_shown(16);
                let words = shown.codes().iter().flat_map(|v| v.to_le_bytes());
                (VideoFormat::Gray16Le, words.collect(), Some(grey))
            }
            false => (VideoFormat::Rgb, raster.to_rgb8(), None),
        };
        let side = |n: usize| u32::try_from(n).map_err(|e| Error::of(path, e));
        let info = VideoInfo::builder(format, side(width)?, side(height)?)
            .fps(gst::Fraction::new(25, 1))
            .build()
            .map_err(|e| Error::of(path, e))?;
        Ok(Self {
            info,
            pixels,
            grey,
            header,
        })
    }

    /// What the element makes of it, and the header of its file.
    pub fn through(
        self,
        worker: &mut Worker,
        time: gst::ClockTime,
    ) -> Result<(Raster, Header), Error> {
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
        let (width, height) = (info.width() as usize, info.height() as usize);
        let plane = |plane: u32, bytes: usize| -> Result<Vec<u8>, Error> {
            let stride = frame.plane_stride()[plane as usize] as usize;
            let rows = frame.plane_data(plane)?.chunks(stride);
            let rows = rows.take(height);
            Ok(rows
                .flat_map(|row| &row[..width * bytes])
                .copied()
                .collect())
        };
        let of_bytes = |components, bytes: Vec<u8>| Raster {
            width,
            height,
            components,
            samples: Samples::Codes {
                bits: 8,
                values: bytes.into_iter().map(u16::from).collect(),
            },
            encoding: Encoding::Display,
        };
        let made = match (info.format(), &self.grey) {
            (VideoFormat::Rgb, _) => of_bytes(3, plane(0, 3)?),
            (VideoFormat::Gray8, _) => of_bytes(1, plane(0, 1)?),
            (VideoFormat::Y44416le, Some(grey)) => {
                grey.in_colours(&rgb16(&[plane(0, 2)?, plane(1, 2)?, plane(2, 2)?]))
            }
            (other, _) => {
                return Err(Error::Other(format!(
                    "the element makes {other} of pictures, which files of pictures cannot hold"
                )));
            }
        };
        Ok((made, self.header))
    }
}

/// Interleaved RGB of 16 bits of planes in little endian: full range, BT.601. Chroma that cannot be
/// shown at its luma is paled until it can.
fn rgb16(planes: &[Vec<u8>; 3]) -> Vec<u16> {
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
            let rgb = rgb16(&[word(y), word(cb), word(cr)]);
            let rgb: Vec<f64> = rgb.into_iter().map(f64::from).collect();
            let luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
            assert!((luma - f64::from(y)).abs() < 1.0, "{rgb:?} of {y}");
        }
    }
}
