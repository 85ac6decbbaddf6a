//! Nothing outlives a pipeline. Every test process looks for that at its end ([`common`]); here is what the other tests do
//! not do, and that the look finds what there is to find.

mod common;

use std::process::Command;

use common::{init, parse, run, runtime};
use gst::prelude::*;

const CHILD: &str = "TTTSEG_LEAKS_CHILD";

#[test]
fn nothing_is_leaked() {
    let Some(_) = runtime() else { return };
    for element in ["tttsegfilter", "tttseg", "tttsegfilter asynchronous=true"] {
        for output in ["overlay", "class-map", "side-by-side", "metadata"] {
            let pipeline = parse(&format!(
                "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=48 ! \
                 {element} output={output} threads=1 model-file=MODEL training-budget=1 ! fakesink"
            ));
            assert_eq!(run(&pipeline).error, None);
        }
        // Properties follow the element's name.
        let (name, properties) = element.split_once(' ').unwrap_or((element, ""));
        let both = parse(&format!(
            "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=48 ! \
             {name} name=t {properties} legend=true contours=1 threads=1 model-file=MODEL ! queue ! fakesink \
             t.classes ! queue ! fakesink"
        ));
        assert_eq!(run(&both).error, None);
    }
    // One that fails, and one that is interrupted.
    let broken = parse("videotestsrc ! tttsegfilter model-file=/nowhere ! fakesink");
    assert!(run(&broken).error.is_some());
    let interrupted = parse("videotestsrc ! tttseg steps=1000 model-file=MODEL ! fakesink");
    interrupted.set_state(gst::State::Playing).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    interrupted.set_state(gst::State::Null).unwrap();
}

/// What a process like this one says at its end, after it has done something that it should not have.
fn said_after(deed: &str) -> Option<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leaks_and_warnings_fail_a_test"])
        .env(CHILD, deed)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(said)
}

#[test]
fn leaks_and_warnings_fail_a_test() {
    init();
    match std::env::var(CHILD).as_deref() {
        Err(_) => {}
        Ok("leak") => {
            let filter = gst::ElementFactory::make("tttsegfilter").name("forgotten");
            return std::mem::forget(filter.build().unwrap());
        }
        Ok("warn") => return gst::glib::g_critical!("tttseg", "something is wrong"),
        Ok(_) => return,
    }
    let leaked = said_after("leak").expect("a failure");
    assert!(
        leaked.contains("forgotten") && leaked.contains("outlive"),
        "{leaked}"
    );
    let warned = said_after("warn").expect("a failure");
    assert!(warned.contains("something is wrong"), "{warned}");
    assert_eq!(said_after("nothing"), None);
}
