//! Time: the latency query, lateness, the training budget and the frame rate of a live source.

mod common;

use common::{CAPS, element, filter, frame, parse, push, runtime, started, warnings, watch};
use gst::prelude::*;
use gst_check::Harness;
use gsttttseg::filter::{FrameReport, Rung, Skipped};

/// A sink's report, in milliseconds.
fn late(at: u64, by: i64) -> gst::Event {
    let at = gst::ClockTime::from_mseconds(at);
    gst::event::Qos::new(gst::QOSType::Underflow, 2.0, by * 1_000_000, at)
}

#[test]
fn late_frames_go_out_and_enter_the_window() {
    let Some(_) = runtime() else { return };
    let (mut harness, bus) = started();
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
    let Some(_) = runtime() else { return };
    let (mut harness, bus) = started();
    for n in [3, 8] {
        harness.push_upstream_event(late(n * 40 - 40, 50));
        for n in n..n + 4 {
            harness.push_and_pull(frame(CAPS, n)).unwrap();
        }
    }
    let warnings = warnings(&bus);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    // Due at 120 and 160 ms, and late; 200 ms is in time.
    assert!(warnings[0].contains("1 of 3 frames"), "{warnings:?}");
}

#[test]
fn the_last_map_is_drawn_on_late_frames() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("output=class-map method=none");
    harness.set_src_caps_str(CAPS);
    let first = harness.push_and_pull(frame(CAPS, 0)).unwrap();
    harness.push_upstream_event(late(0, 1000));
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
fn latency_is_reported_in_live_pipelines_only() {
    let Some(_) = runtime() else { return };
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
        let posted = bus.iter().any(|m| m.type_() == gst::MessageType::Latency);
        assert_eq!(posted, min != before, "only changes are posted");
        before = min;
    }
}

/// Names of rungs in the QoS messages on a bus, with masks and steps; and the reports, one for every frame.
fn messages(bus: &gst::Bus) -> (Vec<(String, u32, u32)>, Vec<FrameReport>) {
    let (mut rungs, mut reports) = (vec![], vec![]);
    for message in bus.iter() {
        match message.view() {
            gst::MessageView::Qos(qos) => {
                let structure = qos.structure().unwrap();
                let rung = structure.get::<String>("rung").unwrap();
                let count = |field| structure.get::<u32>(field).unwrap();
                let (_, proportion, quality) = qos.values();
                assert!(proportion < 1.0, "{rung}: {proportion}");
                assert!((0..1_000_000).contains(&quality), "{rung}: {quality}");
                rungs.push((rung, count("masks"), count("steps")));
            }
            gst::MessageView::Element(e) => {
                reports.push(e.structure().unwrap().try_into().unwrap());
            }
            gst::MessageView::Error(e) => panic!("{e:?}"),
            _ => {}
        }
    }
    (rungs, reports)
}

fn expected(rungs: &[(Rung, u32, u32)]) -> Vec<(String, u32, u32)> {
    let name = |(rung, masks, steps): &(Rung, u32, u32)| (rung.name().to_owned(), *masks, *steps);
    rungs.iter().map(name).collect()
}

/// Pushes frames, every one of which has to come out, until the ladder is as low as this and for a few more; gives their
/// number. A step over fewer masked views is built beside the stream, which takes as long as it takes.
fn flow_down_to(harness: &mut Harness, caps: &str, rung: Rung) -> u64 {
    let element = element(harness);
    let at = |element: &gst::Element| {
        let stats = element.property::<gst::Structure>("stats");
        stats.get_optional::<String>("rung").unwrap()
    };
    let mut n = 0;
    while at(&element).as_deref() != Some(rung.name()) {
        harness.push_and_pull(frame(caps, n)).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1));
        n += 1;
    }
    for n in n..n + 3 {
        harness.push_and_pull(frame(caps, n)).unwrap();
    }
    n + 3
}

/// Pushes frames, every one of which has to come out.
fn flow(harness: &mut Harness, caps: &str, frames: u64) {
    for n in 0..frames {
        harness.push_and_pull(frame(caps, n)).unwrap();
    }
}

