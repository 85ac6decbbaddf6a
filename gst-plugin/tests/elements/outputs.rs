//! Side by side, and class maps as metadata.

use crate::common::{
    self, bytes, caps, element, error_on, filter, formats, frame, info, out_caps, out_info, parse,
    run_well, runtime, watch,
};
use gst::meta::CustomMeta;
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFrame, VideoInfo, VideoMeta};
use gsttttseg::filter::CLASS_MAP_META;

/// Rows of each plane as far as there are pixels: bytes, and bytes that hold `width` pixels.
fn rows(buffer: &gst::Buffer, info: &VideoInfo) -> Vec<Vec<Vec<u8>>> {
    let frame = VideoFrame::from_buffer_readable(buffer.clone(), info).unwrap();
    let of = info.format_info();
    (0..info.n_planes())
        .map(|plane| {
            let component = (0..info.n_components())
                .rfind(|c| of.plane()[*c as usize] == plane)
                .unwrap();
            let width = frame.comp_width(component) as usize;
            let step = frame.comp_pstride(component) as usize;
            let height = frame.comp_height(component) as usize;
            let stride = frame.plane_stride()[plane as usize] as usize;
            let data = frame.plane_data(plane).unwrap();
            (0..height)
                .map(|y| data[y * stride..][..width * step].to_vec())
                .collect()
        })
        .collect()
}

#[test]
fn the_frame_is_left_and_the_overlay_right() {
    let Some(_) = runtime() else { return };
    let looks = "method=none threads=1 opacity=0.6 contours=1 legend=true";
    let mut pair = filter(&format!("output=side-by-side {looks}"));
    let mut single = filter(looks);
    for format in formats() {
        // Both sides of GStreamer's own idea of where rows of these end.
        for (width, height) in [(64, 48), (128, 33)] {
            let text = caps(&format, width, height);
            pair.set_src_caps_str(&text);
            single.set_src_caps_str(&text);
            let input = frame(&text, 0);
            let both = pair.push_and_pull(input.copy_deep().unwrap()).unwrap();
            let over = single.push_and_pull(input.copy_deep().unwrap()).unwrap();
            assert_eq!(both.pts(), input.pts());
            let wide = out_caps(&pair);
            let twice = caps(&format, 2 * width, height).parse::<gst::Caps>();
            assert_eq!(wide, twice.unwrap());
            let narrow = info(&text);
            let halves = rows(&input, &narrow).into_iter().zip(rows(&over, &narrow));
            for (plane, (both, (left, right))) in
                rows(&both, &out_info(&pair)).iter().zip(halves).enumerate()
            {
                for (y, row) in both.iter().enumerate() {
                    let expected = [&left[y][..], &right[y][..]].concat();
                    assert!(*row == expected, "{text}: row {y} of plane {plane}");
                }
            }
        }
    }
}

#[test]
fn odd_widths_side_by_side() {
    let Some(_) = runtime() else { return };
    let mut pair = filter("output=side-by-side method=none threads=1 opacity=1");
    let mut single = filter("method=none threads=1 opacity=1");
    for format in formats() {
        for width in [61, 62, 17] {
            let text = caps(&format, width, 17);
            pair.set_src_caps_str(&text);
            single.set_src_caps_str(&text);
            let input = frame(&text, 0);
            let both = pair.push_and_pull(input.copy_deep().unwrap()).unwrap();
            let over = single.push_and_pull(input.copy_deep().unwrap()).unwrap();
            let (narrow, wide) = (info(&text), out_info(&pair));
            assert_eq!(wide.width(), 2 * width);
            // The first component is shared with no other column.
            let luma = |buffer: &gst::Buffer, info: &VideoInfo, x: u32, y: u32| {
                let frame = VideoFrame::from_buffer_readable(buffer.clone(), info).unwrap();
                let stride = frame.comp_stride(0) as usize;
                let step = frame.comp_pstride(0) as usize;
                frame.comp_data(0).unwrap()[y as usize * stride + x as usize * step]
            };
            for y in 0..17 {
                for x in 0..width {
                    let found = (luma(&both, &wide, x, y), luma(&both, &wide, width + x, y));
                    let expected = (luma(&input, &narrow, x, y), luma(&over, &narrow, x, y));
                    assert_eq!(found, expected, "{text} at {x},{y}");
                }
            }
        }
    }
}

