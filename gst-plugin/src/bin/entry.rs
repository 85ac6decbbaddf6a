//! The way in: the sink pad, and a decoder behind it when the input is not raw video.

use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, OnceLock, Weak};

use gst::glib;
use gst::prelude::*;

use super::input::{self, Input};
use super::{CAT, pad};
use crate::filter::lock;

/// See the module's text. Its one lock is not held while elements are added, removed or change state.
pub(super) struct Entry {
    pub sink: gst::GhostPad,
    /// The pad for raw video; set once the inner elements are there.
    raw: OnceLock<gst::Pad>,
    state: Mutex<State>,
}

/// What was made for the input at hand.
#[derive(Default)]
struct State {
    decoder: Option<gst::Element>,
    /// Beside it: `typefind` in front, sinks for streams that are not the first video.
    others: Vec<gst::Element>,
    video_linked: bool,
}

impl Entry {
    pub fn new(sink: gst::GhostPad) -> Self {
        Self {
            sink,
            raw: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// Sets the pad for raw video.
    pub fn set_raw(&self, raw: gst::Pad) -> Result<(), glib::BoolError> {
        self.sink.set_target(Some(self.raw.get_or_init(|| raw)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn has_decoder(&self) -> bool {
        self.state().decoder.is_some()
    }

    /// Puts the decoder in or takes it out. New elements stay down until [`Entry::bring_up`].
    pub fn choose(
        self: &Arc<Self>,
        bin: &gst::Bin,
        input: Input,
    ) -> Result<(), gst::StateChangeError> {
        let done = match input {
            Input::Raw if self.has_decoder() => self.remove_decoder(bin),
            Input::Encoded if !self.has_decoder() => self.add_decoder(bin),
            _ => Ok(()),
        };
        done.map_err(|e| {
            gst::element_error!(bin, gst::CoreError::Pad, ("{e}"));
            gst::StateChangeError
        })
    }

    fn add_decoder(self: &Arc<Self>, bin: &gst::Bin) -> Result<(), glib::BoolError> {
        gst::info!(CAT, obj = bin, "Decoding the input");
        let make = |factory: &str| {
            gst::ElementFactory::make(factory).build().map_err(|_| {
                glib::bool_error!(
                    "The element {factory} is missing; it is part of GStreamer's core and base plugins"
                )
            })
        };
        let decoder = make("decodebin3")?;
        // Up to GStreamer 1.22 at least, decodebin3 leaves its input unlinked when data without caps is pushed to it.
        let typefind = make("typefind")?;
        let this = Arc::downgrade(self);
        let weak = bin.downgrade();
        decoder.connect_pad_added(move |_, pad| {
            if let (Some(this), Some(bin)) = (Weak::upgrade(&this), weak.upgrade()) {
                this.on_decoded(&bin, pad);
            }
        });
        let this = Arc::downgrade(self);
        decoder.connect_pad_removed(move |_, pad| {
            if let Some(this) = Weak::upgrade(&this) {
                this.on_gone(pad);
            }
        });
        typefind.set_locked_state(true);
        decoder.set_locked_state(true);
        bin.add_many([&typefind, &decoder])?;
        typefind.link(&decoder)?;
        self.sink.set_target(Some(&pad(&typefind, "sink")?))?;
        *self.state() = State {
            decoder: Some(decoder),
            others: vec![typefind],
            video_linked: false,
        };
        Ok(())
    }

    /// Brings the decoder to the state of the bin, what gives it data last.
    ///
    /// The bin does not do so by itself: as long as the decoder has no source pads, the bin does not know to bring up first
    /// what will be linked to them, and data would come before that can take it.
    pub fn bring_up(&self) -> bool {
        let state = self.state();
        let elements: Vec<_> = state.decoder.iter().chain(&state.others).cloned().collect();
        drop(state);
        elements.iter().all(|element| {
            element.set_locked_state(false);
            element.sync_state_with_parent().is_ok()
        })
    }

    fn remove_decoder(&self, bin: &gst::Bin) -> Result<(), glib::BoolError> {
        let state = std::mem::take(&mut *self.state());
        for element in state.decoder.iter().chain(&state.others) {
            element.set_locked_state(true);
            // What it was doing does not matter any more.
            let _ = element.set_state(gst::State::Null);
            bin.remove(element)?;
        }
        self.sink.set_target(self.raw.get())
    }

    /// A decoded stream: the first video is the one that is used.
    fn on_decoded(&self, bin: &gst::Bin, stream: &gst::Pad) {
        let Some(raw) = self.raw.get() else { return };
        let name = stream.name();
        let video = name.starts_with("video");
        let first = video && !std::mem::replace(&mut self.state().video_linked, true);
        gst::debug!(CAT, obj = bin, "Decoded stream {name}, used: {first}");
        let linked = if first {
            link(stream, raw)
        } else {
            self.discard(bin, stream)
        };
        if let Err(e) = linked {
            gst::element_error!(
                bin,
                gst::CoreError::Pad,
                ("A decoded stream ({name}) could not be linked: {e}")
            );
        }
    }

    /// Lets a stream run into nothing: one left unlinked would end the others with it.
    fn discard(&self, bin: &gst::Bin, stream: &gst::Pad) -> Result<(), glib::BoolError> {
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .property("async", false)
            .property("enable-last-sample", false)
            .build()?;
        bin.add(&sink)?;
        self.state().others.push(sink.clone());
        link(stream, &pad(&sink, "sink")?)?;
        sink.sync_state_with_parent()
    }

    fn on_gone(&self, stream: &gst::Pad) {
        let mut state = self.state();
        let is_discarded = |element: &gst::Element| {
            let sink = element.static_pad("sink");
            sink.is_some_and(|sink| sink.peer().as_ref() == Some(stream))
        };
        if stream.name().starts_with("video") && !state.others.iter().any(is_discarded) {
            state.video_linked = false;
        }
    }

    pub fn on_sink_event(
        self: &Arc<Self>,
        bin: &gst::Bin,
        pad: &gst::GhostPad,
        event: gst::Event,
    ) -> bool {
        if let gst::EventView::Caps(caps) = event.view() {
            let input = match input::kind(caps.caps()) {
                Ok(input) => input,
                Err(why) => {
                    gst::element_error!(bin, gst::StreamError::WrongType, ("{why}"));
                    return false;
                }
            };
            if self.choose(bin, input).is_err() || !self.bring_up() {
                return false;
            }
        }
        gst::Pad::event_default(pad, Some(bin), event)
    }

    pub fn on_sink_query(
        &self,
        bin: &gst::Bin,
        pad: &gst::GhostPad,
        query: &mut gst::QueryRef,
    ) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Caps(query) => {
                let raw = self.raw.get().filter(|_| !self.has_decoder());
                query.set_result(&input::offered(raw, query.filter()));
                true
            }
            gst::QueryViewMut::AcceptCaps(query) => {
                query.set_result(input::accepts(&query.caps_owned(), self.raw.get()));
                true
            }
            _ => gst::Pad::query_default(pad, Some(bin), query),
        }
    }

    pub fn on_src_query(
        &self,
        bin: &gst::Bin,
        pad: &gst::GhostPad,
        query: &mut gst::QueryRef,
    ) -> bool {
        match query.view_mut() {
            // Without the decoder, which comes with PAUSED, what is inside would look for raw video upstream.
            gst::QueryViewMut::Caps(query)
                if !self.has_decoder() && input::upstream(&self.sink) == Input::Encoded =>
            {
                query.set_result(&input::filtered(&input::ANY_RAW, query.filter()));
                true
            }
            _ => gst::Pad::query_default(pad, Some(bin), query),
        }
    }

    /// Takes the first video of what the decoder finds in the input.
    pub fn on_message(&self, bin: &gst::Bin, message: &gst::Message) {
        let gst::MessageView::StreamCollection(message) = message.view() else {
            return;
        };
        let decoder = self.state().decoder.clone();
        let is_its = |decoder: &gst::Element| message.src() == Some(decoder.upcast_ref());
        let Some(decoder) = decoder.filter(is_its) else {
            return;
        };
        let collection = message.stream_collection();
        let video = collection
            .iter()
            .find(|stream| stream.stream_type().contains(gst::StreamType::VIDEO));
        let Some(id) = video.as_ref().and_then(|video| video.stream_id()) else {
            gst::element_error!(
                bin,
                gst::StreamError::WrongType,
                (
                    "There is no video in the input ({} other streams)",
                    collection.len()
                )
            );
            return;
        };
        gst::info!(
            CAT,
            obj = bin,
            "First video stream of {}: {id}",
            collection.len()
        );
        decoder.send_event(gst::event::SelectStreams::new([id.as_str()]));
    }
}

fn link(pad: &gst::Pad, to: &gst::Pad) -> Result<(), glib::BoolError> {
    pad.link(to).map(drop).map_err(|e| glib::bool_error!("{e}"))
}
