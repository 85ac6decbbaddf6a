//! Metas: which of those that come with a frame go out with what, drawn in place or into another buffer; that of a class map.

use crate::common::{self, CAPS, add_custom_meta, bytes, filter, frame, runtime};
use gst::meta::CustomMeta;
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{
    ValidVideoTimeCode, VideoAFDMeta, VideoAFDSpec, VideoAFDValue, VideoCaptionMeta,
    VideoCaptionType, VideoFrame, VideoInfo, VideoMeta, VideoRegionOfInterestMeta,
    VideoTimeCodeFlags, VideoTimeCodeMeta,
};

/// Custom metas of applications: with no tag, about colours, about the size, and with tags that GStreamer does not know.
const CUSTOM: [(&str, &[&str]); 5] = [
    ("TestPlainMeta", &[]),
    ("TestColourMeta", &["video", "colorspace"]),
    ("TestSizeMeta", &["video", "size"]),
    ("TestOtherMeta", &["video", "mood"]),
    ("TestNewsMeta", &["news"]),
];

/// A frame with everything on it.
fn laden(n: u64) -> gst::Buffer {
    let mut buffer = frame(CAPS, n);
    let b = buffer.get_mut().unwrap();
    VideoRegionOfInterestMeta::add(b, "car", (1, 2, 30, 40));
    let (rate, none) = (gst::Fraction::new(25, 1), VideoTimeCodeFlags::empty());
    let code = ValidVideoTimeCode::new(rate, None, none, 10, 11, 12, 13, 0).unwrap();
    VideoTimeCodeMeta::add(b, &code);
    VideoCaptionMeta::add(b, VideoCaptionType::Cea708Raw, &[1, 2, 3]);
    VideoAFDMeta::add(b, 0, VideoAFDSpec::DvbEtsi, VideoAFDValue::_43Full169Full);
    gst::ReferenceTimestampMeta::add(
        b,
        &"timestamp/x-unix".parse::<gst::Caps>().unwrap(),
        gst::ClockTime::SECOND,
        gst::ClockTime::NONE,
    );
    for (name, tags) in CUSTOM {
        let mut meta = add_custom_meta(b, name, tags);
        meta.mut_structure().set("number", 7i32);
    }
    b.set_offset(77);
    buffer
}

/// What a buffer has of all that; the AFD stands for what is known to be about the size.
fn held(buffer: &gst::BufferRef) -> Vec<&'static str> {
    let mut all = vec![];
    if let Some(region) = buffer.meta::<VideoRegionOfInterestMeta>() {
        assert_eq!(region.rect(), (1, 2, 30, 40));
        all.push("region");
    }
    if let Some(code) = buffer.meta::<VideoTimeCodeMeta>() {
        assert_eq!(code.tc().to_string(), "10:11:12:13");
        all.push("time code");
    }
    if let Some(caption) = buffer.meta::<VideoCaptionMeta>() {
        assert_eq!(caption.data(), [1, 2, 3]);
        all.push("caption");
    }
    if buffer.meta::<VideoAFDMeta>().is_some() {
        all.push("afd");
    }
    if let Some(time) = buffer.meta::<gst::ReferenceTimestampMeta>() {
        assert_eq!(time.timestamp(), gst::ClockTime::SECOND);
        all.push("reference");
    }
    for (name, _) in CUSTOM {
        if let Ok(meta) = CustomMeta::from_buffer(buffer, name) {
            assert_eq!(meta.structure().get::<i32>("number").unwrap(), 7);
            all.push(name);
        }
    }
    all
}

const ALL: [&str; 10] = [
    "region",
    "time code",
    "caption",
    "afd",
    "reference",
    "TestPlainMeta",
    "TestColourMeta",
    "TestSizeMeta",
    "TestOtherMeta",
    "TestNewsMeta",
];

fn all_but(left_out: &[&str]) -> Vec<&'static str> {
    let kept = ALL.into_iter().filter(|name| !left_out.contains(name));
    kept.collect()
}

#[test]
fn what_still_holds_goes_out() {
    let Some(_) = runtime() else { return };
    let expected = [
        ("output=overlay", all_but(&[])),
        ("output=reconstruction", all_but(&[])),
        ("output=metadata", all_but(&[])),
        ("passthrough=true", all_but(&[])),
        // Other colours.
        ("output=class-map", all_but(&["TestColourMeta"])),
        // Twice the width; the region is in the left half, where the frame begins as ever.
        ("output=side-by-side", all_but(&["afd", "TestSizeMeta"])),
    ];
    for (properties, expected) in expected {
        for hold in [false, true] {
            let mut harness = filter(&format!("{properties} method=none"));
            harness.set_src_caps_str(CAPS);
            for n in 0..2 {
                let input = laden(n);
                let _held = hold.then(|| input.clone());
                let output = harness.push_and_pull(input).unwrap();
                assert_eq!(held(&output), expected, "{properties}, held: {hold}");
                assert_eq!(output.offset(), 77);
                assert_eq!(output.pts(), frame(CAPS, n).pts());
            }
        }
    }
}

#[test]
fn beside_it_those_of_a_class_map() {
    let Some(_) = runtime() else { return };
    for output in ["overlay", "metadata", "side-by-side"] {
        let mut main = filter(&format!("output={output} method=none"));
        let element = common::element(&main);
        let mut classes = gst_check::Harness::with_element(&element, None, Some("classes"));
        classes.play();
        main.set_src_caps_str(CAPS);
        main.push_and_pull(laden(0)).unwrap();
        let map = classes.pull().unwrap();
        assert_eq!(held(&map), all_but(&["TestColourMeta"]), "{output}");
    }
}

/// Rows of a class map lie as the pool of the element downstream has them, and the buffer says how.
#[test]
fn a_class_map_has_a_video_meta_and_the_right_stride() {
    let Some(_) = runtime() else { return };
    let caps = "video/x-raw,format=I420,width=63,height=47,framerate=25/1";
    let mut maps = vec![];
    for knows_meta in [false, true] {
        let mut harness = filter("output=class-map method=none threads=1");
        if knows_meta {
            let api = VideoMeta::meta_api();
            harness.add_propose_allocation_meta(api, None);
        }
        harness.set_src_caps_str(caps);
        let out = harness.push_and_pull(frame(caps, 0)).unwrap();
        let caps = harness.sinkpad().unwrap().current_caps().unwrap();
        let info = VideoInfo::from_caps(&caps).unwrap();
        if knows_meta {
            let meta = out.meta::<VideoMeta>().expect("a video meta");
            assert_eq!((meta.width(), meta.height(), meta.n_planes()), (63, 47, 1));
            assert!(meta.stride()[0] >= 63 && out.size() >= meta.stride()[0] as usize * 46 + 63);
        } else {
            assert_eq!(out.size(), info.size());
        }
        let frame = VideoFrame::from_buffer_readable(out, &info).unwrap();
        let stride = frame.plane_stride()[0] as usize;
        let rows = frame.plane_data(0).unwrap().chunks(stride);
        let map: Vec<u8> = rows.take(47).flat_map(|row| &row[..63]).copied().collect();
        assert!(map.iter().all(|class| *class < 3));
        maps.push(map);
    }
    assert_eq!(maps[0].len(), 63 * 47);
    assert!(maps[0] == maps[1], "with other strides another map");
    assert_ne!(bytes(&frame(caps, 0)).len(), maps[0].len());
}
