//! Properties under GstController, on both elements.

use crate::common::{self, init, model, runtime};
use gst::prelude::*;
use gst_controller::prelude::*;
use gst_controller::{DirectControlBinding, InterpolationControlSource, InterpolationMode};
use gsttttseg::filter::{FrameReport, Skipped};

/// Sets a property at frames of 40 ms.
fn control(element: &gst::Element, property: &str, mode: InterpolationMode, values: &[(u64, f64)]) {
    let source = InterpolationControlSource::new();
    source.set_mode(mode);
    for (frame, value) in values {
        assert!(source.set(gst::ClockTime::from_mseconds(frame * 40), *value));
    }
    element
        .add_control_binding(&DirectControlBinding::new_absolute(
            element, property, &source,
        ))
        .unwrap();
}

#[test]
fn properties_follow_their_controllers() {
    let Some(_) = runtime() else { return };
    for name in ["tttsegfilter", "tttseg"] {
        let pipeline = common::parse(&format!(
            "videotestsrc num-buffers=7 ! video/x-raw,format=RGB,width=64,height=48,framerate=25/1 ! \
             {name} name=t threads=1 pace=every-frame model-file=MODEL ! fakesink name=k signal-handoffs=true"
        ));
        let element = pipeline.by_name("t").unwrap();
        let step = InterpolationMode::None;
        control(
            &element,
            "opacity",
            InterpolationMode::Linear,
            &[(0, 0.0), (8, 1.0)],
        );
        control(&element, "steps", step, &[(0, 1.0), (2, 2.0), (3, 1.0)]);
        control(&element, "window", step, &[(0, 16.0), (5, 2.0)]);
        control(&element, "learning-rate", step, &[(0, 1e-4), (1, 1e-3)]);
        // From 0 to 1 as what is off and on.
        control(&element, "adapt", step, &[(0, 1.0), (4, 0.0), (5, 1.0)]);
        let opacities = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
        let sink = pipeline.by_name("k").unwrap();
        sink.connect("handoff", false, {
            let (opacities, element) = (opacities.clone(), element.downgrade());
            move |_| {
                let element = element.upgrade()?;
                let value = |name| element.property::<f64>(name);
                let seen = (value("opacity"), value("learning-rate"));
                opacities.lock().unwrap().push(seen);
                None
            }
        });
        let ended = common::run(&pipeline);
        assert_eq!(ended.error, None);
        let steps: Vec<u32> = ended.reports.iter().map(|r| r.steps).collect();
        assert_eq!(steps, [1, 1, 2, 1, 0, 1, 1], "{name}");
        let off = |r: &FrameReport| r.skipped == Some(Skipped::Off);
        let off: Vec<bool> = ended.reports.iter().map(off).collect();
        assert_eq!(off, [false, false, false, false, true, false, false]);
        let windows: Vec<u32> = ended.reports.iter().map(|r| r.window).collect();
        assert_eq!(windows, [1, 2, 3, 4, 5, 2, 2]);
        for (n, (opacity, rate)) in opacities.lock().unwrap().iter().enumerate() {
            assert!(
                (opacity - n as f64 / 8.0).abs() < 1e-9,
                "{name}: {opacity} at {n}"
            );
            assert_eq!(*rate, if n == 0 { 1e-4 } else { 1e-3 });
        }
    }
}

#[test]
fn whatever_is_a_number_or_a_switch_and_can_change_while_playing_can_be_controlled() {
    init();
    let element = gst::ElementFactory::make("tttsegfilter")
        .property("model-file", model())
        .build()
        .unwrap();
    let mut controllable = 0;
    for definition in element.list_properties() {
        let flags = definition.flags();
        // Messages are no matter of the stream's time.
        let expected = flags.contains(gst::PARAM_FLAG_MUTABLE_PLAYING)
            && [f64::static_type(), u32::static_type(), bool::static_type()]
                .contains(&definition.value_type())
            && definition.name() != "post-messages";
        assert_eq!(
            flags.contains(gst::PARAM_FLAG_CONTROLLABLE),
            expected,
            "{}",
            definition.name()
        );
        controllable += u32::from(expected);
    }
    assert!(controllable >= 9, "{controllable}");
}
