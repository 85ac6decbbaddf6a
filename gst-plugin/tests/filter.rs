//! `tttsegfilter` alone: caps, pixels, metas, properties, messages.

mod common;

use common::{bytes, element, error_on, filter, frame, runtime, watch};
use gst::prelude::*;
use gst_video::prelude::*;
use gsttttseg::filter::{FrameReport, Skipped};

const FORMATS: [&str; 6] = ["RGB", "RGBx", "BGRx", "I420", "NV12", "GRAY8"];

fn caps(format: &str, width: u32, height: u32) -> String {
    format!("video/x-raw,format={format},width={width},height={height},framerate=25/1")
}

#[test]
fn every_format_and_size_goes_through() {
    if !runtime() {
        return;
    }
    for format in FORMATS {
        for (width, height) in [(96, 64), (63, 47), (17, 16), (200, 33)] {
            let caps = caps(format, width, height);
            let mut harness = filter("method=none");
            harness.set_src_caps_str(&caps);
            let input = frame(&caps, 0);
            let output = harness.push_and_pull(input.copy_deep().unwrap()).unwrap();
            assert_eq!(output.size(), input.size(), "{caps}");
            assert_eq!(output.pts(), input.pts());
            assert_eq!(output.duration(), input.duration());
            assert!(bytes(&output) != bytes(&input), "{caps}: nothing is drawn");
        }
    }
}

#[test]
fn opacity_zero_and_passthrough_leave_pixels_alone() {
    if !runtime() {
        return;
    }
    for format in FORMATS {
        let caps = caps(format, 64, 48);
        for properties in ["opacity=0 method=none", "passthrough=true"] {
            let mut harness = filter(properties);
            harness.set_src_caps_str(&caps);
            let input = frame(&caps, 0);
            let output = harness.push_and_pull(input.clone()).unwrap();
            assert!(
                bytes(&output) == bytes(&input),
                "{format} with {properties}"
            );
        }
    }
}

#[test]
fn a_frame_somebody_else_holds_is_not_drawn_into() {
    if !runtime() {
        return;
    }
    let caps = caps("RGB", 64, 48);
    let mut harness = filter("opacity=1 method=none");
    harness.set_src_caps_str(&caps);
    let held = frame(&caps, 0);
    let before = bytes(&held);
    let output = harness.push_and_pull(held.clone()).unwrap();
    assert!(bytes(&held) == before);
    assert!(bytes(&output) != before);
    // The same memory in another buffer is somebody else's as well.
    let shared = held.copy();
    let output = harness.push_and_pull(shared).unwrap();
    assert!(bytes(&held) == before);
    assert!(bytes(&output) != before);
    // One nobody holds needs no other buffer.
    let own = frame(&caps, 1);
    let memory = own.peek_memory(0).as_ptr();
    let output = harness.push_and_pull(own).unwrap();
    assert_eq!(output.peek_memory(0).as_ptr(), memory);
}

#[test]
fn classes_of_a_class_map_are_those_painted() {
    if !runtime() {
        return;
    }
    let caps = caps("RGB", 64, 48);
    let palette = [[10, 20, 30], [40, 50, 60], [70, 80, 90]];
    let mut maps = vec![];
    for output in ["class-map", "overlay"] {
        // The same frames with the same seed.
        let mut harness = filter(&format!(
            "output={output} opacity=1 palette=0a141e,28323c,46505a threads=1 pace=every-frame"
        ));
        harness.set_src_caps_str(&caps);
        for n in 0..2 {
            let out = harness.push_and_pull(frame(&caps, n)).unwrap();
            maps.push(bytes(&out));
        }
        if output == "class-map" {
            let out = harness.sinkpad().unwrap().current_caps().unwrap();
            let out = out.structure(0).unwrap();
            assert_eq!(out.get::<&str>("format").unwrap(), "GRAY8");
            assert_eq!(out.get::<i32>("width").unwrap(), 64);
            assert!(!out.has_field("colorimetry") && !out.has_field("chroma-site"));
        }
    }
    for (map, painted) in [(0, 2), (1, 3)] {
        assert_eq!(maps[map].len(), 64 * 48);
        let expected: Vec<u8> = maps[map]
            .iter()
            .flat_map(|class| palette[usize::from(*class)])
            .collect();
        assert!(maps[painted] == expected, "frame {map}");
    }
}

