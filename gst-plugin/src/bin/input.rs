//! What comes in: which caps are offered, and whether there is something to decode.

use std::sync::LazyLock;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::VideoCapsBuilder;

use super::imp::{CAT, State, TttSeg};
use crate::filter::{CLASS_MAPS, CLASSES, FORMATS, kept};

/// Kinds of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Raw video in system memory.
    Raw,
    /// Anything that has to be decoded, or that nobody can name yet.
    Encoded,
}

/// Raw video the filter works in without conversion.
static RAW: LazyLock<gst::Caps> = LazyLock::new(|| {
    let formats = FORMATS.iter().copied();
    kept(VideoCapsBuilder::new().format_list(formats).build())
});

/// Raw video of any format in system memory.
static ANY_RAW: LazyLock<gst::Caps> =
    LazyLock::new(|| kept(gst::Caps::new_empty_simple("video/x-raw")));

/// What the decoders, demuxers and parsers on this machine take: video, images, and what video may be in.
static DECODABLE: LazyLock<gst::Caps> = LazyLock::new(|| {
    let factories = gst::ElementFactory::factories_with_type(
        gst::ElementFactoryType::DECODABLE,
        gst::Rank::MARGINAL,
    );
    let mut all = gst::Caps::new_empty();
    let into = all.make_mut();
    for factory in factories.iter() {
        for template in factory.static_pad_templates() {
            let caps = template.caps();
            if template.direction() != gst::PadDirection::Sink || caps.is_any() {
                continue;
            }
            for structure in caps.iter() {
                let name = structure.name();
                let kind = name.split('/').next().unwrap_or_default();
                if matches!(kind, "video" | "image" | "application") && !is_raw(name) {
                    into.append_structure(structure.to_owned());
                }
            }
        }
    }
    all.simplify();
    kept(all)
});

fn is_raw(media_type: &str) -> bool {
    media_type == "video/x-raw"
}

/// The pads. The sink pad's template has to be ANY: what can be decoded depends on the plugins of the machine, which
/// are not known while plugins are being registered. What a caps query is told is exact, and what counts for linking.
pub(super) fn pad_templates() -> Vec<gst::PadTemplate> {
    use gst::PadDirection::{Sink, Src};
    use gst::PadPresence::{Always, Request};
    [
        ("sink", Sink, Always, gst::Caps::new_any()),
        ("src", Src, Always, ANY_RAW.clone()),
        (CLASSES, Src, Request, CLASS_MAPS.clone()),
    ]
    .into_iter()
    .filter_map(|(name, direction, presence, caps)| {
        gst::PadTemplate::new(name, direction, presence, &caps).ok()
    })
    .collect()
}

/// Which kind of input caps announce, or why it cannot be taken.
fn kind(caps: &gst::CapsRef) -> Result<Input, String> {
    let Some(structure) = caps.structure(0) else {
        return Ok(Input::Encoded);
    };
    if !is_raw(structure.name()) {
        return Ok(Input::Encoded);
    }
    match caps.features(0) {
        Some(features)
            if !features.is_any()
                && !features.is_equal(gst::CapsFeatures::new_empty().as_ref())
                && !features.contains(gst::CAPS_FEATURE_MEMORY_SYSTEM_MEMORY) =>
        {
            Err(format!(
                "video in device memory ({features}) cannot be read; download it first, for example with gldownload, \
                 cudadownload or vapostproc"
            ))
        }
        _ => Ok(Input::Raw),
    }
}

fn link(pad: &gst::Pad, to: &gst::Pad) -> Result<(), gst::glib::BoolError> {
    pad.link(to)
        .map(drop)
        .map_err(|e| gst::glib::bool_error!("{e}"))
}

impl TttSeg {
    /// What is linked upstream, as far as it is known before data flows. A file has no caps.
    pub(super) fn input_upstream(&self) -> Input {
        if !self.sink.is_linked() {
            // Decoders and demuxers link later; they announce their caps.
            return Input::Raw;
        }
        let caps = self.sink.peer_query_caps(None);
        let raw = !caps.is_any() && caps.iter().any(|s| is_raw(s.name()));
        gst::debug!(CAT, imp = self, "Upstream offers {caps}, raw: {raw}");
        if raw { Input::Raw } else { Input::Encoded }
    }

