//! The engine's pixels against GStreamer's own converter.

use super::*;
use gst_video::{VideoConverter, VideoFormatFlags, VideoFrame};
use tttseg::video::{Palette, Storage};

/// What caps can say of colours, in GStreamer's words.
const COLORIMETRIES: [&str; 6] = ["bt601", "bt709", "bt2020", "1:4:0:0", "1:3:0:0", "1:6:0:0"];

fn info(format: &str, width: u32, height: u32, colorimetry: &str) -> VideoInfo {
    let caps = format!(
        "video/x-raw,format={format},width={width},height={height},framerate=25/1,colorimetry={colorimetry}"
    );
    VideoInfo::from_caps(&caps.parse::<gst::Caps>().unwrap()).unwrap()
}

/// Colorimetry as caps of the format have it.
fn given(format: PixelFormat, colorimetry: &'static str) -> &'static str {
    match format.layout().model {
        ColourModel::Yuv => colorimetry,
        ColourModel::Rgb => "sRGB",
        ColourModel::Grey => "1:4:0:0",
    }
}

fn convert(from: &gst::Buffer, of: &VideoInfo, to: &VideoInfo) -> gst::Buffer {
    let buffer = gst::Buffer::with_size(to.size()).unwrap();
    let from = VideoFrame::from_buffer_readable(from.clone(), of).unwrap();
    let mut into = VideoFrame::from_buffer_writable(buffer, to).unwrap();
    let mut config = gst_video::VideoConverterConfig::new();
    config.set_dither_method(gst_video::VideoDitherMethod::None);
    let converter = VideoConverter::new(of, to, Some(config)).unwrap();
    converter.frame(&from, &mut into);
    into.into_buffer()
}

fn bytes(buffer: &gst::Buffer) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

/// Quarters of one colour each, no side of which divides a chroma sample.
fn picture(of: &VideoInfo) -> gst::Buffer {
    let (width, height) = (of.width() as usize, of.height() as usize);
    let colours = [[200, 40, 90], [30, 160, 220], [120, 110, 20], [60, 60, 60]];
    let mut pixels = vec![0; of.size()];
    let stride = of.stride()[0] as usize;
    for y in 0..height {
        for x in 0..width {
            let colour = colours[2 * usize::from(y >= height / 2) + usize::from(x >= width / 2)];
            pixels[y * stride + 3 * x..][..3].copy_from_slice(&colour);
        }
    }
    gst::Buffer::from_mut_slice(pixels)
}

#[test]
fn layouts_are_gstreamers() {
    gst::init().unwrap();
    for &format in PixelFormat::ALL {
        let layout = format.layout();
        let theirs = VideoFormat::from_string(format.name());
        let theirs = gst_video::VideoFormatInfo::from_format(theirs);
        let model = match layout.model {
            ColourModel::Rgb => VideoFormatFlags::RGB,
            ColourModel::Yuv => VideoFormatFlags::YUV,
            ColourModel::Grey => VideoFormatFlags::GRAY,
        };
        assert!(theirs.flags().contains(model), "{format}");
        let little = theirs.flags().contains(VideoFormatFlags::LE);
        match layout.sample.storage {
            Storage::Byte => assert_eq!(theirs.bits(), 8, "{format}"),
            storage => assert_eq!(storage == Storage::LittleEndian, little, "{format}"),
        }
        let bytes = layout.sample.bytes();
        for (c, component) in layout.components().iter().enumerate() {
            let (across, down) = layout.span_of(c);
            assert_eq!(theirs.plane()[c] as usize, component.plane, "{format}");
            // Of words, some versions count offsets in samples.
            if layout.sample.storage == Storage::Byte {
                assert_eq!(
                    theirs.poffset()[c] as usize,
                    component.first * bytes,
                    "{format}"
                );
            }
            assert_eq!(
                theirs.pixel_stride()[c] as usize,
                component.step * bytes,
                "{format}"
            );
            assert_eq!(1 << theirs.w_sub()[c], across, "{format}");
            assert_eq!(1 << theirs.h_sub()[c], down, "{format}");
            assert_eq!(theirs.depth()[c], layout.sample.depth, "{format}");
            assert_eq!(theirs.shift()[c], layout.sample.shift, "{format}");
        }
    }
}

#[test]
fn reads_what_gstreamer_writes() {
    gst::init().unwrap();
    let rgb = info("RGB", 62, 46, "sRGB");
    let picture = picture(&rgb);
    let model = (31, 23);
    let mut pixels = Pixels::default();
    let expected = pixels.at_model_size(&picture, &rgb, model).unwrap();
    for &format in PixelFormat::ALL {
        if format.layout().model == ColourModel::Grey {
            continue;
        }
        for colorimetry in COLORIMETRIES {
            let of = info(format.name(), 62, 46, given(format, colorimetry));
            let frame = convert(&picture, &rgb, &of);
            let seen = pixels.at_model_size(&frame, &of, model).unwrap();
            for (((y, x, _), a), b) in seen.indexed_iter().zip(&expected) {
                // Where colours meet, pixels share chroma.
                let inside = |at: usize, side: usize| at.abs_diff(side / 2) > 3;
                if inside(x, model.0) && inside(y, model.1) {
                    assert!(
                        a.abs_diff(*b) <= 3,
                        "{format} {colorimetry} at {x},{y}: {a} instead of {b}"
                    );
                }
            }
        }
    }
}

#[test]
fn gstreamer_reads_what_is_painted() {
    gst::init().unwrap();
    let rgb = info("RGB", 63, 47, "sRGB");
    let palette = Palette(vec![[200, 40, 90], [30, 160, 220]]);
    let mut pixels = Pixels::default();
    for &format in PixelFormat::ALL {
        if format.layout().model == ColourModel::Grey {
            continue;
        }
        for colorimetry in COLORIMETRIES {
            let of = info(format.name(), 63, 47, given(format, colorimetry));
            for (class, colour) in palette.0.iter().enumerate() {
                let mut frame = convert(&picture(&rgb), &rgb, &of);
                let map = ClassMap::from_elem((2, 3), class as u8);
                let style = Style {
                    colours: &palette.colours(2, |_| true),
                    opacity: 1.0,
                    contours: 0,
                };
                let drawn = pixels.overlay(frame.make_mut(), &of, 0, &map, &style, None);
                drawn.unwrap();
                let back = bytes(&convert(&frame, &of, &rgb));
                for row in back.chunks(rgb.stride()[0] as usize) {
                    for pixel in row[..63 * 3].chunks(3) {
                        // Its short ways from 8 bits to RGB are coarse.
                        for (a, b) in pixel.iter().zip(colour) {
                            assert!(
                                a.abs_diff(*b) <= 6,
                                "{format} {colorimetry}: {pixel:?} instead of {colour:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn limited_grey_and_rgb_are_read_as_such() {
    gst::init().unwrap();
    let mut pixels = Pixels::default();
    let mut read = |format: &str, colorimetry: &str, bytes: [u8; 8]| {
        let of = info(format, 2, 1, colorimetry);
        let mut frame = gst::Buffer::with_size(of.size().max(8)).unwrap();
        let into = frame.get_mut().unwrap();
        into.copy_from_slice(0, &bytes).unwrap();
        let rgb = pixels.at_model_size(&frame, &of, (2, 1)).unwrap();
        rgb.into_iter().collect::<Vec<u8>>()
    };
    let codes = [16, 235, 0, 0, 0, 0, 0, 0];
    assert_eq!(read("GRAY8", "2:4:0:0", codes), [0, 0, 0, 255, 255, 255]);
    assert_eq!(read("GRAY8", "1:4:0:0", codes), [16, 16, 16, 235, 235, 235]);
    let words = [16, 0, 235, 0, 0, 0, 0, 0];
    assert_eq!(
        read("GRAY16_BE", "2:4:0:0", words),
        [0, 0, 0, 255, 255, 255]
    );
    let rgb = [16, 235, 235, 235, 16, 16, 0, 0];
    assert_eq!(read("RGB", "2:1:0:0", rgb), [0, 255, 255, 255, 0, 0]);
    assert_eq!(read("RGB", "sRGB", rgb), [16, 235, 235, 235, 16, 16]);
}