#[test]
fn side_by_side_follows_the_caps_of_what_follows() {
    let Some(_) = runtime() else { return };
    let model = "model-file=MODEL execution-provider=cpu threads=1 method=none output=side-by-side";
    // Upstream scales to half of what is asked for downstream.
    let ended = run_well(&format!(
        "videotestsrc num-buffers=2 ! videoscale ! tttsegfilter {model} ! \
         video/x-raw,width=128,height=48 ! fakesink"
    ));
    assert_eq!(ended.reports.len(), 2);
    // What no frame can be twice of is refused before anything flows.
    let odd = common::launch(
        "videotestsrc ! videoscale ! tttsegfilter output=side-by-side ! video/x-raw,width=127 ! fakesink",
    );
    assert!(odd.is_err());
    let mut harness = filter("output=side-by-side");
    let bus = watch(&harness);
    let text = caps("GRAY8", 16385, 16);
    harness.set_src_caps_str(&text);
    assert!(harness.push(frame(&text, 0)).is_err());
    let error = error_on(&bus);
    assert!(
        error.contains("32770") && error.contains("32768"),
        "{error}"
    );
}

/// Size, names and classes of an attached map.
fn map(buffer: &gst::BufferRef) -> (usize, usize, Vec<String>, Vec<u8>) {
    let meta = CustomMeta::from_buffer(buffer, CLASS_MAP_META).unwrap();
    let structure = meta.structure();
    let map = structure.get::<gst::Buffer>("map").unwrap();
    let (width, height) = (
        structure.get::<u32>("width").unwrap() as usize,
        structure.get::<u32>("height").unwrap() as usize,
    );
    assert_eq!(map.size(), width * height);
    let classes = structure.get::<Vec<String>>("classes").unwrap();
    (width, height, classes, bytes(&map))
}

#[test]
fn metadata_says_what_a_class_map_shows() {
    let Some(_) = runtime() else { return };
    let text = caps("I420", 161, 90);
    let mut harness = filter("output=metadata threads=1 pace=every-frame");
    let mut maps = filter("output=class-map threads=1 pace=every-frame");
    harness.set_src_caps_str(&text);
    maps.set_src_caps_str(&text);
    for n in 0..3 {
        let input = frame(&text, n);
        let (buffer, before) = (input.as_ptr(), bytes(&input));
        let output = harness.push_and_pull(input).unwrap();
        assert_eq!(output.as_ptr(), buffer, "not the same buffer");
        assert!(bytes(&output) == before);
        let (width, height, classes, map) = map(&output);
        assert_eq!(classes, ["a", "b", "c"]);
        let shown = maps.push_and_pull(frame(&text, n)).unwrap();
        let gray = caps("GRAY8", 161, 90);
        let shown = &rows(&shown, &info(&gray))[0];
        for (y, row) in shown.iter().enumerate() {
            for (x, class) in row.iter().enumerate() {
                let at = ((2 * y + 1) * height / 180) * width + (2 * x + 1) * width / 322;
                assert_eq!(*class, map[at], "{x},{y}");
            }
        }
        assert_eq!((shown.len(), shown[0].len()), (90, 161));
    }
    assert_eq!(out_caps(&harness), text.parse::<gst::Caps>().unwrap());
}

#[test]
fn metadata_copies_no_pixels() {
    let Some(_) = runtime() else { return };
    let text = caps("RGB", 64, 48);
    let address = |buffer: &gst::Buffer| buffer.map_readable().unwrap().as_ptr() as usize;
    let mut harness = filter("output=metadata method=none");
    harness.set_src_caps_str(&text);
    let held = frame(&text, 0);
    let output = harness.push_and_pull(held.clone()).unwrap();
    assert_eq!(address(&output), address(&held));
    // The one that is held is as it was.
    assert!(CustomMeta::from_buffer(&held, CLASS_MAP_META).is_err());
    // One that comes with a map gets the new one in its place.
    let again = harness.push_and_pull(output.copy()).unwrap();
    let all = again.iter_meta::<gst::Meta>();
    let ours = all.filter(|m| {
        m.try_as_custom_meta()
            .is_some_and(|m| m.has_name(CLASS_MAP_META))
    });
    assert_eq!(ours.count(), 1);
    let element = element(&harness);
    // Any other output of the same stream comes without.
    element.set_property_from_str("output", "overlay");
    let plain = harness.push_and_pull(frame(&text, 1)).unwrap();
    assert!(CustomMeta::from_buffer(&plain, CLASS_MAP_META).is_err());
    element.set_property_from_str("output", "metadata");
    map(&harness.push_and_pull(frame(&text, 2)).unwrap());
}

