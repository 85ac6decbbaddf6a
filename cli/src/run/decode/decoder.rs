//! The elements that decode a film: filesrc → decodebin → videoconvert → capsfilter → appsink.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use gst_app::AppSink;
use gst_video::VideoInfo;
use parking_lot::Mutex;

use super::super::error::{Error, message_text};
use super::super::pipeline::{Pipeline, pad};
use super::super::quirks::{
    Clock, Edits, Rotator, drop_stream, is_full_range, possible_aspect, say_full_range,
};
use super::conversion::{Conversion, Target};

/// How long a film may take to show its first frame before it is wound to a place.
const LONG_ENOUGH: gst::ClockTime = gst::ClockTime::from_seconds(10);
/// Frames that are decoded ahead.
const AHEAD: u32 = 4;
/// Name of the message of a film without video.
const NO_VIDEO: &str = "tttseg-no-video";

/// Conversions of decoded video, one behind the other as it changes. Frames that wait in the sink may be of an earlier one: the
/// offset of a frame is the number of its conversion.
type Conversions = Arc<Mutex<Vec<Conversion>>>;

/// Decodes the first video of a film.
pub struct Decoder {
    pipeline: Pipeline,
    /// Where frames come out.
    pub sink: AppSink,
    /// What is known of the film's clock so far.
    pub clock: Clock,
    /// Edits of the film that have to be followed, as the decoder does not.
    pub edits: Option<Edits>,
    conversions: Conversions,
}

impl Decoder {
    /// Begins with the first frame.
    pub fn open(film: &Path, target: Target) -> Result<Self, Error> {
        let decoder = Self::new(film, target)?;
        // What goes wrong is on the bus.
        let _ = decoder.pipeline.set_state(gst::State::Playing);
        Ok(decoder)
    }

    /// Begins at a time by the film's own clock: there, or at the next key frame. None where the film does not let itself be
    /// wound there.
    pub fn open_at(
        film: &Path,
        target: Target,
        time: gst::ClockTime,
        is_exact: bool,
    ) -> Result<Option<Self>, Error> {
        let decoder = Self::new(film, target)?;
        let pipeline = &decoder.pipeline;
        let is_ready =
            pipeline.set_state(gst::State::Paused).is_ok() && pipeline.state(LONG_ENOUGH).0.is_ok();
        let how = match is_exact {
            true => gst::SeekFlags::ACCURATE,
            false => gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_AFTER,
        };
        let how = how | gst::SeekFlags::FLUSH;
        let is_there = is_ready && pipeline.seek_simple(how, time).is_ok();
        if !is_there || pipeline.set_state(gst::State::Playing).is_err() {
            return Ok(None);
        }
        Ok(Some(decoder))
    }

    fn new(film: &Path, target: Target) -> Result<Self, Error> {
        let source = gst::ElementFactory::make("filesrc")
            .property("location", film)
            .build()?;
        let edits = Edits::of(film);
        if let Some(edits) = &edits {
            edits.hide(&source);
        }
        let caps = gst::Caps::builder("video/x-raw").any_features().build();
        let decoder = gst::ElementFactory::make("decodebin")
            .property("caps", caps)
            .property("expose-all-streams", false)
            .build()?;
        let convert = gst::ElementFactory::make("videoconvert")
            .property_from_str("dither", "none")
            .build()?;
        let filter = gst::ElementFactory::make("capsfilter").build()?;
        let sink = AppSink::builder().sync(false).max_buffers(AHEAD).build();
        let pipeline = Pipeline::default();
        let clock = Clock::mend(pipeline.upcast_ref());
        pipeline.add_many([&source, &decoder, &convert, &filter, sink.upcast_ref()])?;
        source.link(&decoder)?;
        gst::Element::link_many([&convert, &filter, sink.upcast_ref()])?;

        let (entry, exit) = (pad(&convert, "sink")?, pad(&sink, "sink")?);
        let conversions = Conversions::default();
        number_frames(&exit, conversions.clone());
        let rotator = Rotator::new(&pipeline, &filter, sink.upcast_ref());
        mend_caps(&entry, is_full_range(film));
        choose_conversions(&entry, filter, target, conversions.clone(), rotator);
        connect(&decoder, entry, pipeline.downgrade());
        Ok(Self {
            pipeline,
            sink,
            clock,
            edits,
            conversions,
        })
    }

