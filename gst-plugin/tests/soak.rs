//! Long and rough use. Slow, so ignored by default, and one after the other, so that each sees only what it holds itself:
//! `cargo test -p gst-plugin-tttseg --test soak -- --ignored --test-threads=1 --nocapture`.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::process::{Held, slope};
use common::{element, filter, frame, parse, runtime, watch};
use gst::prelude::*;

/// Frame sizes of the streams; they are those of four sizes that the network sees.
const SIZES: [(u32, u32); 6] = [
    (96, 64),
    (64, 96),
    (80, 80),
    (160, 64),
    (192, 128),
    (64, 64),
];

fn caps(size: usize) -> String {
    let (width, height) = SIZES[size % SIZES.len()];
    let format = ["I420", "RGB", "NV12"][size % 3];
    format!("video/x-raw,format={format},width={width},height={height},framerate=25/1")
}

fn begin(harness: &mut gst_check::Harness, stream: usize, size: usize) {
    harness.push_event(gst::event::StreamStart::new(&format!("stream {stream}")));
    harness.push_event(gst::event::Caps::new(&caps(size).parse().unwrap()));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    harness.push_event(gst::event::Segment::new(&segment));
    while harness.try_pull_event().is_some() {}
}

#[test]
#[ignore]
fn two_thousand_frames_over_sixteen_streams() {
    let Some(_) = runtime() else { return };
    for how in ["", "asynchronous=true"] {
        const STREAMS: usize = 16;
        const FRAMES: usize = 125;
        let mut harness = filter(&format!("threads=1 {how}"));
        let bus = watch(&harness);
        let mut points = vec![];
        let mut early = None;
        let mut frames = 0;
        // Two rounds over the sizes come first: sessions are built once for each.
        for stream in 0..2 * SIZES.len() + STREAMS {
            let counted = stream >= 2 * SIZES.len();
            // In mid-stream the size changes as well.
            for size in [stream, stream + 1] {
                begin(&mut harness, stream, size);
                for n in 0..FRAMES / 2 + 1 {
                    let input = frame(&caps(size), n as u64);
                    harness.push_and_pull(input).unwrap();
                    if counted {
                        frames += 1;
                        let held = Held::now();
                        let first = early.get_or_insert(held);
                        points.push((f64::from(frames), held.resident));
                        assert_eq!(held.files, first.files, "open files, frame {frames}");
                        assert!(held.threads <= first.threads, "{held:?}, frame {frames}");
                        if frames % 250 == 1 {
                            println!("{how} frame {frames}: {held:?}");
                        }
                    }
                }
                while let Some(message) = bus.pop() {
                    assert_ne!(message.type_(), gst::MessageType::Error, "{message:?}");
                }
            }
        }
        let stats = element(&harness).property::<gst::Structure>("stats");
        println!("{stats}");
        assert!(frames >= 2000 && stats.get::<u64>("resets").unwrap() >= STREAMS as u64);
        let grows = slope(&points) * 1000.0;
        println!("{how} {grows:.0} KiB per 1000 frames over {frames} frames");
        assert!(grows < 1024.0, "{grows} KiB per 1000 frames");
    }
}

#[test]
#[ignore]
fn null_six_hundred_times_from_another_thread_while_frames_are_in_work() {
    let Some(_) = runtime() else { return };
    for how in ["", "asynchronous=true"] {
        let pipeline = parse(&format!(
            "videotestsrc ! video/x-raw,width=96,height=64 ! \
             tttseg {how} threads=1 batch-size=4 steps=50 model-file=MODEL ! fakesink"
        ));
        let mut points = vec![];
        let mut longest = Duration::ZERO;
        let mut files = None;
        // Resident memory goes up and down by a few MiB with what a cycle was interrupted in: over fewer cycles that looks
        // like a slope.
        for n in 0..600u64 {
            pipeline.set_state(gst::State::Playing).unwrap();
            thread::scope(|scope| {
                let other = scope.spawn(|| {
                    // Before, while and after graphs are built, and while they run.
                    thread::sleep(Duration::from_millis(n * 7 % 400));
                    let began = Instant::now();
                    pipeline.set_state(gst::State::Null).unwrap();
                    began.elapsed()
                });
                longest = longest.max(other.join().unwrap());
            });
            let held = Held::now();
            points.push((n as f64, held.resident));
            assert_eq!(held.files, *files.get_or_insert(held.files), "cycle {n}");
            if n % 75 == 0 {
                println!("{how} cycle {n}: {held:?}");
            }
        }
        let bus = pipeline.bus().unwrap();
        let error = bus.pop_filtered(&[gst::MessageType::Error]);
        assert!(error.is_none(), "{how}: {error:?}");
        let grows = slope(&points[100..]) * 100.0;
        println!("{how} NULL took {longest:?} at most; {grows:.0} KiB per 100 cycles");
        assert!(grows < 1024.0, "{grows} KiB per 100 cycles");
    }
}

