//! Caps: formats in and out, sizes, shapes of pixels, fields, colorimetry, changes in mid-stream.

use crate::common::{
    self, bytes, element, error_on, filter, formats, frame, parse, run_well, runtime, template,
    watch,
};
use gst::prelude::*;

/// Nothing is learned: what is tested are caps.
const QUICK: &str = "model-file=MODEL execution-provider=cpu threads=1 method=none";

#[test]
fn every_input_format_to_any_rgb_and_i420() {
    let Some(_) = runtime() else { return };
    for input in formats() {
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
fn sizes_1x1_63x47_and_4k() {
    let Some(_) = runtime() else { return };
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
    let Some(_) = runtime() else { return };
    for said in [
        "pixel-aspect-ratio=(fraction)16/11",
        "interlace-mode=(string)interleaved",
        "interlace-mode=(string)mixed",
        "multiview-mode=(string)left",
        "chroma-site=(string)mpeg2",
    ] {
        let base = "video/x-raw,format=I420,width=32,height=32,framerate=25/1";
        let text = format!("{base},{said}");
        let wanted: gst::Caps = text.parse().unwrap();
        let got = caps_after("", &text);
        let field = said.split('=').next().unwrap();
        let value = |s: &gst::StructureRef| s.value(field).unwrap().serialize().unwrap();
        assert_eq!(value(&got), value(wanted.structure(0).unwrap()), "{got}");
    }
}

/// Range, matrix and transfer function, as numbers: the names that GStreamer has do not cover them all.
#[test]
fn colorimetry_goes_round() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("method=none threads=1 opacity=0");
    let mut reconstructed = filter("method=none threads=1 output=reconstruction");
    let mut pictures = std::collections::HashSet::new();
    for (range, range_name) in [(1, "full"), (2, "limited")] {
        for (matrix, primaries, name) in [(4, 4, "601"), (3, 1, "709"), (6, 7, "2020")] {
            let colorimetry = format!("{range}:{matrix}:5:{primaries}");
            let text = format!(
                "video/x-raw,format=I420,width=32,height=32,framerate=25/1,colorimetry=(string){colorimetry}"
            );
            let said: gst::Caps = text.parse().unwrap();
            let wanted = gst_video::VideoInfo::from_caps(&said)
                .unwrap()
                .colorimetry();
            harness.set_src_caps_str(&text);
            let out = harness.push_and_pull(frame(&text, 0)).unwrap();
            assert!(
                bytes(&out) == bytes(&frame(&text, 0)),
                "{name} {range_name}"
            );
            let caps = harness.sinkpad().unwrap().current_caps().unwrap();
            let got = gst_video::VideoInfo::from_caps(&caps)
                .unwrap()
                .colorimetry();
            assert_eq!(got, wanted, "{name} {range_name}");
            // The same codes are other colours to the network, and colours other codes.
            reconstructed.set_src_caps_str(&text);
            let out = reconstructed.push_and_pull(frame(&text, 0)).unwrap();
            assert!(
                pictures.insert(bytes(&out)),
                "{name} {range_name} is another's"
            );
        }
    }
    // A map of classes has no colours.
    let caps = "video/x-raw,format=I420,width=32,height=32,framerate=25/1,colorimetry=bt709";
    let got = caps_after("output=class-map", caps);
    assert_eq!(got.get::<&str>("format").unwrap(), "GRAY8");
    assert!(!got.has_field("colorimetry"), "{got}");
}

#[test]
fn interlaced_caps_with_fields_apart_are_refused() {
    let Some(_) = runtime() else { return };
    let plain = "video/x-raw,format=I420,width=64,height=48,framerate=25/1";
    let mut harness = filter("");
    let bus = watch(&harness);
    harness.set_src_caps_str(&format!("{plain},interlace-mode=fields"));
    assert!(harness.push(frame(plain, 0)).is_err());
    let error = error_on(&bus);
    assert!(error.contains("interlace-mode=fields"), "{error}");
    // One field a buffer is another kind of memory to GStreamer, which no pad of the filter takes.
    let alternate = "video/x-raw(format:Interlaced),format=I420,width=64,height=48,framerate=25/1,\
                     interlace-mode=alternate";
    let alternate = alternate.parse::<gst::Caps>().unwrap();
    assert!(!template().can_intersect(&alternate));
    assert!(template().can_intersect(&plain.parse::<gst::Caps>().unwrap()));
}

#[test]
fn caps_change_in_mid_stream() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("");
    for (format, width, height) in [("RGB", 64, 48), ("I420", 160, 64), ("GRAY8", 48, 96)] {
        let text =
            format!("video/x-raw,format={format},width={width},height={height},framerate=25/1");
        harness.set_src_caps_str(&text);
        for n in 0..2 {
            let input = frame(&text, n);
            let output = harness.push_and_pull(input.clone()).unwrap();
            assert_eq!(output.size(), input.size());
        }
        let stats = element(&harness).property::<gst::Structure>("stats");
        assert_eq!(
            stats.get::<u32>("window").unwrap(),
            2,
            "other caps clear the window"
        );
        assert_ne!(stats.get::<u64>("steps-since-reset").unwrap(), 0);
    }
}
