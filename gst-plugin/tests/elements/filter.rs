//! `tttsegfilter` alone: caps, pixels, properties, messages.

use crate::common::{bytes, caps, element, error_on, filter, frame, runtime, warnings, watch};
use gst::prelude::*;
use gsttttseg::filter::{FrameReport, Skipped};

#[test]
fn classes_of_a_class_map_are_those_painted() {
    let Some(_) = runtime() else { return };
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
fn frames_below_a_patch_are_refused_by_name() {
    let Some(_) = runtime() else { return };
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
fn live_properties_act_at_once() {
    let Some(_) = runtime() else { return };
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
    assert!(warnings(&bus)[0].contains("nonsense"));
}

#[test]
fn a_message_for_every_frame() {
    let Some(_) = runtime() else { return };
    let text = caps("RGB", 64, 48);
    let mut harness = filter("method=online window=2 steps=2 training-interval=2");
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
        let learned = n == 1 || n == 3;
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
            1 | 3 => None,
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
    let Some(_) = runtime() else { return };
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
