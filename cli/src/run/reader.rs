//! A film, decoded.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::AppSink;
use gst_video::prelude::*;
use gst_video::{
    ValidVideoTimeCode, VideoBufferFlags, VideoFieldOrder, VideoInfo, VideoInterlaceMode,
    VideoTimeCodeMeta,
};

use super::Task;
use super::failure::{Failure, told};
use super::format::{self, Codec};
use super::mpeg_clock::Clock;
use super::stop::Stop;
use plans::{Plans, Turner, plan_by_caps};

mod plans;

const A_WHILE: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// How long the first frame behind a broken place may take, or one after it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first frame of a film may take, from slow storage as well.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(30);
/// How long a film may take to show its first frame before it is wound to a place.
const LONG_ENOUGH: gst::ClockTime = gst::ClockTime::from_seconds(10);
/// Frames that are decoded ahead.
const AHEAD: u32 = 4;

/// How decoded frames are wanted.
#[derive(Clone, Copy)]
pub struct Wanted {
    pub codec: Codec,
    pub depth: Option<u32>,
    pub task: Task,
}

/// A decoded frame in the format for the element.
pub struct Frame {
    pub caps: gst::Caps,
    pub buffer: gst::Buffer,
    /// From the film's beginning.
    pub time: gst::ClockTime,
    /// As far as the film tells, or by its frame rate.
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

/// Decodes the first video of a film.
pub struct Reader {
    pipeline: gst::Pipeline,
    sink: AppSink,
    clock: Clock,
    plans: Plans,
    last: Option<gst::ClockTime>,
    /// What the film's own clock shows at its beginning.
    origin: Option<gst::ClockTime>,
    /// Time counts from the origin, because the beginning was not read.
    is_sought: bool,
    timecode: Option<ValidVideoTimeCode>,
    /// Which field of an interlaced film is shown first; unknown if its first frame is not interlaced, though others may be.
    field_order: Option<VideoFieldOrder>,
    /// Warnings of the decoder, and how often each came.
    pub warnings: BTreeMap<String, u64>,
}

impl Reader {
    /// Begins with the first frame.
    ///
    /// # Errors
    /// Elements of GStreamer that are missing.
    pub fn open(film: &Path, wanted: Wanted) -> Result<Self, Failure> {
        let reader = Self::new(film, wanted)?;
        // What goes wrong is told when the first frame is asked for.
        let _ = reader.pipeline.set_state(gst::State::Playing);
        Ok(reader)
    }

    /// Begins behind a place in the film that cannot be decoded: there, or at the next key frame. None where the film does not
    /// let itself be wound there.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_at(
        film: &Path,
        wanted: Wanted,
        origin: gst::ClockTime,
        time: gst::ClockTime,
        is_exact: bool,
    ) -> Result<Option<Self>, Failure> {
        let mut reader = Self::new(film, wanted)?;
        (reader.origin, reader.is_sought) = (Some(origin), true);
        let pipeline = &reader.pipeline;
        let is_ready =
            pipeline.set_state(gst::State::Paused).is_ok() && pipeline.state(LONG_ENOUGH).0.is_ok();
        let how = match is_exact {
            true => gst::SeekFlags::ACCURATE,
            false => gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_AFTER,
        };
        let how = how | gst::SeekFlags::FLUSH;
        let is_there = is_ready && pipeline.seek_simple(how, origin + time).is_ok();
        if !is_there || pipeline.set_state(gst::State::Playing).is_err() {
            return Ok(None);
        }
        Ok(Some(reader))
    }

    fn new(film: &Path, wanted: Wanted) -> Result<Self, Failure> {
        let failed = |e: gst::glib::BoolError| Failure::Other(e.to_string());
        let source = gst::ElementFactory::make("filesrc")
            .property("location", film)
            .build()
            .map_err(failed)?;
        let decoder = gst::ElementFactory::make("decodebin")
            .property(
                "caps",
                gst::Caps::builder("video/x-raw").any_features().build(),
            )
            .property("expose-all-streams", false)
            .build()
            .map_err(failed)?;
        let convert = gst::ElementFactory::make("videoconvert")
            .property_from_str("dither", "none")
            .build()
            .map_err(failed)?;
        let filter = gst::ElementFactory::make("capsfilter")
            .build()
            .map_err(failed)?;
        let sink = AppSink::builder().sync(false).max_buffers(AHEAD).build();
        let pipeline = gst::Pipeline::new();
        let clock = Clock::mend(pipeline.upcast_ref());
        pipeline
            .add_many([&source, &decoder, &convert, &filter, sink.upcast_ref()])
            .map_err(failed)?;
        source.link(&decoder).map_err(failed)?;
        gst::Element::link_many([&convert, &filter, sink.upcast_ref()]).map_err(failed)?;

        let entry = convert
            .static_pad("sink")
            .ok_or_else(|| Failure::Other("videoconvert has no sink pad".to_owned()))?;
        let plans = Plans::default();
        let turner = Turner::new(&pipeline, &filter, &sink);
        let exit = sink
            .static_pad("sink")
            .ok_or_else(|| Failure::Other("appsink has no sink pad".to_owned()))?;
        plan_by_caps(&entry, &exit, filter, wanted, plans.clone(), turner);
        connect(&decoder, entry, pipeline.downgrade());
        let reader = Self {
            pipeline,
            sink,
            clock,
            plans,
            last: None,
            origin: None,
            is_sought: false,
            timecode: None,
            field_order: None,
            warnings: BTreeMap::new(),
        };
        Ok(reader)
    }

