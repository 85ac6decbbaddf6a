//! Other threads: properties set while frames flow, by several at once, and NULL again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{CAPS, change, element, frame, parse, push, runtime, started};
use gst::prelude::*;

#[test]
fn properties_change_from_another_thread_at_1_khz() {
    let Some(_) = runtime() else { return };
    let (mut harness, bus) = started();
    let element = element(&harness);
    let done = Arc::new(AtomicBool::new(false));
    let changer = {
        let done = done.clone();
        thread::spawn(move || {
            let mut n = 0;
            while !done.load(Ordering::Relaxed) {
                n += 1;
                change(&element, n);
                thread::sleep(Duration::from_millis(1));
            }
            n
        })
    };
    for n in 3..60 {
        harness.push_and_pull(frame(CAPS, n)).unwrap();
    }
    done.store(true, Ordering::Relaxed);
    assert_ne!(changer.join().unwrap(), 0);
    let messages: Vec<gst::Message> = bus.iter().collect();
    let of_type = |kind| messages.iter().filter(move |m| m.type_() == kind);
    assert_eq!(of_type(gst::MessageType::Error).count(), 0);
    assert_eq!(of_type(gst::MessageType::Element).count(), 57);
}

#[test]
fn the_engine_ends_with_the_values_that_were_set_last() {
    let Some(_) = runtime() else { return };
    let (mut harness, bus) = started();
    let element = element(&harness);
    for round in 3..33 {
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for thread in 0..4u32 {
                let (start, element) = (&start, &element);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..500 {
                        element.set_property("steps", 1 + (n + thread) % 4);
                    }
                });
            }
        });
        let report = push(&mut harness, &bus, frame(CAPS, round));
        let steps: u32 = element.property("steps");
        assert_eq!(report.steps, steps, "round {round}");
    }
}

#[test]
fn null_every_10_ms_for_5_s() {
    let Some(_) = runtime() else { return };
    for how in ["", "asynchronous=true"] {
        let pipeline = parse(&format!(
            "videotestsrc ! video/x-raw,width=64,height=48 ! tttsegfilter {how} threads=1 model-file=MODEL ! fakesink"
        ));
        let began = Instant::now();
        let mut rounds = 0;
        while began.elapsed() < Duration::from_millis(2500) {
            pipeline.set_state(gst::State::Playing).unwrap();
            thread::sleep(Duration::from_millis(10));
            pipeline.set_state(gst::State::Null).unwrap();
            rounds += 1;
        }
        assert_ne!(rounds, 0);
        let bus = pipeline.bus().unwrap();
        let error = bus.pop_filtered(&[gst::MessageType::Error]);
        assert!(error.is_none(), "{how}: {error:?}");
    }
}
