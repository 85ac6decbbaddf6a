//! The packets of all streams of sound in a film, read in one pass.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};
use parking_lot::Mutex;

use super::super::Context;
use super::super::error::{Error, message_text};
use super::super::pipeline::{self, A_WHILE, Pipeline, link};
use super::super::quirks::{Clock, Edits, drop_stream};
use super::super::work::Work;
use super::packets::{Summary, Writer};

/// How long nothing may come of a film, from slow storage as well.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was read.
pub struct Read {
    /// All streams of sound, those without packets as well.
    pub streams: Vec<Summary>,
    /// Why there may be more in the film.
    pub broken: Option<String>,
}

/// What the threads of the pipeline know.
#[derive(Default)]
struct Known {
    writers: Mutex<Vec<Writer>>,
    failed: Mutex<Option<Error>>,
    /// Packets of all kinds so far.
    packets: AtomicU64,
    /// All streams have been seen.
    is_ready: AtomicBool,
}

impl Known {
    fn fail(&self, error: Error) {
        self.failed.lock().get_or_insert(error);
    }
}

/// Reads them into files of the run.
///
/// # Errors
/// A disk without room, an end that the user wants.
pub fn streams(context: &Context, work: &Work, input: &Path) -> Result<Read, Error> {
    let pipeline = Pipeline::default();
    let source = gst::ElementFactory::make("filesrc")
        .property("location", input)
        .build()?;
    let parser = gst::ElementFactory::make("parsebin").build()?;
    pipeline.add_many([&source, &parser])?;
    source.link(&parser)?;
    Clock::mend(pipeline.upcast_ref());
    let edits = Edits::of(input);
    if let Some(edits) = &edits {
        edits.hide(&source);
    }
    let known = Arc::new(Known::default());
    let (bin, of_pads, folder) = (
        pipeline.downgrade(),
        known.clone(),
        work.folder().to_owned(),
    );
    parser.connect_pad_added(move |_, pad| {
        let Some(bin) = bin.upgrade() else { return };
        count_packets(pad, of_pads.clone());
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let name = caps.structure(0).map_or("", |s| s.name().as_str());
        if !name.starts_with("audio/") {
            // One that stays unlinked ends by itself.
            let _ = drop_stream(bin.upcast_ref(), pad);
        } else if let Err(e) = keep_stream(bin.upcast_ref(), pad, &folder, &of_pads, edits.as_ref())
        {
            of_pads.fail(e);
        }
    });
    // What goes wrong is on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let broken = wait(context, &pipeline, &known);
    let _ = pipeline.set_state(gst::State::Null);
    let broken = broken?;
    let writers = std::mem::take(&mut *known.writers.lock());
    let streams: Result<Vec<_>, _> = writers.into_iter().map(Writer::finish).collect();
    Ok(Read {
        streams: streams?,
        broken,
    })
}

/// Waits for the end of all streams. Returns why they ended before it.
fn wait(context: &Context, pipeline: &Pipeline, known: &Known) -> Result<Option<String>, Error> {
    let (mut packets, mut since) = (0, Instant::now());
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let bus = pipeline.bus().ok_or("a pipeline without a bus")?;
    loop {
        if context.stop.is_asked() {
            return Err(Error::Interrupted(
                "its sound was being read; the same command goes on".to_owned(),
            ));
        }
        if let Some(error) = known.failed.lock().take() {
            return Err(error);
        }
        if let Some(message) = bus.timed_pop_filtered(A_WHILE, &kinds) {
            return Ok(match message.view() {
                gst::MessageView::Error(error) => Some(message_text(error)),
                _ => None,
            });
        }
        let now = known.packets.load(Ordering::SeqCst);
        if now != packets {
            (packets, since) = (now, Instant::now());
            context.progress.alive();
        } else if since.elapsed() > PATIENCE {
            let what = match known.is_ready.load(Ordering::SeqCst) {
                true => "nothing more comes of the film",
                false => "nothing comes of the film",
            };
            return Ok(Some(what.to_owned()));
        }
    }
}

fn count_packets(pad: &gst::Pad, known: Arc<Known>) {
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(kinds, move |_, _| {
        known.packets.fetch_add(1, Ordering::SeqCst);
        known.is_ready.store(true, Ordering::SeqCst);
        gst::PadProbeReturn::Ok
    });
}

/// Writes all packets of a stream to a file of its own.
fn keep_stream(
    bin: &gst::Bin,
    pad: &gst::Pad,
    folder: &Path,
    known: &Arc<Known>,
    edits: Option<&Edits>,
) -> Result<(), Error> {
    let number = {
        let mut writers = known.writers.lock();
        let number = writers.len();
        let name = format!("sound-{number:02}.packets");
        let pieces = edits.map(|edits| edits.sound(number));
        writers.push(Writer::open(folder, &name)?.with_pieces(pieces.unwrap_or_default()));
        number
    };
    let of_sink = known.clone();
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let mut writers = of_sink.writers.lock();
        let taken = writers.get_mut(number).map(|writer| writer.take(&sample));
        if let Some(Err(error)) = taken {
            of_sink.fail(error);
            return Err(gst::FlowError::Error);
        }
        Ok(gst::FlowSuccess::Ok)
    });
    let sink = AppSink::builder()
        .sync(false)
        .async_(false)
        .callbacks(callbacks.build())
        .build();
    bin.add(&sink)?;
    sink.sync_state_with_parent()?;
    link(pad, &pipeline::pad(&sink, "sink")?)?;
    Ok(())
}
