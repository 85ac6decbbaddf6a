//! One film: decoded, through the element, encoded in segments, and put together.

use std::collections::VecDeque;
use std::path::Path;

use super::failure::Failure;
use super::format::Codec;
use super::journal::{Damage, Ended, Job, Journal, Segment, Source, Work};
use super::progress::Done;
use super::reader::{Frame, Next, Reader, Wanted};
use super::timecode::Start;
use super::worker::Worker;
use super::writer::{Writer, keep};
use super::{Context, join};

/// Works on a film until it is complete.
///
/// # Errors
/// Everything that can be wrong with the film, the options, the disk; what is finished is kept, and the text says so.
pub fn run(context: &Context, input: &Path, output: &Path) -> Result<Done, Failure> {
    let codec = codec(context, output)?;
    codec.check()?;
    codec.check_depth(context.depth)?;
    let source = Source::of(input)?;
    if output.exists() {
        if let (Ok(a), Ok(b)) = (input.canonicalize(), output.canonicalize())
            && a == b
        {
            return Err(Failure::of(output, "this is the film itself"));
        }
        if !context.overwrite {
            return Err(Failure::of(
                output,
                "this file is there already (--overwrite replaces it once the new one is complete)",
            ));
        }
    }
    let job = Job {
        source,
        identity: context.settings.identity().clone(),
        codec: codec.name().to_owned(),
        depth: context.depth,
    };
    let work = Work::open(output)?;
    let mut journal = work.journal(job, context.restart)?;
    work.tidy(&journal);
    let before = journal.frames();
    let done = finish(context, &work, &mut journal, input, output, codec);
    let kept = journal.frames();
    match done {
        Ok(notes) => {
            work.remove();
            let done = Done {
                output: output.to_owned(),
                frames: kept,
                before,
                notes,
            };
            match &journal.ended {
                Some(Ended::Broken(why)) => Err(Failure::of(
                    input,
                    format!(
                        "{why}; the {kept} frames before that are in {}",
                        output.display()
                    ),
                )),
                _ => Ok(done),
            }
        }
        Err(failure) => {
            let folder = work.folder().to_owned();
            if kept == 0 {
                work.remove();
            }
            Err(failure.with_kept(|| match kept {
                0 => "no segment was finished yet".to_owned(),
                _ => format!("{kept} finished frames are kept in {}", folder.display()),
            }))
        }
    }
}

/// How it is encoded: as its name says, or the command line.
fn codec(context: &Context, output: &Path) -> Result<Codec, Failure> {
    let extension = output
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    let by_name = Codec::of_extension(extension);
    match (context.codec, by_name) {
        (Some(codec), Some(by_name)) if codec == by_name => Ok(codec),
        (Some(codec), _) => Err(Failure::of(
            output,
            format!(
                "{} goes into a file named .{}",
                codec.name(),
                codec.extension()
            ),
        )),
        (None, Some(by_name)) => Ok(by_name),
        (None, None) => Err(Failure::of(
            output,
            "its name has to end in .mkv (FFV1), .mov (ProRes) or .mp4 (H.264)",
        )),
    }
}

/// What is left to do: frames, and then all in one file. Returns what there is to say.
fn finish(
    context: &Context,
    work: &Work,
    journal: &mut Journal,
    input: &Path,
    output: &Path,
    codec: Codec,
) -> Result<Vec<String>, Failure> {
    if journal.ended.is_none() {
        Run::open(context, work, journal, input, codec)?.go()?;
    }
    if journal.segments.is_empty() {
        return Err(Failure::of(
            input,
            match &journal.ended {
                Some(Ended::Broken(why)) => why,
                _ => "there is no frame in it",
            },
        ));
    }
    let joined = work.at(&format!("joined.{}", codec.extension()));
    let mut notes = join::join(context, work, journal, input, codec, &joined)?;
    keep(&joined, output)?;
    notes.extend(about(&journal.damage));
    Ok(notes)
}

/// Seconds beyond a broken frame where decoding is tried again, the first time there, then from the next key frame on.
const FURTHER: [u64; 5] = [0, 0, 1, 5, 30];