    /// Puts the decoder in or takes it out. New elements stay down until [`TttSeg::bring_up`].
    pub(super) fn choose(&self, input: Input) -> Result<(), gst::StateChangeError> {
        let has_decoder = self.state().decoder.is_some();
        let done = match input {
            Input::Raw if has_decoder => self.remove_decoder(),
            Input::Encoded if !has_decoder => self.add_decoder(),
            _ => Ok(()),
        };
        done.map_err(|e| {
            gst::element_imp_error!(self, gst::CoreError::Pad, ("{e}"));
            gst::StateChangeError
        })
    }

    fn add_decoder(&self) -> Result<(), gst::glib::BoolError> {
        gst::info!(CAT, imp = self, "Decoding the input");
        let make = |factory: &str| {
            gst::ElementFactory::make(factory).build().map_err(|_| {
                gst::glib::bool_error!(
                    "The element {factory} is missing; it is part of GStreamer's core and base plugins"
                )
            })
        };
        let decoder = make("decodebin3")?;
        // Up to GStreamer 1.22 at least, decodebin3 leaves its input unlinked when data without caps is pushed to it.
        let typefind = make("typefind")?;
        let bin = self.obj().downgrade();
        decoder.connect_pad_added(move |_, pad| {
            if let Some(bin) = bin.upgrade() {
                bin.imp().on_decoded(pad);
            }
        });
        let bin = self.obj().downgrade();
        decoder.connect_pad_removed(move |_, pad| {
            if let Some(bin) = bin.upgrade() {
                bin.imp().on_gone(pad);
            }
        });
        typefind.set_locked_state(true);
        decoder.set_locked_state(true);
        self.obj().add_many([&typefind, &decoder])?;
        typefind.link(&decoder)?;
        let target = typefind
            .static_pad("sink")
            .ok_or_else(|| gst::glib::bool_error!("typefind has no sink pad"))?;
        self.sink.set_target(Some(&target))?;
        *self.state() = State {
            decoder: Some(decoder.clone()),
            others: vec![typefind.clone()],
            video_linked: false,
        };
        Ok(())
    }

    /// Brings the decoder to the state of the bin, what gives it data last.
    ///
    /// The bin does not do so by itself: as long as the decoder has no source pads, nothing tells it to bring up first
    /// what will be linked to them, and data would come before that can take it.
    pub(super) fn bring_up(&self) -> bool {
        let state = self.state();
        let decoder = state.decoder.clone();
        let others = state.others.clone();
        drop(state);
        decoder.into_iter().chain(others).all(|element| {
            element.set_locked_state(false);
            element.sync_state_with_parent().is_ok()
        })
    }

    fn remove_decoder(&self) -> Result<(), gst::glib::BoolError> {
        let state = std::mem::take(&mut *self.state());
        for element in state.decoder.iter().chain(&state.others) {
            element.set_locked_state(true);
            // What it was doing does not matter any more.
            let _ = element.set_state(gst::State::Null);
            self.obj().remove(element)?;
        }
        let target = self
            .chain()
            .and_then(|chain| chain.before.static_pad("sink"));
        self.sink.set_target(target.as_ref())
    }

    /// A decoded stream: the first video is what we are here for.
    fn on_decoded(&self, pad: &gst::Pad) {
        let Some(chain) = self.chain() else { return };
        let video = pad.name().starts_with("video");
        let first = video && !std::mem::replace(&mut self.state().video_linked, true);
        gst::debug!(
            CAT,
            imp = self,
            "Decoded stream {}, used: {first}",
            pad.name()
        );
        let linked = if first {
            chain
                .before
                .static_pad("sink")
                .ok_or_else(|| gst::glib::bool_error!("videoconvert has no sink pad"))
                .and_then(|sink| link(pad, &sink))
        } else {
            self.discard(pad)
        };
        if let Err(e) = linked {
            gst::element_imp_error!(
                self,
                gst::CoreError::Pad,
                ("A decoded stream ({}) could not be linked: {e}", pad.name())
            );
        }
    }