#[test]
#[ignore]
fn flushes_from_another_thread_while_frames_flow() {
    let Some(_) = runtime() else { return };
    for how in ["", "asynchronous=true"] {
        let pipeline = parse(&format!(
            "videotestsrc ! video/x-raw,width=96,height=64 ! \
             tttsegfilter {how} name=t threads=1 steps=3 model-file=MODEL ! fakesink"
        ));
        let bus = pipeline.bus().unwrap();
        let pad = pipeline.by_name("t").unwrap().static_pad("sink").unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let kinds = [gst::MessageType::Element, gst::MessageType::Error];
        let next = |after: &str| {
            let message = bus.timed_pop_filtered(common::LONG, &kinds);
            let message = message.unwrap_or_else(|| panic!("no frame after {after}"));
            assert_eq!(message.type_(), gst::MessageType::Element, "{message:?}");
        };
        next("the start");
        for n in 0..500u64 {
            thread::scope(|scope| {
                // A seek flushes the whole pipeline, as a player does.
                scope.spawn(|| {
                    let to = gst::ClockTime::from_seconds(n % 20);
                    pipeline.seek_simple(gst::SeekFlags::FLUSH, to).unwrap();
                });
                thread::sleep(Duration::from_millis(n % 13));
            });
            if n % 50 == 0 {
                next("seeks");
            }
        }
        // The element alone, over and over, with nothing upstream that waits for the end of it. What upstream pushes
        // meanwhile comes back as flushing, and it goes on with the next seek.
        for _ in 0..500 {
            assert!(pad.send_event(gst::event::FlushStart::new()));
            assert!(pad.send_event(gst::event::FlushStop::new(false)));
        }
        while bus.pop().is_some() {}
        let to = gst::ClockTime::SECOND;
        pipeline.seek_simple(gst::SeekFlags::FLUSH, to).unwrap();
        next("flushes of the element alone");
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
#[ignore]
fn properties_change_at_1_khz_for_five_seconds() {
    let Some(_) = runtime() else { return };
    for how in ["", "asynchronous=true"] {
        let pipeline = parse(&format!(
            "videotestsrc ! video/x-raw,width=96,height=64 ! \
             tttseg {how} name=t threads=1 model-file=MODEL ! fakesink"
        ));
        let element = pipeline.by_name("t").unwrap();
        let bus = pipeline.bus().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let done = AtomicBool::new(false);
        let changes = thread::scope(|scope| {
            let changer = scope.spawn(|| {
                let (mut n, mut due) = (0u32, Instant::now());
                while !done.load(Ordering::Relaxed) {
                    n += 1;
                    common::change(&element, n);
                    due += Duration::from_millis(1);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                n
            });
            let began = Instant::now();
            let mut frames = 0;
            while began.elapsed() < Duration::from_secs(5) {
                let message = bus.timed_pop(common::LONG).expect("a message");
                match message.view() {
                    gst::MessageView::Error(e) => panic!("{e:?}"),
                    gst::MessageView::Element(_) => frames += 1,
                    _ => {}
                }
            }
            done.store(true, Ordering::Relaxed);
            println!("{how} {frames} frames");
            changer.join().unwrap()
        });
        println!("{how} {changes} rounds of changes in 5 s");
        assert_ne!(changes, 0);
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
