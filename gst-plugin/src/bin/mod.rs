//! `tttseg`: the filter for every input.

mod imp;
mod input;

use gst::glib;
use gst::prelude::*;

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
