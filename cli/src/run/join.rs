//! Segments behind one another, with the film's sound and time code, without encoding the video again.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use gst::prelude::*;
use gst_app::{AppSink, AppSrc};
use gst_video::{ValidVideoTimeCode, VideoTimeCodeMeta};

use super::Context;
use super::failure::{Failure, of_writer, told};
use super::format::Codec;
use super::journal::{Ended, Journal, Segment, Work};
use sound::Sound;

mod sound;

const A_WHILE: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// Frames that wait for the muxer.
const WAITING: u64 = 32;

/// Writes the whole film to a file. Returns what there is to say about sound and time code.
///
/// # Errors
/// Segments that are not what they were, a disk without room, an end that the user wants.
pub fn join(
    context: &Context,
    work: &Work,
    journal: &Journal,
    input: &Path,
    codec: Codec,
    output: &Path,
) -> Result<Vec<String>, Failure> {
    let mut joiner = Joiner::open(context, journal, input, codec, output)?;
    joiner.sound.wait(|| joiner.look())?;
    for segment in &journal.segments {
        joiner.segment(&work.at(&segment.file), segment, codec)?;
    }
    joiner.finish()?;
    let mut notes = joiner.sound.notes();
    if journal.timecode.is_some() && codec == Codec::Ffv1 {
        notes.push(
            "its time code is not in the file: GStreamer's muxer for Matroska writes none"
                .to_owned(),
        );
    }
    Ok(notes)
}

/// The pipeline that writes the film.
struct Joiner<'a> {
    context: &'a Context,
    output: &'a Path,
    pipeline: gst::Pipeline,
    source: AppSrc,
    mux: gst::Element,
    sound: Sound,
    caps: Option<gst::Caps>,
    /// Frames a second, as a fraction.
    rate: Option<(i32, i32)>,
    timecode: Option<ValidVideoTimeCode>,
    /// The file is complete.
    is_over: Cell<bool>,
}

impl<'a> Joiner<'a> {
    fn open(
        context: &'a Context,
        journal: &Journal,
        input: &Path,
        codec: Codec,
        output: &'a Path,
    ) -> Result<Self, Failure> {
        let failed = |e: gst::glib::BoolError| Failure::Other(e.to_string());
        let make = |factory: &str| gst::ElementFactory::make(factory).build().map_err(failed);
        let pipeline = gst::Pipeline::new();
        let source = AppSrc::builder()
            .format(gst::Format::Time)
            .max_buffers(0)
            .build();
        source.set_max_bytes(0);
        let mux = make(codec.muxer())?;
        if codec == Codec::H264 && mux.has_property("force-create-timecode-trak") {
            mux.set_property("force-create-timecode-trak", journal.timecode.is_some());
        }
        let sink = make("filesink")?;
        sink.set_property("location", output);
        pipeline
            .add_many([source.upcast_ref(), &mux, &sink])
            .map_err(failed)?;
        mux.link(&sink).map_err(failed)?;
        // Left to itself, a source without caps may end up as sound.
        let video = video_template(&mux).and_then(|t| mux.request_pad(&t, None, None));
        let entry = video.ok_or_else(|| Failure::Other("the muxer takes no video".to_owned()))?;
        let exit = source.static_pad("src");
        if exit.is_none_or(|exit| exit.link(&entry).is_err()) {
            return Err(Failure::Other("the muxer takes no video".to_owned()));
        }
        // Sound beyond the place where the video had to end is of no use.
        let until = match journal.ended {
            Some(Ended::Early(_)) => journal.last(),
            _ => None,
        };
        let sound = Sound::open(&pipeline, &mux, input, codec, until)?;
        let joiner = Self {
            context,
            output,
            pipeline,
            source,
            mux,
            sound,
            caps: None,
            rate: journal.rate,
            timecode: journal.timecode(),
            is_over: Cell::new(false),
        };
        // What goes wrong is told on the bus.
        let _ = joiner.pipeline.set_state(gst::State::Playing);
        Ok(joiner)
    }

    /// Takes in what is on the bus; trouble with sound is no trouble with the film.
    fn look(&self) -> Result<(), Failure> {
        if self.context.stop.is_asked() {
            return Err(Failure::Interrupted(
                "all frames are finished; the same command puts them together".to_owned(),
            ));
        }
        let Some(bus) = self.pipeline.bus() else {
            return Ok(());
        };
        // Whatever is not asked for is thrown away: the end must not be.
        let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
        while let Some(message) = bus.pop_filtered(&kinds) {
            let gst::MessageView::Error(error) = message.view() else {
                self.is_over.set(true);
                continue;
            };
            if message.src().is_some_and(|from| self.sound.is_about(from)) {
                self.sound.end(&told(error));
            } else {
                return Err(of_writer(self.output, error));
            }
        }
        Ok(())
    }

