//! Packets of sound decoded, and encoded as another kind.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::{AppSink, AppSrc};
use parking_lot::Mutex;

use super::super::Context;
use super::super::error::{Error, message_text};
use super::super::pipeline::{A_WHILE, Pipeline};
use super::super::work::Work;
use super::packets::{Reader, Summary, Writer};

/// How long nothing may come of a decoder.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that wait for it.
const WAITING: u64 = 1 << 20;

/// What came of it.
pub struct Made {
    pub summary: Summary,
    /// Samples a second that went into the encoder, where there is one.
    pub rate: Option<i32>,
    /// Why it may be less than there was.
    pub broken: Option<String>,
}

/// Brings all packets of a stream through elements into the file `name`.
///
/// # Errors
/// A disk without room, an end that the user wants.
pub fn transcode(
    context: &Context,
    work: &Work,
    stream: &Summary,
    caps: &gst::Caps,
    elements: &str,
    name: &str,
) -> Result<Made, Error> {
    let mut writer = Writer::open(work.folder(), name)?;
    let line = format!("appsrc name=in ! {elements} ! appsink name=out sync=false max-buffers=64");
    let pipeline = match Pipeline::launch(&line) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            return Ok(Made {
                summary: writer.finish()?,
                rate: None,
                broken: Some(error.to_string()),
            });
        }
    };
    let source: AppSrc = pipeline.named("in")?;
    source.set_caps(Some(caps));
    source.set_format(gst::Format::Time);
    source.set_max_bytes(WAITING);
    source.set_block(true);
    let sink: AppSink = pipeline.named("out")?;
    // What goes wrong is on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let packets = Reader::open(&work.at(&stream.file))?;
    let unread = Arc::new(Mutex::new(None));
    let of_feeder = unread.clone();
    // avidemux (GStreamer 1.22) takes blocks of ADPCM for half as long as they are: decoders count samples from the first one on.
    let name = caps.structure(0).map(|s| s.name().as_str());
    let is_counted = name == Some("audio/x-adpcm");
    // It ends with the pipeline: then the source takes no more.
    let feeder = thread::spawn(move || {
        for (number, packet) in packets.enumerate() {
            match packet {
                Ok(mut packet) => {
                    if is_counted {
                        packet.duration = None;
                        packet.time = packet.time.filter(|_| number == 0);
                    }
                    if source.push_buffer(packet.into_buffer()).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    *of_feeder.lock() = Some(error.to_string());
                    break;
                }
            }
        }
        // What goes wrong is on the bus.
        let _ = source.end_of_stream();
    });
    let mut rate = None;
    let broken = drain(context, &pipeline, &sink, &mut writer, &mut rate);
    let _ = pipeline.set_state(gst::State::Null);
    // It has nothing left that it could wait for.
    let _ = feeder.join();
    let broken = broken?.or_else(|| unread.lock().take());
    Ok(Made {
        summary: writer.finish()?,
        rate,
        broken,
    })
}

/// Takes all that comes. Returns why it ended before the end.
fn drain(
    context: &Context,
    pipeline: &Pipeline,
    sink: &AppSink,
    writer: &mut Writer,
    rate: &mut Option<i32>,
) -> Result<Option<String>, Error> {
    let mut since = Instant::now();
    loop {
        if context.stop.is_asked() {
            return Err(Error::Interrupted(
                "its sound was being converted; the same command goes on".to_owned(),
            ));
        }
        if let Some(sample) = sink.try_pull_sample(A_WHILE) {
            since = Instant::now();
            context.progress.alive();
            if rate.is_none() {
                let about = sample.caps().and_then(|caps| caps.structure(0));
                *rate = about.and_then(|s| s.get("rate").ok());
            }
            writer.take(&sample)?;
            continue;
        }
        if let Some(gst::MessageView::Error(error)) = pipeline.error().as_ref().map(|m| m.view()) {
            return Ok(Some(message_text(error)));
        }
        if sink.is_eos() {
            return Ok(None);
        }
        if since.elapsed() > PATIENCE {
            return Ok(Some("the decoder stopped without a word".to_owned()));
        }
    }
}