#[test]
fn reconstruction_keeps_the_format() {
    if !runtime() {
        return;
    }
    for format in FORMATS {
        let caps = caps(format, 64, 48);
        let mut harness = filter("output=reconstruction method=none");
        harness.set_src_caps_str(&caps);
        let input = frame(&caps, 0);
        let output = harness.push_and_pull(input.clone()).unwrap();
        assert_eq!(output.size(), input.size());
        assert!(bytes(&output) != bytes(&input), "{format}");
    }
}

#[test]
fn strides_are_honoured() {
    if !runtime() {
        return;
    }
    for format in FORMATS {
        let text = caps(format, 60, 48);
        let info = gst_video::VideoInfo::from_caps(&text.parse::<gst::Caps>().unwrap()).unwrap();
        let plain = frame(&text, 0);
        // The same picture with rows further apart.
        let planes = info.n_planes() as usize;
        let strides: Vec<i32> = info.stride()[..planes].iter().map(|s| s + 40).collect();
        let rows: Vec<usize> = (0..planes).map(|p| if p == 0 { 48 } else { 24 }).collect();
        let mut offsets = vec![0];
        for p in 0..planes {
            offsets.push(offsets[p] + strides[p] as usize * rows[p]);
        }
        let mut wide = vec![0xee; offsets[planes]];
        let narrow = bytes(&plain);
        for p in 0..planes {
            let stride = info.stride()[p] as usize;
            for row in 0..rows[p] {
                let from = info.offset()[p] + row * stride;
                let to = offsets[p] + row * strides[p] as usize;
                wide[to..to + stride].copy_from_slice(&narrow[from..from + stride]);
            }
        }
        let mut padded = gst::Buffer::from_mut_slice(wide);
        gst_video::VideoMeta::add_full(
            padded.get_mut().unwrap(),
            gst_video::VideoFrameFlags::empty(),
            info.format(),
            60,
            48,
            &offsets[..planes],
            &strides,
        )
        .unwrap();
        let picture = |buffer: gst::Buffer| {
            let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info).unwrap();
            let mut seen = vec![];
            for (p, &rows) in rows.iter().enumerate() {
                let row_bytes =
                    (if p == 0 { 60 } else { 30 }) * info.comp_pstride(p as u8) as usize;
                let stride = frame.plane_stride()[p] as usize;
                for row in frame
                    .plane_data(p as u32)
                    .unwrap()
                    .chunks(stride)
                    .take(rows)
                {
                    seen.extend_from_slice(&row[..row_bytes]);
                }
            }
            seen
        };
        let draw = |buffer: gst::Buffer, hold: bool| {
            let mut harness = filter("threads=1 method=none");
            harness.set_src_caps_str(&text);
            let _held = hold.then(|| buffer.clone());
            picture(harness.push_and_pull(buffer).unwrap())
        };
        let expected = draw(plain, false);
        assert_eq!(
            draw(padded.copy_deep().unwrap(), false),
            expected,
            "{format}"
        );
        assert_eq!(draw(padded, true), expected, "{format}, copied");
    }
}

