//! The film's sound on its way to the muxer: as it is where the container can hold it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gst::prelude::*;
use parking_lot::Mutex;

use super::super::encode::Codec;
use super::super::error::Error;
use super::super::pipeline::{self, link};
use super::super::quirks::{Clock, drop_stream};

/// Bytes of sound that wait for the video.
const WAITING: u32 = 64 << 20;

/// What it becomes where it cannot stay what it is: elements, in words, and Debian's package that has the encoder.
fn fallback(codec: Codec) -> (&'static str, &'static str) {
    match codec {
        Codec::Ffv1 => ("flacenc", "FLAC, without loss"),
        Codec::Prores => (
            "audioconvert ! audio/x-raw,format=S24LE",
            "PCM with 24 bits, without loss",
        ),
        Codec::H264 => ("avenc_aac bitrate=256000", "AAC, with loss"),
    }
}

/// What is known of it so far.
#[derive(Default)]
struct Known {
    /// All streams of the film have been seen.
    is_ready: bool,
    /// Where it enters the muxer.
    entries: Vec<gst::Pad>,
    notes: Vec<String>,
    is_over: bool,
}

/// The elements that read a film's sound.
pub struct Sound {
    all: gst::Bin,
    known: Arc<Mutex<Known>>,
}

impl Sound {
    /// Adds them to the pipeline. Sound after `until` is left out.
    pub fn open(
        pipeline: &gst::Pipeline,
        mux: &gst::Element,
        input: &Path,
        codec: Codec,
        until: Option<gst::ClockTime>,
    ) -> Result<Self, Error> {
        let source = gst::ElementFactory::make("filesrc")
            .property("location", input)
            .build()?;
        let parser = gst::ElementFactory::make("parsebin").build()?;
        let all = gst::Bin::builder().name("sound").build();
        all.add_many([&source, &parser])?;
        source.link(&parser)?;
        pipeline.add(&all)?;
        Clock::mend(&all);
        let known = Arc::new(Mutex::new(Known::default()));

        let (bin, to, of_pads) = (all.downgrade(), mux.downgrade(), known.clone());
        parser.connect_pad_added(move |_, pad| {
            let (Some(bin), Some(mux)) = (bin.upgrade(), to.upgrade()) else {
                return;
            };
            ready_with_data(pad, of_pads.clone());
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let is_sound = caps
                .structure(0)
                .is_some_and(|s| s.name().starts_with("audio/"));
            if !is_sound {
                // One that stays unlinked ends by itself.
                let _ = drop_stream(&bin, pad);
                return;
            }
            if let Err(e) = carry(&bin, &mux, pad, &caps, codec, until, &of_pads) {
                let note = format!("a stream of sound ({caps}) is left out: {e}");
                of_pads.lock().notes.push(note);
                let _ = drop_stream(&bin, pad);
            }
        });
        Ok(Self { all, known })
    }

    /// Waits until all streams have been seen, or there is an end to it.
    pub fn wait(&self, look: impl Fn() -> Result<(), Error>) -> Result<(), Error> {
        loop {
            look()?;
            let known = self.known.lock();
            if known.is_ready || known.is_over {
                return Ok(());
            }
            drop(known);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether a message is about sound.
    pub fn is_about(&self, from: &gst::Object) -> bool {
        from == self.all.upcast_ref::<gst::Object>() || from.has_as_ancestor(&self.all)
    }

    /// There is no more of it than there has been so far.
    pub fn end(&self, why: &str) {
        let mut known = self.known.lock();
        if known.is_over {
            return;
        }
        known.is_over = true;
        let note = format!("its sound could be read only in part: {why}");
        known.notes.push(note);
        for entry in known.entries.clone() {
            // The muxer takes it when it has taken what comes before, for which it may wait for video.
            std::thread::spawn(move || entry.send_event(gst::event::Eos::new()));
        }
    }

    /// What there is to say about it.
    pub fn notes(&self) -> Vec<String> {
        self.known.lock().notes.clone()
    }
}

/// parsebin shows all streams before it lets any of them flow, and does not say when it has shown the last (1.22).
fn ready_with_data(pad: &gst::Pad, known: Arc<Mutex<Known>>) {
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |_, info| {
        if info
            .event()
            .is_some_and(|e| e.type_() != gst::EventType::Eos)
        {
            return gst::PadProbeReturn::Ok;
        }
        known.lock().is_ready = true;
        gst::PadProbeReturn::Remove
    });
}

/// Brings a stream of sound to the muxer.
fn carry(
    bin: &gst::Bin,
    mux: &gst::Element,
    pad: &gst::Pad,
    caps: &gst::Caps,
    codec: Codec,
    until: Option<gst::ClockTime>,
    known: &Mutex<Known>,
) -> Result<(), gst::glib::BoolError> {
    let template = mux
        .pad_template("audio_%u")
        .ok_or_else(|| gst::glib::bool_error!("the container holds no sound"))?;
    let as_it_is = caps.is_subset(template.caps());
    let (encoder, becomes) = fallback(codec);
    let queue = format!("queue max-size-time=0 max-size-buffers=0 max-size-bytes={WAITING}");
    let line = match as_it_is {
        true => queue,
        false => format!("audioconvert ! audioresample ! {encoder} ! {queue}"),
    };
    let way =
        gst::parse::bin_from_description(&line, true).map_err(|e| gst::glib::bool_error!("{e}"))?;
    let (start, out) = (pipeline::pad(&way, "sink")?, pipeline::pad(&way, "src")?);
    bin.add(&way)?;
    if let Some(until) = until {
        end_at(&out, until);
    }
    // The bin around all sound has a pad of its own for every stream, named as the stream's is.
    let ghost = gst::GhostPad::builder_with_target(&out)?
        .name(pad.name())
        .build();
    ghost.set_active(true)?;
    bin.add_pad(&ghost)?;
    way.sync_state_with_parent()?;
    if as_it_is {
        link(pad, &start)?;
    } else {
        let decoder = gst::ElementFactory::make("decodebin").build()?;
        bin.add(&decoder)?;
        decoder.connect_pad_added(move |_, pad| {
            // What cannot be linked ends with an error by itself.
            let _ = link(pad, &start);
        });
        decoder.sync_state_with_parent()?;
        link(pad, &pipeline::pad(&decoder, "sink")?)?;
    }
    // Last: a pad that nothing comes through would hold up the whole film.
    let into = mux
        .request_pad(&template, None, None)
        .ok_or_else(|| gst::glib::bool_error!("the muxer takes no more sound"))?;
    link(ghost.upcast_ref(), &into)?;
    let mut known = known.lock();
    known.entries.push(into);
    if !as_it_is {
        let was = caps.structure(0).map_or("?", |s| s.name().as_str());
        known.notes.push(format!(
            "its sound ({was}) does not fit into the file as it is, and was made {becomes}"
        ));
    }
    Ok(())
}

/// Ends a stream at a time.
fn end_at(pad: &gst::Pad, until: gst::ClockTime) {
    let is_over = AtomicBool::new(false);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let time = info.buffer().and_then(|buffer| {
            let segment = pad.sticky_event::<gst::event::Segment>(0)?;
            let segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
            segment.to_running_time(buffer.pts()?)
        });
        if time.is_none_or(|time| time <= until) {
            return gst::PadProbeReturn::Ok;
        }
        if !is_over.swap(true, Ordering::SeqCst) {
            pad.push_event(gst::event::Eos::new());
        }
        gst::PadProbeReturn::Drop
    });
}
