//! `tttsegfilter` in every format: sizes, strides, shapes of pixels, fields.

use crate::common::{self, bytes, caps, filter, formats, frame, info, pixels, runtime, spread};
use gst::prelude::*;
use gst_video::VideoBufferFlags;
use gst_video::prelude::*;

#[test]
fn the_formats_that_broadcast_and_cameras_use() {
    common::init();
    let formats = formats();
    for format in [
        "RGB",
        "BGR",
        "RGBx",
        "BGRx",
        "xRGB",
        "xBGR",
        "RGBA",
        "BGRA",
        "ARGB",
        "ABGR",
        "I420",
        "YV12",
        "NV12",
        "NV21",
        "Y42B",
        "NV16",
        "YUY2",
        "UYVY",
        "Y444",
        "GRAY8",
        "GRAY16_LE",
        "GRAY16_BE",
        "I420_10LE",
        "I422_10LE",
        "Y444_10LE",
        "P010_10LE",
    ] {
        assert!(formats.iter().any(|f| f == format), "{format}");
    }
}

#[test]
fn every_format_and_size_goes_through() {
    let Some(_) = runtime() else { return };
    for output in ["overlay", "reconstruction"] {
        let mut harness = filter(&format!("method=none output={output}"));
        for format in formats() {
            for (width, height) in [(63, 47), (17, 16), (16, 33)] {
                let caps = caps(&format, width, height);
                harness.set_src_caps_str(&caps);
                let input = frame(&caps, 0);
                let output = harness.push_and_pull(input.copy_deep().unwrap()).unwrap();
                assert_eq!(output.size(), input.size(), "{caps}");
                assert_eq!(output.pts(), input.pts());
                assert_eq!(output.duration(), input.duration());
                let info = info(&caps);
                let drawn = pixels(&output, &info) != pixels(&input, &info);
                assert!(drawn, "{caps}: nothing is drawn");
            }
        }
    }
}

#[test]
fn opacity_zero_and_passthrough_leave_every_byte() {
    let Some(_) = runtime() else { return };
    for properties in ["opacity=0 method=none", "passthrough=true"] {
        let mut harness = filter(properties);
        for format in formats() {
            let caps = caps(&format, 63, 47);
            harness.set_src_caps_str(&caps);
            let input = frame(&caps, 0);
            let output = harness.push_and_pull(input.copy_deep().unwrap()).unwrap();
            assert!(
                bytes(&output) == bytes(&input),
                "{format} with {properties}"
            );
            let copied = harness.push_and_pull(input.clone()).unwrap();
            let info = info(&caps);
            assert!(
                pixels(&copied, &info) == pixels(&input, &info),
                "{format} with {properties}, copied"
            );
        }
    }
}

#[test]
fn strides_are_honoured_and_what_lies_between_rows_is_kept() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("threads=1 method=none opacity=1");
    for format in formats() {
        let text = caps(&format, 61, 47);
        let info = info(&text);
        harness.set_src_caps_str(&text);
        let plain = frame(&text, 0);
        let mut draw = |buffer: gst::Buffer| harness.push_and_pull(buffer).unwrap();
        let expected = pixels(&draw(plain.copy_deep().unwrap()), &info);
        let drawn = [0, 0xee].map(|filling| {
            let padded = spread(&plain, &info, filling);
            let held = padded.clone();
            let copied = draw(padded);
            assert!(pixels(&copied, &info) == expected, "{format}, copied");
            drop(copied);
            let drawn = draw(held.copy_deep().unwrap());
            assert!(pixels(&drawn, &info) == expected, "{format}");
            (bytes(&held), bytes(&drawn))
        });
        // What differs between the two fillings is what lies between rows: it has to be as it was.
        let [(before, after), (filled_before, filled_after)] = drawn;
        let after = after.into_iter().zip(filled_after);
        for ((before, filled_before), after) in before.into_iter().zip(filled_before).zip(after) {
            if before != filled_before {
                assert_eq!(after, (before, filled_before), "{format}");
            }
        }
    }
}

#[test]
fn opacity_of_pixels_stays() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("method=none opacity=1");
    for (format, at) in [
        ("RGBA", 3),
        ("BGRA", 3),
        ("ARGB", 0),
        ("ABGR", 0),
        ("AYUV", 0),
    ] {
        let text = caps(format, 64, 48);
        harness.set_src_caps_str(&text);
        let input = frame(&text, 0);
        let output = harness.push_and_pull(input.copy_deep().unwrap()).unwrap();
        let alpha = |buffer: &gst::Buffer| -> Vec<u8> {
            bytes(buffer).into_iter().skip(at).step_by(4).collect()
        };
        assert_eq!(alpha(&output), alpha(&input), "{format}");
    }
}

#[test]
fn from_a_patch_to_8k() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("method=none");
    for (format, width, height) in [
        ("I420", 16, 16),
        ("I420", 7680, 4320),
        ("P010_10LE", 16, 4321),
        ("UYVY", 8191, 17),
    ] {
        let text = caps(format, width, height);
        harness.set_src_caps_str(&text);
        let input = frame(&text, 0);
        let output = harness.push_and_pull(input.copy_deep().unwrap()).unwrap();
        assert_eq!(output.size(), input.size(), "{text}");
        assert!(bytes(&output) != bytes(&input), "{text}: nothing is drawn");
    }
}

#[test]
fn pixels_of_any_shape() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("method=none");
    for aspect in ["64/45", "10/11", "1/1000", "2147483647/1"] {
        let text = format!("{},pixel-aspect-ratio={aspect}", caps("I420", 72, 57));
        harness.set_src_caps_str(&text);
        harness.push_and_pull(frame(&text, 0)).unwrap();
        let out = harness.sinkpad().unwrap().current_caps().unwrap();
        assert_eq!(out, text.parse::<gst::Caps>().unwrap());
    }
}

#[test]
fn woven_fields_are_frames_and_stay_fields() {
    let Some(_) = runtime() else { return };
    for mode in ["interleaved", "mixed"] {
        let text = format!("{},interlace-mode={mode}", caps("I420", 64, 48));
        for hold in [false, true] {
            let mut harness = filter("method=none opacity=1");
            harness.set_src_caps_str(&text);
            let mut input = frame(&text, 0);
            let flags = VideoBufferFlags::INTERLACED | VideoBufferFlags::TFF;
            input.get_mut().unwrap().set_video_flags(flags);
            let before = bytes(&input);
            let _held = hold.then(|| input.clone());
            let output = harness.push_and_pull(input).unwrap();
            assert!(output.video_flags().contains(flags), "{mode}");
            assert!(bytes(&output) != before, "{mode}: nothing is drawn");
            let out = harness.sinkpad().unwrap().current_caps().unwrap();
            assert_eq!(out, text.parse::<gst::Caps>().unwrap());
        }
    }
}
