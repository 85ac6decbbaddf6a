//! The element `tttsegfilter`: raw video in, learning between two buffers, classes or colours out.
//!
//! | file | what it holds |
//! |---|---|
//! | `imp` | the traits of GObject, GstElement and GstBaseTransform, and nothing else |
//! | `frame` | what one frame touches, from top to bottom |
//! | `negotiate`, `events`, `lifecycle`, `actions` | what else comes to the element: caps, events and queries, state changes, properties and signals |
//! | `parts` | the parts that these work on, one mutex a concern, and the order of locking |
//! | `control` | property values (`settings`) and the engine (`engine`) |
//! | `stream` | what belongs to the stream that flows |
//! | `time` | how much is done for a frame |
//! | `out` | what goes out: drawing, class maps, metas, the pad `classes` |
//! | `colour` | colours that are given: references and hints |
//! | `report` | messages and counters |
//!
//! Only `imp` knows the GObject instance. Everything else takes the element and the parts that it works on.

mod actions;
mod caps;
mod class_style;
mod colour;
mod control;
mod engine;
mod enums;
mod error;
mod events;
mod frame;
mod imp;
mod lifecycle;
mod log;
mod negotiate;
mod out;
mod parts;
pub(crate) mod properties;
mod report;
mod settings;
pub(crate) mod signals;
mod stream;
mod time;

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;

pub(crate) use caps::{CAPS, kept, pad_templates};
pub use enums::{ExecutionProvider, Method, Output, Pace, Recipe, Task};
pub use out::class_map_meta::CLASS_MAP_META;
pub use report::{FrameReport, MessageError, Skipped};
pub use time::Rung;

/// The request pad with class maps.
pub(crate) const CLASSES: &str = "classes";

/// The value of `hint-colour` with which clicks give no hints.
const NO_COLOUR: u32 = u32::MAX;

glib::wrapper! {
    /// The element `tttsegfilter`.
    pub struct TttSegFilter(ObjectSubclass<imp::TttSegFilter>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with its enumerations.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    out::class_map_meta::register();
    gst::Element::register(
        Some(plugin),
        "tttsegfilter",
        gst::Rank::NONE,
        TttSegFilter::static_type(),
    )
}

/// Locks a value that stays usable whatever has panicked while it was locked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
