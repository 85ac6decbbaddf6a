//! What events mean: resets and seeks.

mod common;

use common::{CAPS, element, frame, push, runtime, started};
use gst::prelude::*;

fn segment(start: gst::ClockTime) -> gst::Event {
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(start);
    segment.set_time(start);
    gst::event::Segment::new(&segment)
}

#[test]
fn another_stream_starts_afresh() {
    if !runtime() {
        return;
    }
    let (mut harness, bus) = started();
    harness.push_event(gst::event::StreamStart::new("another"));
    harness.push_event(gst::event::Caps::new(&CAPS.parse().unwrap()));
    harness.push_event(segment(gst::ClockTime::ZERO));
    let report = push(&mut harness, &bus, frame(CAPS, 0));
    assert_eq!((report.window, report.steps_since_reset), (1, 1));
    assert_eq!(report.frame, 4);
    // The same again is no other.
    harness.push_event(gst::event::StreamStart::new("another"));
    let report = push(&mut harness, &bus, frame(CAPS, 1));
    assert_eq!((report.window, report.steps_since_reset), (2, 2));
    let stats = element(&harness).property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u64>("resets").unwrap(), 1);
}

#[test]
fn a_seek_keeps_the_weights() {
    if !runtime() {
        return;
    }
    let (mut harness, bus) = started();
    harness.push_event(gst::event::FlushStart::new());
    harness.push_event(gst::event::FlushStop::new(true));
    harness.push_event(segment(gst::ClockTime::SECOND));
    let report = push(&mut harness, &bus, frame(CAPS, 30));
    assert_eq!((report.window, report.steps_since_reset), (1, 4));
}

#[test]
fn jumps_in_time_clear_the_window() {
    if !runtime() {
        return;
    }
    let (mut harness, bus) = started();
    harness.push_event(segment(gst::ClockTime::ZERO));
    let report = push(&mut harness, &bus, frame(CAPS, 0));
    assert_eq!((report.window, report.steps_since_reset), (1, 4), "back");
    harness.push_event(segment(gst::ClockTime::SECOND));
    let report = push(&mut harness, &bus, frame(CAPS, 30));
    assert_eq!(report.window, 2, "a segment that goes on");
    harness.push_event(
        gst::event::Gap::builder(gst::ClockTime::from_seconds(2))
            .duration(gst::ClockTime::SECOND)
            .build(),
    );
    let report = push(&mut harness, &bus, frame(CAPS, 80));
    assert_eq!((report.window, report.steps_since_reset), (1, 6), "a gap");
    push(&mut harness, &bus, frame(CAPS, 81));
    let mut lost = frame(CAPS, 90);
    lost.get_mut().unwrap().set_flags(gst::BufferFlags::DISCONT);
    let report = push(&mut harness, &bus, lost);
    assert_eq!(
        (report.window, report.steps_since_reset),
        (1, 8),
        "lost frames"
    );
}

#[test]
fn ready_starts_afresh_and_eos_does_not() {
    if !runtime() {
        return;
    }
    let (mut harness, bus) = started();
    harness.push_event(gst::event::Eos::new());
    let element = element(&harness);
    let steps = || {
        let stats = element.property::<gst::Structure>("stats");
        stats.get::<u64>("steps-since-reset").unwrap()
    };
    assert_eq!(steps(), 3);
    element.set_state(gst::State::Ready).unwrap();
    harness.play();
    harness.push_event(gst::event::StreamStart::new("s"));
    harness.push_event(gst::event::Caps::new(&CAPS.parse().unwrap()));
    harness.push_event(segment(gst::ClockTime::ZERO));
    let report = push(&mut harness, &bus, frame(CAPS, 0));
    assert_eq!((report.window, report.steps_since_reset), (1, 1));
}

#[test]
fn signals_reset_save_and_load() {
    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let path = path.to_str().unwrap();
    let (mut harness, bus) = started();
    let element = element(&harness);
    assert!(element.emit_by_name::<bool>("save-state", &[&path]));
    element.emit_by_name::<()>("reset", &[]);
    let report = push(&mut harness, &bus, frame(CAPS, 3));
    assert_eq!((report.window, report.steps_since_reset), (1, 1));
    assert!(element.emit_by_name::<bool>("load-state", &[&path]));
    let report = push(&mut harness, &bus, frame(CAPS, 4));
    assert_eq!(report.steps_since_reset, 4);

    let nowhere = "/nowhere/at/all";
    assert!(!element.emit_by_name::<bool>("save-state", &[&nowhere]));
    assert!(!element.emit_by_name::<bool>("load-state", &[&nowhere]));
    assert!(!element.emit_by_name::<bool>("load-state", &[&None::<String>]));
    let warnings: Vec<String> = bus
        .iter_filtered(&[gst::MessageType::Warning])
        .map(|m| match m.view() {
            gst::MessageView::Warning(w) => w.error().to_string(),
            _ => unreachable!(),
        })
        .collect();
    assert_eq!(warnings.len(), 2);
    assert!(warnings.iter().all(|w| w.contains(nowhere)), "{warnings:?}");
    push(&mut harness, &bus, frame(CAPS, 5));
}
