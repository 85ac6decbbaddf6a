//! Films that say they were held sideways or upside down. GStreamer's muxers (1.22) cannot say so of what is written, so
//! frames are rotated.

use std::sync::atomic::{AtomicBool, Ordering};

use gst::glib;
use gst::prelude::*;

/// Rotates frames on their way from one element of a pipeline to the next, if the film asks for that.
pub struct Rotator {
    pipeline: glib::WeakRef<gst::Pipeline>,
    before: glib::WeakRef<gst::Element>,
    after: glib::WeakRef<gst::Element>,
    is_needed: AtomicBool,
}

impl Rotator {
    /// For frames on their way from one element to the other.
    pub fn new(pipeline: &gst::Pipeline, before: &gst::Element, after: &gst::Element) -> Self {
        Self {
            pipeline: pipeline.downgrade(),
            before: before.downgrade(),
            after: after.downgrade(),
            is_needed: AtomicBool::new(false),
        }
    }

    /// Whether frames are rotated.
    pub fn is_needed(&self) -> bool {
        self.is_needed.load(Ordering::SeqCst)
    }

    /// Puts an element for it in the way of frames if a film has such a tag. Only then: it does not take all formats. To be
    /// called in the thread that frames come through. Returns whether the element is new.
    pub fn look_at(&self, tags: &gst::TagListRef) -> bool {
        let orientation = tags.get::<gst::tags::ImageOrientation>();
        if orientation.is_none_or(|way| way.get() == "rotate-0") || self.is_needed() {
            return false;
        }
        let ends = (self.before.upgrade(), self.after.upgrade());
        let (Some(pipeline), (Some(before), Some(after))) = (self.pipeline.upgrade(), ends) else {
            return false;
        };
        if let Err(e) = insert_flip(&pipeline, &before, &after) {
            gst::element_error!(
                pipeline,
                gst::CoreError::Negotiation,
                ("The frames cannot be turned as the film says: {e}")
            );
            return false;
        }
        self.is_needed.store(true, Ordering::SeqCst);
        true
    }
}

fn insert_flip(
    pipeline: &gst::Pipeline,
    before: &gst::Element,
    after: &gst::Element,
) -> Result<(), glib::BoolError> {
    let flip = gst::ElementFactory::make("videoflip")
        .property_from_str("video-direction", "auto")
        .build()?;
    pipeline.add(&flip)?;
    before.unlink(after);
    gst::Element::link_many([before, &flip, after])?;
    flip.sync_state_with_parent()
}
