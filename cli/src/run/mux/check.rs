//! What is in a film's own file, read anew, against what went in: a muxer that loses something says nothing of it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::prelude::*;
use parking_lot::Mutex;

use super::super::Context;
use super::super::encode::Segment;
use super::super::error::{Error, clock, message_text};
use super::super::pipeline::{A_WHILE, Pipeline};
use super::super::quirks::{drop_stream, frames_in};
use super::Film;

/// How long nothing may come of the file.
const PATIENCE: Duration = Duration::from_secs(30);
/// Containers round times, and encoders have packets of a length of their own.
const NEAR: gst::ClockTime = gst::ClockTime::from_mseconds(10);
const NEAR_OF_SOUND: gst::ClockTime = gst::ClockTime::from_mseconds(250);
/// What the file has to say of frames as they were encoded.
const SAID: [&str; 3] = ["width", "height", "pixel-aspect-ratio"];

/// A stream that was found in the file.
#[derive(Clone, Default)]
struct Found {
    caps: Option<gst::Caps>,
    packets: u64,
    last: gst::ClockTime,
    end: gst::ClockTime,
}

impl Found {
    fn is(&self, kind: &str) -> bool {
        let about = self.caps.as_ref().and_then(|caps| caps.structure(0));
        about.is_some_and(|s| s.name().starts_with(kind))
    }
}

/// Reads the file and says what is short in it; nothing where all is there. `shape` is that of the encoded frames.
///
/// # Errors
/// A file that is another than it should be, an end that the user wants.
pub fn check(
    film: &Film,
    shape: &gst::CapsRef,
    file: &Path,
    context: &Context,
) -> Result<Vec<String>, Error> {
    let found = read(film, file, context)?;
    let mut short = vec![];
    let frames: u64 = film.segments.iter().map(|s| s.frames).sum();
    let video = found.iter().find(|stream| stream.is("video/"));
    let video = video.ok_or_else(|| Error::of(file, "there is no video in what was written"))?;
    // Counted in two ways: a demuxer can lose frames as well.
    let counted = frames_in(file).unwrap_or(video.packets);
    if counted != frames || video.packets != frames {
        short.push(format!(
            "{} of {frames} frames are in the file",
            counted.min(video.packets)
        ));
    }
    let last = film.segments.last().map(Segment::last).unwrap_or_default();
    if video.last + NEAR < last || last + NEAR < video.last {
        short.push(format!(
            "its last frame is shown at {}, and should be at {}",
            clock(video.last),
            clock(last)
        ));
    }
    look_at_shape(video, shape).map_err(|why| Error::of(file, why))?;
    let sounds: Vec<_> = found.iter().filter(|s| s.is("audio/")).collect();
    if sounds.len() != film.sound.len() {
        short.push(format!(
            "{} of {} streams of sound are in the file",
            sounds.len(),
            film.sound.len()
        ));
        return Ok(short);
    }
    for (number, (sound, track)) in sounds.iter().zip(film.sound).enumerate() {
        let about = sound.caps.as_ref().and_then(|caps| caps.structure(0));
        let rate: Option<i32> = about.and_then(|s| s.get("rate").ok());
        // AAC has two rates: matroskademux (GStreamer 1.22) names that with spectral band replication where there is none.
        let is_aac = about.is_some_and(|s| s.get("mpegversion") == Ok(4));
        if let (Some(rate), Some(wanted)) = (rate, track.rate)
            && rate != wanted
            && !(is_aac && (rate == 2 * wanted || 2 * rate == wanted))
        {
            let why = format!("its sound would be played with {rate} Hz in place of {wanted}");
            return Err(Error::of(file, why));
        }
        let wanted = film
            .until
            .map_or(track.end(), |until| until.min(track.end()));
        if sound.end + NEAR_OF_SOUND < wanted {
            short.push(format!(
                "stream {} of its sound ends at {}, and should at {}",
                number + 1,
                clock(sound.end),
                clock(wanted)
            ));
        }
    }
    Ok(short)
}

