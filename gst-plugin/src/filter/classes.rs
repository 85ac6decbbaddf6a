//! The request pad `classes`: the class of each pixel as video of its own, beside what goes out.
//!
//! It is fed by the streaming thread of the sink pad, and so by nothing else: frames, and the events that come between
//! them. What the sink pad knows already when the pad is asked for is sent before the first of them.

use std::ops::ControlFlow;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::VideoInfo;

use super::caps;
use super::imp::{CAT, TttSegFilter};
use super::pixels::Picture;
use super::product::Product;
use super::{Task, meta};

pub(crate) const CLASSES: &str = "classes";

/// Why there is no such pad.
pub(super) const NO_CLASSES: &str = "the pad classes has nothing to carry with task=colorize, which finds no classes: \
                                     leave the pad out, or set task=segment";

/// The pad, while there is one.
pub(super) struct Branch {
    pad: gst::Pad,
    /// What the sink pad knew has been sent.
    started: bool,
    /// Where frames come from.
    pool: Option<gst::BufferPool>,
}

impl Drop for Branch {
    fn drop(&mut self) {
        self.forget_pool();
    }
}

impl Branch {
    fn forget_pool(&mut self) {
        if let Some(pool) = self.pool.take() {
            // Those that are in use go when they are let go.
            let _ = pool.set_active(false);
        }
    }
}

