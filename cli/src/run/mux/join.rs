//! Segments behind one another, with the film's sound and time code, without encoding the video again.
//!
//! GStreamer has splitmuxsrc for segments (tried with 1.22). It puts each right behind the frames of the one before: where frames
//! are missing at the border of two, all that follows comes too early by them, beside sound that does not. Here every frame
//! keeps its time.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst_app::{AppSink, AppSrc};
use gst_video::{ValidVideoTimeCode, VideoTimeCodeMeta};

use super::super::Context;
use super::super::encode::{Codec, Segment};
use super::super::error::{Error, message_text};
use super::super::fixity::FINISHED;
use super::super::pipeline::{A_WHILE, Pipeline, pad};
use super::super::quirks::unquote;
use super::super::sound::Track;
use super::feed;

/// Frames that wait for the muxer.
const WAITING: u64 = 32;

/// What a film is put together from.
pub struct Film<'a> {
    /// Its sound.
    pub sound: &'a [Track],
    pub codec: Codec,
    /// Where the files of segments and of sound are.
    pub folder: &'a Path,
    pub segments: &'a [Segment],
    /// Frames a second, as a fraction, where there is such a number.
    pub rate: Option<(i32, i32)>,
    /// Of the first frame.
    pub timecode: Option<ValidVideoTimeCode>,
    /// For numbers that muxers draw to name a file and its tracks, so that they are the same in every run.
    pub seed: u32,
    /// For the file, where muxers would write that of the run.
    pub date: Option<glib::DateTime>,
    /// What stands in the file about it.
    pub tags: gst::TagList,
    /// Where sound ends: beyond the place where the video had to end it is of no use.
    pub until: Option<gst::ClockTime>,
}

/// Writes the whole film to a file. Returns what there is to say about its time code.
///
/// # Errors
/// Segments that are not what they were, a disk without room, an end that the user wants.
pub fn join(film: &Film, output: &Path, context: &Context) -> Result<Vec<String>, Error> {
    let mut joiner = Joiner::open(film, output, context)?;
    for segment in film.segments {
        joiner.segment(segment)?;
    }
    joiner.finish()?;
    let mut notes = vec![];
    if film.timecode.is_some() && film.codec == Codec::Ffv1 {
        notes.push(
            "its time code is not in the file: GStreamer's muxer for Matroska writes none"
                .to_owned(),
        );
    }
    Ok(notes)
}

/// The pipeline that writes the film.
struct Joiner<'a> {
    film: &'a Film<'a>,
    output: &'a Path,
    context: &'a Context,
    pipeline: Pipeline,
    source: AppSrc,
    mux: gst::Element,
    has_caps: bool,
    /// The file is complete.
    is_over: Cell<bool>,
}

impl<'a> Joiner<'a> {
    fn open(film: &'a Film, output: &'a Path, context: &'a Context) -> Result<Self, Error> {
        let pipeline = Pipeline::default();
        let source = AppSrc::builder()
            .format(gst::Format::Time)
            .max_buffers(0)
            .build();
        source.set_max_bytes(0);
        glib::random_set_seed(film.seed);
        let mux = gst::ElementFactory::make(film.codec.description().muxer).build()?;
        if mux.has_property("creation-time") {
            mux.set_property("creation-time", &film.date);
        }
        if film.codec == Codec::H264 && mux.has_property("force-create-timecode-trak") {
            mux.set_property("force-create-timecode-trak", film.timecode.is_some());
        }
        if mux.has_property("writing-app") {
            mux.set_property("writing-app", concat!("tttseg ", env!("CARGO_PKG_VERSION")));
        }
        if let Some(setter) = mux.dynamic_cast_ref::<gst::TagSetter>() {
            setter.merge_tags(&film.tags, gst::TagMergeMode::Replace);
        }
        if film.codec == Codec::Ffv1 {
            unquote(&pad(&mux, "src")?, &film.tags);
        }
        let sink = gst::ElementFactory::make("filesink")
            .property("location", output)
            .build()?;
        pipeline.add_many([source.upcast_ref(), &mux, &sink])?;
        mux.link(&sink)?;
        // Left to itself, a source without caps may end up as sound.
        let video = video_template(&mux).and_then(|t| mux.request_pad(&t, None, None));
        let ends = source.static_pad("src").zip(video);
        if ends.is_none_or(|(exit, entry)| exit.link(&entry).is_err()) {
            return Err(Error::of(output, "the muxer takes no video"));
        }
        for track in film.sound {
            feed::add(&pipeline, &mux, film.folder, track, film.until)?;
        }
        // What goes wrong is on the bus.
        let _ = pipeline.set_state(gst::State::Playing);
        Ok(Self {
            film,
            output,
            context,
            pipeline,
            source,
            mux,
            has_caps: false,
            is_over: Cell::new(false),
        })
    }

