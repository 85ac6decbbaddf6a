//! ONNX Runtime's log arrives in GStreamer's. A process of its own: the log is set when ONNX Runtime is loaded.

mod common;

use std::sync::{Arc, Mutex};

use common::{CAPS, filter, frame, init};

#[test]
fn onnx_runtimes_log_arrives_as_a_debug_category() {
    init();
    gst::log::remove_default_log_function();
    gst::log::set_active(true);
    gst::log::set_threshold_from_string("onnxruntime:6", false);
    let lines = Arc::new(Mutex::new(vec![]));
    gst::log::add_log_function({
        let lines = lines.clone();
        move |category, level, _, _, _, _, message| {
            if category.name() == "onnxruntime" {
                let text = message.get().map(|m| m.to_string());
                lines
                    .lock()
                    .unwrap()
                    .push((level, text.unwrap_or_default()));
            }
        }
    });
    // Not by way of `common::runtime`, which would load it before the element does.
    let mut harness = filter("method=none");
    harness.set_src_caps_str(CAPS);
    if harness.push(frame(CAPS, 0)).is_err() {
        return common::missing("ONNX Runtime");
    }
    let lines = lines.lock().unwrap();
    assert!(
        lines
            .iter()
            .any(|(level, _)| *level == gst::DebugLevel::Info)
    );
    assert!(lines.iter().all(|(_, text)| !text.is_empty()));
}
