//! Stills that a user has learned beside the stream: `replay-location`.

use std::path::Path;

use gst::prelude::*;
use tttseg::video::{ClassMap, Rgb, write_png};

use crate::common::{self, error_on, model, run_well, runtime};

/// A folder of one still that no pixel of is labelled: the loss of a step on it is nothing.
fn still(folder: &Path) {
    for kind in ["frames", "labels"] {
        std::fs::create_dir_all(folder.join(kind)).unwrap();
    }
    let rgb = Rgb::from_shape_fn((48, 64, 3), |(y, x, c)| (3 * y + x + 40 * c) as u8);
    write_png(&folder.join("frames/a.png"), &rgb).unwrap();
    let labels = ClassMap::from_elem((48, 64), 255);
    write_png(&folder.join("labels/a.png"), &labels).unwrap();
}

#[test]
fn stills_take_turns_with_frames() {
    let Some(_) = runtime() else { return };
    let dir = tempfile::tempdir().unwrap();
    still(dir.path());
    for filter in ["tttsegfilter", "tttseg"] {
        let ended = run_well(&format!(
            "videotestsrc num-buffers=4 ! video/x-raw,width=96,height=64 ! {filter} model-file=MODEL threads=1 \
             pace=every-frame replay-location={} ! fakesink",
            dir.path().display()
        ));
        let losses: Vec<_> = ended.reports.iter().map(|r| r.loss.unwrap()).collect();
        assert_eq!(losses.len(), 4);
        let of_stills: Vec<_> = losses.iter().map(|loss| *loss == 0.0).collect();
        assert_eq!(of_stills, [true, false, true, false], "{losses:?}");
    }
}

#[test]
fn stills_that_cannot_be_used_are_errors_that_name_them() {
    let Some(_) = runtime() else { return };
    let dir = tempfile::tempdir().unwrap();
    still(dir.path());
    let nowhere = dir.path().join("nowhere");
    for filter in ["tttsegfilter", "tttseg"] {
        let made = gst::ElementFactory::make(filter)
            .property("model-file", model())
            .property("replay-location", dir.path().to_str().unwrap())
            .build()
            .unwrap();
        let bus = common::watch_element(&made);
        made.set_state(gst::State::Ready).unwrap();
        // Read when the stream begins, if it is another one by then.
        made.set_property("replay-location", nowhere.to_str().unwrap());
        assert!(made.set_state(gst::State::Paused).is_err(), "{filter}");
        let said = error_on(&bus);
        let named = said.contains(nowhere.to_str().unwrap()) && said.contains("replay-location");
        assert!(named && said.contains("No such file"), "{said}");
        made.set_state(gst::State::Null).unwrap();
    }
}
