//! What events mean: resets, seeks, lateness; and the latency query.

mod common;

use common::{element, filter, frame, runtime, watch};
use gst::prelude::*;
use gst_check::Harness;
use gsttttseg::filter::{FrameReport, Skipped};

const CAPS: &str = "video/x-raw,format=RGB,width=64,height=48,framerate=25/1";

fn last(bus: &gst::Bus) -> FrameReport {
    let message = bus
        .iter_filtered(&[gst::MessageType::Element])
        .last()
        .expect("a message");
    message.structure().unwrap().try_into().unwrap()
}

/// Pushes a frame and tells what came of it.
#[track_caller]
fn push(harness: &mut Harness, bus: &gst::Bus, buffer: gst::Buffer) -> FrameReport {
    harness.push_and_pull(buffer).unwrap();
    last(bus)
}

fn started() -> (Harness, gst::Bus) {
    let mut harness = filter("");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    for n in 0..3 {
        let report = push(&mut harness, &bus, frame(CAPS, n));
        assert_eq!(
            (report.window, report.steps_since_reset),
            (n as u32 + 1, n + 1)
        );
    }
    (harness, bus)
}

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

#[test]
fn late_frames_go_out_and_enter_the_window() {
    if !runtime() {
        return;
    }
    let (mut harness, bus) = started();
    let ms = gst::ClockTime::from_mseconds;
    let late = |at, by_ms: i64| {
        gst::event::Qos::new(gst::QOSType::Underflow, 2.0, by_ms * 1_000_000, ms(at))
    };
    while harness.try_pull_upstream_event().is_some() {}
    // Frame 2 was shown 100 ms late: what is due within 200 ms of it cannot be in time.
    harness.push_upstream_event(late(80, 100));
    assert!(
        harness
            .try_pull_upstream_event()
            .is_none_or(|e| e.type_() != gst::EventType::Qos),
        "a decoder would drop frames"
    );
    let mut skipped = vec![];
    for n in 3..9 {
        let report = push(&mut harness, &bus, frame(CAPS, n));
        assert_eq!(report.window, n as u32 + 1, "every frame enters the window");
        assert_eq!(report.steps == 0, report.skipped.is_some());
        skipped.push(report.skipped);
    }
    // Frames 3 to 6 are due at 120 to 240 ms, frame 7 at 280 ms.
    let expected = [Some(Skipped::Late); 4].into_iter().chain([None; 2]);
    assert_eq!(skipped, expected.collect::<Vec<_>>());
    harness.push_upstream_event(late(320, 60));
    push(&mut harness, &bus, frame(CAPS, 9));
    let element = element(&harness);
    element.set_property_from_str("pace", "every-frame");
    let report = push(&mut harness, &bus, frame(CAPS, 10));
    assert_eq!(report.skipped, None, "never skips");
    let stats = element.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u64>("frames-late").unwrap(), 5);
}

#[test]
fn lateness_is_warned_of_once_with_the_rate() {
    if !runtime() {
        return;
    }
    let (mut harness, bus) = started();
    for n in [3, 8] {
        let at = gst::ClockTime::from_mseconds(n * 40 - 40);
        harness.push_upstream_event(gst::event::Qos::new(
            gst::QOSType::Underflow,
            2.0,
            50_000_000,
            at,
        ));
        for n in n..n + 4 {
            harness.push_and_pull(frame(CAPS, n)).unwrap();
        }
    }
    let warnings: Vec<String> = bus
        .iter_filtered(&[gst::MessageType::Warning])
        .map(|m| match m.view() {
            gst::MessageView::Warning(w) => w.error().to_string(),
            _ => unreachable!(),
        })
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    // Due at 120 and 160 ms, and late; 200 ms is in time.
    assert!(warnings[0].contains("1 of 3 frames"), "{warnings:?}");
}

#[test]
fn the_last_map_is_drawn_on_late_frames() {
    if !runtime() {
        return;
    }
    let mut harness = filter("output=class-map method=none");
    harness.set_src_caps_str(CAPS);
    let first = harness.push_and_pull(frame(CAPS, 0)).unwrap();
    harness.push_upstream_event(gst::event::Qos::new(
        gst::QOSType::Underflow,
        2.0,
        1_000_000_000,
        gst::ClockTime::ZERO,
    ));
    // Another picture altogether.
    let mut black = gst::Buffer::from_mut_slice(vec![0u8; 64 * 48 * 3]);
    black
        .get_mut()
        .unwrap()
        .set_pts(gst::ClockTime::from_mseconds(40));
    let second = harness.push_and_pull(black).unwrap();
    assert_eq!(second.pts(), Some(gst::ClockTime::from_mseconds(40)));
    assert!(common::bytes(&first) == common::bytes(&second));
}

#[test]
fn latency_is_told_to_live_pipelines_only() {
    if !runtime() {
        return;
    }
    let (mut harness, bus) = started();
    harness.set_upstream_latency(gst::ClockTime::from_mseconds(20));
    let ask = |harness: &Harness| {
        let mut query = gst::query::Latency::new();
        assert!(harness.sinkpad().unwrap().peer_query(&mut query));
        query.result()
    };
    harness.set_live(false);
    let (live, min, _) = ask(&harness);
    assert!(!live && min <= gst::ClockTime::from_mseconds(20), "{min}");
    harness.set_live(true);
    let (live, mut before, _) = ask(&harness);
    assert!(live);
    element(&harness).set_property("steps", 20u32);
    for n in 3..6 {
        while bus.pop().is_some() {}
        harness.push_and_pull(frame(CAPS, n)).unwrap();
        let stats = element(&harness).property::<gst::Structure>("stats");
        let time = |field| gst::ClockTime::from_nseconds(stats.get::<u64>(field).unwrap());
        let took = time("step-time") + time("predict-time");
        let (_, min, _) = ask(&harness);
        assert!(min >= took, "{min} does not cover a frame that took {took}");
        let told = bus.iter().any(|m| m.type_() == gst::MessageType::Latency);
        assert_eq!(told, min != before, "the pipeline is told of changes only");
        before = min;
    }
}

#[test]
fn properties_change_from_another_thread_while_frames_flow() {
    if !runtime() {
        return;
    }
    let (mut harness, bus) = started();
    let element = element(&harness);
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let changer = {
        let done = done.clone();
        std::thread::spawn(move || {
            let mut n = 0u32;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                n += 1;
                element.set_property("opacity", f64::from(n % 10) / 10.0);
                element.set_property("window", n % 20);
                element.set_property("learning-rate", f64::from(n % 3 + 1) * 1e-4);
                element.set_property(
                    "palette",
                    if n.is_multiple_of(2) {
                        "ff0000,00ff00"
                    } else {
                        ""
                    },
                );
                element.set_property("adapt", !n.is_multiple_of(5));
                element.property::<gst::Structure>("stats");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        })
    };
    for n in 3..60 {
        harness.push_and_pull(frame(CAPS, n)).unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    changer.join().unwrap();
    let messages: Vec<gst::Message> = bus.iter().collect();
    let of_type = |kind| messages.iter().filter(move |m| m.type_() == kind);
    assert_eq!(of_type(gst::MessageType::Error).count(), 0);
    assert_eq!(of_type(gst::MessageType::Element).count(), 57);
}
