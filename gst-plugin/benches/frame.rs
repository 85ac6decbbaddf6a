//! The cost of a frame beside the network: mapping it, bringing it down to model size, painting classes over it; or
//! giving it colours. Beside it what GStreamer takes for reading and painting, and a plain copy.
//!
//! ```text
//! cargo bench -p gst-plugin-tttseg --bench frame                 # 1920x1080 in the usual formats
//! cargo bench -p gst-plugin-tttseg --bench frame -- 3840x2160 P010_10LE
//! ```

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use gst_video::prelude::*;
use gst_video::{VideoConverter, VideoFormat, VideoFrame, VideoFrameRef, VideoInfo};
use tttseg::video::{
    ChromaMap, ClassMap, Colorimetry, Colorizer, FrameMut, FrameRef, Overlay, Palette, PixelFormat,
    Rgb, Scaler, Style,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the built-in model sees of a frame of 16:9.
const MODEL: (usize, usize) = (416, 256);

fn main() -> Result<()> {
    gst::init()?;
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let size = asked.iter().find_map(|a| {
        let (width, height) = a.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?))
    });
    let named: Vec<PixelFormat> = asked
        .iter()
        .filter_map(|a| PixelFormat::from_name(a))
        .collect();
    let formats = if named.is_empty() {
        use PixelFormat::{Gray8, I420, I420P10Le, Nv12, P010Le, Rgb, Rgbx, Yuy2};
        vec![I420, Nv12, Yuy2, Rgb, Rgbx, Gray8, I420P10Le, P010Le]
    } else {
        named
    };
    let (width, height) = size.unwrap_or((1920, 1080));
    println!(
        "{width}x{height}, seen at {}x{}; medians in ms",
        MODEL.0, MODEL.1
    );
    println!(
        "{:10}{:>8}{:>8}{:>8}{:>8}{:>8}{:>12}{:>12}{:>8}{:>10}",
        "format",
        "read",
        "paint",
        "tint",
        "copy",
        "sum",
        "gst: read",
        "gst: paint",
        "ratio",
        "of copy"
    );
    for format in formats {
        measure(format, width, height)?;
    }
    Ok(())
}

fn measure(format: PixelFormat, width: u32, height: u32) -> Result<()> {
    let info =
        VideoInfo::builder(VideoFormat::from_string(format.name()), width, height).build()?;
    let bytes: Vec<u8> = (0..info.size()).map(|i| (i * 7 / 5) as u8).collect();
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let mut other = gst::Buffer::with_size(info.size())?;

    // Blocks about as large as the things in a street.
    let classes =
        ClassMap::from_shape_fn((MODEL.1, MODEL.0), |(y, x)| ((x / 23 + y / 17) % 11) as u8);
    let (mut scaler, mut overlay) = (Scaler::new(), Overlay::new());
    let mut rgb = Rgb::zeros((MODEL.1, MODEL.0, 3));
    let colours = Palette::camvid().colours(11, |_| true);
    let style = Style {
        colours: &colours,
        opacity: 0.5,
        contours: 0,
    };
    let read = median(|| {
        let frame = VideoFrameRef::from_buffer_ref_readable(&buffer, &info)?;
        let planes = frame.planes_data();
        let strides = frame.plane_stride().iter().map(|s| *s as usize);
        let (width, height) = (width as usize, height as usize);
        let planes = planes.into_iter().zip(strides);
        let frame = FrameRef::new(format, width, height, Colorimetry::default(), planes)?;
        scaler.to_rgb(&frame, &mut rgb)?;
        black_box(&rgb);
        Ok(())
    })?;
    let paint = median(|| {
        draw_in(&mut buffer, &info, format, |frame| {
            overlay.draw(frame, &classes, &style);
            Ok(())
        })
    })?;
    let (across, down) = (MODEL.0 / 4, MODEL.1 / 4);
    let chroma = ChromaMap::from_shape_fn((2, down, across), |(c, y, x)| {
        (((c * down + y) * across + x) % 61) as f32 - 30.0
    });
    let mut colouring = Colorizer::new();
    let tint = match format {
        // There is nowhere to put a colour.
        PixelFormat::Gray8 => None,
        _ => Some(median(|| {
            draw_in(&mut buffer, &info, format, |frame| {
                Ok(colouring.draw(frame, &chroma)?)
            })
        })?),
    };
    let copy = median(|| {
        let from = VideoFrameRef::from_buffer_ref_readable(&buffer, &info)?;
        let to = other.get_mut().ok_or("the buffer is shared")?;
        let mut to = VideoFrameRef::from_buffer_ref_writable(to, &info)?;
        from.copy(&mut to).map_err(|_| "not copied")?;
        Ok(())
    })?;
    let (peer_read, peer_paint) = peer(&info, &mut other)?;
    let sum = read + paint;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:10}{:8.2}{:8.2}{:>8}{:8.2}{:8.2}{:12.2}{:12.2}{:8.2}{:10.1}",
        format.name(),
        ms(read),
        ms(paint),
        tint.map_or_else(|| "-".to_owned(), |tint| format!("{:.2}", ms(tint))),
        ms(copy),
        ms(sum),
        ms(peer_read),
        ms(peer_paint),
        ms(sum) / ms(peer_read + peer_paint),
        ms(sum) / ms(copy),
    );
    Ok(())
}

