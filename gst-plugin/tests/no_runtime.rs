//! A machine without ONNX Runtime. A process of its own: once a library is loaded it stays.

mod common;

use common::{error_on, init, model};
use gst::prelude::*;

#[test]
fn without_onnx_runtime_elements_say_so_and_can_be_used_again() {
    init();
    for name in ["tttsegfilter", "tttseg"] {
        let element = gst::ElementFactory::make(name)
            .property("model-file", model())
            .property("runtime-library", "/nowhere/libonnxruntime.so")
            .build()
            .unwrap();
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        for order in [
            [gst::State::Ready, gst::State::Null, gst::State::Playing],
            [gst::State::Paused, gst::State::Ready, gst::State::Playing],
            [gst::State::Playing, gst::State::Paused, gst::State::Null],
        ] {
            for state in order {
                let up = state != gst::State::Null;
                assert_eq!(element.set_state(state).is_err(), up, "{name} to {state:?}");
            }
            let error = error_on(&bus);
            for part in [
                "ONNX Runtime",
                "/nowhere/libonnxruntime.so",
                "runtime-library",
            ] {
                assert!(error.contains(part), "{error}");
            }
            element.set_state(gst::State::Null).unwrap();
            while bus.pop().is_some() {}
        }
        // A file that is a library, but not the right one.
        element.set_property("runtime-library", "libc.so.6");
        assert!(element.set_state(gst::State::Ready).is_err());
        let error = error_on(&bus);
        assert!(error.contains("libc.so.6"), "{error}");
        element.set_state(gst::State::Null).unwrap();
        assert_eq!(
            element.property::<Option<String>>("execution-provider-in-use"),
            None
        );
    }

    // From here on with one, if the machine has it: the element that failed works.
    let element = gst::ElementFactory::make("tttsegfilter")
        .property("model-file", model())
        .property("runtime-library", "/nowhere/libonnxruntime.so")
        .build()
        .unwrap();
    assert!(element.set_state(gst::State::Ready).is_err());
    if !common::runtime() {
        return;
    }
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Ready).is_err());
    let error = error_on(&bus);
    assert!(
        error.contains("/nowhere/libonnxruntime.so"),
        "another library than the one in use: {error}"
    );
    element.set_property("runtime-library", None::<String>);
    element.set_state(gst::State::Playing).unwrap();
    element.set_state(gst::State::Null).unwrap();
}
