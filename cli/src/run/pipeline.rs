//! A pipeline of GStreamer's that is taken down with its owner.

use std::ops::Deref;

use gst::glib;
use gst::prelude::*;

use super::error::Error;

/// How long a look for the next frame takes, before there is a look at what else may have happened.
pub const A_WHILE: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// A pad of an element that always has it.
pub fn pad(element: &impl IsA<gst::Element>, name: &str) -> Result<gst::Pad, glib::BoolError> {
    let element = element.upcast_ref::<gst::Element>();
    let pad = element.static_pad(name);
    pad.ok_or_else(|| glib::bool_error!("{} has no pad {name}", element.name()))
}

/// Links two pads.
pub fn link(from: &gst::Pad, to: &gst::Pad) -> Result<(), glib::BoolError> {
    let linked = from.link(to);
    linked.map(drop).map_err(|e| glib::bool_error!("{e}"))
}

/// A pipeline that is taken down with its owner.
#[derive(Default)]
pub struct Pipeline(gst::Pipeline);

impl Deref for Pipeline {
    type Target = gst::Pipeline;

    fn deref(&self) -> &gst::Pipeline {
        &self.0
    }
}

impl Pipeline {
    /// From a launch line.
    pub fn launch(line: &str) -> Result<Self, Error> {
        let pipeline = gst::parse::launch(line)?;
        let pipeline = pipeline.downcast::<gst::Pipeline>();
        Ok(Self(pipeline.map_err(|_| format!("no pipeline: {line}"))?))
    }

    /// An element by its name in the launch line.
    ///
    /// # Errors
    /// When there is none, or it is of another type.
    pub fn named<T: IsA<gst::Element>>(&self, name: &str) -> Result<T, Error> {
        let element = self.0.by_name(name);
        let element = element.and_then(|element| element.downcast().ok());
        Ok(element.ok_or_else(|| format!("the pipeline has no such element: {name}"))?)
    }

    /// The first error on the bus.
    pub fn error(&self) -> Option<gst::Message> {
        self.0.bus()?.pop_filtered(&[gst::MessageType::Error])
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // Its owner is done with it, one way or the other.
        let _ = self.0.set_state(gst::State::Null);
    }
}
