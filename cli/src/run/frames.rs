//! The frames of a film, one after the other; where the decoder gives up, those behind the broken place.

use std::path::Path;

use gst_video::ValidVideoTimeCode;

use super::Context;
use super::failure::Failure;
use super::progress::clock;
use super::reader::{Frame, Next, Reader, Wanted};

/// Seconds beyond a broken frame where decoding is tried again, the first time there, then from the next key frame on.
const FURTHER: [u64; 5] = [0, 0, 1, 5, 30];

/// A film that is read from its beginning.
pub struct Frames<'a> {
    context: &'a Context,
    input: &'a Path,
    wanted: Wanted,
    reader: Reader,
    /// Time and duration of the last frame.
    last: Option<(gst::ClockTime, gst::ClockTime)>,
    /// How often it was tried to get on behind it.
    tries: usize,
    /// A broken place was jumped over: frames before it may come again.
    is_behind: bool,
    /// Frames that came at a time that had passed.
    early: u64,
}

impl<'a> Frames<'a> {
    /// Opens a film.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open(context: &'a Context, input: &'a Path, wanted: Wanted) -> Result<Self, Failure> {
        Ok(Self {
            context,
            input,
            wanted,
            reader: Reader::open(input, wanted)?,
            last: None,
            tries: 0,
            is_behind: false,
            early: 0,
        })
    }

    /// The film's length, if it is known by now.
    pub fn duration(&self) -> Option<gst::ClockTime> {
        self.reader.duration()
    }

    /// The time code of the first frame, if the decoder found one.
    pub fn timecode(&self) -> Option<&ValidVideoTimeCode> {
        self.reader.timecode()
    }

    /// What there is to say when all of them have been read.
    pub fn told(&self) -> Vec<String> {
        let mut notes = self.reader.clock().told();
        if self.early > 0 {
            notes.push(format!(
                "frames whose time had passed, shown a little later: {}",
                self.early
            ));
        }
        let warnings = self.reader.warnings.iter();
        notes.extend(warnings.map(|(text, times)| match times {
            1 => format!("the decoder said: {text}"),
            _ => format!("the decoder said {times} times: {text}"),
        }));
        notes
    }

    /// The next frame; behind a place that cannot be decoded, if there is one.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn next(&mut self) -> Result<Next, Failure> {
        loop {
            match self.reader.next(&self.context.stop)? {
                Next::Frame(frame) => {
                    if let Some(frame) = self.placed(frame) {
                        return Ok(Next::Frame(frame));
                    }
                }
                Next::Broken(why) => {
                    if !self.get_over(&why)? {
                        return Ok(Next::Broken(why));
                    }
                }
                other => return Ok(other),
            }
        }
    }

    /// A frame that did not come before, behind the one before it. One whose time has passed gets a short time of its own, so that
    /// none is lost and those behind it are still in time.
    fn placed(&mut self, mut frame: Frame) -> Option<Frame> {
        match self.last {
            Some((last, _)) if frame.time <= last && self.is_behind => return None,
            Some((last, lasted)) if frame.time <= last => {
                frame.time = last + (lasted / 4).max(gst::ClockTime::MSECOND);
                self.early += 1;
            }
            _ => (self.tries, self.is_behind) = (0, false),
        }
        self.last = Some((frame.time, frame.duration));
        Some(frame)
    }

    /// Tries to go on behind the place where the decoder gave up: ever further on, until there is a frame.
    fn get_over(&mut self, why: &str) -> Result<bool, Failure> {
        let (Some((time, duration)), Some(origin)) = (self.last, self.reader.origin()) else {
            return Ok(false);
        };
        if !self.reader.clock().is_the_demuxers() {
            return Ok(false);
        }
        let end = time + duration;
        while let Some(seconds) = FURTHER.get(self.tries) {
            let is_exact = self.tries == 0;
            self.tries += 1;
            let place = end + duration + gst::ClockTime::from_seconds(*seconds);
            if self.reader.duration().is_some_and(|length| place >= length) {
                break;
            }
            let reader = Reader::open_at(self.input, self.wanted, origin, place, is_exact)?;
            let Some(mut reader) = reader else { continue };
            reader.go_on_from(&mut self.reader);
            self.reader = reader;
            self.is_behind = true;
            let text = format!("nothing can be decoded at {}: {why}", clock(end));
            self.context.progress.note(&text);
            return Ok(true);
        }
        Ok(false)
    }
}
