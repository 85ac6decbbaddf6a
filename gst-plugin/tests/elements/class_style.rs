//! The look of overlays: lines, legend, which classes and in which colours; while it plays, and when it makes no sense.

use crate::common::{
    bytes, element, filter, frame, init, model, parse, run, runtime, warnings, watch,
};
use gst::prelude::*;

const CAPS: &str = "video/x-raw,format=RGB,width=160,height=120,framerate=25/1";
const MAP: &str = "threads=1 method=none output=class-map";
const OVERLAY: &str = "threads=1 method=none";

/// What one frame becomes.
fn draw(properties: &str) -> Vec<u8> {
    let mut harness = filter(properties);
    harness.set_src_caps_str(CAPS);
    bytes(&harness.push_and_pull(frame(CAPS, 0)).unwrap())
}

fn input() -> Vec<u8> {
    bytes(&frame(CAPS, 0))
}

/// Whether a pixel of the map has another class within reach, to any side.
fn on_edge(map: &[u8], x: usize, y: usize, reach: usize) -> bool {
    let class = map[y * 160 + x];
    (y.saturating_sub(reach)..(y + reach + 1).min(120)).any(|y| {
        let row = &map[y * 160..][..160];
        row[x.saturating_sub(reach)..(x + reach + 1).min(160)]
            .iter()
            .any(|other| *other != class)
    })
}

const COLOURS: [[u8; 3]; 3] = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];

fn pixel(frame: &[u8], x: usize, y: usize) -> [u8; 3] {
    let at = 3 * (y * 160 + x);
    [frame[at], frame[at + 1], frame[at + 2]]
}

#[test]
fn contours_are_the_edges_of_the_map() {
    let Some(_) = runtime() else { return };
    let map = draw(MAP);
    let before = input();
    for width in [1, 3] {
        let lines = draw(&format!("{OVERLAY} opacity=0 contours={width}"));
        let mut seen = 0;
        for y in 0..120 {
            for x in 0..160 {
                let edge = on_edge(&map, x, y, width);
                let expected = if edge {
                    COLOURS[usize::from(map[y * 160 + x])]
                } else {
                    pixel(&before, x, y)
                };
                assert_eq!(pixel(&lines, x, y), expected, "{x},{y}");
                seen += usize::from(edge);
            }
        }
        assert!(seen > 100, "a map with hardly an edge tests nothing");
    }
}

#[test]
fn classes_that_are_hidden_are_not_drawn() {
    let Some(_) = runtime() else { return };
    let map = draw(MAP);
    let before = input();
    let counts = [0, 1, 2].map(|class| map.iter().filter(|c| **c == class).count());
    assert!(counts.iter().filter(|n| **n > 0).count() > 1, "{counts:?}");
    for (properties, shown) in [
        ("selected-classes=a", [true, false, false]),
        ("selected-classes=\"b, c\"", [false, true, true]),
        ("hidden-classes=a", [false, true, true]),
        (
            "selected-classes=a,b hidden-classes=b",
            [true, false, false],
        ),
        ("hidden-classes=a,b,c", [false; 3]),
    ] {
        let drawn = draw(&format!("{OVERLAY} opacity=1 contours=2 {properties}"));
        for y in 0..120 {
            for x in 0..160 {
                let class = usize::from(map[y * 160 + x]);
                let expected = if shown[class] {
                    COLOURS[class]
                } else {
                    pixel(&before, x, y)
                };
                assert_eq!(pixel(&drawn, x, y), expected, "{properties} at {x},{y}");
            }
        }
        // What is drawn is one thing, what a map has another.
        assert!(draw(&format!("{MAP} {properties}")) == map);
    }
}

#[test]
fn a_legend_lists_what_is_drawn() {
    let Some(_) = runtime() else { return };
    let before = input();
    // Each square is where the line of its class is: see the engine's own tests.
    for (properties, squares) in [
        ("", vec![COLOURS[0], COLOURS[1], COLOURS[2]]),
        ("hidden-classes=a", vec![COLOURS[1], COLOURS[2]]),
        ("selected-classes=b palette=b=0a141e", vec![[10, 20, 30]]),
    ] {
        let drawn = draw(&format!("{OVERLAY} opacity=0 legend=true {properties}"));
        for (line, colour) in squares.iter().enumerate() {
            assert_eq!(pixel(&drawn, 16, 20 + 16 * line), *colour, "{properties}");
        }
        // Below the list there is the frame.
        let below = 8 + 8 + 16 * squares.len();
        assert!(drawn[3 * 160 * below..] == before[3 * 160 * below..]);
        assert_ne!(pixel(&drawn, 9, below - 2), pixel(&before, 9, below - 2));
    }
    let none = draw(&format!(
        "{OVERLAY} opacity=0 legend=true hidden-classes=a,b,c"
    ));
    assert!(none == before, "an empty list");
}

