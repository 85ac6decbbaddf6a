//! NULL and flushing seeks return at once, however long a step takes.
//!
//! Other processes may keep this one waiting for longer than it does itself: of a few tries one has to be in time.

mod common;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{PROMISED, parse, runtime, save, tiny};
use gst::prelude::*;
use tttseg::model::{Preset, initial_weights};

/// Both elements, learning in turn with the stream and beside it.
const ELEMENTS: [[&str; 2]; 4] = [
    ["tttsegfilter", ""],
    ["tttseg", ""],
    ["tttsegfilter", "asynchronous=true"],
    ["tttseg", "asynchronous=true"],
];

/// A step that takes far longer than anybody waits.
const ENDLESS: &str = "execution-provider=cpu batch-size=8 steps=1000";

/// Tries of which the best counts.
const TRIES: usize = 10;

/// One test, so that nothing else runs in the process.
#[test]
fn going_down_and_seeking_take_no_50_ms() {
    let Some(_) = runtime() else { return };
    for [element, how] in ELEMENTS {
        let element = format!("{element} {how} model-file=MODEL {ENDLESS}");
        // While graphs are being built, and while they run. Just after it has come a frame's pixels are read, which nothing
        // interrupts: a millisecond or two, but many in a build that is not optimised.
        for wait_ms in [200, 500, 2000] {
            let wait = Duration::from_millis(wait_ms);
            in_time(&format!("NULL after {wait_ms} ms, {element}"), || {
                null(&element, wait)
            });
        }
        in_time(&format!("a seek, {element}"), || {
            seek(&element, Duration::from_secs(2))
        });
    }
    null_again_and_again();
}

#[track_caller]
fn in_time(what: &str, mut work: impl FnMut() -> Duration) {
    let mut took = vec![];
    while took.len() < TRIES {
        took.push(work());
        if took[took.len() - 1] < PROMISED {
            return;
        }
    }
    panic!("{what}: {took:?}");
}

/// A pipeline whose element is at work on a frame, and has been for a while.
fn at_work(element: &str, wait: Duration) -> gst::Pipeline {
    let pipeline = parse(&format!(
        "videotestsrc ! video/x-raw,width=96,height=64 ! {element} name=t ! fakesink"
    ));
    let (arrive, arrived) = mpsc::channel();
    let pad = pipeline.by_name("t").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        arrive.send(()).ok();
        gst::PadProbeReturn::Remove
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    arrived.recv().unwrap();
    std::thread::sleep(wait);
    pipeline
}

fn end(pipeline: &gst::Pipeline) -> Duration {
    let start = Instant::now();
    pipeline.set_state(gst::State::Null).unwrap();
    let took = start.elapsed();
    let bus = pipeline.bus().unwrap();
    let error = bus.pop_filtered(&[gst::MessageType::Error]);
    assert!(error.is_none(), "{error:?}");
    took
}

fn null(element: &str, wait: Duration) -> Duration {
    end(&at_work(element, wait))
}

/// A flushing seek during a run, after which frames flow again.
fn seek(element: &str, wait: Duration) -> Duration {
    let pipeline = at_work(element, wait);
    let bus = pipeline.bus().unwrap();
    let start = Instant::now();
    pipeline
        .seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::from_seconds(1))
        .unwrap();
    let took = start.elapsed();
    // And it goes on.
    pipeline.by_name("t").unwrap().set_property("adapt", false);
    pipeline
        .seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::from_seconds(2))
        .unwrap();
    let kinds = [gst::MessageType::Element, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(common::LONG, &kinds).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Element, "{message:?}");
    end(&pipeline);
    took
}

fn null_again_and_again() {
    let pipeline = parse(&format!(
        "videotestsrc ! video/x-raw,width=96,height=64 ! tttseg model-file=MODEL {ENDLESS} ! fakesink"
    ));
    for n in 0..40 {
        pipeline.set_state(gst::State::Playing).unwrap();
        std::thread::sleep(Duration::from_millis(n));
        end(&pipeline);
    }
}

/// The built-in model, and one of the paper's size.
fn models() -> [(&'static str, String); 2] {
    let mut small = tiny();
    small.config = Preset::Small.config(3);
    small.weights = initial_weights(&small.config, 1).unwrap();
    let small = save("small.safetensors", small);
    [
        ("built-in", String::new()),
        ("small", format!("model-file={small}")),
    ]
}

/// Seeks and NULL with larger models on one thread, in whatever they interrupt, not one of which may be late. In a build
/// that is not optimised reading a frame takes too long for that. Minutes long:
/// `cargo test --release -p gst-plugin-tttseg --test prompt -- --ignored --nocapture`
#[test]
#[ignore]
fn larger_models_are_as_prompt() {
    let Some(_) = runtime() else { return };
    for (name, model) in models() {
        for how in ["", "asynchronous=true"] {
            let pipeline = parse(&format!(
                "videotestsrc ! video/x-raw,width=640,height=360 ! \
                 tttsegfilter {model} {how} threads=1 surprise=0 ! fakesink"
            ));
            let bus = pipeline.bus().unwrap();
            // Graphs are there, and the next frame is in work.
            let frame = || {
                while bus.pop().is_some() {}
                let kinds = [gst::MessageType::Element, gst::MessageType::Error];
                let message = bus.timed_pop_filtered(None, &kinds).unwrap();
                assert_eq!(message.type_(), gst::MessageType::Element, "{message:?}");
            };
            pipeline.set_state(gst::State::Playing).unwrap();
            let seeks = (0..20u64).map(|n| {
                frame();
                std::thread::sleep(Duration::from_millis(n * 37 % 200));
                let start = Instant::now();
                let to = gst::ClockTime::from_seconds(n);
                pipeline.seek_simple(gst::SeekFlags::FLUSH, to).unwrap();
                start.elapsed()
            });
            let mut seeks: Vec<_> = seeks.collect();
            seeks.sort_unstable();
            frame();
            let null = end(&pipeline);
            println!("{name} {how}: NULL {null:?}, seeks {seeks:?}");
            assert!(null < PROMISED && seeks[seeks.len() - 1] < PROMISED);
        }
    }
}
