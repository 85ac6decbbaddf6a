//! The request pad `classes`: what it carries, and that it comes and goes without harm.

use std::sync::{Arc, Mutex};

use crate::common::{self, CAPS, bytes, element, filter, frame, parse, run, runtime, wait, watch};
use gst::prelude::*;
use gst_check::Harness;

const MODEL: &str = "model-file=MODEL execution-provider=cpu threads=1 pace=every-frame";

/// What came to a sink: types of events in order, and buffers.
#[derive(Default)]
struct Came {
    events: Vec<gst::Event>,
    buffers: Vec<gst::Buffer>,
}

impl Came {
    fn at(sink: &gst::Element) -> Arc<Mutex<Came>> {
        let came = Arc::new(Mutex::new(Came::default()));
        let kinds = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
        let into = came.clone();
        sink.static_pad("sink")
            .unwrap()
            .add_probe(kinds, move |_, info| {
                let mut came = into.lock().unwrap();
                came.events.extend(info.event().cloned());
                came.buffers.extend(info.buffer().cloned());
                gst::PadProbeReturn::Ok
            });
        came
    }

    fn types(&self) -> Vec<gst::EventType> {
        self.events.iter().map(|event| event.type_()).collect()
    }

    fn stream_id(&self) -> String {
        let id = self.events.iter().find_map(|event| match event.view() {
            gst::EventView::StreamStart(start) => Some(start.stream_id().to_owned()),
            _ => None,
        });
        id.unwrap()
    }
}

/// The filter with its pad, and a harness for each source pad.
fn both(properties: &str) -> (Harness, Harness) {
    let main = filter(&format!("threads=1 {properties}"));
    let classes = beside(&main);
    (main, classes)
}

/// A harness at the pad `classes` of the filter in another one.
fn beside(main: &Harness) -> Harness {
    let mut classes = Harness::with_element(&element(main), None, Some("classes"));
    classes.play();
    classes
}

/// Types of the events that have come.
fn events(harness: &mut Harness) -> Vec<gst::EventType> {
    std::iter::from_fn(|| harness.try_pull_event())
        .map(|event| event.type_())
        .collect()
}

#[test]
fn the_same_classes_beside_every_output() {
    let Some(_) = runtime() else { return };
    let mut maps = filter("threads=1 output=class-map");
    maps.set_src_caps_str(CAPS);
    let maps: Vec<Vec<u8>> = (0..4)
        .map(|n| bytes(&maps.push_and_pull(frame(CAPS, n)).unwrap()))
        .collect();
    for output in [
        "overlay",
        "class-map",
        "reconstruction",
        "side-by-side",
        "metadata",
    ] {
        let (mut main, mut classes) = both(&format!("output={output}"));
        main.set_src_caps_str(CAPS);
        for n in 0..4 {
            let mut input = frame(CAPS, n);
            gst_video::VideoRegionOfInterestMeta::add(input.make_mut(), "car", (1, 2, 3, 4));
            main.push_and_pull(input).unwrap();
            let map = classes.pull().unwrap();
            // Asking for a reconstruction draws other masks, but learns from the same.
            assert!(bytes(&map) == maps[n as usize], "{output}, frame {n}");
            let like = frame(CAPS, n);
            assert_eq!((map.pts(), map.duration()), (like.pts(), like.duration()));
            let region = map.meta::<gst_video::VideoRegionOfInterestMeta>().unwrap();
            assert_eq!(region.rect(), (1, 2, 3, 4));
        }
        let caps = classes.sinkpad().unwrap().current_caps().unwrap();
        let expected = "video/x-raw,format=GRAY8,width=64,height=48,framerate=25/1";
        assert!(
            caps.is_subset(&expected.parse::<gst::Caps>().unwrap()),
            "{caps}"
        );
        let caps = caps.structure(0).unwrap();
        assert!(!caps.has_field("colorimetry"));
    }
}

