//! The path of one film: decoded, through the element, encoded in segments, joined.

use std::collections::VecDeque;
use std::path::Path;

use super::complete::{Complete, Film};
use super::decode::{Damage, Frame, Frames, Next, Target};
use super::encode::{Codec, Writer, differences, shape_of};
use super::error::{Error, clock};
use super::fixity::Hashing;
use super::journal::{Ended, Job, Journal};
use super::progress::Done;
use super::proof::Record;
use super::quirks::{self, Start};
use super::references::{Bound, forget_colours};
use super::session::Session;
use super::sound::Sound;
use super::source::Source;
use super::work::Work;
use super::worker::Worker;
use super::{Context, extension};

/// Works on a film until it is complete.
///
/// # Errors
/// Everything that can be wrong with the film, the options, the disk; what is finished is kept, and the text says so.
pub fn run(context: &Context, input: &Path, output: &Path) -> Result<Done, Error> {
    if context.pictures.is_some() {
        return Err(Error::of(
            input,
            "--pictures is about pictures, and this is a film",
        ));
    }
    let codec = codec(context, output)?;
    codec.check(context.depth)?;
    let source = Source::of(input)?;
    check_free(context, input, output)?;
    let job = Job {
        source,
        identity: context.settings.identity().clone(),
        codec: codec.description().name.to_owned(),
        depth: context.depth,
    };
    let work = Work::open(context, output)?;
    // Another process may have finished it just before.
    if let Err(error) = check_free(context, input, output) {
        work.leave();
        return Err(error);
    }
    let mut journal = Journal::open(&work, job, context.restart)?;
    journal.tidy(&work);
    let before = journal.frames();
    let done = finish(context, &work, &mut journal, input, output, codec);
    let kept = journal.frames();
    match done {
        Ok(Complete { notes, losses }) => {
            work.remove();
            Ok(Done {
                output: output.to_owned(),
                frames: kept,
                before,
                notes,
                incomplete: (!losses.is_empty())
                    .then(|| format!("{}: {}", input.display(), losses.join("; "))),
            })
        }
        Err(error) => {
            // Whatever is wrong comes from that.
            let lost = work.keep().err();
            if let Some(lost @ Error::Held(_)) = lost {
                return Err(lost);
            }
            let folder = work.folder().to_owned();
            if kept == 0 {
                work.remove();
            }
            Err(error.with_kept(|| match kept {
                0 => "no segment was finished yet".to_owned(),
                _ => format!("{kept} finished frames are kept in {}", folder.display()),
            }))
        }
    }
}

/// Looks whether something is there already where the film is to go.
fn check_free(context: &Context, input: &Path, output: &Path) -> Result<(), Error> {
    if output.exists() {
        if let (Ok(a), Ok(b)) = (input.canonicalize(), output.canonicalize())
            && a == b
        {
            return Err(Error::of(output, "this is the film itself"));
        }
        if !context.overwrite {
            Work::clear(context, output);
            return Err(Error::of(
                output,
                "this file is there already (--overwrite replaces it once the new one is complete)",
            ));
        }
    }
    Ok(())
}

/// How it is encoded: as its name says, or the command line.
fn codec(context: &Context, output: &Path) -> Result<Codec, Error> {
    let by_name = Codec::of_extension(&extension(output));
    match (context.codec, by_name) {
        (Some(codec), Some(by_name)) if codec == by_name => Ok(codec),
        (Some(codec), _) => {
            let about = codec.description();
            let text = format!("{} goes into a file named .{}", about.name, about.extension);
            Err(Error::of(output, text))
        }
        (None, Some(by_name)) => Ok(by_name),
        (None, None) => Err(Error::of(
            output,
            "its name has to end in .mkv (FFV1), .mov (ProRes) or .mp4 (H.264)",
        )),
    }
}

/// What is left to do: sound, frames, and then all in one file, which is read again.
fn finish(
    context: &Context,
    work: &Work,
    journal: &mut Journal,
    input: &Path,
    output: &Path,
    codec: Codec,
) -> Result<Complete, Error> {
    let counted = quirks::frames_in(input);
    if let (Some(references), Some(frames)) = (&context.references, counted) {
        references.check_frames(frames)?;
    }
    let hashing = match journal.sha256 {
        Some(_) => None,
        None => Some(Hashing::begin(input, &context.stop)),
    };
    let sound = match journal.sound.clone() {
        Some(sound) => sound,
        None => {
            let sound = Sound::read(context, work, input, codec)?;
            journal.sound = Some(sound.clone());
            journal.store(work)?;
            sound
        }
    };
    if journal.ended.is_none() {
        Run::open(context, work, journal, input, codec)?.go()?;
    }
    if let Some(hashing) = hashing {
        match hashing.wait(|| context.progress.alive()) {
            Ok(hash) => journal.sha256 = Some(hash),
            Err(Error::Interrupted(kept)) => return Err(Error::Interrupted(kept)),
            // A film on a disk that is failing has been decoded as far as that goes.
            Err(error) => {
                let note = format!("its hash is not known: {error}");
                journal.damage.add_note(note);
            }
        }
        journal.store(work)?;
    }
    let film = Film {
        context,
        work,
        journal,
        input,
        output,
        codec,
        sound: &sound,
    };
    film.complete()
}