    /// The frames of a finished segment, at their places in the film.
    fn segment(&mut self, path: &Path, segment: &Segment, codec: Codec) -> Result<(), Failure> {
        let line = format!(
            "filesrc name=in ! {} ! appsink name=out sync=false max-buffers={WAITING}",
            codec.demuxer()
        );
        let reader = gst::parse::launch(&line).map_err(|e| Failure::Other(e.to_string()))?;
        let reader = Reader(
            reader
                .downcast::<gst::Pipeline>()
                .map_err(|_| Failure::Other(format!("no pipeline: {line}")))?,
        );
        let named = |name: &str| {
            let element = reader.0.by_name(name);
            element.ok_or_else(|| Failure::Other(format!("no {name} in {line}")))
        };
        named("in")?.set_property("location", path);
        let sink = named("out")?
            .downcast::<AppSink>()
            .map_err(|_| Failure::Other("appsink is none".to_owned()))?;
        // What goes wrong is told on the bus.
        let _ = reader.0.set_state(gst::State::Playing);
        let (mut frames, mut first) = (0, None);
        loop {
            self.look()?;
            if let Some(sample) = sink.try_pull_sample(A_WHILE) {
                let pts = sample.buffer().and_then(|b| b.pts());
                let first = *first.get_or_insert(pts.unwrap_or(gst::ClockTime::ZERO));
                let time = match (pts, segment.base) {
                    (Some(pts), 0) if codec == Codec::Ffv1 => pts,
                    (Some(pts), base) => {
                        pts.saturating_sub(first) + gst::ClockTime::from_nseconds(base)
                    }
                    (None, _) => return Err(Failure::of(path, "a frame without a time")),
                };
                self.frame(&sample, time)?;
                frames += 1;
                continue;
            }
            let bus = reader.0.bus();
            let error = bus.and_then(|b| b.pop_filtered(&[gst::MessageType::Error]));
            if let Some(gst::MessageView::Error(error)) = error.as_ref().map(|m| m.view()) {
                return Err(Failure::of(path, told(error)));
            }
            if sink.is_eos() {
                break;
            }
        }
        if frames != segment.frames {
            return Err(Failure::of(
                path,
                format!(
                    "{} frames were written to it, {frames} are in it; --restart begins anew",
                    segment.frames
                ),
            ));
        }
        Ok(())
    }

    /// With the fields that the muxer asks for: for FFV1 the demuxer names one otherwise than the muxer (GStreamer 1.22).
    fn taken(&self, caps: gst::Caps) -> gst::Caps {
        let video = video_template(&self.mux);
        let mut taken = video.map_or(caps.clone(), |t| caps.intersect(t.caps()));
        if taken.is_empty() {
            return caps;
        }
        if let Some((n, d)) = self.rate {
            // A segment of one frame has none.
            taken.make_mut().set("framerate", gst::Fraction::new(n, d));
        }
        taken.fixate();
        taken
    }

    fn frame(&mut self, sample: &gst::Sample, time: gst::ClockTime) -> Result<(), Failure> {
        let mut buffer = sample
            .buffer_owned()
            .ok_or_else(|| Failure::Other("a segment has a frame without data".to_owned()))?;
        if self.caps.is_none() {
            let caps = sample.caps_owned().map(|caps| self.taken(caps));
            self.source.set_caps(caps.as_ref());
            self.caps = caps;
        }
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(time);
            buffer.set_dts(None);
            if let Some(timecode) = &self.timecode {
                let fps = timecode.fps();
                let (n, d) = (fps.numer().max(1) as u64, fps.denom().max(1) as u64);
                let frames = time.nseconds().saturating_mul(n).div_ceil(d);
                let half = gst::ClockTime::SECOND.nseconds() / 2;
                let frames = (frames + half) / gst::ClockTime::SECOND.nseconds();
                let mut timecode = timecode.clone();
                timecode.add_frames(i64::try_from(frames).unwrap_or(0));
                VideoTimeCodeMeta::add(buffer, &timecode);
            }
        }
        while self.source.current_level_buffers() >= WAITING {
            self.look()?;
            std::thread::sleep(Duration::from_millis(2));
        }
        // What is wrong is told on the bus.
        let _ = self.source.push_buffer(buffer);
        Ok(())
    }

    /// Completes the file.
    fn finish(&self) -> Result<(), Failure> {
        // What is wrong is told on the bus.
        let _ = self.source.end_of_stream();
        while !self.is_over.get() {
            self.look()?;
            std::thread::sleep(Duration::from_millis(5));
        }
        match self.pipeline.set_state(gst::State::Null) {
            Ok(_) => Ok(()),
            Err(_) => {
                self.look()?;
                Err(Failure::of(self.output, "the file could not be completed"))
            }
        }
    }
}

impl Drop for Joiner<'_> {
    fn drop(&mut self) {
        // It is complete or of no use.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Of the pads for video.
fn video_template(mux: &gst::Element) -> Option<gst::PadTemplate> {
    let all = mux.pad_template_list();
    all.into_iter()
        .find(|t| t.name_template().starts_with("video"))
}

/// A pipeline that goes down with its owner.
struct Reader(gst::Pipeline);

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}
