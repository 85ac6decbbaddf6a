//! Caps, and properties as in a launch line: `ASAN_OPTIONS=detect_leaks=0 cargo +nightly fuzz run caps` (GLib keeps 16 KiB that it
//! once made).
#![no_main]

#[path = "../../gst-plugin/tests/common/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(
    init: {
        gst::init().expect("GStreamer");
        gsttttseg::plugin_register_static().expect("the elements");
    },
    |text: &str| {
        fuzzed::caps(text);
        fuzzed::property("palette", text);
    }
);