    /// The film's length, if it is known by now.
    pub fn duration(&self) -> Option<gst::ClockTime> {
        if let Some(edits) = &self.edits {
            return edits.video.length();
        }
        self.pipeline.query_duration()
    }

    /// A decoded frame in the format for the element, with its caps. `caps` and `info` are those of the sample.
    pub fn convert(
        &self,
        buffer: gst::Buffer,
        caps: gst::Caps,
        info: &VideoInfo,
    ) -> Result<(gst::Caps, gst::Buffer), Error> {
        let number = usize::try_from(buffer.offset()).unwrap_or(usize::MAX);
        // Not under the lock: more frames come meanwhile.
        let conversion = self.conversions.lock().get(number).cloned();
        let converted = match conversion {
            Some(conversion) => conversion.convert(&buffer, &caps, info)?,
            None => None,
        };
        Ok(converted.unwrap_or((caps, buffer)))
    }

    /// Takes in what is on the bus: the first error, if there is one, and warnings with how often each came.
    pub fn listen(&self, warnings: &mut BTreeMap<String, u64>) -> Option<String> {
        let bus = self.pipeline.bus()?;
        let mut missing = None;
        while let Some(message) = bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => {
                    return Some(missing.unwrap_or_else(|| message_text(error)));
                }
                gst::MessageView::Warning(warning) => {
                    *warnings.entry(warning.error().to_string()).or_default() += 1;
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

fn number_frames(exit: &gst::Pad, conversions: Conversions) {
    exit.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(frame) = info.buffer_mut() {
            let number = conversions.lock().len().saturating_sub(1);
            frame.make_mut().set_offset(number as u64);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Lets caps say that video is of full range, if it is, and that samples have a shape.
fn mend_caps(entry: &gst::Pad, is_in_file: bool) {
    entry.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let mended = match info.event().map(|e| e.view()) {
            Some(gst::EventView::Caps(event)) => {
                let mended = possible_aspect(event.caps());
                let caps = mended.as_deref().unwrap_or(event.caps());
                say_full_range(caps, is_in_file).or(mended)
            }
            _ => None,
        };
        if let Some(caps) = mended {
            info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(&caps)));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Decides what decoded video is converted to as soon as its caps are known, and on their way.
fn choose_conversions(
    entry: &gst::Pad,
    filter: gst::Element,
    target: Target,
    conversions: Conversions,
    rotator: Rotator,
) {
    entry.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let caps = match info.event().map(|e| e.view()) {
            Some(gst::EventView::Caps(event)) => Some(event.caps_owned()),
            Some(gst::EventView::Tag(event)) if rotator.look_at(event.tag()) => pad.current_caps(),
            _ => None,
        };
        if let Some(film) = caps.and_then(|caps| VideoInfo::from_caps(&caps).ok()) {
            let conversion = Conversion::new(&film, target, rotator.is_needed());
            filter.set_property("caps", &conversion.decoded);
            conversions.lock().push(conversion);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Links the first video, and lets others run into nothing.
fn connect(decoder: &gst::Element, entry: gst::Pad, pipeline: glib::WeakRef<gst::Pipeline>) {
    let first = entry.clone();
    let of_decoder = pipeline.clone();
    decoder.connect_pad_added(move |_, pad| {
        let Some(pipeline) = of_decoder.upgrade() else {
            return;
        };
        if first.is_linked() {
            // One that stays unlinked ends by itself.
            let _ = drop_stream(pipeline.upcast_ref(), pad);
        } else if let Err(e) = pad.link(&first) {
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
            // Where it cannot be posted, the pipeline is being taken down.
            let _ = pipeline.post_message(gst::message::Element::new(structure));
        }
    });
}