/// A film that is being worked on.
struct Run<'a> {
    context: &'a Context,
    work: &'a Work,
    journal: &'a mut Journal,
    codec: Codec,
    input: &'a Path,
    wanted: Wanted,
    reader: Reader,
    /// Time and duration of the last frame that was decoded, and tries to get on behind it.
    read: Option<(gst::ClockTime, gst::ClockTime)>,
    tries: usize,
    /// A broken place was jumped over: frames before it may come again.
    is_behind: bool,
    worker: Worker,
    writer: Option<Writer>,
    /// Times of the first and the last frame of the segment that is being written.
    span: (gst::ClockTime, gst::ClockTime),
    /// Time and duration of the last frame of all.
    last: Option<(gst::ClockTime, gst::ClockTime)>,
    /// As in the journal, with the segment that is being written.
    damage: Damage,
}

impl<'a> Run<'a> {
    fn open(
        context: &'a Context,
        work: &'a Work,
        journal: &'a mut Journal,
        input: &'a Path,
        codec: Codec,
    ) -> Result<Self, Failure> {
        let state = journal.state.as_ref().map(|name| work.at(name));
        let worker = Worker::start(&context.settings, state.as_deref())?;
        let wanted = Wanted {
            codec,
            depth: context.depth,
            task: context.settings.task(),
        };
        let damage = journal.damage.clone();
        Ok(Self {
            context,
            work,
            journal,
            codec,
            input,
            wanted,
            reader: Reader::open(input, wanted)?,
            read: None,
            tries: 0,
            is_behind: false,
            worker,
            writer: None,
            span: (gst::ClockTime::ZERO, gst::ClockTime::ZERO),
            last: None,
            damage,
        })
    }

    /// Until the film ends, one way or the other.
    fn go(mut self) -> Result<(), Failure> {
        if let Some(last) = self.journal.last() {
            self.go_on_after(last)?;
        }
        let ended = loop {
            match self.next()? {
                Next::Frame(frame) => self.frame(frame)?,
                Next::End => {
                    self.look_at_length();
                    break Ended::Whole;
                }
                Next::Broken(why) => {
                    let at = self.last.map(|(time, duration)| clock(time + duration));
                    let at = at.unwrap_or_else(|| clock(gst::ClockTime::ZERO));
                    break Ended::Broken(match self.last {
                        Some(_) => format!("decoding ended at {at}: {why}"),
                        None => why,
                    });
                }
                Next::Stopped => {
                    self.finish_segment()?;
                    return Err(Failure::Interrupted(self.kept()));
                }
            }
        };
        let warnings = self.reader.warnings.iter();
        let warnings = warnings.map(|(text, times)| match times {
            1 => format!("the decoder said: {text}"),
            _ => format!("the decoder said {times} times: {text}"),
        });
        self.damage.notes.extend(warnings);
        self.journal.ended = Some(ended);
        self.finish_segment()?;
        self.journal.damage = self.damage;
        self.work.store(self.journal)
    }