#[test]
fn palettes_by_name_and_by_class() {
    let Some(_) = runtime() else { return };
    let map = draw(MAP);
    for (palette, colours) in [
        ("camvid", [[128, 128, 128], [128, 0, 0], [192, 192, 128]]),
        ("b=#010203", [COLOURS[0], [1, 2, 3], COLOURS[2]]),
        ("\"c=090807, a=060504\"", [[6, 5, 4], COLOURS[1], [9, 8, 7]]),
    ] {
        let drawn = draw(&format!("{OVERLAY} opacity=1 palette={palette}"));
        let expected: Vec<u8> = map
            .iter()
            .flat_map(|class| colours[usize::from(*class)])
            .collect();
        assert!(drawn == expected, "{palette}");
    }
}

#[test]
fn looks_change_while_it_plays() {
    let Some(_) = runtime() else { return };
    let map = draw(MAP);
    let mut harness = filter(&format!("{OVERLAY} opacity=0"));
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let element = element(&harness);
    let mut next = || bytes(&harness.push_and_pull(frame(CAPS, 0)).unwrap());
    assert!(next() == input());
    element.set_property("contours", 2u32);
    assert!(next() == draw(&format!("{OVERLAY} opacity=0 contours=2")));
    element.set_property("contours", 0u32);
    element.set_property("legend", true);
    assert!(next() == draw(&format!("{OVERLAY} opacity=0 legend=true")));
    element.set_property("legend", false);
    element.set_property("opacity", 1.0);
    element.set_property("palette", "a=010203");
    element.set_property("hidden-classes", "b");
    let now = next();
    element.set_property("hidden-classes", None::<&str>);
    element.set_property("selected-classes", "a,c");
    assert!(next() == now);
    for (at, class) in map.iter().enumerate() {
        let expected = match class {
            0 => [1, 2, 3],
            1 => pixel(&input(), at % 160, at / 160),
            _ => COLOURS[2],
        };
        assert_eq!(pixel(&now, at % 160, at / 160), expected);
    }

    // What is refused is warned of, and changes nothing.
    for (property, text, kept, why) in [
        (
            "selected-classes",
            "a,tree",
            "a,c",
            "'tree'; its classes are a, b, c",
        ),
        ("hidden-classes", "A", "", "'A'; its classes are a, b, c"),
        (
            "palette",
            "tree=010203",
            "a=010203",
            "'tree'; its classes are a, b, c",
        ),
        ("palette", "camwid", "a=010203", "'camwid'"),
    ] {
        element.set_property(property, text);
        let now_is = element.property::<Option<String>>(property);
        assert_eq!(now_is.unwrap_or_default(), kept);
        let said = warnings(&bus).concat();
        assert!(said.contains(property) && said.contains(why), "{said}");
        assert!(next() == now, "{property}={text}");
    }
}

#[test]
fn unknown_classes_fail_on_the_way_to_ready() {
    let Some(_) = runtime() else { return };
    for name in ["tttsegfilter", "tttseg"] {
        for property in ["selected-classes", "hidden-classes", "palette"] {
            let value = if property == "palette" {
                "tree=010203"
            } else {
                "a,tree"
            };
            let pipeline = parse(&format!(
                "videotestsrc num-buffers=1 ! {name} name=t model-file=MODEL {property}={value} ! fakesink"
            ));
            let error = run(&pipeline).error.expect("an error");
            assert!(
                error.contains(property) && error.contains("a, b, c"),
                "{error}"
            );
            // Mended, it works: names are those of the model that is loaded then.
            pipeline
                .by_name("t")
                .unwrap()
                .set_property(property, None::<&str>);
            assert_eq!(run(&pipeline).error, None);
        }
    }
}

#[test]
fn numbers_out_of_range_are_not_taken() {
    init();
    let element = gst::ElementFactory::make("tttsegfilter").property("model-file", model());
    let element = element.build().unwrap();
    let contours = element.find_property("contours").unwrap();
    let contours = contours.downcast_ref::<gst::glib::ParamSpecUInt>().unwrap();
    assert_eq!((contours.minimum(), contours.maximum()), (0, 100));
    for name in [
        "contours",
        "legend",
        "selected-classes",
        "hidden-classes",
        "palette",
    ] {
        let flags = element.find_property(name).unwrap().flags();
        assert!(flags.contains(gst::PARAM_FLAG_MUTABLE_PLAYING), "{name}");
        let number = name == "contours" || name == "legend";
        assert_eq!(
            flags.contains(gst::PARAM_FLAG_CONTROLLABLE),
            number,
            "{name}"
        );
    }
}
