//! Events and their effects: resets, seeks, ends; and those that mean nothing here and go through.

use std::sync::mpsc;

use crate::common::{self, CAPS, element, frame, parse, push, run, runtime, started, warnings};
use gst::prelude::*;

fn segment(start: gst::ClockTime) -> gst::Event {
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(start);
    segment.set_time(start);
    gst::event::Segment::new(&segment)
}

#[test]
fn stream_id_change_starts_afresh() {
    let Some(_) = runtime() else { return };
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
    let Some(_) = runtime() else { return };
    let (mut harness, bus) = started();
    harness.push_event(gst::event::FlushStart::new());
    harness.push_event(gst::event::FlushStop::new(true));
    harness.push_event(segment(gst::ClockTime::SECOND));
    let report = push(&mut harness, &bus, frame(CAPS, 30));
    assert_eq!((report.window, report.steps_since_reset), (1, 4));
}

#[test]
fn gaps_and_jumps_in_time_clear_the_window() {
    let Some(_) = runtime() else { return };
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
    let Some(_) = runtime() else { return };
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
    let Some(_) = runtime() else { return };
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
    let warnings = warnings(&bus);
    assert_eq!(warnings.len(), 2);
    assert!(warnings.iter().all(|w| w.contains(nowhere)), "{warnings:?}");
    push(&mut harness, &bus, frame(CAPS, 5));
}

/// The next event of this type at the harness's sink.
fn arrived(harness: &mut gst_check::Harness, kind: gst::EventType) -> gst::Event {
    let mut events = std::iter::from_fn(|| harness.try_pull_event());
    let event = events.find(|e| e.type_() == kind);
    event.unwrap_or_else(|| panic!("no {kind:?}"))
}

#[test]
fn segment_done_goes_through_and_a_loop_keeps_the_weights() {
    let Some(_) = runtime() else { return };
    let (mut harness, bus) = started();
    let end = gst::ClockTime::from_mseconds(120);
    for round in 1..3 {
        assert!(harness.push_event(gst::event::SegmentDone::new(end)));
        let done = arrived(&mut harness, gst::EventType::SegmentDone);
        let gst::EventView::SegmentDone(done) = done.view() else {
            unreachable!()
        };
        assert_eq!(done.get(), gst::GenericFormattedValue::from(end));
        harness.push_event(segment(gst::ClockTime::ZERO));
        for n in 0..3 {
            let report = push(&mut harness, &bus, frame(CAPS, n));
            let expected = (n as u32 + 1, 3 * round + n + 1);
            assert_eq!((report.window, report.steps_since_reset), expected);
        }
    }
}

#[test]
fn tags_go_through() {
    let Some(_) = runtime() else { return };
    let (mut harness, bus) = started();
    let mut tags = gst::TagList::new();
    let add = tags.get_mut().unwrap();
    add.add::<gst::tags::Title>(&"A street", gst::TagMergeMode::Append);
    assert!(harness.push_event(gst::event::Tag::new(tags.clone())));
    let event = arrived(&mut harness, gst::EventType::Tag);
    let gst::EventView::Tag(tag) = event.view() else {
        unreachable!()
    };
    assert_eq!(tag.tag_owned(), tags);
    let report = push(&mut harness, &bus, frame(CAPS, 3));
    assert_eq!((report.window, report.steps_since_reset), (4, 4));
}

#[test]
fn custom_events_go_through() {
    let Some(_) = runtime() else { return };
    let (mut harness, bus) = started();
    let said = || gst::Structure::builder("application/x-said").field("n", 7u32);
    for event in [
        gst::event::CustomDownstream::new(said().build()),
        gst::event::CustomDownstreamOob::new(said().build()),
        gst::event::CustomDownstreamSticky::new(said().build()),
        gst::event::CustomBoth::new(said().build()),
    ] {
        let kind = event.type_();
        assert!(harness.push_event(event), "{kind:?}");
        let there = arrived(&mut harness, kind);
        assert_eq!(there.structure().unwrap(), said().build().as_ref());
    }
    while harness.try_pull_upstream_event().is_some() {}
    assert!(harness.push_upstream_event(gst::event::CustomUpstream::new(said().build())));
    let there = harness.pull_upstream_event().unwrap();
    assert_eq!(there.structure().unwrap(), said().build().as_ref());
    let report = push(&mut harness, &bus, frame(CAPS, 3));
    assert_eq!((report.window, report.steps_since_reset), (4, 4));
}

#[test]
fn eos_waits_for_the_frames_that_are_queued() {
    let Some(_) = runtime() else { return };
    for how in ["", "asynchronous=true"] {
        // Ten steps for each, while the source is long done.
        let pipeline = parse(&format!(
            "videotestsrc num-buffers=12 ! video/x-raw,width=64,height=48 ! queue ! \
             tttsegfilter steps=10 threads=1 {how} model-file=MODEL ! fakesink"
        ));
        let ended = run(&pipeline);
        assert_eq!(ended.error, None);
        assert_eq!(ended.reports.len(), 12, "{how}");
    }
}

#[test]
fn a_seek_to_the_end_ends_and_one_back_goes_on() {
    let Some(_) = runtime() else { return };
    let pipeline = parse(
        "videotestsrc ! video/x-raw,width=64,height=48,framerate=25/1 ! \
         tttseg steps=1000 threads=1 name=t model-file=MODEL ! fakesink",
    );
    let bus = pipeline.bus().unwrap();
    let (arrive, arrived) = mpsc::channel();
    let pad = pipeline.by_name("t").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        arrive.send(()).ok();
        gst::PadProbeReturn::Remove
    });
    let seek = |from: u64, to: u64| {
        let time = gst::ClockTime::from_seconds;
        let (how, set) = (gst::SeekFlags::FLUSH, gst::SeekType::Set);
        pipeline
            .seek(1.0, how, set, time(from), set, time(to))
            .unwrap();
    };
    let next = |kinds: &[gst::MessageType]| {
        let errors = [kinds, &[gst::MessageType::Error]].concat();
        let message = bus.timed_pop_filtered(common::LONG, &errors);
        let message = message.expect("a message");
        assert_ne!(message.type_(), gst::MessageType::Error, "{message:?}");
    };
    // While the first frame is learned from.
    pipeline.set_state(gst::State::Playing).unwrap();
    arrived.recv().unwrap();
    // The source still gives one frame, which would have its 1000 steps.
    pipeline.by_name("t").unwrap().set_property("adapt", false);
    seek(10, 10);
    next(&[gst::MessageType::Eos]);
    seek(2, 3);
    next(&[gst::MessageType::Element]);
    next(&[gst::MessageType::Eos]);
    pipeline.set_state(gst::State::Null).unwrap();
}
