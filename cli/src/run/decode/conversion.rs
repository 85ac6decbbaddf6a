//! The formats that decoded video is converted to on its way to the element.
//!
//! Luma is what archives keep: 8 bits become 10 or 12 by zeros behind them, here and not in `videoconvert`, which repeats the
//! high bits there. Chroma that the network replaces is not converted at all.

use gst_video::prelude::*;
use gst_video::{
    VideoCapsBuilder, VideoColorMatrix, VideoColorRange, VideoColorimetry, VideoFormat,
    VideoFormatInfo, VideoFrameRef, VideoInfo,
};
use tttseg::video::{Colorimetry, FrameMut, FrameRef, PixelFormat, Range, convert_depth};

use super::super::Task;
use super::super::encode::Codec;
use super::super::error::Error;

/// What decoded frames are for.
#[derive(Clone, Copy)]
pub struct Target {
    pub codec: Codec,
    pub depth: Option<u32>,
    pub task: Task,
}

/// What decoded video is converted to on the way to the element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// What `videoconvert` makes of it, if it has to.
    pub decoded: gst::Caps,
    /// The format that the element gets, made from that by [`convert_depth`].
    format: VideoFormat,
    /// [`convert_depth`] brings full range to limited range: `videoconvert` leaves samples alone where only the range differs
    /// (GStreamer 1.22).
    is_limited: bool,
}

/// What caps say of light beyond what a `VideoInfo` holds: of the display that HDR video was mastered on, and of its brightest places.
const HDR: [&str; 2] = ["mastering-display-info", "content-light-level"];

/// Formats in planes by their chroma (4:2:0, 4:2:2, 4:4:4) and depth.
fn planar(chroma: usize, depth: u32) -> VideoFormat {
    use VideoFormat as F;
    let all = match depth {
        8 => [F::I420, F::Y42b, F::Y444],
        10 => [F::I42010le, F::I42210le, F::Y44410le],
        _ => [F::I42012le, F::I42212le, F::Y44412le],
    };
    all[chroma.min(2)]
}

impl Conversion {
    /// For a film. 4:2:2 that is going to be rotated becomes 4:4:4.
    pub fn new(film: &VideoInfo, target: Target, is_rotated: bool) -> Self {
        let Target { codec, depth, task } = target;
        let info = film.format_info();
        let bits = info.depth()[0];
        let depth = depth.unwrap_or_else(|| codec.depth(bits));
        let chroma = match (info.w_sub().get(1), info.h_sub().get(1)) {
            _ if info.is_gray() => 0,
            _ if info.is_rgb() => 2,
            (Some(0), Some(0)) => 2,
            (Some(_), Some(0)) if is_rotated => 2,
            (Some(_), Some(0)) => 1,
            _ => 0,
        };
        let encoded = match codec {
            Codec::Ffv1 => chroma,
            Codec::Prores => chroma.max(1),
            Codec::H264 => 0,
        };
        let format = planar(encoded, depth);
        // What a container cannot say has to be what it is taken for.
        let colorimetry = colorimetry(film);
        let is_changed = colorimetry.range() == VideoColorRange::Range0_255 && codec != Codec::Ffv1;
        let colorimetry = (is_changed && info.is_rgb()).then(|| limited(&colorimetry));
        let held = match bits {
            0..=8 => 8,
            9..=10 => 10,
            _ => 12,
        };
        let decoded = if info.is_rgb() {
            format
        } else if info.is_gray() {
            match bits {
                0..=8 => VideoFormat::Gray8,
                _ => VideoFormat::Gray16Le,
            }
        } else if task == Task::Colorize {
            planar(chroma, held)
        } else {
            planar(encoded, held)
        };
        let mut caps = VideoCapsBuilder::new().format(decoded);
        if let Some(colorimetry) = colorimetry {
            caps = caps.field("colorimetry", colorimetry.to_string());
        }
        Self {
            decoded: caps.build(),
            format,
            is_limited: is_changed && !info.is_rgb(),
        }
    }