    /// Takes over what another one, which gave up, has found out about the film.
    pub fn go_on_from(&mut self, earlier: &mut Self) {
        self.warnings = std::mem::take(&mut earlier.warnings);
        self.field_order = earlier.field_order;
    }

    /// The film's length, if it is known by now.
    pub fn duration(&self) -> Option<gst::ClockTime> {
        self.pipeline.query_duration()
    }

    /// What the film's own clock shows at its beginning, if a frame has been seen.
    pub fn origin(&self) -> Option<gst::ClockTime> {
        self.origin
    }

    /// What is known of the film's clock so far.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time code of the first frame, if the decoder found one.
    pub fn timecode(&self) -> Option<&ValidVideoTimeCode> {
        self.timecode.as_ref()
    }

    /// The next frame.
    ///
    /// # Errors
    /// Frames that are none.
    pub fn next(&mut self, stop: &Stop) -> Result<Next, Failure> {
        let asked = Instant::now();
        loop {
            if stop.is_asked() {
                return Ok(Next::Stopped);
            }
            if let Some(sample) = self.sink.try_pull_sample(A_WHILE) {
                if let Some(frame) = self.frame(&sample)? {
                    return Ok(Next::Frame(frame));
                }
                continue;
            }
            if let Some(why) = self.listen() {
                return Ok(Next::Broken(why));
            }
            if self.sink.is_eos() {
                return Ok(Next::End);
            }
            // Some decoders, pngdec for one, only return an error and tell nobody. It is told by whoever meets it on the way back:
            // the demuxer with its next frame, or decodebin's multiqueue around the end of the stream (1.22). Behind a broken
            // place few frames are left for that, and it was seen once that nobody told.
            if self.is_sought && asked.elapsed() > PATIENCE {
                return Ok(Next::Broken("nothing comes behind it".to_owned()));
            }
            // So may qtdemux, when a file has no index: it was seen to stop without an error (1.22).
            if self.last.is_none() && asked.elapsed() > PATIENCE_AT_FIRST {
                return Ok(Next::Broken("no frame comes of it".to_owned()));
            }
        }
    }

