//! Nothing outlives a pipeline: GStreamer's own leak tracer looks, with every warning of GLib's fatal.

mod common;

use std::process::Command;

use common::{parse, run, runtime};

const CHILD: &str = "TTTSEG_LEAKS_CHILD";

/// The tracer is chosen by the environment before GStreamer starts, and reports when it ends: in a process of its own.
#[test]
fn nothing_is_leaked() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_is_leaked", "--nocapture"])
        .env(CHILD, "1")
        .env("GST_TRACERS", "leaks(check-refs=true)")
        .env("GST_DEBUG", "GST_TRACER:7")
        .env("GST_DEBUG_NO_COLOR", "1")
        .env("G_DEBUG", "fatal_warnings")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    if text.contains("skipped: ") {
        return;
    }
    // The tracer describes its reports once, which shows that it was there.
    assert!(
        text.contains("object-alive.class"),
        "no leak tracer: {text}"
    );
    let leaked: Vec<&str> = text
        .lines()
        .filter(|l| l.contains(":: object-alive, "))
        .collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
}

fn child() {
    if !runtime() {
        return;
    }
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
    use gst::prelude::*;
    let interrupted = parse("videotestsrc ! tttseg steps=1000 model-file=MODEL ! fakesink");
    interrupted.set_state(gst::State::Playing).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    interrupted.set_state(gst::State::Null).unwrap();
    drop((broken, interrupted));
    // SAFETY: nothing of GStreamer's is used in this process any more.
    unsafe { gst::deinit() };
}