#[test]
fn a_budget_leaves_out_masks_then_steps_then_learning() {
    let Some(_) = runtime() else { return };
    // No step is this quick.
    let mut harness = filter("method=online threads=1 training-budget=0.001 batch-size=8 steps=8");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let frames = flow_down_to(&mut harness, CAPS, Rung::SkipStep);
    let (rungs, reports) = messages(&bus);
    assert_eq!(
        rungs,
        expected(&[
            (Rung::FewerMasks, 2, 8),
            (Rung::FewerSteps, 1, 2),
            (Rung::SkipStep, 1, 1),
        ])
    );
    assert_eq!(reports.len() as u64, frames);
    assert!(reports.is_sorted_by_key(|r| r.rung));
    for report in &reports {
        let steps = match (report.rung, report.masks) {
            // No frame waits for the graph of a step over fewer views.
            (Rung::FewerMasks, 1 | 2) if report.skipped == Some(Skipped::Budget) => 0,
            (Rung::Full, 8) | (Rung::FewerMasks, 1 | 2) => 8,
            (Rung::FewerSteps, 1) => {
                if report.steps == 2 {
                    2
                } else {
                    1
                }
            }
            // The first frame there has no debt yet.
            (Rung::SkipStep, 1) => u32::from(report.skipped.is_none()),
            (rung, masks) => panic!("{rung:?} with {masks} masks"),
        };
        assert_eq!(report.steps, steps);
        assert_ne!(
            report.predict_time,
            gst::ClockTime::ZERO,
            "the map is never older"
        );
    }
    assert_eq!(reports.last().unwrap().skipped, Some(Skipped::Budget));
    let element = element(&harness);
    let stats = element.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<String>("rung").unwrap(), "skip-step");
    assert_eq!(stats.get::<u64>("frames-reused").unwrap(), 0);
    assert_ne!(stats.get::<u64>("frames-over-budget").unwrap(), 0);

    // Live as everything about it.
    element.set_property("training-budget", 0.0);
    flow(&mut harness, CAPS, 2);
    let (_, reports) = messages(&bus);
    assert!(
        reports
            .iter()
            .all(|r| (r.rung, r.masks, r.steps) == (Rung::Full, 8, 8))
    );
    element.set_property("training-budget", 0.001);
    element.set_property_from_str("pace", "every-frame");
    flow(&mut harness, CAPS, 4);
    let (rungs, reports) = messages(&bus);
    assert_eq!(rungs, []);
    assert!(reports.iter().all(|r| (r.rung, r.steps) == (Rung::Full, 8)));
}

#[test]
fn replay_has_no_masks_to_leave_out() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("threads=1 training-budget=0.001 batch-size=8 steps=8");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    flow_down_to(&mut harness, CAPS, Rung::SkipStep);
    let (rungs, reports) = messages(&bus);
    assert_eq!(
        rungs,
        expected(&[(Rung::FewerSteps, 1, 2), (Rung::SkipStep, 1, 1)])
    );
    for report in &reports {
        assert_eq!(report.masks, 1);
        assert_eq!(report.steps > 0, report.skipped.is_none());
        assert_eq!(report.steps > 0, report.loss.is_some());
    }
    assert_eq!((reports[0].rung, reports[0].steps), (Rung::Full, 8));
    assert_eq!(reports.last().unwrap().skipped, Some(Skipped::Budget));
}

/// A frame rate that no machine keeps.
const FAST: &str = "video/x-raw,format=RGB,width=64,height=48,framerate=1000000/1";

#[test]
fn a_live_source_goes_down_the_whole_ladder_and_loses_no_frame() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("method=online threads=1 batch-size=4 steps=2");
    let bus = watch(&harness);
    harness.set_live(true);
    harness.set_src_caps_str(FAST);
    assert!(
        harness
            .sinkpad()
            .unwrap()
            .peer_query(&mut gst::query::Latency::new())
    );
    let frames = flow_down_to(&mut harness, FAST, Rung::ReuseMap);
    let (rungs, reports) = messages(&bus);
    assert_eq!(
        rungs,
        expected(&[
            (Rung::FewerMasks, 1, 2),
            (Rung::FewerSteps, 1, 1),
            (Rung::SkipStep, 1, 1),
            (Rung::ReuseMap, 1, 1),
        ])
    );
    let windows: Vec<u32> = reports.iter().map(|r| r.window).collect();
    let all: Vec<u32> = (1..=frames).map(|n| n.min(16) as u32).collect();
    assert_eq!(windows, all, "every frame enters the window");
    let last = reports.last().unwrap();
    assert_eq!(
        (last.rung, last.skipped),
        (Rung::ReuseMap, Some(Skipped::Budget))
    );
    assert_eq!(last.predict_time, gst::ClockTime::ZERO);
    let stats = element(&harness).property::<gst::Structure>("stats");
    assert_ne!(stats.get::<u64>("frames-reused").unwrap(), 0);
}

