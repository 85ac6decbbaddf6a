//! The request pad `classes`: the class of each pixel as video of its own, beside what goes out.
//!
//! It is fed by the streaming thread of the sink pad alone: frames, and the events that come between them. What the sink
//! pad knows already when the pad is requested is sent before the first of them.

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard};

use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::{BaseTransform, UniqueFlowCombiner};
use gst_video::VideoInfo;
use tttseg::video::ClassMap;

use super::{OutputKind, Pixels, class_map_meta};
use crate::filter::error::Error;
use crate::filter::log::CAT;
use crate::filter::{CLASSES, caps, lock};

/// The pad, if there is one, and the flow of both source pads.
#[derive(Default)]
pub(in crate::filter) struct ClassesPad(Mutex<State>);

#[derive(Default)]
struct State {
    branch: Option<Branch>,
    flows: UniqueFlowCombiner,
}

struct Branch {
    pad: gst::Pad,
    /// What the sink pad knew has been sent.
    started: bool,
    /// Where frames come from.
    pool: Option<gst::BufferPool>,
}

impl Branch {
    fn drop_pool(&mut self) {
        if let Some(pool) = self.pool.take() {
            // Buffers that are in use go when they are let go.
            let _ = pool.set_active(false);
        }
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        self.drop_pool();
    }
}

impl ClassesPad {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Does something with the branch that has this pad, if it still does.
    fn with<T>(&self, pad: &gst::Pad, work: impl FnOnce(&mut Branch) -> T) -> Option<T> {
        let mut state = self.state();
        let branch = state.branch.as_mut();
        branch.filter(|branch| branch.pad == *pad).map(work)
    }

    pub fn pad(&self) -> Option<gst::Pad> {
        self.state()
            .branch
            .as_ref()
            .map(|branch| branch.pad.clone())
    }

    /// Adds the pad to the element; false where that fails.
    pub fn add(&self, element: &BaseTransform, pad: &gst::Pad) -> bool {
        // Before others can see it: what is pushed must find it open.
        if pad.set_active(true).is_err() || element.add_pad(pad).is_err() {
            return false;
        }
        let mut state = self.state();
        state.flows.add_pad(pad);
        state.branch = Some(Branch {
            pad: pad.clone(),
            started: false,
            pool: None,
        });
        true
    }

    pub fn remove(&self, element: &BaseTransform, pad: &gst::Pad) {
        let branch = {
            let mut state = self.state();
            let branch = state.branch.take_if(|branch| branch.pad == *pad);
            if branch.is_some() {
                state.flows.remove_pad(pad);
            }
            branch
        };
        if branch.is_some() {
            // A push that is in progress comes back with an error, which does not matter any more.
            let _ = pad.set_active(false);
            let _ = element.remove_pad(pad);
        }
    }

    /// The pads have been shut: what has been sent does not count any more.
    pub fn restart(&self) {
        let mut state = self.state();
        if let Some(branch) = &mut state.branch {
            branch.started = false;
            branch.drop_pool();
        }
        state.flows.reset();
    }

    /// The pad that frames go out of.
    pub fn set_source(&self, source: &gst::Pad) {
        self.state().flows.add_pad(source);
    }

    /// Combines the result of the source pad with the last one of `classes`: not linked if neither is, the end if it is on
    /// both, and anything else at once.
    pub fn combine(
        &self,
        source: &gst::Pad,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut state = self.state();
        match state.branch {
            Some(_) => state.flows.update_pad_flow(source, flow),
            None => flow,
        }
    }

    /// Sends on an event of the sink pad that comes between frames.
    pub fn forward(&self, element: &BaseTransform, event: &gst::Event) {
        let Some(pad) = self.pad() else {
            return;
        };
        if event.type_() == gst::EventType::FlushStop {
            self.state().flows.reset();
        } else if event.is_serialized() {
            self.start(element, &pad);
        }
        self.send(&pad, event);
    }

