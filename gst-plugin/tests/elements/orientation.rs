//! Frames that were recorded sideways: seen upright, and passed on as they came.

use crate::common::{self, bytes, filter, runtime};
use gst::prelude::*;
use gst_video::VideoCropMeta;
use tttseg::ndarray::{Array2, Array3};
use tttseg::video::{ClassMap, Orientation, Rgb};

/// Width and height of the upright picture.
const SIZE: (usize, usize) = (96, 64);

/// Bright and dark places that no turn brings back to themselves.
fn scene() -> Rgb {
    Array3::from_shape_fn((SIZE.1, SIZE.0, 3), |(y, x, c)| {
        let (x, y) = (x as f32, y as f32);
        let ball = (x - 20.0).hypot(y - 16.0) < 12.0;
        let wave = (x * 0.11).sin() + (y * 0.07 + c as f32).cos();
        if ball {
            250 - 90 * c as u8
        } else {
            (110.0 + 50.0 * wave) as u8
        }
    })
}

fn caps((width, height): (usize, usize)) -> String {
    format!("video/x-raw,format=RGB,width={width},height={height},framerate=30/1")
}

fn buffer(picture: &Rgb) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(picture.iter().copied().collect::<Vec<u8>>());
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
    buffer
}

fn tag(name: &str) -> gst::Event {
    let mut tags = gst::TagList::new();
    let merge = gst::TagMergeMode::Append;
    tags.get_mut()
        .unwrap()
        .add::<gst::tags::ImageOrientation>(&name, merge);
    gst::event::Tag::new(tags)
}

/// The classes of a picture that comes with a tag.
fn classes(picture: &Rgb, name: Option<&str>) -> ClassMap {
    let mut harness = filter("output=class-map method=none fusion=0 threads=1");
    let (height, width, _) = picture.dim();
    harness.set_src_caps_str(&caps((width, height)));
    if let Some(name) = name {
        harness.push_event(tag(name));
    }
    let map = harness.push_and_pull(buffer(picture)).unwrap();
    let tags = std::iter::from_fn(|| harness.try_pull_event())
        .filter(|event| event.type_() == gst::EventType::Tag);
    assert_eq!(tags.count(), usize::from(name.is_some()), "the tag goes on");
    Array2::from_shape_vec((height, width), bytes(&map)).unwrap()
}

fn share_of_equal(a: &ClassMap, b: &ClassMap) -> f64 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64
}

#[test]
fn the_network_sees_frames_upright() {
    let Some(_) = runtime() else { return };
    let scene = scene();
    let upright = classes(&scene, None);
    for name in ["rotate-90", "rotate-180", "rotate-270", "flip-rotate-90"] {
        let way = Orientation::from_tag(name).unwrap();
        let recorded = way.as_recorded(&scene, [0, 1]);
        let map = way.upright(&classes(&recorded, Some(name)), [0, 1]);
        let (seen, unseen) = (
            share_of_equal(&map, &upright),
            share_of_equal(&way.upright(&classes(&recorded, None), [0, 1]), &upright),
        );
        // Scaling rounds otherwise across than down.
        assert!(
            seen > 0.99 && seen > unseen,
            "{name}: {seen} of the classes, and {unseen} without the tag"
        );
    }
}

#[test]
fn a_tag_in_the_middle_of_a_stream() {
    let Some(_) = runtime() else { return };
    let bus;
    let mut harness = filter("method=online threads=1 pace=every-frame");
    bus = common::watch(&harness);
    harness.set_src_caps_str(&caps(SIZE));
    let window =
        |harness: &mut gst_check::Harness| common::push(harness, &bus, buffer(&scene())).window;
    assert_eq!([window(&mut harness), window(&mut harness)], [1, 2]);
    harness.push_event(tag("rotate-90"));
    assert_eq!(
        window(&mut harness),
        1,
        "frames that were seen sideways are no part of the window"
    );
    harness.push_event(tag("rotate-90"));
    assert_eq!(window(&mut harness), 2, "the same again changes nothing");
}

#[test]
fn colours_lie_as_the_frame_does() {
    let Some(_) = runtime() else { return };
    let chroma = |picture: &Rgb, name: Option<&str>| {
        let mut harness = common::film("method=none threads=1 saturation=2");
        let (height, width, _) = picture.dim();
        harness.set_src_caps_str(&caps((width, height)));
        if let Some(name) = name {
            harness.push_event(tag(name));
        }
        let out = harness.push_and_pull(buffer(picture)).unwrap();
        Rgb::from_shape_vec(picture.dim(), bytes(&out)).unwrap()
    };
    let scene = scene();
    let way = Orientation::from_tag("rotate-90").unwrap();
    let recorded = way.as_recorded(&scene, [0, 1]);
    let turned = way.upright(&chroma(&recorded, Some("rotate-90")), [0, 1]);
    let upright = chroma(&scene, None);
    let apart = |a: &Rgb, b: &Rgb| {
        let sum: f64 = a
            .iter()
            .zip(b)
            .map(|(a, b)| f64::from(a.abs_diff(*b)))
            .sum();
        sum / a.len() as f64
    };
    let sideways = way.upright(&chroma(&recorded, None), [0, 1]);
    let (seen, unseen) = (apart(&turned, &upright), apart(&sideways, &upright));
    assert!(
        seen < 0.5 && seen < unseen,
        "{seen} levels apart, and {unseen} without the tag"
    );
}

#[test]
fn no_part_of_a_frame_is_asked_for() {
    let Some(_) = runtime() else { return };
    for output in ["overlay", "metadata", "class-map"] {
        let mut harness = filter(&format!("output={output} method=none threads=1"));
        harness.add_propose_allocation_meta(VideoCropMeta::meta_api(), None);
        harness.set_src_caps_str(&caps(SIZE));
        let caps = caps(SIZE).parse::<gst::Caps>().unwrap();
        let mut query = gst::query::Allocation::new(Some(&caps), true);
        let entry = common::element(&harness).static_pad("sink").unwrap();
        assert!(entry.query(&mut query));
        assert!(
            query.find_allocation_meta::<VideoCropMeta>().is_none(),
            "{output}"
        );
    }
}
