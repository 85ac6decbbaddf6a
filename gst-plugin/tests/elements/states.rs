//! Up and down in every order, with a good model, without one and with bad ones, and again after an error.

use crate::common::{self, Watch, init, model, parse, run, runtime, watch_element};
use gst::prelude::*;

const ELEMENTS: [&str; 2] = ["tttsegfilter", "tttseg"];

/// The orders of GStreamer's own test of all elements.
const ORDERS: [&[gst::State]; 3] = [
    &[
        gst::State::Ready,
        gst::State::Paused,
        gst::State::Playing,
        gst::State::Paused,
        gst::State::Ready,
        gst::State::Null,
    ],
    &[gst::State::Playing, gst::State::Null],
    &[
        gst::State::Paused,
        gst::State::Ready,
        gst::State::Playing,
        gst::State::Ready,
        gst::State::Paused,
        gst::State::Null,
    ],
];

fn make(element: &str, model_file: &str) -> (gst::Element, Watch) {
    init();
    let element = gst::ElementFactory::make(element)
        .property("model-file", model_file)
        .build()
        .unwrap();
    let bus = watch_element(&element);
    (element, bus)
}

#[test]
fn good_model_in_every_order() {
    let Some(_) = runtime() else { return };
    for name in ELEMENTS {
        for order in ORDERS {
            let (element, bus) = make(name, model());
            for round in 0..2 {
                for state in order {
                    element
                        .set_state(*state)
                        .unwrap_or_else(|_| panic!("{name} to {state:?} in round {round}"));
                }
            }
            assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none());
        }
    }
}

/// Files that are no model, with what has to be said about them.
fn bad_files(folder: &std::path::Path) -> Vec<(String, &'static str)> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = std::fs::read(model()).unwrap();
    let foreign = {
        let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(&[0; 4]);
        bytes
    };
    vec![
        (
            folder.join("missing").to_str().unwrap().to_owned(),
            "missing",
        ),
        (folder.to_str().unwrap().to_owned(), ""),
        (write("empty", b""), "empty"),
        (write("text", b"This is no model."), "text"),
        (write("cut", &good[..good.len() / 2]), "cut"),
        (write("foreign", &foreign), "foreign"),
    ]
}

#[test]
fn no_model_and_corrupt_models_in_every_order_and_used_again_after_the_error() {
    let Some(_) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (file, named) in bad_files(folder.path()) {
        for name in ELEMENTS {
            let (element, bus) = make(name, &file);
            for order in ORDERS {
                for state in order {
                    let up = *state != gst::State::Null;
                    assert_eq!(element.set_state(*state).is_err(), up, "{name}, {file}");
                }
                let error = common::error_on(&bus);
                assert!(
                    error.contains(named) && error.contains("model-file"),
                    "{file}: {error}"
                );
                while bus.pop().is_some() {}
            }
            element.set_property("model-file", model());
            element.set_state(gst::State::Playing).unwrap();
            element.set_state(gst::State::Null).unwrap();
            assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none());
        }
    }
}

#[test]
fn another_model_in_ready() {
    let Some(_) = runtime() else { return };
    let (element, bus) = make("tttsegfilter", model());
    element.set_state(gst::State::Ready).unwrap();
    element.set_property("model-file", "/nowhere/model.safetensors");
    assert!(element.set_state(gst::State::Paused).is_err());
    assert!(common::error_on(&bus).contains("/nowhere/model.safetensors"));
    element.set_property("model-file", model());
    element.set_state(gst::State::Paused).unwrap();
    element.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_provider_that_is_not_there() {
    let Some(_) = runtime() else { return };
    let (element, bus) = make("tttsegfilter", model());
    element.set_property_from_str("execution-provider", "cuda");
    if element.set_state(gst::State::Ready).is_ok() {
        let in_use = element.property::<String>("execution-provider-in-use");
        assert!(in_use.starts_with("cuda"), "{in_use}");
    } else {
        let error = common::error_on(&bus);
        assert!(
            error.contains("cuda") && error.contains("execution-provider"),
            "{error}"
        );
        element.set_property_from_str("execution-provider", "auto");
        element.set_state(gst::State::Ready).unwrap();
        assert_eq!(
            element.property::<String>("execution-provider-in-use"),
            "cpu"
        );
    }
    element.set_state(gst::State::Null).unwrap();
    let none = element.property::<Option<String>>("execution-provider-in-use");
    assert_eq!(none, None);
}

#[test]
fn fifty_create_destroy_cycles_in_one_process() {
    let Some(_) = runtime() else { return };
    for _ in 0..50 {
        let (one, _) = make("tttsegfilter", model());
        let (two, _) = make("tttseg", model());
        one.set_state(gst::State::Paused).unwrap();
        two.set_state(gst::State::Paused).unwrap();
        one.set_state(gst::State::Null).unwrap();
        two.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn two_elements_at_once() {
    let Some(_) = runtime() else { return };
    let line = "videotestsrc num-buffers=4 ! video/x-raw,width=64,height=48 ! tttsegfilter model-file=MODEL ! fakesink";
    let ended = run(&parse(&format!("{line}  {line}")));
    assert_eq!(ended.error, None);
    assert_eq!(ended.reports.len(), 8);
}