/// Whether caps change with it or not.
#[test]
fn outputs_change_while_it_plays() {
    let Some(_) = runtime() else { return };
    let text = caps("RGB", 64, 48);
    let outputs = [
        "overlay",
        "reconstruction",
        "side-by-side",
        "metadata",
        "class-map",
    ];
    let once = |output: &str| {
        let mut harness = filter(&format!("output={output} method=none threads=1"));
        harness.set_src_caps_str(&text);
        bytes(&harness.push_and_pull(frame(&text, 0)).unwrap())
    };
    let expected = outputs.map(once);
    // It begins with nothing to do.
    let mut harness = filter("passthrough=true method=none threads=1");
    harness.set_src_caps_str(&text);
    let input = bytes(&frame(&text, 0));
    let element = element(&harness);
    for round in 0..2 {
        for (output, expected) in outputs.iter().zip(&expected) {
            element.set_property("passthrough", true);
            assert!(bytes(&harness.push_and_pull(frame(&text, 0)).unwrap()) == input);
            element.set_property_from_str("output", output);
            element.set_property("passthrough", false);
            let output_buffer = harness.push_and_pull(frame(&text, 0)).unwrap();
            // Which patches are hidden differs from frame to frame.
            if *output != "reconstruction" {
                assert!(
                    bytes(&output_buffer) == *expected,
                    "{output} in round {round}"
                );
            }
            assert!(
                bytes(&output_buffer) != input || *output == "metadata",
                "{output}"
            );
        }
        for (a, b) in [(0, 1), (1, 3), (3, 0), (0, 2), (2, 4), (4, 0)] {
            element.set_property_from_str("output", outputs[a]);
            harness.push_and_pull(frame(&text, 0)).unwrap();
            element.set_property_from_str("output", outputs[b]);
            let now = harness.push_and_pull(frame(&text, 0)).unwrap();
            let same = bytes(&now) == expected[b];
            assert!(
                same || outputs[b] == "reconstruction",
                "{} after {}",
                outputs[b],
                outputs[a]
            );
            assert_ne!(bytes(&now), expected[a]);
        }
    }
}

/// What upstream may put frames into is then up to what follows: it gets them as they are.
#[test]
fn metadata_asks_downstream_about_memory() {
    let Some(_) = runtime() else { return };
    let text = caps("RGB", 64, 48);
    for (output, takes_padding) in [("overlay", true), ("metadata", false)] {
        let mut harness = filter(&format!("output={output} method=none"));
        harness.set_src_caps_str(&text);
        harness.push_and_pull(frame(&text, 0)).unwrap();
        let caps = text.parse::<gst::Caps>().unwrap();
        let mut query = gst::query::Allocation::new(Some(&caps), true);
        let pad = harness.srcpad().unwrap();
        let answered = pad.peer_query(&mut query);
        let padding = answered && query.find_allocation_meta::<VideoMeta>().is_some();
        assert_eq!(padding, takes_padding, "{output}");
    }
}

#[test]
fn metadata_goes_through_converters() {
    let Some(_) = runtime() else { return };
    for name in ["tttsegfilter", "tttseg"] {
        let pipeline = parse(&format!(
            "videotestsrc num-buffers=1 ! video/x-raw,format=I420,width=64,height=48 ! \
             {name} model-file=MODEL method=none output=metadata ! videoconvert ! videoscale ! \
             video/x-raw,format=RGB,width=100,height=75 ! fakesink name=k"
        ));
        assert_eq!(common::run(&pipeline).error, None);
        let sink = pipeline.by_name("k").unwrap();
        // Gone with NULL, unless it is taken before.
        pipeline.set_state(gst::State::Paused).unwrap();
        pipeline.state(common::LONG).0.unwrap();
        let sample = sink.property::<Option<gst::Sample>>("last-sample").unwrap();
        map(sample.buffer().unwrap());
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