#[test]
fn metas_survive() {
    if !runtime() {
        return;
    }
    let caps = caps("I420", 64, 48);
    for output in ["overlay", "class-map", "reconstruction"] {
        for hold in [false, true] {
            let mut harness = filter(&format!("output={output} method=none"));
            harness.set_src_caps_str(&caps);
            let mut input = frame(&caps, 0);
            let buffer = input.get_mut().unwrap();
            gst_video::VideoRegionOfInterestMeta::add(buffer, "car", (1, 2, 30, 40));
            gst::ReferenceTimestampMeta::add(
                buffer,
                &"timestamp/x-unix".parse::<gst::Caps>().unwrap(),
                gst::ClockTime::SECOND,
                gst::ClockTime::NONE,
            );
            buffer.set_offset(77);
            let _held = hold.then(|| input.clone());
            let output_buffer = harness.push_and_pull(input).unwrap();
            let region = output_buffer.meta::<gst_video::VideoRegionOfInterestMeta>();
            assert_eq!(region.unwrap().rect(), (1, 2, 30, 40), "{output}");
            let time = output_buffer.meta::<gst::ReferenceTimestampMeta>();
            assert_eq!(
                time.unwrap().timestamp(),
                gst::ClockTime::SECOND,
                "{output}"
            );
            assert_eq!(output_buffer.offset(), 77);
        }
    }
}

#[test]
fn a_buffer_that_is_no_frame_is_an_error() {
    if !runtime() {
        return;
    }
    let mut harness = filter("");
    let bus = watch(&harness);
    harness.set_src_caps_str(&caps("RGB", 64, 48));
    let short = gst::Buffer::with_size(100).unwrap();
    assert_eq!(harness.push(short), Err(gst::FlowError::Error));
    let error = error_on(&bus);
    assert!(
        error.contains("100 bytes") && error.contains("64x48"),
        "{error}"
    );
}

#[test]
fn frames_below_a_patch_are_refused_by_name() {
    if !runtime() {
        return;
    }
    let text = caps("RGB", 12, 100);
    let mut harness = filter("");
    let bus = watch(&harness);
    harness.set_src_caps_str(&text);
    assert_eq!(
        harness.push(frame(&text, 0)),
        Err(gst::FlowError::NotNegotiated)
    );
    let error = error_on(&bus);
    assert!(
        error.contains("12x100") && error.contains("16x16"),
        "{error}"
    );
    // Nothing is computed in pass-through, so nothing is too small.
    let mut harness = filter("passthrough=true");
    harness.set_src_caps_str(&text);
    harness.push_and_pull(frame(&text, 0)).unwrap();
}

#[test]
fn fields_apart_are_refused_by_name() {
    if !runtime() {
        return;
    }
    for (mode, taken) in [("progressive", true), ("mixed", true), ("fields", false)] {
        let text = format!("{},interlace-mode={mode}", caps("I420", 64, 48));
        let mut harness = filter("");
        let bus = watch(&harness);
        harness.set_src_caps_str(&text);
        let pushed = harness.push(frame(&caps("I420", 64, 48), 0));
        assert_eq!(pushed.is_ok(), taken, "{mode}");
        if !taken {
            let error = error_on(&bus);
            assert!(error.contains("interlace-mode=fields"), "{error}");
        }
    }
}

