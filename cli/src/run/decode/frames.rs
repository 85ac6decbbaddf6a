//! The frames of a film, one after the other; where the decoder gives up, those behind the broken place.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use gst::prelude::*;
use gst_video::{ValidVideoTimeCode, VideoInfo, VideoTimeCodeMeta};

use super::super::Context;
use super::super::error::{Error, clock};
use super::super::pipeline::A_WHILE;
use super::super::quirks::{FieldOrder, stalled};
use super::conversion::Target;
use super::decoder::Decoder;

/// Seconds beyond a broken frame where decoding is tried again, the first time there, then from the next key frame on.
const FURTHER: [u64; 5] = [0, 0, 1, 5, 30];

/// A decoded frame in the format for the element.
pub struct Frame {
    pub caps: gst::Caps,
    pub buffer: gst::Buffer,
    /// As it was decoded.
    pub decoded: (gst::Buffer, VideoInfo),
    /// From the film's beginning.
    pub time: gst::ClockTime,
    /// By the film's frame rate, or as far as the film says.
    pub duration: gst::ClockTime,
    /// The decoder says that there is damage in it.
    pub is_damaged: bool,
}

/// What comes next.
pub enum Next {
    Frame(Frame),
    /// All frames were there.
    End,
    /// Decoding ended with an error.
    Broken(String),
    /// The user wants an end.
    Stopped,
}

/// A film that is read from its beginning.
pub struct Frames<'a> {
    context: &'a Context,
    film: &'a Path,
    target: Target,
    decoder: Decoder,
    /// The decoder began behind a broken place: times count from the origin, and frames before that place may come again.
    is_behind_break: bool,
    /// What the film's own clock shows at its beginning.
    origin: Option<gst::ClockTime>,
    /// Time of the last frame that this decoder gave.
    last_decoded: Option<gst::ClockTime>,
    /// Time and duration of the last frame of all.
    last: Option<(gst::ClockTime, gst::ClockTime)>,
    /// How often it was tried to get on behind it.
    tries: usize,
    /// Frames behind the break that came before are dropped until one comes that did not.
    is_catching_up: bool,
    /// Frames that came at a time that had passed.
    late: u64,
    /// Places where the decoder gave up.
    skipped: Vec<gst::ClockTime>,
    timecode: Option<ValidVideoTimeCode>,
    field_order: FieldOrder,
    /// Warnings of decoders, and how often each came.
    warnings: BTreeMap<String, u64>,
}

impl<'a> Frames<'a> {
    /// Opens a film.
    pub fn open(context: &'a Context, film: &'a Path, target: Target) -> Result<Self, Error> {
        Ok(Self {
            context,
            film,
            target,
            decoder: Decoder::open(film, target)?,
            is_behind_break: false,
            origin: None,
            last_decoded: None,
            last: None,
            tries: 0,
            is_catching_up: false,
            late: 0,
            skipped: vec![],
            timecode: None,
            field_order: FieldOrder::default(),
            warnings: BTreeMap::new(),
        })
    }

    /// The film's length, if it is known by now.
    pub fn duration(&self) -> Option<gst::ClockTime> {
        self.decoder.duration()
    }

    /// The time code of the first frame, if the decoder found one.
    pub fn timecode(&self) -> Option<&ValidVideoTimeCode> {
        self.timecode.as_ref()
    }

    /// Places where the decoder gave up since the last call.
    pub fn skipped(&mut self) -> Vec<gst::ClockTime> {
        std::mem::take(&mut self.skipped)
    }