    /// Sends a gap for a frame without classes of its own.
    pub fn skip(&self, element: &BaseTransform, frame: &gst::BufferRef) {
        let (Some(pad), Some(pts)) = (self.pad(), frame.pts()) else {
            return;
        };
        self.start(element, &pad);
        let gap = gst::event::Gap::builder(pts).duration(frame.duration());
        pad.push_event(gap.build());
    }

    /// Sends the classes of a frame. What ends the stream is an error; a pad that is not linked or at its end is not:
    /// whether that ends the stream depends on the other pad as well.
    pub fn push(
        &self,
        element: &BaseTransform,
        frame: &gst::BufferRef,
        map: &ClassMap,
        pixels: &Mutex<Pixels>,
    ) -> Result<(), Error> {
        let Some(pad) = self.pad() else {
            return Ok(());
        };
        self.start(element, &pad);
        let pushed = self
            .buffer(&pad, frame, map, pixels)
            .and_then(|buffer| Ok(pad.push(buffer)?));
        let mut state = self.state();
        if state.branch.as_ref().is_none_or(|branch| branch.pad != pad) {
            // Released in the meantime.
            return Ok(());
        }
        let flow = match &pushed {
            Ok(success) => Ok(*success),
            Err(Error::Flow(flow)) => Err(*flow),
            Err(_) => Err(gst::FlowError::Error),
        };
        // What both pads come to is known when the frame itself has gone out.
        let _ = state.flows.update_pad_flow(&pad, flow);
        match pushed {
            Ok(_) | Err(Error::Flow(gst::FlowError::NotLinked | gst::FlowError::Eos)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// What the sink pad knows goes first, to a pad that is new or was shut.
    fn start(&self, element: &BaseTransform, pad: &gst::Pad) {
        let started = self.with(pad, |branch| std::mem::replace(&mut branch.started, true));
        if started != Some(false) {
            return;
        }
        let mut known = vec![];
        element.sink_pad().sticky_events_foreach(|event| {
            known.push(event.clone());
            ControlFlow::Continue(gst::EventForeachAction::Keep)
        });
        for event in known {
            if event.type_() != gst::EventType::Eos {
                self.send(pad, &event);
            }
        }
    }

    fn send(&self, pad: &gst::Pad, event: &gst::Event) {
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
                self.with(pad, Branch::drop_pool);
                let caps = caps::transform(
                    gst::PadDirection::Sink,
                    &of_frames.caps_owned(),
                    Some(OutputKind::ClassMap),
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
    fn buffer(
        &self,
        pad: &gst::Pad,
        frame: &gst::BufferRef,
        map: &ClassMap,
        pixels: &Mutex<Pixels>,
    ) -> Result<gst::Buffer, Error> {
        let info = pad
            .current_caps()
            .and_then(|caps| VideoInfo::from_caps(&caps).ok());
        let info = info.ok_or(gst::FlowError::NotNegotiated)?;
        let mut buffer = self.pool(pad)?.acquire_buffer(None)?;
        let into = buffer.make_mut();
        class_map_meta::copy(frame, into, OutputKind::ClassMap)?;
        lock(pixels).class_map(into, &info, map)?;
        Ok(buffer)
    }

    fn pool(&self, pad: &gst::Pad) -> Result<gst::BufferPool, gst::FlowError> {
        let reconfigure = pad.check_reconfigure();
        let pool = self.with(pad, |branch| branch.pool.clone()).flatten();
        if let Some(pool) = pool.filter(|_| !reconfigure) {
            return Ok(pool);
        }
        let caps = pad.current_caps().ok_or(gst::FlowError::NotNegotiated)?;
        // What follows may offer the same one again, and cannot set up one that is in use.
        self.with(pad, Branch::drop_pool);
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
        self.with(pad, |branch| branch.pool = Some(pool.clone()));
        Ok(pool)
    }
}