/// A film that is being worked on.
struct Run<'a> {
    context: &'a Context,
    work: &'a Work,
    journal: &'a mut Journal,
    codec: Codec,
    input: &'a Path,
    frames: Frames<'a>,
    /// What the last frame was, to see where they become others.
    caps: Option<gst::Caps>,
    worker: Worker,
    session: Session,
    bound: Bound,
    writer: Option<Writer>,
    /// Frames in it, with the hashes of their luma.
    records: Vec<Record>,
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
    ) -> Result<Self, Error> {
        let state = journal.state.as_ref().map(|name| work.at(name));
        let worker = Worker::start(&context.settings, state.as_deref())?;
        let target = Target {
            codec,
            depth: context.depth,
            task: context.settings.task(),
        };
        let damage = journal.damage.clone();
        let session = Session::begin(&worker, journal.frames());
        Ok(Self {
            context,
            work,
            journal,
            codec,
            input,
            frames: Frames::open(context, input, target)?,
            caps: None,
            worker,
            session,
            bound: Bound::default(),
            writer: None,
            records: vec![],
            last: None,
            damage,
        })
    }

    /// Until the film ends, one way or the other.
    fn go(mut self) -> Result<(), Error> {
        if let Some(last) = self.journal.last() {
            self.go_on_after(last)?;
        }
        let broken = loop {
            match self.frames.next()? {
                Next::Frame(frame) => self.frame(frame)?,
                Next::End => break None,
                Next::Broken(why) => break Some(why),
                Next::Stopped => {
                    self.finish_segment()?;
                    return Err(Error::Interrupted(self.kept()));
                }
            }
        };
        let ended = self.ended(broken);
        for note in self.frames.notes() {
            self.damage.add_note(note);
        }
        self.journal.ended = Some(ended);
        self.finish_segment()?;
        self.journal.damage = self.damage;
        self.journal.store(self.work)
    }

    /// How the film ended. One that was cut off may end without an error.
    fn ended(&mut self, broken: Option<String>) -> Ended {
        let missing = quirks::missing(self.input);
        let Some((last, lasted)) = self.last else {
            let why = [broken, missing].into_iter().flatten().collect::<Vec<_>>();
            return match why.is_empty() {
                true => Ended::Whole,
                false => Ended::Early(why.join("; ")),
            };
        };
        let end = last + lasted;
        match (broken, missing) {
            (None, None) => {
                self.look_at_length(end, lasted);
                Ended::Whole
            }
            (None, Some(missing)) => {
                Ended::Early(format!("it was cut off at {}: {missing}", clock(end)))
            }
            (Some(why), None) => Ended::Early(format!("decoding ended at {}: {why}", clock(end))),
            (Some(why), Some(missing)) => Ended::Early(format!(
                "decoding ended at {}: {why}; it was cut off: {missing}",
                clock(end)
            )),
        }
    }

    /// Video may be shorter than sound, but the user should hear of it.
    fn look_at_length(&mut self, end: gst::ClockTime, lasted: gst::ClockTime) {
        let Some(length) = self.frames.duration() else {
            return;
        };
        if end + gst::ClockTime::SECOND.max(2 * lasted) < length {
            self.damage.add_note(format!(
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
    fn go_on_after(&mut self, last: gst::ClockTime) -> Result<(), Error> {
        let most = self.worker.seen_again();
        let mut recent = VecDeque::new();
        let duration = loop {
            match self.frames.next()? {
                Next::Frame(frame) => {
                    self.context.progress.alive();
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
                Next::Stopped => return Err(Error::Interrupted(self.kept())),
                Next::End | Next::Broken(_) => return Err(self.lost(last)),
            }
        };
        self.begin(duration);
        self.worker.set_learning(false);
        for frame in recent {
            self.worker.frame(&frame.caps, frame.buffer)?;
            self.caps = Some(frame.caps);
        }
        self.worker.set_learning(true);
        self.session = Session::begin(&self.worker, self.journal.frames());
        self.last = Some((last, duration));
        Ok(())
    }

    fn lost(&self, last: gst::ClockTime) -> Error {
        Error::of(
            self.input,
            format!(
                "the frame at {} that was finished last is not there any more: the film is decoded in another way than \
                 before; --restart begins anew",
                clock(last)
            ),
        )
    }

    /// Reports how long it is going to be.
    fn begin(&self, duration: gst::ClockTime) {
        let length = self.frames.duration();
        let total = length.map(|length| {
            let half = duration.nseconds() / 2;
            (length.nseconds() + half) / duration.nseconds().max(1)
        });
        let done = self.journal.frames();
        self.context.progress.begin(self.input, total, done);
    }

    fn frame(&mut self, frame: Frame) -> Result<(), Error> {
        let Frame {
            caps,
            buffer,
            decoded,
            time,
            duration,
            is_damaged,
        } = frame;
        match self.last {
            None => {
                if let Some(references) = &self.context.references {
                    references.check_shape(&decoded.1)?;
                }
                self.begin(duration);
                let start = Start::of_file(self.input);
                self.journal.timecode = start.or_else(|| self.frames.timecode().map(Start::of));
            }
            Some((last, lasted)) => {
                if let Some(text) = self.damage.look_for_gap(last + lasted, time, lasted) {
                    self.context.progress.note(&text);
                }
            }
        }
        for place in self.frames.skipped() {
            self.damage.add_skipped(place);
        }
        if is_damaged {
            self.damage.add_damaged(time);
        }
        self.look_for_change(&caps, time);
        self.last = Some((time, duration));
        let record = Record::of(time, duration, (&decoded.0, &decoded.1), (&buffer, &caps));
        let record = record.map_err(|e| Error::of(self.input, e))?;
        let number = self.journal.frames() + self.writer.as_ref().map_or(0, Writer::frames);
        let references = self.context.references.as_ref();
        self.bound.before(number, references, &mut self.worker)?;
        // The element works in place where no other holds the frame.
        drop(decoded);
        let (caps, made) = self.worker.frame(&caps, buffer)?;
        for warning in self.worker.warnings() {
            self.context.progress.note(&warning);
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.open_segment(&caps, time)?,
        };
        writer.frame(&caps, made, time, duration)?;
        self.records.push(record);
        let done = self.journal.frames() + writer.frames();
        let is_full = writer.frames() >= self.context.segment;
        self.writer = Some(writer);
        self.context.progress.frames(done);
        if is_full {
            self.finish_segment()?;
        }
        Ok(())
    }

    /// A film may become another in the middle, what is written cannot.
    fn look_for_change(&mut self, caps: &gst::Caps, time: gst::ClockTime) {
        let before = self.caps.replace(caps.clone());
        if before.as_ref().is_none_or(|before| before == caps) {
            return;
        }
        let shape = self.journal.shape.as_deref().map(str::parse::<gst::Caps>);
        let Some(Ok(shape)) = shape else { return };
        let now = shape_of(caps, self.codec);
        let how = now.ok().map(|now| differences(&now, &shape));
        if let Some(how) = how.filter(|how| !how.is_empty())
            && let Some(text) = self.damage.add_change(time, &how)
        {
            self.context.progress.note(&text);
        }
    }

    fn name(&self) -> String {
        let extension = self.codec.description().extension;
        let number = format!("{:05}", self.journal.segments.len());
        self.work.file(&number, extension)
    }

    fn open_segment(&mut self, caps: &gst::Caps, time: gst::ClockTime) -> Result<Writer, Error> {
        let shape = match &self.journal.shape {
            Some(text) => text.parse().map_err(|_| {
                Error::of(self.work.folder(), "the journal names no shape of frames")
            })?,
            None => {
                let rate = caps.structure(0).and_then(|s| s.get("framerate").ok());
                let rate = rate.map(|r: gst::Fraction| (r.numer(), r.denom()));
                self.journal.rate = rate.filter(|(n, d)| *n > 0 && *d > 0);
                shape_of(caps, self.codec)?
            }
        };
        self.journal.shape = Some(shape.to_string());
        Writer::open(self.work.folder(), self.name(), self.codec, &shape, time)
    }

    /// Completes the segment that is being written, with what was learned by its end, and puts both on record.
    fn finish_segment(&mut self) -> Result<(), Error> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let state = format!("state-{:05}", self.journal.segments.len());
        let state = self.work.file(&state, "safetensors");
        self.worker.save(&self.work.at(&state))?;
        if self.context.references.is_some() {
            forget_colours(&self.work.at(&state))?;
        }
        let segment = writer.finish()?;
        self.work.write(&segment.luma(), &self.records)?;
        self.records.clear();
        let before = self.journal.clone();
        self.journal.segments.push(segment);
        self.session.finish(&self.worker, self.journal.frames());
        self.session.put_into(&mut self.journal.sessions);
        self.journal.damage = self.damage.clone();
        let old = self.journal.state.replace(state);
        if let Err(error) = self.journal.store(self.work) {
            // On disk is what was there before.
            *self.journal = before;
            return Err(error);
        }
        if let Some(old) = old {
            // What cannot be removed does no harm.
            let _ = std::fs::remove_file(self.work.at(&old));
        }
        Ok(())
    }
}