impl TttSegFilter {
    pub(super) fn request_classes(&self, template: &gst::PadTemplate) -> Option<gst::Pad> {
        if template.name_template() != CLASSES || self.classes_pad().is_some() {
            gst::warning!(CAT, imp = self, "There is one pad {CLASSES}, no more");
            return None;
        }
        if self.task() == Task::Colorize {
            gst::element_imp_warning!(self, gst::LibraryError::Settings, ("{NO_CLASSES}"));
            return None;
        }
        let pad = gst::Pad::builder_from_template(template)
            .name(CLASSES)
            .event_function(|pad, parent, event| {
                TttSegFilter::catch_panic_pad_function(
                    parent,
                    || false,
                    |filter| filter.on_classes_event(pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                TttSegFilter::catch_panic_pad_function(
                    parent,
                    || false,
                    |filter| filter.on_classes_query(pad, query),
                )
            })
            .build();
        // Before anybody can see it: what is pushed must find it open.
        if pad.set_active(true).is_err() || self.obj().add_pad(&pad).is_err() {
            return None;
        }
        self.flows().add_pad(&pad);
        *self.branch() = Some(Branch {
            pad: pad.clone(),
            started: false,
            pool: None,
        });
        Some(pad)
    }

    pub(super) fn release_classes(&self, pad: &gst::Pad) {
        let branch = self.branch().take_if(|branch| branch.pad == *pad);
        if branch.is_none() {
            return;
        }
        self.flows().remove_pad(pad);
        // Whoever pushes to it comes back; it is the pad's no more, and does not matter.
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
    }

    pub(super) fn classes_pad(&self) -> Option<gst::Pad> {
        self.branch().as_ref().map(|branch| branch.pad.clone())
    }

    /// What has been sent does not count any more: the pads have been shut.
    pub(super) fn restart_classes(&self) {
        if let Some(branch) = &mut *self.branch() {
            branch.started = false;
            branch.forget_pool();
        }
        self.flows().reset();
    }

    /// Sends on what comes in between frames.
    pub(super) fn forward_to_classes(&self, event: &gst::Event) {
        let Some(pad) = self.classes_pad() else {
            return;
        };
        if event.type_() == gst::EventType::FlushStop {
            self.flows().reset();
        }
        if event.is_serialized() && event.type_() != gst::EventType::FlushStop {
            self.start_classes(&pad);
        }
        self.send_to_classes(&pad, event);
    }

    /// A frame without classes of its own.
    pub(super) fn skip_in_classes(&self, buffer: &gst::BufferRef) {
        let (Some(pad), Some(pts)) = (self.classes_pad(), buffer.pts()) else {
            return;
        };
        self.start_classes(&pad);
        let gap = gst::event::Gap::builder(pts).duration(buffer.duration());
        pad.push_event(gap.build());
    }

    /// Sends the classes of a frame. What ends the stream is an error; that nobody takes them, or that they are done
    /// with, is not: whether that ends it depends on the other pad as well.
    pub(super) fn push_classes(
        &self,
        frame: &gst::BufferRef,
        picture: &Picture,
    ) -> Result<(), gst::FlowError> {
        let Some(pad) = self.classes_pad() else {
            return Ok(());
        };
        self.start_classes(&pad);
        let pushed = self
            .classes_of(&pad, frame, picture)
            .and_then(|buffer| pad.push(buffer));
        if self.classes_pad().as_ref() != Some(&pad) {
            // Released in the meantime.
            return Ok(());
        }
        // Whether nobody takes anything is known when the frame itself has gone out.
        let _ = self.flows().update_pad_flow(&pad, pushed);
        match pushed {
            Ok(_) | Err(gst::FlowError::NotLinked | gst::FlowError::Eos) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// What the sink pad knows goes first, to a pad that is new or was shut.
    fn start_classes(&self, pad: &gst::Pad) {
        match &mut *self.branch() {
            Some(branch) if branch.pad == *pad && !branch.started => branch.started = true,
            _ => return,
        }
        let mut known = vec![];
        self.sink_pad().sticky_events_foreach(|event| {
            known.push(event.clone());
            ControlFlow::Continue(gst::EventForeachAction::Keep)
        });
        for event in known {
            if event.type_() != gst::EventType::Eos {
                self.send_to_classes(pad, &event);
            }
        }
    }

    fn send_to_classes(&self, pad: &gst::Pad, event: &gst::Event) {
        let event = match event.view() {
            gst::EventView::StreamStart(start) => {
                let id = format!("{}/{CLASSES}", start.stream_id());
                gst::event::StreamStart::builder(&id)
                    .seqnum(event.seqnum())
                    .flags(start.stream_flags())
                    .group_id_if_some(start.group_id())
                    .build()
            }
            gst::EventView::Caps(of_frames) => {
                if let Some(branch) = &mut *self.branch() {
                    branch.forget_pool();
                }
                let caps = caps::transform(
                    gst::PadDirection::Sink,
                    &of_frames.caps_owned(),
                    Some(Product::ClassMap),
                );
                gst::event::Caps::builder(&caps)
                    .seqnum(event.seqnum())
                    .build()
            }
            _ => event.clone(),
        };
        gst::trace!(CAT, obj = pad, "Sending {event:?}");
        // What comes of it shows with the next frame.
        pad.push_event(event);
    }

    /// A GRAY8 frame with the classes of another frame, and what that one says about itself.
    fn classes_of(
        &self,
        pad: &gst::Pad,
        frame: &gst::BufferRef,
        picture: &Picture,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let info = pad
            .current_caps()
            .and_then(|caps| VideoInfo::from_caps(&caps).ok());
        let info = info.ok_or(gst::FlowError::NotNegotiated)?;
        let mut buffer = self.classes_pool(pad)?.acquire_buffer(None)?;
        let into = buffer.make_mut();
        meta::copy(frame, into, Product::ClassMap).map_err(|e| self.pixel_error(e.into()))?;
        self.pixels()
            .class_map(into, &info, picture)
            .map_err(|e| self.pixel_error(e))?;
        Ok(buffer)
    }

    fn classes_pool(&self, pad: &gst::Pad) -> Result<gst::BufferPool, gst::FlowError> {
        let other_wish = pad.check_reconfigure();
        let pool = self
            .branch()
            .as_ref()
            .and_then(|branch| branch.pool.clone());
        if let Some(pool) = pool.filter(|_| !other_wish) {
            return Ok(pool);
        }
        let caps = pad.current_caps().ok_or(gst::FlowError::NotNegotiated)?;
        if let Some(branch) = &mut *self.branch() {
            // What follows may offer the same one again, and cannot set up one that is in use.
            branch.forget_pool();
        }
        let mut query = gst::query::Allocation::new(Some(&caps), true);
        // Without an answer there is a pool of our own.
        let _ = pad.peer_query(&mut query);
        let chosen = caps::choose_pool(&mut query).and_then(|()| {
            let pool = query.allocation_pools().next().and_then(|(pool, ..)| pool);
            let pool = pool.ok_or_else(|| gst::loggable_error!(CAT, "No pool"))?;
            let active = pool.set_active(true);
            active.map_err(|e| gst::loggable_error!(CAT, "{e}"))?;
            Ok(pool)
        });
        let pool = chosen.map_err(|e| {
            e.log_with_object(pad);
            gst::FlowError::Error
        })?;
        if let Some(branch) = &mut *self.branch()
            && branch.pad == *pad
        {
            branch.pool = Some(pool.clone());
        }
        Ok(pool)
    }

    fn on_classes_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Qos(qos) if self.takes_lateness(qos) => true,
            // Nothing upstream has to change for it: see `classes_pool`.
            gst::EventView::Reconfigure(_) => true,
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    fn on_classes_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(latency) => self.answer_latency(latency),
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }
}
