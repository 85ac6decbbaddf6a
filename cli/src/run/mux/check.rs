//! What is in a film's own file, read anew, against what went in: a muxer that loses something says nothing of it.

use std::path::Path;

use gst::prelude::*;

use super::super::Context;
use super::super::encode::Segment;
use super::super::error::{Error, clock};
use super::super::fixity::FINISHED;
use super::super::quirks::frames_in;
use super::Film;
use super::read::{Found, Reader};

/// Containers round times, and encoders have packets of a length of their own.
const NEAR: gst::ClockTime = gst::ClockTime::from_mseconds(10);
const NEAR_OF_SOUND: gst::ClockTime = gst::ClockTime::from_mseconds(250);
/// What the file has to say of frames as they were encoded.
const SAID: [&str; 3] = ["width", "height", "pixel-aspect-ratio"];

/// Reads the file and says what is short in it; nothing where all is there. `shape` is that of the encoded frames; `decoded` is
/// called with each as a reader of the file decodes it.
///
/// # Errors
/// A file that is another than it should be, an end that the user wants.
pub fn check(
    film: &Film,
    shape: &gst::CapsRef,
    file: &Path,
    context: &Context,
    decoded: impl FnMut(&gst::Sample) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let reader = Reader {
        file,
        codec: film.codec,
        progress: &context.progress,
        stop: &context.stop,
        kept: FINISHED,
    };
    let found = reader.read(decoded)?;
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
    if let Some(first) = video.broken.first() {
        short.push(format!(
            "frames in the file are damaged: {}, the first is frame {first}",
            video.broken.len()
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
