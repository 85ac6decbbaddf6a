//! `tttsegfilter`: learns from raw video between two buffers and draws what it sees.

mod account;
mod actions;
#[cfg(feature = "analytics")]
mod analytics;
mod caps;
mod classes;
mod colour_caps;
mod colours;
mod directions;
mod effort;
mod engine;
mod enums;
mod events;
mod flow;
mod frame;
mod hinted;
mod imp;
mod instances;
mod ladder;
mod latency;
mod lifecycle;
mod log;
mod look;
mod message;
mod meta;
mod negotiate;
mod pace;
mod pixels;
mod product;
pub(crate) mod properties;
mod settings;
pub(crate) mod signals;
mod state;
mod stats;

use gst::glib;
use gst::prelude::*;

pub(crate) use caps::{CLASS_MAPS, FORMATS, kept};
pub(crate) use classes::CLASSES;
pub use enums::{ExecutionProvider, Method, Output, Pace, Recipe, Task};
pub use ladder::Rung;
pub use message::{FrameReport, MessageError, Skipped};
pub use meta::CLASS_MAP_META;

glib::wrapper! {
    /// The element `tttsegfilter`.
    pub struct TttSegFilter(ObjectSubclass<imp::TttSegFilter>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with its enumerations.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    meta::register();
    gst::Element::register(
        Some(plugin),
        "tttsegfilter",
        gst::Rank::NONE,
        TttSegFilter::static_type(),
    )
}