    fn frame(&mut self, sample: &gst::Sample) -> Result<Option<Frame>, Failure> {
        let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer()) else {
            return Ok(None);
        };
        let (caps, info) = self.with_field_order(caps, buffer)?;
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
            Some(pts) if self.is_sought => segment
                .and_then(|s| s.to_stream_time(pts))
                .and_then(|time| time.checked_sub(self.origin?)),
            Some(pts) => segment.and_then(|s| {
                let time = s.to_running_time(pts)?;
                let shown = s.to_stream_time(pts).unwrap_or(time);
                self.origin.get_or_insert(shown.saturating_sub(time));
                Some(time)
            }),
            None => Some(
                self.last
                    .map_or(gst::ClockTime::ZERO, |last| last + duration),
            ),
        };
        // What lies outside of the film's own bounds is not shown.
        let Some(time) = time else { return Ok(None) };
        if self.last.is_none() {
            self.timecode = buffer.meta::<VideoTimeCodeMeta>().map(|m| m.tc());
        }
        self.last = Some(time);
        let (worked, is_limited) = {
            let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
            let plan = plans.get(usize::try_from(buffer.offset()).unwrap_or(usize::MAX));
            plan.map_or((info.format(), false), |p| (p.worked, p.is_limited))
        };
        let is_damaged = buffer.flags().contains(gst::BufferFlags::CORRUPTED);
        let (caps, buffer) = if worked == info.format() {
            (caps, sample.buffer_owned())
        } else {
            let into = format::info_in(&info, worked, is_limited)?;
            let made = format::deepen(buffer, &info, &into)?;
            let caps = into.to_caps().map_err(|e| Failure::Other(e.to_string()))?;
            (caps, Some(made))
        };
        let Some(buffer) = buffer else {
            return Ok(None);
        };
        Ok(Some(Frame {
            caps,
            buffer,
            time,
            duration,
            is_damaged,
        }))
    }

    /// Caps that say which field comes first. Matroska does not tell it, in MPEG-2 every frame may be interlaced or not, and
    /// decoders set it on frames only, but encoders look at caps, and take an interlaced film for one that begins with its lower
    /// field where those say nothing. The first frame tells it for all of them.
    fn with_field_order(
        &mut self,
        caps: &gst::CapsRef,
        buffer: &gst::BufferRef,
    ) -> Result<(gst::Caps, VideoInfo), Failure> {
        let info = |caps: &gst::CapsRef| {
            VideoInfo::from_caps(caps).map_err(|e| Failure::Other(e.to_string()))
        };
        let told = info(caps)?;
        let mut caps = caps.to_owned();
        let is_open = match told.interlace_mode() {
            VideoInterlaceMode::Interleaved => told.field_order() == VideoFieldOrder::Unknown,
            VideoInterlaceMode::Mixed => true,
            _ => false,
        };
        if !is_open {
            return Ok((caps, told));
        }
        let flags = buffer.video_flags();
        let is_interlaced = told.interlace_mode() == VideoInterlaceMode::Interleaved
            || flags.contains(VideoBufferFlags::INTERLACED);
        let order = *self.field_order.get_or_insert(
            match (is_interlaced, flags.contains(VideoBufferFlags::TFF)) {
                (false, _) => VideoFieldOrder::Unknown,
                (true, true) => VideoFieldOrder::TopFieldFirst,
                (true, false) => VideoFieldOrder::BottomFieldFirst,
            },
        );
        if order == VideoFieldOrder::Unknown {
            return Ok((caps, told));
        }
        let said = caps.make_mut();
        said.set("interlace-mode", VideoInterlaceMode::Interleaved.to_str());
        said.set("field-order", order.to_str());
        let told = info(&caps)?;
        Ok((caps, told))
    }

    /// Takes in what is on the bus: the first error, if there is one.
    fn listen(&mut self) -> Option<String> {
        let bus = self.pipeline.bus()?;
        let mut missing = None;
        while let Some(message) = bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => {
                    return Some(missing.unwrap_or_else(|| told(error)));
                }
                gst::MessageView::Warning(warning) => {
                    *self
                        .warnings
                        .entry(warning.error().to_string())
                        .or_default() += 1;
                }
                gst::MessageView::Element(element) => {
                    let structure = element.structure();
                    match structure.map(|s| (s.name().as_str(), s)) {
                        Some(("missing-plugin", s)) => {
                            let name = s.get::<String>("name").unwrap_or_default();
                            missing = Some(format!(
                                "GStreamer has no {name}; on Debian, gstreamer1.0-libav and the packages \
                                 gstreamer1.0-plugins-* have most of them"
                            ));
                        }
                        Some((NO_VIDEO, _)) => {
                            return Some(
                                missing.unwrap_or_else(|| "there is no video in it".into()),
                            );
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        None
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It is thrown away: whether it went down well matters to nobody.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Name of the message that tells of a film without video.
const NO_VIDEO: &str = "tttseg-no-video";

/// Lets a stream run into nothing. A fakesink alone would hold up the streams beside it until the pipeline plays, which may
/// wait for them.
///
/// # Errors
/// Elements of GStreamer that are missing.
pub fn drop_stream(bin: &gst::Bin, pad: &gst::Pad) -> Result<(), gst::glib::BoolError> {
    let line = "queue leaky=downstream max-size-buffers=1 max-size-time=0 max-size-bytes=0 ! fakesink async=false sync=false";
    let nothing =
        gst::parse::bin_from_description(line, true).map_err(|e| gst::glib::bool_error!("{e}"))?;
    bin.add(&nothing)?;
    nothing.sync_state_with_parent()?;
    let entry = nothing
        .static_pad("sink")
        .ok_or_else(|| gst::glib::bool_error!("a bin without its pad"))?;
    pad.link(&entry)
        .map(drop)
        .map_err(|e| gst::glib::bool_error!("{e}"))
}

/// Links the first video, and lets others run into nothing.
fn connect(decoder: &gst::Element, entry: gst::Pad, pipeline: gst::glib::WeakRef<gst::Pipeline>) {
    let first = entry.clone();
    let of_decoder = pipeline.clone();
    decoder.connect_pad_added(move |_, pad| {
        if first.is_linked() {
            if let Some(pipeline) = of_decoder.upgrade() {
                // One that stays unlinked ends by itself.
                let _ = drop_stream(pipeline.upcast_ref(), pad);
            }
            return;
        }
        if let Err(e) = pad.link(&first)
            && let Some(pipeline) = of_decoder.upgrade()
        {
            gst::element_error!(
                pipeline,
                gst::CoreError::Negotiation,
                ("The decoded video cannot be used: {e}")
            );
        }
    });
    decoder.connect_no_more_pads(move |_| {
        if let Some(pipeline) = pipeline.upgrade()
            && !entry.is_linked()
        {
            let structure = gst::Structure::new_empty(NO_VIDEO);
            // Nobody listens any more where it cannot be posted.
            let _ = pipeline.post_message(gst::message::Element::new(structure));
        }
    });
}
