//! GStreamer elements that keep learning from the video they segment.
//!
//! | element | what it is |
//! |---|---|
//! | [`tttseg`](bin) | a bin for every input: raw, encoded or a whole file |
//! | [`tttsegfilter`](filter) | the raw-video filter inside |
//!
//! ONNX Runtime is not linked. The elements register, and `gst-inspect-1.0` describes them, on a machine without it; it is
//! loaded on the way from NULL to READY.

/**
 * plugin-tttseg:
 *
 * Online test-time training between video buffers: `tttseg` takes gradient steps on masked reconstruction over a short
 * window of recent frames, then segments the current frame with the weights it has just updated.
 */
use gst::glib;

pub mod bin;
pub mod filter;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    filter::register(plugin)?;
    bin::register(plugin)
}

gst::plugin_define!(
    tttseg,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MIT/X11",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_REPOSITORY"),
    env!("BUILD_REL_DATE")
);
