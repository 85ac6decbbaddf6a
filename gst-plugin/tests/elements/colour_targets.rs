//! Colours that a user gives: `reference-location`, and hints.

use std::path::Path;

use crate::common::{
    self, colours, element, error_on, film, last, parse, push, runtime, warnings, watch,
};
use gst::prelude::*;
use gst_video::NavigationEvent;
use tttseg::video::{Rgb, write_png};

const CAPS: &str = "video/x-raw,format=Y444,width=64,height=48,framerate=25/1";
const PIXELS: usize = 64 * 48;
/// Its chroma is that of the tiny model's last colour, 20, 50.
const PINK: u32 = 0xb0_4c_8d;

/// Grey bands, which are elsewhere in another scene.
fn scene(other: bool, n: u64) -> gst::Buffer {
    let mut buffer = common::frame(CAPS, n);
    let mut map = buffer.get_mut().unwrap().map_writable().unwrap();
    for (i, luma) in map[..PIXELS].iter_mut().enumerate() {
        *luma = if (i % 16 < 8) != other { 180 } else { 60 };
    }
    map[PIXELS..].fill(128);
    drop(map);
    buffer
}

/// The same bands in one colour, in another size.
fn picture(path: &Path, colour: u32) {
    let colour = colour.to_be_bytes();
    let rgb = Rgb::from_shape_fn((80, 96, 3), |(_, _, c)| colour[c + 1]);
    write_png(path, &rgb).unwrap();
}

/// Mean distance of Cr from what is meant, over pixels.
fn away(output: &gst::Buffer, mut which: impl FnMut(usize, usize) -> bool) -> f32 {
    let map = output.map_readable().unwrap();
    let (mut sum, mut count) = (0.0, 0.0);
    for (i, cr) in map[2 * PIXELS..].iter().enumerate() {
        if which(i % 64, i / 64) {
            sum += (f32::from(*cr) - 178.0).abs();
            count += 1.0;
        }
    }
    sum / count
}

fn click(button: i32, x: f64, y: f64) -> gst::Event {
    gst::event::Navigation::new(NavigationEvent::new_mouse_button_press(button, x, y).structure())
}

#[test]
fn pictures_that_cannot_be_used_are_errors_that_name_them() {
    let Some(_) = runtime() else { return };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::write(at("text.png"), b"no picture").unwrap();
    picture(Path::new(&at("grey.png")), 0x80_80_80);
    picture(Path::new(&at("pink.png")), PINK);
    for filter in ["tttsegfilter", "tttseg"] {
        let refused = |task: &str, name: &str| {
            let made = gst::ElementFactory::make(filter)
                .property_from_str("task", task)
                .property("reference-location", at(name))
                .build()
                .unwrap();
            if task == "colorize" {
                made.set_property("model-file", colours());
            } else {
                made.set_property("model-file", common::model());
            }
            let bus = common::watch_element(&made);
            let failed = made.set_state(gst::State::Ready).is_err();
            let said = if failed {
                error_on(&bus)
            } else {
                String::new()
            };
            made.set_state(gst::State::Null).unwrap();
            said
        };
        for (name, why) in [
            ("none.png", "No such file"),
            ("empty", "no JPEG or PNG file"),
            ("text.png", "text.png"),
            ("grey.png", "has no colour"),
        ] {
            let said = refused("colorize", name);
            let named = said.contains(&at(name)) && said.contains(why);
            assert!(named && said.contains("reference-location"), "{said}");
        }
        assert_eq!(refused("colorize", "pink.png"), "");
        let said = refused("segment", "pink.png");
        assert!(said.contains("reference-location gives colours"), "{said}");
    }
}

#[test]
fn of_two_threads_that_set_references_the_last_decides() {
    let Some(_) = runtime() else { return };
    let dir = tempfile::tempdir().unwrap();
    let folders = [1, 4].map(|count| {
        let folder = dir.path().join(count.to_string());
        std::fs::create_dir(&folder).unwrap();
        for n in 0..count {
            picture(&folder.join(format!("{n}.png")), PINK);
        }
        folder.to_str().unwrap().to_owned()
    });
    let mut harness = film("method=none threads=1 reference-steps=0");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let element = element(&harness);
    for round in 0..20 {
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for folder in &folders {
                let (start, element) = (&start, &element);
                scope.spawn(move || {
                    start.wait();
                    element.set_property("reference-location", folder);
                });
            }
        });
        let report = push(&mut harness, &bus, scene(false, round));
        let location: String = element.property("reference-location");
        assert!(
            location.ends_with(&report.references.to_string()),
            "round {round}"
        );
    }
}

