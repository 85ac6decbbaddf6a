//! What is made of decoded video on its way: decided where its caps come by.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gst_app::AppSink;
use gst_video::VideoInfo;

use super::super::format::{self, Plan};
use super::Wanted;

/// What is made of decoded video, one behind the other as it changes. Frames that wait for the element may be of an earlier
/// one: the offset of a frame is the number of its plan.
pub type Plans = Arc<Mutex<Vec<Plan>>>;

/// Decides what is made of decoded video as soon as its caps are known, and on their way.
pub fn plan_by_caps(
    entry: &gst::Pad,
    exit: &gst::Pad,
    filter: gst::Element,
    wanted: Wanted,
    plans: Plans,
    turner: Turner,
) {
    let made = plans.clone();
    exit.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(frame) = info.buffer_mut() {
            let plans = made.lock().unwrap_or_else(PoisonError::into_inner).len();
            frame.make_mut().set_offset(plans.saturating_sub(1) as u64);
        }
        gst::PadProbeReturn::Ok
    });
    entry.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let caps = match info.event().map(|e| e.view()) {
            Some(gst::EventView::Caps(event)) => Some(event.caps_owned()),
            Some(gst::EventView::Tag(event)) if turner.look_at(event.tag()) => pad.current_caps(),
            _ => None,
        };
        if let Some(film) = caps.and_then(|caps| VideoInfo::from_caps(&caps).ok()) {
            let made = format::plan(&film, wanted, turner.is_needed());
            filter.set_property("caps", &made.decoded);
            plans
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(made);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Turns the frames of a film that says it was held sideways or upside down: GStreamer's muxers (1.22) cannot say so of what
/// is written.
pub struct Turner {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    before: gst::glib::WeakRef<gst::Element>,
    after: gst::glib::WeakRef<AppSink>,
    is_needed: AtomicBool,
}

impl Turner {
    /// For frames on their way from one element to the other.
    pub fn new(pipeline: &gst::Pipeline, before: &gst::Element, after: &AppSink) -> Self {
        Self {
            pipeline: pipeline.downgrade(),
            before: before.downgrade(),
            after: after.downgrade(),
            is_needed: AtomicBool::new(false),
        }
    }

    fn is_needed(&self) -> bool {
        self.is_needed.load(Ordering::SeqCst)
    }

    /// Puts an element for it in the way of frames if a film has such a tag. Only then: it does not take all formats. Called
    /// in the only thread that frames come through. Returns whether the element is new.
    fn look_at(&self, tags: &gst::TagListRef) -> bool {
        let way = tags.get::<gst::tags::ImageOrientation>();
        if way.is_none_or(|way| way.get() == "rotate-0") || self.is_needed() {
            return false;
        }
        let ends = (
            self.pipeline.upgrade(),
            self.before.upgrade(),
            self.after.upgrade(),
        );
        let (Some(pipeline), Some(before), Some(after)) = ends else {
            return false;
        };
        if let Err(e) = put_flip(&pipeline, &before, after.upcast_ref()) {
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

fn put_flip(
    pipeline: &gst::Pipeline,
    before: &gst::Element,
    after: &gst::Element,
) -> Result<(), gst::glib::BoolError> {
    let flip = gst::ElementFactory::make("videoflip")
        .property_from_str("video-direction", "auto")
        .build()?;
    pipeline.add(&flip)?;
    before.unlink(after);
    gst::Element::link_many([before, &flip, after])?;
    flip.sync_state_with_parent()
}