/// Maps a buffer and draws in it.
fn draw_in(
    buffer: &mut gst::Buffer,
    info: &VideoInfo,
    format: PixelFormat,
    draw: impl FnOnce(&mut FrameMut<'_>) -> Result<()>,
) -> Result<()> {
    let buffer = buffer.get_mut().ok_or("the buffer is shared")?;
    let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, info)?;
    let strides = frame.plane_stride().to_vec();
    let planes = frame.planes_data_mut().into_iter().zip(strides);
    let planes = planes.map(|(bytes, stride)| (bytes, stride as usize));
    let (width, height) = (info.width() as usize, info.height() as usize);
    draw(&mut FrameMut::new(
        format,
        width,
        height,
        Colorimetry::default(),
        planes,
    )?)
}

/// GStreamer's converter, on one thread, to RGB at model size; and its blending of a picture as large as the frame.
fn peer(info: &VideoInfo, buffer: &mut gst::Buffer) -> Result<(Duration, Duration)> {
    let small = VideoInfo::builder(VideoFormat::Rgb, MODEL.0 as u32, MODEL.1 as u32).build()?;
    let converter = VideoConverter::new(info, &small, None)?;
    let from = VideoFrame::from_buffer_readable(buffer.copy(), info)
        .map_err(|_| "the frame cannot be mapped")?;
    let mut to = VideoFrame::from_buffer_writable(gst::Buffer::with_size(small.size())?, &small)
        .map_err(|_| "the picture cannot be mapped")?;
    let read = median(|| {
        converter.frame(&from, &mut to);
        Ok(())
    })?;
    drop(from);

    let picture = VideoInfo::builder(VideoFormat::Bgra, info.width(), info.height()).build()?;
    let mut pixels = gst::Buffer::from_mut_slice(vec![128u8; picture.size()]);
    let pixels_mut = pixels.get_mut().ok_or("the picture is shared")?;
    gst_video::VideoMeta::add(
        pixels_mut,
        gst_video::VideoFrameFlags::empty(),
        VideoFormat::Bgra,
        info.width(),
        info.height(),
    )?;
    let rectangle = gst_video::VideoOverlayRectangle::new_raw(
        &pixels,
        0,
        0,
        info.width(),
        info.height(),
        gst_video::VideoOverlayFormatFlags::empty(),
    );
    let composition = gst_video::VideoOverlayComposition::new([&rectangle])?;
    let paint = median(|| {
        let buffer = buffer.get_mut().ok_or("the buffer is shared")?;
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, info)?;
        composition.blend(&mut frame).map_err(|_| "not blended")?;
        Ok(())
    })?;
    Ok((read, paint))
}

/// Of 41 runs after one that does not count.
fn median(mut run: impl FnMut() -> Result<()>) -> Result<Duration> {
    run()?;
    let mut times = vec![];
    for _ in 0..41 {
        let began = Instant::now();
        run()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