    /// What there is to say when all of them have been read.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.decoder.clock.notes();
        if self.late > 0 {
            notes.push(format!(
                "frames whose time had passed, shown a little later: {}",
                self.late
            ));
        }
        let warnings = self.warnings.iter();
        notes.extend(warnings.map(|(text, times)| match times {
            1 => format!("the decoder said: {text}"),
            _ => format!("the decoder said {times} times: {text}"),
        }));
        notes
    }

    /// The next frame; behind a place that cannot be decoded, if there is one.
    pub fn next(&mut self) -> Result<Next, Error> {
        let mut since = Instant::now();
        loop {
            if self.context.stop.is_asked() {
                return Ok(Next::Stopped);
            }
            if let Some(sample) = self.decoder.sink.try_pull_sample(A_WHILE) {
                since = Instant::now();
                let frame = self.frame(sample);
                let frame = frame.map_err(|e| Error::of(self.film, e))?;
                if let Some(frame) = frame.and_then(|frame| self.placed(frame)) {
                    return Ok(Next::Frame(frame));
                }
                continue;
            }
            let mut broken = self.decoder.listen(&mut self.warnings);
            if broken.is_none() {
                if self.decoder.sink.is_eos() {
                    return Ok(Next::End);
                }
                let is_first = self.last_decoded.is_none();
                broken =
                    stalled(since.elapsed(), self.is_behind_break, is_first).map(str::to_owned);
            }
            if let Some(why) = broken {
                if !self.get_over(&why)? {
                    return Ok(Next::Broken(why));
                }
                since = Instant::now();
            }
        }
    }

    /// What the decoder gave, converted; none for what lies outside of the film's own bounds, which is not shown.
    fn frame(&mut self, sample: gst::Sample) -> Result<Option<Frame>, Error> {
        let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer_owned()) else {
            return Ok(None);
        };
        let (caps, info) = self.field_order.complete(caps, &buffer)?;
        let rate = info.fps();
        let by_rate = (rate.numer() > 0 && rate.denom() > 0)
            .then(|| gst::ClockTime::SECOND.mul_div_floor(rate.denom() as u64, rate.numer() as u64))
            .flatten();
        let duration = by_rate
            .or(buffer.duration())
            .unwrap_or(gst::ClockTime::from_mseconds(40));
        let segment = sample
            .segment()
            .and_then(|s| s.downcast_ref::<gst::ClockTime>());
        let time = match buffer.pts() {
            Some(pts) if self.is_behind_break => segment
                .and_then(|s| s.to_stream_time(pts))
                .and_then(|time| time.checked_sub(self.origin?)),
            Some(pts) => segment.and_then(|s| {
                let time = s.to_running_time(pts)?;
                let shown = s.to_stream_time(pts).unwrap_or(time);
                self.origin.get_or_insert(shown.saturating_sub(time));
                Some(time)
            }),
            None => Some(
                self.last_decoded
                    .map_or(gst::ClockTime::ZERO, |last| last + duration),
            ),
        };
        let Some(time) = time else { return Ok(None) };
        if self.last_decoded.is_none() {
            self.timecode = buffer.meta::<VideoTimeCodeMeta>().map(|m| m.tc());
        }
        self.last_decoded = Some(time);
        let edits = self.decoder.edits.as_ref();
        let time = edits.map_or(Some(time), |edits| edits.video.shown(time, duration));
        let Some(time) = time else { return Ok(None) };
        let is_damaged = buffer.flags().contains(gst::BufferFlags::CORRUPTED);
        let decoded = buffer.clone();
        let (caps, buffer) = self.decoder.convert(buffer, caps, &info)?;
        Ok(Some(Frame {
            caps,
            buffer,
            decoded: (decoded, info),
            time,
            duration,
            is_damaged,
        }))
    }

    /// A frame that did not come before, behind the one before it. One whose time has passed gets a short time of its own, so that
    /// none is lost and those behind it are still in time.
    fn placed(&mut self, mut frame: Frame) -> Option<Frame> {
        match self.last {
            Some((last, _)) if frame.time <= last && self.is_catching_up => return None,
            Some((last, lasted)) if frame.time <= last => {
                frame.time = last + (lasted / 4).max(gst::ClockTime::MSECOND);
                self.late += 1;
            }
            _ => (self.tries, self.is_catching_up) = (0, false),
        }
        self.last = Some((frame.time, frame.duration));
        Some(frame)
    }

    /// Tries to go on behind the place where the decoder gave up: ever further on, until there is a frame.
    fn get_over(&mut self, why: &str) -> Result<bool, Error> {
        let (Some((time, duration)), Some(origin)) = (self.last, self.origin) else {
            return Ok(false);
        };
        if !self.decoder.clock.is_the_demuxers() || self.decoder.edits.is_some() {
            return Ok(false);
        }
        let end = time + duration;
        while let Some(seconds) = FURTHER.get(self.tries) {
            let is_exact = self.tries == 0;
            self.tries += 1;
            let place = end + duration + gst::ClockTime::from_seconds(*seconds);
            if self.duration().is_some_and(|length| place >= length) {
                break;
            }
            let decoder = Decoder::open_at(self.film, self.target, origin + place, is_exact)?;
            let Some(decoder) = decoder else { continue };
            self.decoder = decoder;
            (self.is_behind_break, self.is_catching_up) = (true, true);
            self.last_decoded = None;
            let text = format!("nothing can be decoded at {}: {why}", clock(end));
            self.context.progress.note(&text);
            self.skipped.push(end);
            return Ok(true);
        }
        Ok(false)
    }
}
