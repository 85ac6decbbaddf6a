//! NULL and flushing seeks return at once, however long a step takes.

mod common;

use std::time::Instant;

use common::{PROMISED, parse, runtime};
use gst::prelude::*;

/// Both elements, learning in turn with the stream and beside it.
const ELEMENTS: [[&str; 2]; 3] = [
    ["tttsegfilter", ""],
    ["tttseg", ""],
    ["tttsegfilter", "asynchronous=true"],
];

/// A step that takes far longer than anybody waits.
const ENDLESS: &str = "model-file=MODEL execution-provider=cpu batch-size=8 steps=1000";

/// One test, so that nothing else runs in the process.
#[test]
fn going_down_and_seeking_are_prompt() {
    if !runtime() {
        return;
    }
    null_does_not_wait_for_a_step();
    a_flushing_seek_during_run_does_not_wait_for_it();
    null_again_and_again();
}

fn null_does_not_wait_for_a_step() {
    for [element, how] in ELEMENTS {
        // While graphs are being built, and while they run.
        for wait_ms in [0, 30, 3000] {
            let pipeline = parse(&format!(
                "videotestsrc ! video/x-raw,width=96,height=64 ! {element} {how} {ENDLESS} ! fakesink"
            ));
            pipeline.set_state(gst::State::Playing).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(wait_ms));
            let start = Instant::now();
            pipeline.set_state(gst::State::Null).unwrap();
            let took = start.elapsed();
            assert!(
                took < PROMISED,
                "{element} {how} after {wait_ms} ms: {took:?}"
            );
            let bus = pipeline.bus().unwrap();
            let error = bus.pop_filtered(&[gst::MessageType::Error]);
            assert!(error.is_none(), "{error:?}");
        }
    }
}

fn a_flushing_seek_during_run_does_not_wait_for_it() {
    for [element, how] in ELEMENTS {
        let pipeline = parse(&format!(
            "videotestsrc ! video/x-raw,width=96,height=64 ! {element} name=t {how} {ENDLESS} ! fakesink"
        ));
        pipeline.set_state(gst::State::Playing).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(2));
        let start = Instant::now();
        pipeline
            .seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::from_seconds(1))
            .unwrap();
        let took = start.elapsed();
        assert!(took < PROMISED, "{element} {how}: {took:?}");
        // And it goes on.
        pipeline.by_name("t").unwrap().set_property("adapt", false);
        pipeline
            .seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::from_seconds(2))
            .unwrap();
        let bus = pipeline.bus().unwrap();
        let kinds = [gst::MessageType::Element, gst::MessageType::Error];
        let message = bus.timed_pop_filtered(common::LONG, &kinds).unwrap();
        assert_eq!(message.type_(), gst::MessageType::Element, "{message:?}");
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

fn null_again_and_again() {
    let pipeline = parse(&format!(
        "videotestsrc ! video/x-raw,width=96,height=64 ! tttseg {ENDLESS} ! fakesink"
    ));
    for n in 0..40 {
        pipeline.set_state(gst::State::Playing).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(n));
        pipeline.set_state(gst::State::Null).unwrap();
    }
    let error = pipeline
        .bus()
        .unwrap()
        .pop_filtered(&[gst::MessageType::Error]);
    assert!(error.is_none(), "{error:?}");
}