    /// The next frame; behind a place that cannot be decoded, if there is one.
    fn next(&mut self) -> Result<Next, Failure> {
        loop {
            match self.reader.next(&self.context.stop)? {
                Next::Frame(frame) => {
                    let is_new = self.read.is_none_or(|(time, _)| frame.time > time);
                    if is_new {
                        self.read = Some((frame.time, frame.duration));
                        self.tries = 0;
                    } else if self.is_behind {
                        continue;
                    }
                    return Ok(Next::Frame(frame));
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

    /// Tries to go on behind the place where the decoder gave up: ever further on, until there is a frame.
    fn get_over(&mut self, why: &str) -> Result<bool, Failure> {
        let (Some((time, duration)), Some(origin)) = (self.read, self.reader.origin()) else {
            return Ok(false);
        };
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
            reader.warnings = std::mem::take(&mut self.reader.warnings);
            self.reader = reader;
            self.is_behind = true;
            let text = format!("nothing can be decoded at {}: {why}", clock(end));
            self.context.progress.note(&text);
            return Ok(true);
        }
        Ok(false)
    }

    /// A file that was cut off ends without an error.
    fn look_at_length(&mut self) {
        let (Some((last, lasted)), Some(length)) = (self.last, self.reader.duration()) else {
            return;
        };
        let end = last + lasted;
        if end + gst::ClockTime::SECOND.max(2 * lasted) < length {
            self.damage.notes.push(format!(
                "its video ends at {}, and the file says that it lasts {}",
                clock(end),
                clock(length)
            ));
        }
    }

    fn kept(&self) -> String {
        match self.journal.frames() {
            0 => "nothing was finished yet".to_owned(),
            frames => format!(
                "{frames} finished frames are kept in {}; the same command goes on after them",
                self.work.folder().display()
            ),
        }
    }

    /// Finds the place in the film. The element sees the frames before it again, without learning from them twice.
    fn go_on_after(&mut self, last: gst::ClockTime) -> Result<(), Failure> {
        let most = self.worker.seen_again();
        let mut recent = VecDeque::new();
        let duration = loop {
            match self.next()? {
                Next::Frame(frame) => {
                    let (time, duration) = (frame.time, frame.duration);
                    if recent.len() == most {
                        recent.pop_front();
                    }
                    recent.push_back(frame);
                    if time == last {
                        break duration;
                    }
                    if time > last {
                        return Err(self.lost(last));
                    }
                }
                Next::Stopped => return Err(Failure::Interrupted(self.kept())),
                Next::End | Next::Broken(_) => return Err(self.lost(last)),
            }
        };
        self.begin(duration);
        self.worker.set_learning(false);
        for frame in recent {
            self.worker.frame(&frame.caps, frame.buffer)?;
        }
        self.worker.set_learning(true);
        self.last = Some((last, duration));
        Ok(())
    }

    fn lost(&self, last: gst::ClockTime) -> Failure {
        Failure::of(
            self.input,
            format!(
                "the frame at {} that was finished last is not there any more: the film is decoded in another way than \
                 before; --restart begins anew",
                clock(last)
            ),
        )
    }

    /// Tells how long it is going to be.
    fn begin(&self, duration: gst::ClockTime) {
        let length = self.reader.duration();
        let total = length.map(|length| {
            let half = duration.nseconds() / 2;
            (length.nseconds() + half) / duration.nseconds().max(1)
        });
        let done = self.journal.frames();
        self.context.progress.begin(self.input, total, done);
    }

    fn frame(&mut self, frame: Frame) -> Result<(), Failure> {
        let Frame {
            caps,
            buffer,
            time,
            duration,
            is_damaged,
        } = frame;
        match self.last {
            None => {
                self.begin(duration);
                let start = Start::of_file(self.input);
                self.journal.timecode = start.or_else(|| self.reader.timecode().map(Start::of));
            }
            Some((last, _)) if time <= last => {
                self.damage.left_out += 1;
                return Ok(());
            }
            Some((last, lasted)) => self.look_for_gap(last + lasted, time, lasted),
        }
        if is_damaged {
            self.damage.damaged += 1;
            self.damage.first_damaged.get_or_insert(time.nseconds());
        }
        self.last = Some((time, duration));
        let (caps, made) = self.worker.frame(&caps, buffer)?;
        for warning in self.worker.warnings() {
            self.context.progress.note(&warning);
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.open_segment(&caps, time)?,
        };
        writer.frame(&caps, made, time, duration)?;
        self.span.1 = time;
        let done = self.journal.frames() + writer.frames();
        let is_full = writer.frames() >= self.context.segment;
        self.writer = Some(writer);
        self.context.progress.frames(done);
        if is_full {
            self.finish_segment()?;
        }
        Ok(())
    }

    /// Time that has no frame is no secret.
    fn look_for_gap(
        &mut self,
        expected: gst::ClockTime,
        time: gst::ClockTime,
        lasted: gst::ClockTime,
    ) {
        let (gap, frame) = (
            time.saturating_sub(expected).nseconds(),
            lasted.nseconds().max(1),
        );
        let missing = (gap + frame / 2) / frame;
        if missing == 0 {
            return;
        }
        self.damage.missing += missing;
        self.damage.first_missing.get_or_insert(expected.nseconds());
        let text = format!("missing frames at {}: {missing}", clock(expected));
        self.context.progress.note(&text);
    }

    fn name(&self) -> String {
        format!(
            "{:05}.{}",
            self.journal.segments.len(),
            self.codec.extension()
        )
    }

    fn open_segment(&mut self, caps: &gst::Caps, time: gst::ClockTime) -> Result<Writer, Failure> {
        let shape = match &self.journal.shape {
            Some(text) => text.parse().map_err(|_| {
                Failure::of(self.work.folder(), "the journal names no shape of frames")
            })?,
            None => {
                let rate = caps.structure(0).and_then(|s| s.get("framerate").ok());
                let rate = rate.map(|r: gst::Fraction| (r.numer(), r.denom()));
                self.journal.rate = rate.filter(|(n, d)| *n > 0 && *d > 0);
                shape(caps)?
            }
        };
        self.journal.shape = Some(shape.to_string());
        self.span = (time, time);
        // Matroska's clock has thousandths: taking something off would round twice.
        let base = match self.codec {
            Codec::Ffv1 => gst::ClockTime::ZERO,
            Codec::Prores | Codec::H264 => time,
        };
        Writer::open(&self.work.at(&self.name()), self.codec, &shape, base)
    }

    /// Completes the segment that is being written, with what was learned by its end, and puts both on record.
    fn finish_segment(&mut self) -> Result<(), Failure> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let (file, frames) = (self.name(), writer.frames());
        let state = format!("state-{:05}.safetensors", self.journal.segments.len());
        self.worker.save(&self.work.at(&state))?;
        writer.finish()?;
        let before = self.journal.clone();
        let base = match self.codec {
            Codec::Ffv1 => 0,
            Codec::Prores | Codec::H264 => self.span.0.nseconds(),
        };
        self.journal.segments.push(Segment {
            file,
            frames,
            first: self.span.0.nseconds(),
            last: self.span.1.nseconds(),
            base,
        });
        self.journal.damage = self.damage.clone();
        let old = self.journal.state.replace(state);
        if let Err(failure) = self.work.store(self.journal) {
            // On disk is what was there before.
            *self.journal = before;
            return Err(failure);
        }
        if let Some(old) = old {
            // What cannot be removed is in nobody's way.
            let _ = std::fs::remove_file(self.work.at(&old));
        }
        Ok(())
    }
}

/// What all frames of the output have in common.
fn shape(caps: &gst::Caps) -> Result<gst::Caps, Failure> {
    let of = caps
        .structure(0)
        .ok_or_else(|| Failure::Other("frames without caps".to_owned()))?;
    let mut shape = gst::Structure::new_empty("video/x-raw");
    for field in [
        "format",
        "width",
        "height",
        "pixel-aspect-ratio",
        "colorimetry",
    ] {
        if let Ok(value) = of.value(field) {
            shape.set_value(field, value.clone());
        }
    }
    Ok(gst::Caps::builder_full().structure(shape).build())
}

/// What was not as it should be, in words.
fn about(damage: &Damage) -> Vec<String> {
    let at = |time: Option<u64>| {
        time.map_or(String::new(), |t| {
            format!(", the first at {}", clock(gst::ClockTime::from_nseconds(t)))
        })
    };
    let mut notes = vec![];
    if damage.missing > 0 {
        notes.push(format!(
            "frames that could not be decoded or are not there: {}{}; the frame before each gap is shown longer",
            damage.missing,
            at(damage.first_missing)
        ));
    }
    if damage.damaged > 0 {
        notes.push(format!(
            "frames that the decoder calls damaged: {}{}",
            damage.damaged,
            at(damage.first_damaged)
        ));
    }
    if damage.left_out > 0 {
        notes.push(format!(
            "frames left out because their time had passed: {}",
            damage.left_out
        ));
    }
    notes.extend(damage.notes.iter().cloned());
    notes
}

/// A time as people read it.
pub fn clock(time: gst::ClockTime) -> String {
    let ms = time.mseconds();
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", s / 3600, s / 60 % 60, s % 60)
}