    /// Takes in what is on the bus.
    fn look(&self) -> Result<(), Error> {
        if self.context.stop.is_asked() {
            return Err(Error::Interrupted(FINISHED.to_owned()));
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
            return Err(Error::of_writer(self.output, error));
        }
        Ok(())
    }

    /// The frames of a finished segment, at their places in the film.
    fn segment(&mut self, segment: &Segment) -> Result<(), Error> {
        let Film { codec, folder, .. } = *self.film;
        let path = &folder.join(&segment.file);
        let reader = Pipeline::launch(&format!(
            "filesrc name=in ! {} ! appsink name=out sync=false max-buffers={WAITING}",
            codec.description().demuxer
        ))?;
        reader
            .named::<gst::Element>("in")?
            .set_property("location", path);
        let sink: AppSink = reader.named("out")?;
        // What goes wrong is on the bus.
        let _ = reader.set_state(gst::State::Playing);
        let (mut frames, mut first) = (0, None);
        loop {
            self.look()?;
            if let Some(sample) = sink.try_pull_sample(A_WHILE) {
                let pts = sample.buffer().and_then(|b| b.pts());
                let pts = pts.ok_or_else(|| Error::of(path, "a frame without a time"))?;
                let first = *first.get_or_insert(pts);
                let time = match codec {
                    Codec::Ffv1 => pts,
                    Codec::Prores | Codec::H264 => {
                        pts.saturating_sub(first) + gst::ClockTime::from_nseconds(segment.base)
                    }
                };
                self.frame(&sample, time)?;
                self.context.progress.alive();
                frames += 1;
                continue;
            }
            if let Some(gst::MessageView::Error(error)) = reader.error().as_ref().map(|m| m.view())
            {
                return Err(Error::of(path, message_text(error)));
            }
            if sink.is_eos() {
                break;
            }
        }
        if frames != segment.frames {
            return Err(Error::of(
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
        if let Some((n, d)) = self.film.rate {
            // A segment of one frame has none.
            taken.make_mut().set("framerate", gst::Fraction::new(n, d));
        }
        taken.fixate();
        taken
    }

    fn frame(&mut self, sample: &gst::Sample, time: gst::ClockTime) -> Result<(), Error> {
        let buffer = sample.buffer_owned();
        let mut buffer = buffer.ok_or("a segment has a frame without data")?;
        if !self.has_caps {
            let caps = sample.caps_owned().map(|caps| self.taken(caps));
            self.source.set_caps(caps.as_ref());
            self.has_caps = caps.is_some();
        }
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(time);
            buffer.set_dts(None);
            if let Some(timecode) = &self.film.timecode {
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
        // What goes wrong is on the bus.
        let _ = self.source.push_buffer(buffer);
        Ok(())
    }

    /// Completes the file.
    fn finish(&self) -> Result<(), Error> {
        // What goes wrong is on the bus.
        let _ = self.source.end_of_stream();
        while !self.is_over.get() {
            self.look()?;
            std::thread::sleep(Duration::from_millis(5));
        }
        match self.pipeline.set_state(gst::State::Null) {
            Ok(_) => Ok(()),
            Err(_) => {
                self.look()?;
                Err(Error::of(self.output, "the file could not be completed"))
            }
        }
    }
}

/// Of the pads for video.
fn video_template(mux: &gst::Element) -> Option<gst::PadTemplate> {
    let all = mux.pad_template_list();
    all.into_iter()
        .find(|t| t.name_template().starts_with("video"))
}
