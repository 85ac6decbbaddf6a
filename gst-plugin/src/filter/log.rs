//! Debug categories: the element's own, and ONNX Runtime's log as one of GStreamer's (`GST_DEBUG=onnxruntime:6`).

use std::sync::LazyLock;

use tttseg::runtime::{self, Severity};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "tttsegfilter",
        gst::DebugColorFlags::empty(),
        Some("Test-time training on raw video"),
    )
});

static RUNTIME: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "onnxruntime",
        gst::DebugColorFlags::empty(),
        Some("ONNX Runtime, as tttseg uses it"),
    )
});

struct Log;

impl runtime::Log for Log {
    fn least(&self) -> Severity {
        match RUNTIME.threshold() {
            gst::DebugLevel::None => Severity::Fatal,
            gst::DebugLevel::Error => Severity::Error,
            gst::DebugLevel::Warning | gst::DebugLevel::Fixme => Severity::Warning,
            gst::DebugLevel::Info | gst::DebugLevel::Debug => Severity::Info,
            _ => Severity::Verbose,
        }
    }

    fn line(&self, severity: Severity, place: &str, message: &str) {
        let level = match severity {
            Severity::Fatal | Severity::Error => gst::DebugLevel::Error,
            Severity::Warning => gst::DebugLevel::Warning,
            Severity::Info => gst::DebugLevel::Info,
            Severity::Verbose => gst::DebugLevel::Log,
        };
        gst::log_with_level!(RUNTIME, level, "{message} ({place})");
    }
}

/// Sends ONNX Runtime's log to its category from now on; does nothing the second time.
pub(super) fn route_runtime() {
    runtime::set_log(Log);
}