#[test]
fn the_colours_of_references_are_found() {
    let Some(_) = runtime() else { return };
    let dir = tempfile::tempdir().unwrap();
    let pink = dir.path().join("pink.png");
    picture(&pink, PINK);
    let mut harness = film("method=none threads=1 chroma-smoothing=0 reference-steps=40");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let filter = element(&harness);
    let mut show = |n| {
        let output = harness.push_and_pull(scene(false, n)).unwrap();
        (away(&output, |_, _| true), last(&bus))
    };
    let (before, report) = show(0);
    assert_eq!((report.references, report.directed_steps), (0, 0));
    // In the middle of a stream a little for every frame, so that it does not stall.
    filter.set_property("reference-location", pink.to_str().unwrap());
    let mut steps = 0;
    let mut after = before;
    for n in 1..=20 {
        let (now, report) = show(n);
        assert_eq!((report.references, report.directed_steps), (1, 2));
        steps += report.directed_steps;
        after = now;
    }
    assert_eq!((steps, show(21).1.directed_steps), (40, 0));
    assert!(after < 0.5 * before, "{after} {before}");
    // One that cannot be read leaves the old one.
    filter.set_property("reference-location", "nowhere.png");
    let kept: Option<String> = filter.property("reference-location");
    assert_eq!(kept.as_deref(), pink.to_str());
    let said = warnings(&bus).concat();
    assert!(
        said.contains("nowhere.png") && said.contains("before stay"),
        "{said}"
    );
    assert_eq!(show(22).1.references, 1);
    // Forgotten, and learned anew.
    filter.emit_by_name::<()>("reset", &[]);
    assert_eq!(show(23).1.directed_steps, 2);
    filter.set_property("reference-location", "");
    let (again, report) = show(24);
    assert_eq!((again, report.references), (before, 0));
    let stats: gst::Structure = filter.property("stats");
    assert_eq!(stats.get::<u64>("total-directed-steps").unwrap(), 42);

    // From the beginning: before the first frame goes out, all of it.
    let line = format!(
        "method=none threads=1 chroma-smoothing=0 reference-steps=40 reference-location={}",
        dir.path().display()
    );
    let mut harness = film(&line);
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let first = push(&mut harness, &bus, scene(false, 0));
    assert_eq!((first.references, first.directed_steps), (1, 40));
}