#[test]
fn caps_may_change_between_frames() {
    if !runtime() {
        return;
    }
    let mut harness = filter("");
    for (format, width, height) in [("RGB", 64, 48), ("I420", 160, 64), ("GRAY8", 48, 96)] {
        let text = caps(format, width, height);
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

#[test]
fn live_properties_act_at_once() {
    if !runtime() {
        return;
    }
    let text = caps("RGB", 64, 48);
    let mut harness = filter("opacity=1 palette=ff0000,ff0000,ff0000");
    let bus = watch(&harness);
    harness.set_src_caps_str(&text);
    let element = element(&harness);
    let mut first_pixel = |n| {
        let out = bytes(&harness.push_and_pull(frame(&text, n)).unwrap());
        [out[0], out[1], out[2]]
    };
    assert_eq!(first_pixel(0), [255, 0, 0]);
    element.set_property("palette", "0000ff,0000ff,0000ff");
    assert_eq!(first_pixel(1), [0, 0, 255]);
    element.set_property("palette", "nonsense");
    assert_eq!(first_pixel(2), [0, 0, 255]);
    element.set_property("passthrough", true);
    assert_eq!(first_pixel(3), [39, 46, 53]);
    element.set_property("passthrough", false);
    element.set_property("opacity", 0.0);
    assert_eq!(first_pixel(4), [52, 59, 66]);
    element.set_property_from_str("output", "class-map");
    let out = harness.push_and_pull(frame(&text, 5)).unwrap();
    assert_eq!(out.size(), 64 * 48);
    element.set_property("passthrough", true);
    let out = harness.push_and_pull(frame(&text, 6)).unwrap();
    assert!(bytes(&out) == bytes(&frame(&text, 6)));
    let warning = bus.pop_filtered(&[gst::MessageType::Warning]).unwrap();
    let gst::MessageView::Warning(warning) = warning.view() else {
        unreachable!()
    };
    assert!(warning.error().to_string().contains("nonsense"));
}

#[test]
fn a_message_for_every_frame() {
    if !runtime() {
        return;
    }
    let text = caps("RGB", 64, 48);
    let mut harness = filter("window=2 steps=2 training-interval=2");
    let bus = watch(&harness);
    harness.set_src_caps_str(&text);
    for n in 0..4 {
        harness.push_and_pull(frame(&text, n)).unwrap();
    }
    let element = element(&harness);
    element.set_property("adapt", false);
    harness.push_and_pull(frame(&text, 4)).unwrap();
    element.set_property("post-messages", false);
    harness.push_and_pull(frame(&text, 5)).unwrap();
    let reports: Vec<FrameReport> = bus
        .iter_filtered(&[gst::MessageType::Element])
        .map(|m| m.structure().unwrap().try_into().unwrap())
        .collect();
    assert_eq!(reports.len(), 5);
    for (n, report) in reports.iter().enumerate() {
        let learned = n == 0 || n == 2;
        assert_eq!(report.frame, n as u64 + 1);
        assert_eq!(report.steps, if learned { 2 } else { 0 });
        assert_eq!(report.loss.is_some(), learned);
        assert_eq!(report.gradient_norm.is_some(), learned);
        assert_eq!(report.window, (n as u32 + 1).min(2));
        assert_eq!(
            report.running_time,
            Some(gst::ClockTime::from_mseconds(n as u64 * 40))
        );
        assert_eq!(report.provider, "cpu");
        let skipped = match n {
            0 | 2 => None,
            4 => Some(Skipped::Off),
            _ => Some(Skipped::Interval),
        };
        assert_eq!(report.skipped, skipped);
    }
    assert_eq!(reports[4].steps_since_reset, 4);
    let stats = element.property::<gst::Structure>("stats");
    assert_eq!(stats.name(), "tttseg-stats");
    for (field, value) in [("frames", 6u64), ("frames-learned", 2), ("total-steps", 4)] {
        assert_eq!(stats.get::<u64>(field).unwrap(), value, "{field}");
    }
    assert_eq!(
        element.property::<String>("execution-provider-in-use"),
        "cpu"
    );
}

#[test]
fn same_seed_same_bytes() {
    if !runtime() {
        return;
    }
    let text = caps("RGB", 64, 48);
    let run = |seed: u64| -> Vec<(Option<f64>, Vec<u8>)> {
        let mut harness = filter(&format!("seed={seed} threads=2 learning-rate=0.05"));
        let bus = watch(&harness);
        harness.set_src_caps_str(&text);
        (0..3)
            .map(|n| {
                let out = bytes(&harness.push_and_pull(frame(&text, n)).unwrap());
                let message = bus.pop_filtered(&[gst::MessageType::Element]).unwrap();
                let report = FrameReport::try_from(message.structure().unwrap()).unwrap();
                (report.loss, out)
            })
            .collect()
    };
    let once = run(3);
    assert!(once == run(3), "the same seed gave something else");
    assert!(once != run(4), "another seed gave the same");
}