/// Compares what the file says of its frames with what was encoded.
fn look_at_shape(video: &Found, shape: &gst::CapsRef) -> Result<(), String> {
    let about = video.caps.as_ref().and_then(|caps| caps.structure(0));
    let (Some(about), Some(shape)) = (about, shape.structure(0)) else {
        return Ok(());
    };
    for name in SAID {
        let values = (about.value(name).ok(), shape.value(name).ok());
        if let (Some(is), Some(was)) = values
            && is.compare(was) != Some(std::cmp::Ordering::Equal)
            && !is_rounded(is, was, shape)
        {
            let text = |value: &gst::glib::SendValue| {
                value
                    .serialize()
                    .map_or("?".to_owned(), |text| text.to_string())
            };
            let (is, was) = (text(is), text(was));
            return Err(format!("its {name} would be {is} in place of {was}"));
        }
    }
    Ok(())
}

/// Whether two shapes of samples are one, but for the width of the frame as it is shown: Matroska says that in whole samples.
fn is_rounded(
    is: &gst::glib::SendValue,
    was: &gst::glib::SendValue,
    of: &gst::StructureRef,
) -> bool {
    let width = |ratio: &gst::glib::SendValue| {
        let (ratio, width) = (ratio.get::<gst::Fraction>(), of.get::<i32>("width"));
        let (ratio, width) = (ratio.ok()?, width.ok()?);
        Some(f64::from(width) * f64::from(ratio.numer()) / f64::from(ratio.denom()))
    };
    matches!((width(is), width(was)), (Some(is), Some(was)) if (is - was).abs() <= 1.0)
}

/// All streams of the file.
fn read(film: &Film, file: &Path, context: &Context) -> Result<Vec<Found>, Error> {
    let demuxer = film.codec.description().demuxer;
    let demuxer = demuxer.split(' ').next().unwrap_or(demuxer);
    let pipeline = Pipeline::default();
    let source = gst::ElementFactory::make("filesrc")
        .property("location", file)
        .build()?;
    let demuxer = gst::ElementFactory::make(demuxer).build()?;
    pipeline.add_many([&source, &demuxer])?;
    source.link(&demuxer)?;
    let found = Arc::new(Mutex::new(Vec::<Found>::new()));
    let (bin, of_pads) = (pipeline.downgrade(), found.clone());
    demuxer.connect_pad_added(move |_, pad| {
        let Some(bin) = bin.upgrade() else { return };
        let number = {
            let mut found = of_pads.lock();
            found.push(Found::default());
            found.len() - 1
        };
        watch(pad, number, of_pads.clone());
        // One that stays unlinked ends by itself.
        let _ = drop_stream(bin.upcast_ref(), pad);
    });
    // What goes wrong is on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let bus = pipeline.bus().ok_or("a pipeline without a bus")?;
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let (mut packets, mut since) = (0, Instant::now());
    loop {
        if context.stop.is_asked() {
            return Err(Error::Interrupted(
                "all frames are finished; the same command puts them together".to_owned(),
            ));
        }
        if let Some(message) = bus.timed_pop_filtered(A_WHILE, &kinds) {
            if let gst::MessageView::Error(error) = message.view() {
                return Err(Error::of(file, message_text(error)));
            }
            return Ok(found.lock().clone());
        }
        let now: u64 = found.lock().iter().map(|stream| stream.packets).sum();
        if now != packets {
            (packets, since) = (now, Instant::now());
            context.progress.alive();
        } else if since.elapsed() > PATIENCE {
            return Err(Error::of(file, "what was written cannot be read"));
        }
    }
}

/// Counts what comes through a pad.
fn watch(pad: &gst::Pad, number: usize, found: Arc<Mutex<Vec<Found>>>) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(buffer) = info.buffer() else {
            return gst::PadProbeReturn::Ok;
        };
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let time = buffer.pts().and_then(|pts| {
            let segment = segment.as_ref()?.segment();
            segment
                .downcast_ref::<gst::ClockTime>()?
                .to_running_time(pts)
        });
        let mut found = found.lock();
        let Some(stream) = found.get_mut(number) else {
            return gst::PadProbeReturn::Ok;
        };
        if stream.caps.is_none() {
            stream.caps = pad.current_caps();
        }
        stream.packets += 1;
        if let Some(time) = time {
            stream.last = stream.last.max(time);
            stream.end = stream.end.max(time + buffer.duration().unwrap_or_default());
        }
        gst::PadProbeReturn::Ok
    });
}