    /// A frame that `videoconvert` has made as it should be, with its caps; none where it is so already. `caps` and `film` are
    /// those of the frame.
    pub fn convert(
        &self,
        frame: &gst::BufferRef,
        caps: &gst::CapsRef,
        film: &VideoInfo,
    ) -> Result<Option<(gst::Caps, gst::Buffer)>, Error> {
        let is_full = colorimetry(film).range() == VideoColorRange::Range0_255;
        if self.format == film.format() && !(self.is_limited && is_full) {
            return Ok(None);
        }
        let info = self.info(film)?;
        let small = |_| Error::from("a decoded frame is smaller than its caps say");
        let mut made = gst::Buffer::with_size(info.size())?;
        let buffer = made.make_mut();
        let what = gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS;
        frame.copy_into(buffer, what, ..).map_err(small)?;
        let from = VideoFrameRef::from_buffer_ref_readable(frame, film).map_err(small)?;
        let mut to = VideoFrameRef::from_buffer_ref_writable(buffer, &info).map_err(small)?;
        let strides: Vec<i32> = to.plane_stride().to_vec();
        let (format, width, height, colorimetry) = description(film)?;
        let planes = from
            .planes_data()
            .into_iter()
            .zip(stride(from.plane_stride()));
        let from = FrameRef::new(format, width, height, colorimetry, planes);
        let (format, width, height, colorimetry) = description(&info)?;
        let planes = to.planes_data_mut().into_iter().zip(stride(&strides));
        let frame = FrameMut::new(format, width, height, colorimetry, planes);
        let wrong = |e| Error::Other(format!("a decoded frame: {e}"));
        convert_depth(&from.map_err(wrong)?, &mut frame.map_err(wrong)?);
        drop(to);
        let mut made_caps = info.to_caps()?;
        if let (Some(of), Some(to)) = (caps.structure(0), made_caps.make_mut().structure_mut(0)) {
            for name in HDR {
                if let Ok(value) = of.value(name) {
                    to.set_value(name, value.clone());
                }
            }
        }
        Ok(Some((made_caps, made)))
    }

    /// The same video in the format that the element gets.
    fn info(&self, film: &VideoInfo) -> Result<VideoInfo, Error> {
        let colorimetry = match self.is_limited {
            true => limited(&colorimetry(film)),
            false => colorimetry(film),
        };
        let info = VideoInfo::builder(self.format, film.width(), film.height())
            .fps(film.fps())
            .par(film.par())
            .interlace_mode(film.interlace_mode())
            .field_order(film.field_order())
            .colorimetry(&colorimetry);
        let chroma = |of: VideoFormatInfo| (of.w_sub().get(1).copied(), of.h_sub().get(1).copied());
        let is_same =
            chroma(VideoFormatInfo::from_format(self.format)) == chroma(film.format_info());
        let info = match film.chroma_site() {
            site if is_same && !site.is_empty() => info.chroma_site(site),
            _ => info,
        };
        Ok(info.build()?)
    }
}

/// A frame's format, width, height and colorimetry in the engine's terms.
fn description(info: &VideoInfo) -> Result<(PixelFormat, usize, usize, Colorimetry), Error> {
    let name = info.format().to_str();
    let format = PixelFormat::from_name(name).ok_or_else(|| format!("frames in {name}"))?;
    let range = match colorimetry(info).range() {
        VideoColorRange::Range0_255 => Range::Full,
        _ => Range::Limited,
    };
    let colorimetry = Colorimetry {
        range,
        ..Colorimetry::default()
    };
    Ok((
        format,
        info.width() as usize,
        info.height() as usize,
        colorimetry,
    ))
}

/// Bytes from row to row; rows that run backwards are refused as too short.
fn stride(of_planes: &[i32]) -> impl Iterator<Item = usize> {
    let all = of_planes.iter();
    all.map(|stride| usize::try_from(*stride).unwrap_or(0))
}

/// The same in limited range.
fn limited(full: &VideoColorimetry) -> VideoColorimetry {
    let range = VideoColorRange::Range16_235;
    VideoColorimetry::new(range, full.matrix(), full.transfer(), full.primaries())
}

