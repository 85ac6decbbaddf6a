//! What buffers carry beside their pixels.

mod common;

use common::{add_custom_meta, bytes, filter, frame, runtime};
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{ValidVideoTimeCode, VideoTimeCode, VideoTimeCodeFlags, VideoTimeCodeMeta};
use gst_video::{VideoCaptionMeta, VideoCaptionType, VideoFrame, VideoInfo, VideoMeta};

const CAPS: &str = "video/x-raw,format=I420,width=64,height=48,framerate=25/1";

/// Metas of an API that nobody here has heard of: one that says nothing about itself, one about memory.
const UNKNOWN: [(&str, &[&str]); 2] = [("TestPlainMeta", &[]), ("TestMetaOfNews", &["news"])];

/// A frame with everything that people put onto frames.
fn laden() -> gst::Buffer {
    let mut laden = frame(CAPS, 0);
    let buffer = laden.get_mut().unwrap();
    gst_video::VideoRegionOfInterestMeta::add(buffer, "car", (1, 2, 30, 40));
    gst::ReferenceTimestampMeta::add(
        buffer,
        &"timestamp/x-unix".parse::<gst::Caps>().unwrap(),
        gst::ClockTime::SECOND,
        gst::ClockTime::NONE,
    );
    let rate = gst::Fraction::new(25, 1);
    let code = VideoTimeCode::new(rate, None, VideoTimeCodeFlags::empty(), 1, 2, 3, 4, 0);
    VideoTimeCodeMeta::add(buffer, &ValidVideoTimeCode::try_from(code).unwrap());
    VideoCaptionMeta::add(buffer, VideoCaptionType::Cea708Raw, &[0xfc, 1, 2]);
    for (name, tags) in UNKNOWN {
        let mut meta = add_custom_meta(buffer, name, tags);
        meta.mut_structure().set("said", name);
    }
    buffer.set_offset(77);
    laden
}

#[test]
fn upstream_metas_survive() {
    let Some(_) = runtime() else { return };
    for output in ["overlay", "class-map", "reconstruction"] {
        for hold in [false, true] {
            let mut harness = filter(&format!("output={output} method=none"));
            harness.set_src_caps_str(CAPS);
            let input = laden();
            let _held = hold.then(|| input.clone());
            let out = harness.push_and_pull(input).unwrap();
            let region = out.meta::<gst_video::VideoRegionOfInterestMeta>();
            assert_eq!(region.unwrap().rect(), (1, 2, 30, 40), "{output}");
            let time = out.meta::<gst::ReferenceTimestampMeta>();
            assert_eq!(time.unwrap().timestamp(), gst::ClockTime::SECOND);
            let code = out.meta::<VideoTimeCodeMeta>().unwrap();
            assert_eq!(code.tc().to_string(), "01:02:03:04", "{output}");
            let captions = out.meta::<VideoCaptionMeta>().unwrap();
            assert_eq!(captions.data(), [0xfc, 1, 2], "{output}");
            for (name, _) in UNKNOWN {
                let unknown = gst::meta::CustomMeta::from_buffer(&out, name);
                let said = unknown.unwrap().structure().get::<String>("said");
                assert_eq!(said.unwrap(), name, "{output}, held: {hold}");
            }
            assert_eq!(out.offset(), 77);
        }
    }
}

/// Rows of a class map lie as the pool of whoever takes it wants them, and the buffer says how.
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