    /// Lets a stream run into nothing: one left unlinked would end the others with it.
    fn discard(&self, pad: &gst::Pad) -> Result<(), gst::glib::BoolError> {
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .property("async", false)
            .property("enable-last-sample", false)
            .build()?;
        self.obj().add(&sink)?;
        self.state().others.push(sink.clone());
        let entry = sink
            .static_pad("sink")
            .ok_or_else(|| gst::glib::bool_error!("fakesink has no sink pad"))?;
        link(pad, &entry)?;
        sink.sync_state_with_parent()
    }

    fn on_gone(&self, pad: &gst::Pad) {
        if pad.name().starts_with("video")
            && !self.state().others.iter().any(|e| {
                e.static_pad("sink")
                    .is_some_and(|sink| sink.peer().as_ref() == Some(pad))
            })
        {
            self.state().video_linked = false;
        }
    }

    pub(super) fn on_sink_event(&self, pad: &gst::GhostPad, event: gst::Event) -> bool {
        if let gst::EventView::Caps(caps) = event.view() {
            let input = match kind(caps.caps()) {
                Ok(input) => input,
                Err(why) => {
                    gst::element_imp_error!(self, gst::StreamError::WrongType, ("{why}"));
                    return false;
                }
            };
            if self.choose(input).is_err() || !self.bring_up() {
                return false;
            }
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    pub(super) fn on_sink_query(&self, pad: &gst::GhostPad, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Caps(query) => {
                let filter = query.filter_owned();
                query.set_result(&self.offered(filter.as_ref()));
                true
            }
            gst::QueryViewMut::AcceptCaps(query) => {
                let caps = query.caps_owned();
                let accepted = match kind(&caps) {
                    // Refused by name when they come: whoever asks first finds them not to be among the caps above.
                    Err(_) => true,
                    Ok(Input::Encoded) => caps.can_intersect(&DECODABLE),
                    Ok(Input::Raw) => self
                        .raw_entry()
                        .is_some_and(|entry| entry.query_accept_caps(&caps)),
                };
                query.set_result(accepted);
                true
            }
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }

    pub(super) fn on_src_query(&self, pad: &gst::GhostPad, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            // Without the decoder, which comes with PAUSED, what is inside would look for raw video upstream.
            gst::QueryViewMut::Caps(query)
                if self.state().decoder.is_none() && self.input_upstream() == Input::Encoded =>
            {
                let caps = match query.filter() {
                    Some(filter) => {
                        filter.intersect_with_mode(&ANY_RAW, gst::CapsIntersectMode::First)
                    }
                    None => ANY_RAW.clone(),
                };
                query.set_result(&caps);
                true
            }
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }

    fn raw_entry(&self) -> Option<gst::Pad> {
        self.chain()?.before.static_pad("sink")
    }

    /// Caps in the order of preference: what needs no conversion, what needs one, what has to be decoded.
    fn offered(&self, filter: Option<&gst::Caps>) -> gst::Caps {
        // With a decoder in front, the entry's answer is not about this pad; what follows it does not restrict it.
        let raw = match self.raw_entry().filter(|_| self.state().decoder.is_none()) {
            Some(entry) => entry.query_caps(None).intersect(&ANY_RAW),
            None => ANY_RAW.clone(),
        };
        let mut caps = RAW.intersect_with_mode(&raw, gst::CapsIntersectMode::First);
        caps.merge(raw);
        caps.merge(DECODABLE.clone());
        match filter {
            Some(filter) => caps.intersect_with_mode(filter, gst::CapsIntersectMode::First),
            None => caps,
        }
    }

    /// Messages of the decoder: what is in the file.
    pub(super) fn look_at(&self, message: &gst::Message) {
        let gst::MessageView::StreamCollection(message) = message.view() else {
            return;
        };
        let Some(decoder) = self.state().decoder.clone() else {
            return;
        };
        if message.src() != Some(decoder.upcast_ref()) {
            return;
        }
        let collection = message.stream_collection();
        let video = collection
            .iter()
            .find(|stream| stream.stream_type().contains(gst::StreamType::VIDEO));
        let Some(id) = video.as_ref().and_then(|video| video.stream_id()) else {
            gst::element_imp_error!(
                self,
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
            imp = self,
            "First video stream of {}: {id}",
            collection.len()
        );
        decoder.send_event(gst::event::SelectStreams::new([id.as_str()]));
    }
}