#[test]
fn a_click_gives_the_colour_of_a_place_until_the_cut() {
    let Some(_) = runtime() else { return };
    let mut harness = film(
        "method=none threads=1 chroma-smoothing=0 pace=every-frame hint-radius=0.12 reference-steps=60",
    );
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let filter = element(&harness);
    let mut n = 0;
    let mut show = |harness: &mut gst_check::Harness, other| {
        n += 1;
        let output = harness.push_and_pull(scene(other, n)).unwrap();
        (output, last(&bus))
    };
    let (before, _) = show(&mut harness, false);
    // Unless asked for, clicks say nothing; they go on upstream all the same.
    assert!(harness.push_upstream_event(click(1, 32.0, 24.0)));
    assert_eq!(show(&mut harness, false).1.hints, 0);
    filter.set_property("hint-colour", PINK);
    assert!(harness.push_upstream_event(click(1, 32.0, 24.0)));
    let mut clicks = 0;
    while let Some(event) = harness.try_pull_upstream_event() {
        clicks += usize::from(event.type_() == gst::EventType::Navigation);
    }
    assert_eq!(clicks, 2);
    let (after, report) = show(&mut harness, false);
    assert_eq!((report.hints, report.directed_steps), (1, 60));
    let disc = |x: usize, y: usize| (x as f32 - 31.5).hypot(y as f32 - 23.5) < 7.0;
    let there = [&before, &after].map(|output| away(output, disc));
    assert!(there[1] < 0.6 * there[0], "{there:?}");
    let elsewhere = [&before, &after].map(|output| away(output, |x, y| !disc(x, y)));
    let moved = [there, elsewhere].map(|[then, now]| then - now);
    assert!(moved[1] < 0.7 * moved[0], "{moved:?}");

    // Applications have a signal, for which there is no need of a colour of clicks.
    let hint =
        |x: f64, y: f64, colour: u32| filter.emit_by_name::<bool>("hint", &[&x, &y, &colour]);
    assert!(!hint(64.0, 3.0, PINK) && !hint(3.0, -1.0, PINK) && !hint(f64::NAN, 3.0, PINK));
    assert!(!hint(3.0, 3.0, u32::MAX), "no colour");
    assert!(hint(3.0, 3.0, 0x20_50_f0));
    assert_eq!(show(&mut harness, false).1.hints, 2);
    // The third button: as if nothing had been said.
    assert!(harness.push_upstream_event(click(3, 0.0, 0.0)));
    let (output, report) = show(&mut harness, false);
    assert_eq!((report.hints, report.directed_steps), (0, 0));
    assert_eq!(common::bytes(&output), common::bytes(&before));

    // The same at a cut.
    assert!(hint(32.0, 24.0, PINK));
    assert_eq!(show(&mut harness, false).1.hints, 1);
    let (cut, report) = show(&mut harness, true);
    assert_eq!((report.hints, report.directed_steps), (0, 0));
    let mut fresh = film("method=none threads=1 chroma-smoothing=0");
    fresh.set_src_caps_str(CAPS);
    let never = fresh.push_and_pull(scene(true, 0)).unwrap();
    assert_eq!(common::bytes(&cut), common::bytes(&never));
    // And by signal.
    assert!(hint(32.0, 24.0, PINK));
    filter.emit_by_name::<()>("clear-hints", &[]);
    assert_eq!(show(&mut harness, true).1.hints, 0);
}

#[test]
fn hints_come_through_the_bin_and_what_follows_it() {
    let Some(_) = runtime() else { return };
    let pipeline = parse(&format!(
        "videotestsrc num-buffers=40 ! video/x-raw,format=GRAY8,width=64,height=48 ! tttseg name=t task=colorize \
         model-file={} method=none hint-colour={PINK} ! videoconvert ! video/x-raw,format=RGBx ! fakesink name=k sync=false",
        colours()
    ));
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Paused).unwrap();
    let shown = bus.timed_pop_filtered(
        common::LONG,
        &[gst::MessageType::AsyncDone, gst::MessageType::Error],
    );
    assert_eq!(shown.unwrap().type_(), gst::MessageType::AsyncDone);
    let sink = pipeline.by_name("k").unwrap().static_pad("sink").unwrap();
    // `false`: the source has no use for it.
    assert!(!sink.push_event(click(1, 20.0, 20.0)));
    let bin = pipeline.by_name("t").unwrap();
    assert!(bin.emit_by_name::<bool>("hint", &[&40.0, &20.0, &PINK]));
    pipeline.set_state(gst::State::Playing).unwrap();
    let ended = common::wait(&pipeline);
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(ended.error, None);
    let most = ended.reports.iter().map(|r| r.hints).max();
    assert_eq!(most, Some(2));
    assert!(ended.reports.iter().any(|r| r.directed_steps > 0));
}

/// Below READY, and with a model that finds classes, a hint is refused.
#[test]
fn hints_that_cannot_be_taken() {
    let Some(_) = runtime() else { return };
    let mut harness = common::filter("method=none");
    harness.set_src_caps_str(common::CAPS);
    harness
        .push_and_pull(common::frame(common::CAPS, 0))
        .unwrap();
    let filter = element(&harness);
    let hint = |filter: &gst::Element| filter.emit_by_name::<bool>("hint", &[&3.0, &3.0, &PINK]);
    assert!(!hint(&filter));
    let idle = gst::ElementFactory::make("tttseg").build().unwrap();
    let _bus = common::watch_element(&idle);
    assert!(!hint(&idle));
}
