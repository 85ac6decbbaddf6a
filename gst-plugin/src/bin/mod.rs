//! The bin `tttseg`: `videoconvert ! tttsegfilter ! videoconvert`, with `typefind ! decodebin3` in front when the input is not raw
//! video.

mod chain;
mod entry;
mod imp;
mod input;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "tttseg",
        gst::DebugColorFlags::empty(),
        Some("Test-time training on any video"),
    )
});

glib::wrapper! {
    /// The element `tttseg`.
    pub struct TttSeg(ObjectSubclass<imp::TttSeg>) @extends gst::Bin, gst::Element, gst::Object;
}

/// Registers the element.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "tttseg",
        gst::Rank::NONE,
        TttSeg::static_type(),
    )
}

fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad, glib::BoolError> {
    let pad = element.static_pad(name);
    pad.ok_or_else(|| glib::bool_error!("{} has no pad {name}", element.name()))
}
