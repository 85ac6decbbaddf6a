//! How films are encoded, and what frames have to look like for that.
//!
//! Luma is what archives keep: 8 bits become 10 or 12 by zeros behind them, here and not in `videoconvert`, which repeats
//! the high bits there. Chroma that the network replaces is not converted at all.

use clap::ValueEnum;
use gst_video::prelude::*;
use gst_video::{
    VideoColorMatrix, VideoColorRange, VideoColorimetry, VideoFormat, VideoFrameRef, VideoInfo,
};

use super::Task;
use super::failure::Failure;
use super::reader::Wanted;

/// How a film is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Codec {
    /// FFV1 in Matroska.
    Ffv1,
    /// ProRes in QuickTime.
    Prores,
    /// H.264 in MP4.
    H264,
}

impl Codec {
    /// By the name of the file.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "mkv" => Some(Self::Ffv1),
            "mov" => Some(Self::Prores),
            "mp4" | "m4v" => Some(Self::H264),
            _ => None,
        }
    }

    /// Extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ffv1 => "mkv",
            Self::Prores => "mov",
            Self::H264 => "mp4",
        }
    }

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ffv1 => "ffv1",
            Self::Prores => "prores",
            Self::H264 => "h264",
        }
    }

    /// From raw video to what the muxer takes, as in a launch line. Every frame of the first two is a key frame; none of
    /// them is shown in another order than it is written, so that segments can be put behind one another.
    pub fn encoder(self) -> &'static str {
        match self {
            Self::Ffv1 => "avenc_ffv1 gop-size=1",
            Self::Prores => "avenc_prores_ks",
            Self::H264 => {
                "x264enc pass=qual quantizer=18 bframes=0 key-int-max=100 ! video/x-h264,stream-format=avc ! h264parse"
            }
        }
    }

    /// The muxer, as in a launch line.
    pub fn muxer(self) -> &'static str {
        match self {
            Self::Ffv1 => "matroskamux",
            Self::Prores => "qtmux",
            Self::H264 => "mp4mux",
        }
    }

    /// From a segment's bytes to what the muxer takes.
    pub fn demuxer(self) -> &'static str {
        match self {
            Self::Ffv1 => "matroskademux",
            Self::Prores => "qtdemux",
            Self::H264 => "qtdemux ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
        }
    }

    /// Elements without which it does not work, and Debian's packages that have them.
    fn needs(self) -> &'static [(&'static str, &'static str)] {
        const GOOD: &str = "gstreamer1.0-plugins-good";
        const LIBAV: &str = "gstreamer1.0-libav";
        match self {
            Self::Ffv1 => &[
                ("avenc_ffv1", LIBAV),
                ("matroskamux", GOOD),
                ("matroskademux", GOOD),
            ],
            Self::Prores => &[
                ("avenc_prores_ks", LIBAV),
                ("qtmux", GOOD),
                ("qtdemux", GOOD),
            ],
            Self::H264 => &[
                ("x264enc", "gstreamer1.0-plugins-ugly"),
                ("h264parse", "gstreamer1.0-plugins-bad"),
                ("mp4mux", GOOD),
                ("qtdemux", GOOD),
            ],
        }
    }

    /// Checks that this machine can do it.
    ///
    /// # Errors
    /// With the package that is missing.
    pub fn check(self) -> Result<(), Failure> {
        for (element, package) in self.needs() {
            if gst::ElementFactory::find(element).is_none() {
                return Err(Failure::Other(format!(
                    "{} needs GStreamer's element {element}, which is missing; Debian has it in {package}",
                    self.name()
                )));
            }
        }
        Ok(())
    }

    /// Bits of a sample for a film of so many.
    fn depth(self, asked: Option<u32>, of_film: u32) -> u32 {
        match (asked, self) {
            (Some(asked), _) => asked,
            (None, Self::Ffv1) => of_film.clamp(10, 12).next_multiple_of(2),
            (None, Self::Prores) => 10,
            (None, Self::H264) => 8,
        }
    }

    /// Checks a depth that was asked for.
    ///
    /// # Errors
    /// With those that the codec has.
    pub fn check_depth(self, asked: Option<u32>) -> Result<(), Failure> {
        let has: &[u32] = match self {
            Self::Ffv1 => &[8, 10, 12],
            Self::Prores => &[10],
            Self::H264 => &[8, 10],
        };
        match asked {
            Some(asked) if !has.contains(&asked) => Err(Failure::Other(format!(
                "--depth {asked}: {} has {has:?}",
                self.name()
            ))),
            _ => Ok(()),
        }
    }
}

/// What decoded video is made into on the way to the element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What `videoconvert` makes of it, if it has to.
    pub decoded: gst::Caps,
    /// The format that the element gets, made from that by [`deepen`].
    pub worked: VideoFormat,
    /// [`deepen`] brings grey of full range to limited range: `videoconvert` leaves it as it is (GStreamer 1.22).
    pub is_limited: bool,
}

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

