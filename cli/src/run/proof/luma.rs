//! The luma of a frame: its size, and the MD5 of its samples as ffmpeg's `extractplanes=y` gives them.

use gst_video::{VideoFormatFlags, VideoFrameRef, VideoInfo};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::super::error::Error;
use super::super::fixity::hex;

/// The luma of a frame. Samples of more than 8 bits are words, the low byte first; rows follow on one another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Luma {
    pub width: u32,
    pub height: u32,
    /// Bytes that were hashed.
    pub bytes: u64,
    pub md5: String,
}

impl Luma {
    /// That of a frame.
    ///
    /// # Errors
    /// RGB, and formats whose samples do not lie at steps of whole bytes.
    pub fn of(frame: &gst::BufferRef, info: &VideoInfo) -> Result<Self, Error> {
        let format = info.format_info();
        let odd = VideoFormatFlags::COMPLEX | VideoFormatFlags::TILED;
        if !(info.is_yuv() || info.is_gray()) || format.flags().intersects(odd) {
            let name = info.format().to_str();
            return Err(format!("frames in {name} have no luma that can be hashed").into());
        }
        let video = VideoFrameRef::from_buffer_ref_readable(frame, info)
            .map_err(|_| "a frame is smaller than its caps say")?;
        let bits = format.depth()[0];
        let bytes = if bits > 8 { 2 } else { 1 };
        let (width, height) = (info.width() as usize, info.height() as usize);
        let step = usize::try_from(format.pixel_stride()[0]).unwrap_or(0);
        let first = format.poffset()[0] as usize;
        let stride = usize::try_from(info.stride()[format.plane()[0] as usize]).unwrap_or(0);
        let plane = video.plane_data(format.plane()[0])?;
        let (shift, is_little) = (format.shift()[0], format.flags().contains(LITTLE));
        let is_plain = step == bytes && first == 0 && (bytes == 1 || (shift == 0 && is_little));
        let mut hash = Md5::new();
        let mut packed = vec![];
        for row in 0..height {
            let row = plane.get(row * stride..).unwrap_or_default();
            if is_plain {
                let row = row.get(..width * bytes);
                hash.update(row.ok_or("a frame has fewer rows than its caps say")?);
                continue;
            }
            packed.clear();
            let samples = row.get(first..).unwrap_or_default();
            let samples = samples.chunks(step.max(1)).take(width);
            for sample in samples {
                match (bytes, sample) {
                    (1, [low, ..]) => packed.push(low >> shift),
                    (_, [a, b, ..]) => {
                        let word = match is_little {
                            true => u16::from_le_bytes([*a, *b]),
                            false => u16::from_be_bytes([*a, *b]),
                        };
                        packed.extend((word >> shift).to_le_bytes());
                    }
                    _ => {}
                }
            }
            if packed.len() != width * bytes {
                return Err("a frame has fewer samples than its caps say".into());
            }
            hash.update(&packed);
        }
        Ok(Self {
            width: info.width(),
            height: info.height(),
            bytes: (width * height * bytes) as u64,
            md5: hex(&hash.finalize()),
        })
    }

    /// Whether it can be the same at all.
    pub fn has_size_of(&self, other: &Self) -> bool {
        (self.width, self.height, self.bytes) == (other.width, other.height, other.bytes)
    }
}

const LITTLE: VideoFormatFlags = VideoFormatFlags::LE;

#[cfg(test)]
mod tests {
    use gst_video::VideoFormat;

    use super::*;

    /// A frame of a format with these samples of luma, four in a row, everything else at 99.
    fn luma(format: VideoFormat, samples: [u16; 8]) -> Luma {
        let info = VideoInfo::builder(format, 4, 2).build().unwrap();
        let about = info.format_info();
        let mut bytes = vec![99_u8; info.size()];
        let (stride, step) = (info.stride()[0] as usize, about.pixel_stride()[0] as usize);
        for (n, sample) in samples.into_iter().enumerate() {
            let at = n / 4 * stride + n % 4 * step + about.poffset()[0] as usize;
            let word = sample << about.shift()[0];
            match (about.depth()[0], about.flags().contains(LITTLE)) {
                (8, _) => bytes[at] = word as u8,
                (_, true) => bytes[at..at + 2].copy_from_slice(&word.to_le_bytes()),
                (_, false) => bytes[at..at + 2].copy_from_slice(&word.to_be_bytes()),
            }
        }
        Luma::of(&gst::Buffer::from_slice(bytes), &info).unwrap()
    }

    #[test]
    fn samples_alone_count() {
        gst::init().unwrap();
        use VideoFormat as F;
        let samples = [0, 16, 17, 200, 235, 255, 1, 2];
        let bytes = samples.map(|s| s as u8);
        let expected = hex(&Md5::digest(bytes));
        for format in [
            F::I420,
            F::Y444,
            F::Gray8,
            F::Nv12,
            F::Uyvy,
            F::Yuy2,
            F::Ayuv,
        ] {
            let found = luma(format, samples);
            assert_eq!((found.md5, found.bytes), (expected.clone(), 8), "{format}");
        }
        let words = samples.map(u16::to_le_bytes).concat();
        let expected = hex(&Md5::digest(words));
        for format in [
            F::I42010le,
            F::I42010be,
            F::Y44412le,
            F::Gray16Le,
            F::Gray16Be,
            F::P01010le,
        ] {
            let found = luma(format, samples);
            assert_eq!((found.md5, found.bytes), (expected.clone(), 16), "{format}");
        }
    }

    #[test]
    fn what_has_no_luma() {
        gst::init().unwrap();
        for format in [VideoFormat::Rgb, VideoFormat::V210] {
            let info = VideoInfo::builder(format, 4, 2).build().unwrap();
            let frame = gst::Buffer::with_size(info.size()).unwrap();
            let error = Luma::of(&frame, &info).unwrap_err().to_string();
            assert!(error.contains(format.to_str().as_str()), "{error}");
        }
    }
}