#[test]
fn offline_every_frame_is_learned_from_however_slow() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("threads=1 steps=2");
    let bus = watch(&harness);
    harness.set_live(false);
    harness.set_src_caps_str(FAST);
    assert!(
        harness
            .sinkpad()
            .unwrap()
            .peer_query(&mut gst::query::Latency::new())
    );
    flow(&mut harness, FAST, 5);
    let (rungs, reports) = messages(&bus);
    assert_eq!(rungs, []);
    assert_eq!(reports.len(), 5);
    assert!(reports.iter().all(|r| (r.rung, r.steps) == (Rung::Full, 2)));
}

#[test]
fn asynchronously_no_frame_waits_for_a_step() {
    let Some(_) = runtime() else { return };
    // Steps for hours.
    let mut harness = filter("threads=1 asynchronous=true batch-size=4 steps=1000");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    for n in 0..5 {
        let report = push(&mut harness, &bus, frame(CAPS, n));
        assert_eq!((report.steps, report.loss, report.skipped), (0, None, None));
        assert_eq!(report.window, n as u32 + 1);
        assert_ne!(report.predict_time, gst::ClockTime::ZERO);
    }
    drop(harness);

    let mut harness = filter("threads=1 asynchronous=true");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let learned = (0..10_000).find_map(|n| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let report = push(&mut harness, &bus, frame(CAPS, n));
        (report.steps > 0).then_some(report)
    });
    let learned = learned.expect("weights that have learned arrive");
    assert!(learned.loss.is_some_and(f64::is_finite));
    assert_ne!(learned.steps_since_reset, 0);
    assert_ne!(learned.step_time, gst::ClockTime::ZERO);
}

/// A camera's frame rate and steps that take far longer, on whatever machine.
#[test]
fn a_camera_and_a_slow_model() {
    let Some(_) = runtime() else { return };
    const FRAMES: usize = 75;
    let pipeline = parse(&format!(
        "videotestsrc is-live=true num-buffers={FRAMES} ! video/x-raw,width=96,height=64,framerate=25/1 ! \
         tttsegfilter name=t model-file=MODEL execution-provider=cpu method=online threads=1 batch-size=4 steps=16 ! \
         fakesink name=k sync=true"
    ));
    let bus = pipeline.bus().unwrap();
    let sink = pipeline.by_name("k").unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let (mut frames, mut rungs, mut latencies) = (vec![], vec![], vec![]);
    loop {
        let message = bus.timed_pop(common::LONG).expect("neither end nor error");
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(e) => panic!("{e:?}"),
            gst::MessageView::Element(e) => {
                frames.push(FrameReport::try_from(e.structure().unwrap()).unwrap());
            }
            gst::MessageView::Qos(qos) => {
                // The sink posts some as well, of frames that it drops.
                let rung = qos
                    .structure()
                    .unwrap()
                    .get_optional::<String>("rung")
                    .unwrap();
                rungs.push(rung.expect("no frame is dropped"));
            }
            gst::MessageView::Latency(_) => {
                pipeline.recalculate_latency().unwrap();
                let mut query = gst::query::Latency::new();
                assert!(pipeline.query(&mut query));
                latencies.push(query.result());
            }
            _ => {}
        }
    }
    let stats = sink.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u64>("dropped").unwrap(), 0);
    assert_eq!(stats.get::<u64>("rendered").unwrap(), FRAMES as u64);
    pipeline.set_state(gst::State::Null).unwrap();

    assert_eq!(frames.len(), FRAMES);
    assert_eq!(frames[0].rung, Rung::Full);
    assert!(rungs.starts_with(&["fewer-masks".into()]), "{rungs:?}");
    assert!(rungs.iter().any(|r| r == "fewer-steps"), "{rungs:?}");
    let longest = frames
        .iter()
        .map(|f| f.step_time + f.predict_time)
        .max()
        .unwrap();
    let last = latencies.last().expect("latency is reported");
    assert!(last.0, "a live pipeline");
    assert!(
        last.1 >= longest,
        "{last:?} does not cover a frame that took {longest}"
    );
}