/// What is made of decoded video. Of 4:2:2 that is going to be turned becomes 4:4:4.
pub fn plan(film: &VideoInfo, wanted: Wanted, is_turned: bool) -> Plan {
    let Wanted { codec, depth, task } = wanted;
    let info = film.format_info();
    let bits = info.depth()[0];
    let depth = codec.depth(depth, bits);
    let chroma = match (info.w_sub().get(1), info.h_sub().get(1)) {
        _ if info.is_gray() => 0,
        _ if info.is_rgb() => 2,
        (Some(0), Some(0)) => 2,
        (Some(_), Some(0)) if is_turned => 2,
        (Some(_), Some(0)) => 1,
        _ => 0,
    };
    let encoded = match codec {
        Codec::Ffv1 => chroma,
        Codec::Prores => chroma.max(1),
        Codec::H264 => 0,
    };
    let worked = planar(encoded, depth);
    // What a container cannot say has to be what it is taken for.
    let is_full = colorimetry(film).range() == VideoColorRange::Range0_255;
    let is_changed = is_full && codec != Codec::Ffv1;
    let colorimetry = (is_changed && !info.is_gray()).then(|| limited(&colorimetry(film)));
    let held = match bits {
        0..=8 => 8,
        9..=10 => 10,
        _ => 12,
    };
    let decoded = if info.is_rgb() || colorimetry.is_some() {
        worked
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
    let mut caps = gst_video::VideoCapsBuilder::new().format(decoded);
    if let Some(colorimetry) = colorimetry {
        caps = caps.field("colorimetry", colorimetry.to_string());
    }
    Plan {
        decoded: caps.build(),
        worked,
        is_limited: is_changed && info.is_gray(),
    }
}

/// The same in limited range.
fn limited(told: &VideoColorimetry) -> VideoColorimetry {
    let range = VideoColorRange::Range16_235;
    VideoColorimetry::new(range, told.matrix(), told.transfer(), told.primaries())
}

/// Colorimetry of what goes to the element: grey says nothing of a matrix, and often nothing of a range.
fn colorimetry(film: &VideoInfo) -> VideoColorimetry {
    let told = film.colorimetry();
    if !film.is_gray() {
        return told;
    }
    let range = match told.range() {
        VideoColorRange::Unknown => VideoColorRange::Range0_255,
        range => range,
    };
    let matrix = match told.matrix() {
        VideoColorMatrix::Unknown | VideoColorMatrix::Rgb => VideoColorMatrix::Bt601,
        matrix => matrix,
    };
    VideoColorimetry::new(range, matrix, told.transfer(), told.primaries())
}

/// The same video in another format.
///
/// # Errors
/// When there is no such video.
pub fn info_in(
    film: &VideoInfo,
    format: VideoFormat,
    is_limited: bool,
) -> Result<VideoInfo, Failure> {
    let told = match is_limited {
        true => limited(&colorimetry(film)),
        false => colorimetry(film),
    };
    let info = VideoInfo::builder(format, film.width(), film.height())
        .fps(film.fps())
        .par(film.par())
        .interlace_mode(film.interlace_mode())
        .field_order(film.field_order())
        .colorimetry(&told);
    let same_chroma = {
        let of = gst_video::VideoFormatInfo::from_format(format);
        (of.w_sub().get(1), of.h_sub().get(1))
            == (
                film.format_info().w_sub().get(1),
                film.format_info().h_sub().get(1),
            )
    };
    let info = match film.chroma_site() {
        site if same_chroma && !site.is_empty() => info.chroma_site(site),
        _ => info,
    };
    info.build().map_err(|e| Failure::Other(e.to_string()))
}

/// Samples of a film's frame in another depth: what is added below is zero, what is cut off is gone. Where the planes of
/// chroma have another size, there is none: the network makes it.
///
/// # Errors
/// A buffer that is no frame of its caps.
pub fn deepen(
    frame: &gst::BufferRef,
    film: &VideoInfo,
    into: &VideoInfo,
) -> Result<gst::Buffer, Failure> {
    let bad = |_| Failure::Other("a decoded frame is smaller than its caps say".to_owned());
    let mut made = gst::Buffer::with_size(into.size()).map_err(bad)?;
    {
        let made = made.make_mut();
        let what = gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS;
        frame.copy_into(made, what, ..).map_err(bad)?;
        let from = VideoFrameRef::from_buffer_ref_readable(frame, film).map_err(bad)?;
        let mut to = VideoFrameRef::from_buffer_ref_writable(made, into).map_err(bad)?;
        for plane in 0..into.n_planes() {
            let same = plane < film.n_planes()
                && (0..2).all(|side| size(film, plane)[side] == size(into, plane)[side]);
            copy_plane(&from, &mut to, plane, same).map_err(|()| {
                Failure::Other("a decoded frame is smaller than its caps say".to_owned())
            })?;
        }
    }
    Ok(made)
}

/// Width and height of a plane that holds one component.
fn size(info: &VideoInfo, plane: u32) -> [u32; 2] {
    let format = info.format_info();
    [
        format.scale_width(plane as u8, info.width()),
        format.scale_height(plane as u8, info.height()),
    ]
}

fn copy_plane(
    from: &VideoFrameRef<&gst::BufferRef>,
    to: &mut VideoFrameRef<&mut gst::BufferRef>,
    plane: u32,
    same: bool,
) -> Result<(), ()> {
    let info = to.info().clone();
    let depth = info.format_info().depth()[plane as usize];
    let of_film = from.info().format_info().depth()[0];
    let [width, height] = size(&info, plane).map(|n| n as usize);
    let bytes = if depth > 8 { 2 } else { 1 };
    let film_bytes = if of_film > 8 { 2 } else { 1 };
    let is_limited = info.colorimetry().range() == VideoColorRange::Range16_235
        && from.info().is_gray()
        && colorimetry(from.info()).range() == VideoColorRange::Range0_255;
    let stride = info_stride(to.plane_stride(), plane)?;
    let rows = to.plane_data_mut(plane).map_err(drop)?;
    if !same {
        let middle = 1_u16 << (depth - 1);
        for row in rows.chunks_mut(stride).take(height) {
            let row = row.get_mut(..width * bytes).ok_or(())?;
            match bytes {
                1 => row.fill(middle as u8),
                _ => row.as_chunks_mut::<2>().0.fill(middle.to_le_bytes()),
            }
        }
        return Ok(());
    }
    let film_stride = info_stride(from.plane_stride(), plane)?;
    let film_rows = from.plane_data(plane).map_err(drop)?.chunks(film_stride);
    for (row, film_row) in rows.chunks_mut(stride).zip(film_rows).take(height) {
        let row = row.get_mut(..width * bytes).ok_or(())?;
        let film_row = film_row.get(..width * film_bytes).ok_or(())?;
        let shift = |sample: u16| match depth.checked_sub(of_film) {
            _ if is_limited => {
                let (white, step) = ((1_u32 << of_film) - 1, 1_u32 << (depth - 8));
                (16 * step + (u32::from(sample) * 219 * step + white / 2) / white) as u16
            }
            Some(up) => sample << up,
            None => sample >> (of_film - depth),
        };
        match (film_bytes, bytes) {
            (1, 1) => {
                for (to, from) in row.iter_mut().zip(film_row) {
                    *to = shift(u16::from(*from)) as u8;
                }
            }
            (1, _) => {
                for (to, from) in row.as_chunks_mut::<2>().0.iter_mut().zip(film_row) {
                    *to = shift(u16::from(*from)).to_le_bytes();
                }
            }
            (_, 1) => {
                for (to, from) in row.iter_mut().zip(film_row.as_chunks::<2>().0) {
                    *to = shift(u16::from_le_bytes(*from)) as u8;
                }
            }
            _ => {
                let from = film_row.as_chunks::<2>().0.iter();
                for (to, from) in row.as_chunks_mut::<2>().0.iter_mut().zip(from) {
                    *to = shift(u16::from_le_bytes(*from)).to_le_bytes();
                }
            }
        }
    }
    Ok(())
}

fn info_stride(strides: &[i32], plane: u32) -> Result<usize, ()> {
    let stride = *strides.get(plane as usize).ok_or(())?;
    usize::try_from(stride).ok().filter(|s| *s > 0).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_of_full_range_where_that_cannot_be_told() {
        gst::init().unwrap();
        let info = |format| VideoInfo::builder(format, 16, 2).build().unwrap();
        let film = info(VideoFormat::Gray8);
        let frame = gst::Buffer::from_slice([[0_u8; 16], [255; 16]].concat());
        for (codec, depth, luma_wanted) in [
            (Codec::Ffv1, 10, [0_u16, 1020]),
            (Codec::Prores, 10, [64, 940]),
            (Codec::H264, 8, [16, 235]),
        ] {
            let wanted = Wanted {
                codec,
                depth: None,
                task: Task::Colorize,
            };
            let plan = plan(&film, wanted, false);
            let into = info_in(&film, plan.worked, plan.is_limited).unwrap();
            let made = deepen(&frame, &film, &into).unwrap();
            let made = VideoFrameRef::from_buffer_ref_readable(&made, &into).unwrap();
            let luma = made.plane_data(0).unwrap();
            let stride = into.stride()[0] as usize;
            let found = [0, stride].map(|at| match depth {
                8 => u16::from(luma[at]),
                _ => u16::from_le_bytes([luma[at], luma[at + 1]]),
            });
            assert_eq!(found, luma_wanted, "{codec:?}");
        }
    }
}