/// Colorimetry of what goes to the element: grey says nothing of a matrix, and often nothing of a range.
fn colorimetry(film: &VideoInfo) -> VideoColorimetry {
    let known = film.colorimetry();
    if !film.is_gray() {
        return known;
    }
    let range = match known.range() {
        VideoColorRange::Unknown => VideoColorRange::Range0_255,
        range => range,
    };
    let matrix = match known.matrix() {
        VideoColorMatrix::Unknown | VideoColorMatrix::Rgb => VideoColorMatrix::Bt601,
        matrix => matrix,
    };
    VideoColorimetry::new(range, matrix, known.transfer(), known.primaries())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn full_range_where_that_cannot_be_said() {
        gst::init().unwrap();
        let (bt709, full) = (VideoColorimetry::from_str("bt709").unwrap(), {
            VideoColorRange::Range0_255
        });
        let said = VideoColorimetry::new(full, bt709.matrix(), bt709.transfer(), bt709.primaries());
        let film = VideoInfo::builder(VideoFormat::I420, 8, 2).colorimetry(&said);
        let film = film.build().unwrap();
        let mut bytes = vec![0_u8; film.size()];
        bytes[8..16].fill(255);
        bytes[film.offset()[1]..].fill(128);
        bytes[film.offset()[1]] = 255;
        let frame = gst::Buffer::from_slice(bytes);
        let target = |codec| Target {
            codec,
            depth: None,
            task: Task::Segment,
        };
        let conversion = Conversion::new(&film, target(Codec::H264), false);
        let asked = conversion.decoded.structure(0).unwrap();
        assert!(!asked.has_field("colorimetry"), "{asked}");
        let mut of_film = film.to_caps().unwrap();
        let light = of_film.make_mut().structure_mut(0).unwrap();
        light.set("content-light-level", "1000:400");
        let (caps, made) = conversion
            .convert(&frame, &of_film, &film)
            .unwrap()
            .unwrap();
        let info = VideoInfo::from_caps(&caps).unwrap();
        assert_eq!(info.colorimetry(), bt709);
        let kept = caps
            .structure(0)
            .unwrap()
            .get::<&str>("content-light-level");
        assert_eq!(kept, Ok("1000:400"));
        let made = VideoFrameRef::from_buffer_ref_readable(&made, &info).unwrap();
        let luma = made.plane_data(0).unwrap();
        assert_eq!((luma[0], luma[info.stride()[0] as usize]), (16, 235));
        assert_eq!(made.plane_data(1).unwrap()[..2], [240, 128]);
        // What is of limited range already is not touched.
        let later = VideoInfo::builder(VideoFormat::I420, 8, 2).colorimetry(&bt709);
        let later = later.build().unwrap();
        let caps = later.to_caps().unwrap();
        assert_eq!(conversion.convert(&frame, &caps, &later).unwrap(), None);
        let kept = Conversion::new(&film, target(Codec::Ffv1), false);
        let (caps, _) = kept.convert(&frame, &of_film, &film).unwrap().unwrap();
        assert_eq!(VideoInfo::from_caps(&caps).unwrap().colorimetry(), said);
    }

    #[test]
    fn grey_of_full_range_where_that_cannot_be_said() {
        gst::init().unwrap();
        let film = VideoInfo::builder(VideoFormat::Gray8, 16, 2)
            .build()
            .unwrap();
        let frame = gst::Buffer::from_slice([[0_u8; 16], [255; 16]].concat());
        for (codec, depth, luma_wanted) in [
            (Codec::Ffv1, 10, [0_u16, 1020]),
            (Codec::Prores, 10, [64, 940]),
            (Codec::H264, 8, [16, 235]),
        ] {
            let target = Target {
                codec,
                depth: None,
                task: Task::Colorize,
            };
            let conversion = Conversion::new(&film, target, false);
            let of_film = film.to_caps().unwrap();
            let (caps, made) = conversion
                .convert(&frame, &of_film, &film)
                .unwrap()
                .unwrap();
            let info = VideoInfo::from_caps(&caps).unwrap();
            let made = VideoFrameRef::from_buffer_ref_readable(&made, &info).unwrap();
            let luma = made.plane_data(0).unwrap();
            let stride = info.stride()[0] as usize;
            let found = [0, stride].map(|at| match depth {
                8 => u16::from(luma[at]),
                _ => u16::from_le_bytes([luma[at], luma[at + 1]]),
            });
            assert_eq!(found, luma_wanted, "{codec:?}");
        }
    }
}
