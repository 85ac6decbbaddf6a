//! Metas that come with a frame: which of them go out with what, drawn in place or into another buffer.

mod common;

use common::{CAPS, add_custom_meta, filter, frame, runtime};
use gst::meta::CustomMeta;
use gst_video::{
    ValidVideoTimeCode, VideoAFDMeta, VideoAFDSpec, VideoAFDValue, VideoCaptionMeta,
    VideoCaptionType, VideoRegionOfInterestMeta, VideoTimeCodeFlags, VideoTimeCodeMeta,
};

/// Custom metas of applications: with no tag, about colours, about the size, and about what nobody knows.
const CUSTOM: [(&str, &[&str]); 4] = [
    ("TestPlainMeta", &[]),
    ("TestColourMeta", &["video", "colorspace"]),
    ("TestSizeMeta", &["video", "size"]),
    ("TestOtherMeta", &["video", "mood"]),
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

const ALL: [&str; 9] = [
    "region",
    "time code",
    "caption",
    "afd",
    "reference",
    "TestPlainMeta",
    "TestColourMeta",
    "TestSizeMeta",
    "TestOtherMeta",
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
