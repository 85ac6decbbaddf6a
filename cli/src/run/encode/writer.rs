//! One segment of a film: a file that can be played by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gst::prelude::*;
use gst_app::AppSrc;
use serde::{Deserialize, Serialize};
use tttseg::files::Pending;

use super::super::error::Error;
use super::super::pipeline::Pipeline;
use super::Codec;
use super::shape::{as_said_before, odd_edges};

/// Frames that wait for the encoder.
const WAITING: u64 = 8;

/// A finished segment. Times are in nanoseconds from the film's beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub file: String,
    pub frames: u64,
    pub first: u64,
    pub last: u64,
    /// What the film's clock is less in the file's time stamps.
    pub base: u64,
}

impl Segment {
    /// Name of the file with the hashes of its frames' luma.
    pub fn luma(&self) -> String {
        format!("{}.luma.json", self.file)
    }

    /// Time of its last frame.
    pub fn last(&self) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(self.last)
    }
}

/// Encodes frames into a file that gets its name when it is complete.
pub struct Writer {
    pipeline: Pipeline,
    source: AppSrc,
    crop: gst::Element,
    shape: gst::Caps,
    caps: Option<gst::Caps>,
    /// Dropped after the pipeline that writes to it.
    file: Pending,
    path: PathBuf,
    segment: Segment,
    written: Arc<AtomicU64>,
}

impl Writer {
    /// Opens the file `name` in `folder`, whose first frame stands at a time. All frames are brought to `shape`: format, size
    /// and what else is said of the film's first one.
    ///
    /// # Errors
    /// Elements that are missing, a file that cannot be written.
    pub fn open(
        folder: &Path,
        name: String,
        codec: Codec,
        shape: &gst::Caps,
        time: gst::ClockTime,
    ) -> Result<Self, Error> {
        let pipeline = Pipeline::launch(&format!(
            "appsrc name=in ! videocrop name=crop ! videoconvert dither=none ! videoscale ! capsfilter name=shape ! {} ! {} name=mux \
             ! filesink name=out",
            codec.description().encoder,
            codec.description().muxer
        ))
        .map_err(|e| format!("{}: {e}", codec.description().name))?;
        let path = folder.join(&name);
        let file = Pending::by_one_writer(&path);
        let named = |name| pipeline.named::<gst::Element>(name);
        named("out")?.set_property("location", file.temporary());
        named("shape")?.set_property("caps", shape);
        let written = Arc::new(AtomicU64::new(0));
        for pad in named("mux")?.sink_pads() {
            let written = written.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                written.fetch_add(1, Ordering::SeqCst);
                gst::PadProbeReturn::Ok
            });
        }
        let source: AppSrc = pipeline.named("in")?;
        source.set_format(gst::Format::Time);
        source.set_max_bytes(0);
        let time = time.nseconds();
        let writer = Self {
            source,
            crop: named("crop")?,
            shape: shape.clone(),
            caps: None,
            file,
            path,
            segment: Segment {
                file: name,
                frames: 0,
                first: time,
                last: time,
                base: match codec {
                    // Matroska's clock has thousandths: taking something off would round twice.
                    Codec::Ffv1 => 0,
                    Codec::Prores | Codec::H264 => time,
                },
            },
            written,
            pipeline,
        };
        match writer.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(writer),
            Err(_) => Err(writer.failed("the encoder does not start")),
        }
    }

    /// Frames in it so far.
    pub fn frames(&self) -> u64 {
        self.segment.frames
    }

    /// Takes a frame at its place in the film.
    ///
    /// # Errors
    /// What the encoder, the muxer or the disk says, of this frame or of one before.
    pub fn frame(
        &mut self,
        caps: &gst::Caps,
        mut buffer: gst::Buffer,
        time: gst::ClockTime,
        duration: gst::ClockTime,
    ) -> Result<(), Error> {
        if self.caps.as_ref() != Some(caps) {
            let [right, bottom] = odd_edges(caps, &self.shape);
            self.crop.set_property("right", right);
            self.crop.set_property("bottom", bottom);
            self.source
                .set_caps(Some(&as_said_before(caps, &self.shape)));
            self.caps = Some(caps.clone());
        }
        {
            let buffer = buffer.make_mut();
            let base = gst::ClockTime::from_nseconds(self.segment.base);
            buffer.set_pts(time.saturating_sub(base));
            buffer.set_dts(None);
            buffer.set_duration(duration);
        }
        // Not left to appsrc, which would wait for good once the disk is full.
        loop {
            if let Some(error) = self.error() {
                return Err(error);
            }
            if self.source.current_level_buffers() < WAITING {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if self.source.push_buffer(buffer).is_err() {
            return Err(self.failed("the encoder takes no more frames"));
        }
        self.segment.frames += 1;
        self.segment.last = time.nseconds();
        Ok(())
    }

    /// Completes the file and gives it its name.
    pub fn finish(self) -> Result<Segment, Error> {
        // What goes wrong is on the bus.
        let _ = self.source.end_of_stream();
        let bus = self.pipeline.bus();
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let end = bus.and_then(|b| b.timed_pop_filtered(gst::ClockTime::NONE, &kinds));
        if let Some(gst::MessageView::Error(error)) = end.as_ref().map(|m| m.view()) {
            return Err(Error::of_writer(&self.path, error));
        }
        if self.pipeline.set_state(gst::State::Null).is_err()
            && let Some(error) = self.error()
        {
            return Err(error);
        }
        let (given, written) = (self.segment.frames, self.written.load(Ordering::SeqCst));
        if written != given {
            return Err(Error::of(
                &self.path,
                format!("{given} frames were encoded, {written} came out"),
            ));
        }
        self.file.commit()?;
        Ok(self.segment)
    }

    fn error(&self) -> Option<Error> {
        match self.pipeline.error()?.view() {
            gst::MessageView::Error(error) => Some(Error::of_writer(&self.path, error)),
            _ => None,
        }
    }

    fn failed(&self, otherwise: &str) -> Error {
        let error = self.error();
        error.unwrap_or_else(|| Error::of(&self.path, otherwise))
    }
}