#[test]
fn two_streams_in_order_to_their_end() {
    let Some(_) = runtime() else { return };
    for name in ["tttsegfilter", "tttseg"] {
        let pipeline = parse(&format!(
            "videotestsrc num-buffers=5 ! {CAPS} ! {name} name=t {MODEL} ! queue ! fakesink name=a \
             t.classes ! queue ! fakesink name=b"
        ));
        let [a, b] = ["a", "b"].map(|sink| Came::at(&pipeline.by_name(sink).unwrap()));
        assert_eq!(run(&pipeline).error, None, "{name}");
        let (a, b) = (a.lock().unwrap(), b.lock().unwrap());
        use gst::EventType::{Caps, Eos, Segment, StreamStart};
        let types = b.types();
        assert_eq!(types[..3], [StreamStart, Caps, Segment], "{name}");
        for (kind, times) in [(StreamStart, 1), (Caps, 1), (Segment, 1), (Eos, 1)] {
            assert_eq!(
                types.iter().filter(|t| **t == kind).count(),
                times,
                "{name}: {kind:?}"
            );
        }
        assert_eq!(types.last(), Some(&Eos));
        assert_eq!(b.stream_id(), format!("{}/classes", a.stream_id()));
        assert_eq!((a.buffers.len(), b.buffers.len()), (5, 5));
        for (a, b) in a.buffers.iter().zip(&b.buffers) {
            assert_eq!((a.pts(), a.duration()), (b.pts(), b.duration()));
            assert_eq!((a.size(), b.size()), (64 * 48 * 3, 64 * 48));
        }
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn one_pad_that_is_linked_is_enough() {
    let Some(_) = runtime() else { return };
    for name in ["tttsegfilter", "tttseg"] {
        let source = format!("videotestsrc num-buffers=5 ! {CAPS} ! {name} name=t {MODEL}");
        // Asked for and left alone.
        let pipeline = parse(&format!("{source} ! fakesink"));
        let pad = pipeline.by_name("t").unwrap().request_pad_simple("classes");
        let ended = run(&pipeline);
        assert_eq!((ended.error, ended.reports.len()), (None, 5), "{name}");
        drop(pad);
        // Only the classes are wanted.
        let pipeline = parse(&format!("{source} t.classes ! fakesink name=b"));
        let came = Came::at(&pipeline.by_name("b").unwrap());
        let ended = run(&pipeline);
        assert_eq!((ended.error, ended.reports.len()), (None, 5), "{name}");
        assert_eq!(came.lock().unwrap().buffers.len(), 5);
        // Neither pad is linked.
        let pipeline = parse(&source);
        pipeline
            .by_name("t")
            .unwrap()
            .request_pad_simple("classes")
            .unwrap();
        let ended = run(&pipeline);
        assert!(ended.error.is_some(), "{name}");
        assert!(ended.reports.len() <= 1, "{name}");
    }
}

#[test]
fn it_comes_and_goes_while_it_plays() {
    let Some(_) = runtime() else { return };
    let mut main = filter("threads=1 method=none");
    main.set_src_caps_str(CAPS);
    main.push_and_pull(frame(CAPS, 0)).unwrap();
    for round in 0..3 {
        let mut classes = beside(&main);
        for n in 0..2 {
            main.push_and_pull(frame(CAPS, n)).unwrap();
            assert_eq!(classes.pull().unwrap().size(), 64 * 48, "round {round}");
        }
        use gst::EventType::{Caps, Segment, StreamStart};
        let kinds = [StreamStart, Caps, Segment];
        let came = events(&mut classes);
        let came: Vec<_> = came
            .into_iter()
            .filter(|kind| kinds.contains(kind))
            .collect();
        assert_eq!(came, kinds);
        // Which releases the pad.
        drop(classes);
        assert!(element(&main).static_pad("classes").is_none());
        main.play();
        main.push_and_pull(frame(CAPS, 9)).unwrap();
    }
}

#[test]
fn it_comes_and_goes_in_a_running_pipeline() {
    let Some(_) = runtime() else { return };
    for name in ["tttsegfilter", "tttseg"] {
        let pipeline = parse(&format!(
            "videotestsrc ! {CAPS} ! {name} name=t {MODEL} method=none post-messages=false ! fakesink name=k"
        ));
        pipeline.set_state(gst::State::Playing).unwrap();
        pipeline.state(common::LONG).0.unwrap();
        let filter = pipeline.by_name("t").unwrap();
        let template = filter.pad_template("classes").unwrap();
        for _ in 0..10 {
            let sink = gst::ElementFactory::make("fakesink")
                .property("async", false)
                .property("sync", false)
                .build()
                .unwrap();
            let came = Came::at(&sink);
            pipeline.add(&sink).unwrap();
            sink.sync_state_with_parent().unwrap();
            let pad = filter.request_pad_simple("classes").unwrap();
            assert!(filter.request_pad(&template, None, None).is_none());
            pad.link(&sink.static_pad("sink").unwrap()).unwrap();
            let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
            while came.lock().unwrap().buffers.len() < 3 {
                assert!(
                    std::time::Instant::now() < patience,
                    "{name}: nothing comes"
                );
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            // In the middle of whatever it is doing.
            filter.release_request_pad(&pad);
            sink.set_state(gst::State::Null).unwrap();
            pipeline.remove(&sink).unwrap();
        }
        let source = pipeline
            .iterate_sources()
            .into_iter()
            .flatten()
            .next()
            .unwrap();
        source.send_event(gst::event::Eos::new());
        assert_eq!(wait(&pipeline).error, None, "{name}");
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn other_caps_give_other_caps() {
    let Some(_) = runtime() else { return };
    let (mut main, mut classes) = both("method=none");
    for (format, width, height) in [("RGB", 64, 48), ("I420", 63, 47), ("GRAY8", 160, 64)] {
        let text =
            format!("video/x-raw,format={format},width={width},height={height},framerate=25/1");
        main.set_src_caps_str(&text);
        main.push_and_pull(frame(&text, 0)).unwrap();
        let map = classes.pull().unwrap();
        let caps = classes.sinkpad().unwrap().current_caps().unwrap();
        let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
        assert_eq!((info.width(), info.height()), (width, height));
        assert_eq!(info.format(), gst_video::VideoFormat::Gray8);
        assert_eq!(map.size(), info.size());
    }
}

#[test]
fn events_go_along() {
    let Some(_) = runtime() else { return };
    let (mut main, mut classes) = both("method=none");
    main.set_src_caps_str(CAPS);
    main.push_and_pull(frame(CAPS, 0)).unwrap();
    classes.pull().unwrap();
    events(&mut classes);
    let gap = gst::event::Gap::builder(gst::ClockTime::from_mseconds(40)).build();
    let mut tags = gst::TagList::new();
    tags.make_mut()
        .add::<gst::tags::Title>(&"A film", gst::TagMergeMode::Append);
    let custom = gst::Structure::new_empty("something");
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::SECOND);
    for event in [
        gap,
        gst::event::Tag::new(tags),
        gst::event::CustomDownstream::new(custom),
        gst::event::FlushStart::new(),
        gst::event::FlushStop::new(true),
        gst::event::Segment::new(&segment),
    ] {
        main.push_event(event);
    }
    use gst::EventType::{CustomDownstream, Eos, FlushStart, FlushStop, Gap, Segment, Tag};
    assert_eq!(
        events(&mut classes),
        [Gap, Tag, CustomDownstream, FlushStart, FlushStop, Segment]
    );
    main.push_and_pull(frame(CAPS, 25)).unwrap();
    assert_eq!(classes.pull().unwrap().pts(), frame(CAPS, 25).pts());
    main.push_event(gst::event::Eos::new());
    assert_eq!(events(&mut classes), [Eos]);
    assert_eq!(main.push(frame(CAPS, 26)), Err(gst::FlowError::Eos));
    // A seek starts it again.
    main.push_event(gst::event::FlushStart::new());
    main.push_event(gst::event::FlushStop::new(true));
    main.push_event(gst::event::Segment::new(&segment));
    main.push_and_pull(frame(CAPS, 27)).unwrap();
    classes.pull().unwrap();
}

/// A pad that comes when all is over still gets what a stream begins with, and its end.
#[test]
fn the_end_alone() {
    let Some(_) = runtime() else { return };
    let mut main = filter("threads=1 method=none");
    main.set_src_caps_str(CAPS);
    main.push_and_pull(frame(CAPS, 0)).unwrap();
    let mut classes = beside(&main);
    main.push_event(gst::event::Eos::new());
    let came = events(&mut classes);
    assert_eq!(came.first(), Some(&gst::EventType::StreamStart));
    assert_eq!(came.last(), Some(&gst::EventType::Eos));
    assert!(came.contains(&gst::EventType::Caps) && came.contains(&gst::EventType::Segment));
}

#[test]
fn frames_without_classes_are_gaps() {
    let Some(_) = runtime() else { return };
    let (mut main, mut classes) = both("passthrough=true");
    main.set_src_caps_str(CAPS);
    for n in 0..2 {
        main.push_and_pull(frame(CAPS, n)).unwrap();
    }
    assert!(classes.try_pull().is_none());
    let gaps =
        std::iter::from_fn(|| classes.try_pull_event()).filter_map(|event| match event.view() {
            gst::EventView::Gap(gap) => Some(gap.get()),
            _ => None,
        });
    let like = |n| (frame(CAPS, n).pts().unwrap(), frame(CAPS, n).duration());
    assert_eq!(gaps.collect::<Vec<_>>(), [like(0), like(1)]);
    element(&main).set_property("passthrough", false);
    main.push_and_pull(frame(CAPS, 2)).unwrap();
    assert_eq!(classes.pull().unwrap().size(), 64 * 48);
}

#[test]
fn up_and_down_it_starts_anew() {
    let Some(_) = runtime() else { return };
    let pipeline = parse(&format!(
        "videotestsrc num-buffers=2 ! {CAPS} ! tttseg name=t {MODEL} ! queue ! fakesink \
         t.classes ! queue ! fakesink name=b"
    ));
    let came = Came::at(&pipeline.by_name("b").unwrap());
    for round in 1..4 {
        assert_eq!(run(&pipeline).error, None);
        let came = came.lock().unwrap();
        assert_eq!(came.buffers.len(), 2 * round);
        let starts = came
            .types()
            .into_iter()
            .filter(|t| *t == gst::EventType::StreamStart);
        assert_eq!(starts.count(), round);
    }
}

#[test]
fn what_fails_there_ends_the_stream() {
    let Some(_) = runtime() else { return };
    let (mut main, classes) = both("method=none");
    main.set_src_caps_str(CAPS);
    main.push_and_pull(frame(CAPS, 0)).unwrap();
    let sink = classes.sinkpad().unwrap();
    sink.set_active(false).unwrap();
    assert_eq!(main.push(frame(CAPS, 1)), Err(gst::FlowError::Flushing));
    sink.set_active(true).unwrap();
    let bus = watch(&main);
    main.push_and_pull(frame(CAPS, 2)).unwrap();
    assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none());
}

#[test]
fn latency_and_lateness_are_those_of_the_filter() {
    let Some(_) = runtime() else { return };
    let (mut main, classes) = both("method=none pace=auto");
    main.set_src_caps_str(CAPS);
    main.push_and_pull(frame(CAPS, 0)).unwrap();
    let element = element(&main);
    let ask = |name: &str| {
        let mut query = gst::query::Latency::new();
        let answered = element.static_pad(name).unwrap().query(&mut query);
        (answered, query.result())
    };
    assert_eq!(ask("classes"), ask("src"));
    assert!(ask("classes").0);
    // A late sink there is a late sink.
    let late = gst::event::Qos::builder(
        gst::QOSType::Underflow,
        2.0,
        gst::ClockTimeDiff::from(1_000_000_000),
    )
    .timestamp(gst::ClockTime::from_mseconds(40))
    .build();
    assert!(classes.sinkpad().unwrap().push_event(late));
    main.push_and_pull(frame(CAPS, 1)).unwrap();
    let stats = element.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u64>("frames-reused").unwrap(), 1, "{stats}");
}
