//! Caps: formats in and out, sizes, shapes of pixels, fields, colorimetry, changes in mid-stream.

mod common;

use common::{filter, frame, parse, run_well, runtime};
use gst::prelude::*;

const FORMATS: [&str; 6] = ["RGB", "RGBx", "BGRx", "I420", "NV12", "GRAY8"];

/// Nothing is learned: what is tested are caps.
const QUICK: &str = "model-file=MODEL execution-provider=cpu threads=1 method=none";

#[test]
fn every_format_to_whatever_follows() {
    if !runtime() {
        return;
    }
    for input in FORMATS {
        for output in ["ANY", "video/x-raw,format=RGB", "video/x-raw,format=I420"] {
            let ended = run_well(&format!(
                "videotestsrc num-buffers=1 ! video/x-raw,format={input},width=32,height=32 ! tttseg {QUICK} ! \
                 capsfilter caps={output} ! fakesink"
            ));
            assert_eq!(ended.reports.len(), 1, "{input} to {output}");
        }
    }
}

#[test]
fn sizes_from_a_pixel_to_4k() {
    if !runtime() {
        return;
    }
    for (width, height, taken) in [(1, 1, false), (63, 47, true), (3840, 2160, true)] {
        let line = format!(
            "videotestsrc num-buffers=1 ! video/x-raw,format=I420,width={width},height={height} ! \
             tttsegfilter {QUICK} ! fakesink"
        );
        let ended = common::run(&parse(&line));
        match ended.error {
            None => assert!(taken, "{width}x{height}"),
            Some(error) => {
                assert!(!taken, "{width}x{height}: {error}");
                assert!(error.contains("1x1"), "{error}");
            }
        }
    }
}

/// What the harness's sink pad got as caps, for caps on its source pad.
fn caps_after(properties: &str, caps: &str) -> gst::Structure {
    let mut harness = filter(&format!("method=none threads=1 {properties}"));
    harness.set_src_caps_str(caps);
    harness.push_and_pull(frame(caps, 0)).unwrap();
    let caps = harness.sinkpad().unwrap().current_caps().unwrap();
    caps.structure(0).unwrap().to_owned()
}

#[test]
fn what_caps_say_about_the_picture_still_holds() {
    if !runtime() {
        return;
    }
    for said in [
        "pixel-aspect-ratio=(fraction)16/11",
        "interlace-mode=(string)interleaved",
        "colorimetry=(string)bt601",
        "colorimetry=(string)bt709",
        "colorimetry=(string)bt2020",
        "colorimetry=(string)1:4:0:0",
        "multiview-mode=(string)left",
    ] {
        let base = "video/x-raw,format=I420,width=32,height=32,framerate=25/1";
        let text = format!("{base},{said}");
        let wanted: gst::Caps = text.parse().unwrap();
        let got = caps_after("", &text);
        let field = said.split('=').next().unwrap();
        let value = |s: &gst::StructureRef| s.value(field).unwrap().serialize().unwrap();
        assert_eq!(value(&got), value(wanted.structure(0).unwrap()), "{got}");
    }
    // A map of classes has no colours.
    let caps = "video/x-raw,format=I420,width=32,height=32,framerate=25/1,colorimetry=bt709";
    let got = caps_after("output=class-map", caps);
    assert_eq!(got.get::<&str>("format").unwrap(), "GRAY8");
    assert!(!got.has_field("colorimetry"), "{got}");
}
