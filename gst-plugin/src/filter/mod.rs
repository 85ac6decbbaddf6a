//! `tttsegfilter`: learns from raw video between two buffers and draws what it sees.

mod account;
mod caps;
mod effort;
mod engine;
mod enums;
mod events;
mod frame;
mod imp;
mod instances;
mod ladder;
mod latency;
mod log;
mod message;
mod pace;
mod pixels;
pub(crate) mod settings;
pub(crate) mod signals;
mod state;
mod stats;

use gst::glib;
use gst::prelude::*;

pub(crate) use caps::{FORMATS, kept};
pub use enums::{ExecutionProvider, Method, Output, Pace, Recipe, Task};
pub use ladder::Rung;
pub use message::{FrameReport, MessageError, Skipped};

glib::wrapper! {
    /// The element `tttsegfilter`.
    pub struct TttSegFilter(ObjectSubclass<imp::TttSegFilter>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with its enumerations.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    enums::mark_as_plugin_api();
    gst::Element::register(
        Some(plugin),
        "tttsegfilter",
        gst::Rank::NONE,
        TttSegFilter::static_type(),
    )
}
