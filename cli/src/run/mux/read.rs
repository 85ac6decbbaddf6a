//! A file that was written, read again: what is in its streams, and its frames as any reader decodes them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_app::AppSink;
use parking_lot::Mutex;

use super::super::encode::Codec;
use super::super::error::{Error, message_text};
use super::super::pipeline::{A_WHILE, Pipeline, link, pad};
use super::super::progress::Progress;
use super::super::quirks::drop_stream;
use super::super::stop::Stop;
use super::slices::broken_slices;

/// How long nothing may come of the file.
const PATIENCE: Duration = Duration::from_secs(30);
/// Name of the element where decoded frames come out.
const FRAMES: &str = "frames";

/// What is read, and how.
pub struct Reader<'a> {
    pub file: &'a Path,
    pub codec: Codec,
    pub progress: &'a Progress,
    pub stop: &'a Stop,
    /// What is kept when the user wants an end.
    pub kept: &'a str,
}

/// A stream that was found in the file.
#[derive(Clone, Default)]
pub struct Found {
    pub caps: Option<gst::Caps>,
    pub packets: u64,
    pub last: gst::ClockTime,
    pub end: gst::ClockTime,
    /// Numbers of frames that are not what they were when they were written; FFV1 can say so.
    pub broken: Vec<u64>,
}

impl Found {
    /// Whether it is of a kind: `video/`, `audio/`.
    pub fn is(&self, kind: &str) -> bool {
        let about = self.caps.as_ref().and_then(|caps| caps.structure(0));
        about.is_some_and(|s| s.name().starts_with(kind))
    }

    /// Takes in a packet.
    fn add(&mut self, pad: &gst::Pad, buffer: &gst::BufferRef, has_sums: bool) {
        if self.caps.is_none() {
            self.caps = pad.current_caps();
        }
        if has_sums && !buffer.map_readable().is_ok_and(|b| broken_slices(&b) == 0) {
            self.broken.push(self.packets);
        }
        self.packets += 1;
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let time = buffer.pts().and_then(|pts| {
            let segment = segment.as_ref()?.segment();
            segment
                .downcast_ref::<gst::ClockTime>()?
                .to_running_time(pts)
        });
        if let Some(time) = time {
            self.last = self.last.max(time);
            self.end = self.end.max(time + buffer.duration().unwrap_or_default());
        }
    }
}

impl Reader<'_> {
    /// Reads all of it. `decoded` is called with every frame of its video.
    ///
    /// # Errors
    /// A file that cannot be read to its end, one of `decoded`, an end that the user wants.
    pub fn read(
        &self,
        mut decoded: impl FnMut(&gst::Sample) -> Result<(), Error>,
    ) -> Result<Vec<Found>, Error> {
        let found = Arc::new(Mutex::new(Vec::<Found>::new()));
        let pipeline = self.pipeline(&found)?;
        // What goes wrong is on the bus.
        let _ = pipeline.set_state(gst::State::Playing);
        let bus = pipeline.bus().ok_or("a pipeline without a bus")?;
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let mut frames: Option<AppSink> = None;
        let (mut packets, mut since) = (0, Instant::now());
        loop {
            if self.stop.is_asked() {
                return Err(Error::Interrupted(self.kept.to_owned()));
            }
            if frames.is_none() {
                frames = pipeline.named(FRAMES).ok();
            }
            let sink = frames.as_ref().filter(|sink| !sink.is_eos());
            let wait = match sink.and_then(|sink| sink.try_pull_sample(A_WHILE)) {
                Some(sample) => {
                    decoded(&sample)?;
                    since = Instant::now();
                    self.progress.alive();
                    gst::ClockTime::ZERO
                }
                None => A_WHILE,
            };
            let message = bus.timed_pop_filtered(wait, &kinds);
            match message.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Error(error)) => {
                    return Err(Error::of(self.file, message_text(error)));
                }
                Some(_) => return Ok(std::mem::take(&mut found.lock())),
                None => {}
            }
            let now: u64 = found.lock().iter().map(|stream| stream.packets).sum();
            if now != packets {
                (packets, since) = (now, Instant::now());
                self.progress.alive();
            } else if since.elapsed() > PATIENCE {
                return Err(Error::of(self.file, "what was written cannot be read"));
            }
        }
    }

    fn pipeline(&self, found: &Arc<Mutex<Vec<Found>>>) -> Result<Pipeline, Error> {
        let about = self.codec.description();
        let demuxer = about.demuxer.split(' ').next().unwrap_or(about.demuxer);
        let pipeline = Pipeline::default();
        let source = gst::ElementFactory::make("filesrc")
            .property("location", self.file)
            .build()?;
        let demuxer = gst::ElementFactory::make(demuxer).build()?;
        pipeline.add_many([&source, &demuxer])?;
        source.link(&demuxer)?;
        let (bin, found, codec) = (pipeline.downgrade(), found.clone(), self.codec);
        demuxer.connect_pad_added(move |_, pad| {
            let Some(bin) = bin.upgrade() else { return };
            let number = {
                let mut found = found.lock();
                found.push(Found::default());
                found.len() - 1
            };
            let is_video = pad.name().starts_with("video");
            let has_sums = is_video && codec == Codec::Ffv1;
            let found = found.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                if let (Some(buffer), Some(stream)) = (info.buffer(), found.lock().get_mut(number))
                {
                    stream.add(pad, buffer, has_sums);
                }
                gst::PadProbeReturn::Ok
            });
            let is_first = is_video && bin.by_name(FRAMES).is_none();
            let linked = match is_first {
                true => decode(bin.upcast_ref(), pad, about.decoder),
                false => drop_stream(bin.upcast_ref(), pad),
            };
            if let Err(error) = linked {
                gst::element_error!(bin, gst::CoreError::Pad, ("{error}"));
            }
        });
        Ok(pipeline)
    }
}

/// Decodes a stream of video.
fn decode(bin: &gst::Bin, pad_of_stream: &gst::Pad, decoder: &str) -> Result<(), glib::BoolError> {
    let line = format!(
        "queue max-size-buffers=8 max-size-time=0 max-size-bytes=0 ! {decoder} ! appsink name={FRAMES} async=false sync=false \
         max-buffers=4"
    );
    let frames =
        gst::parse::bin_from_description(&line, true).map_err(|e| glib::bool_error!("{e}"))?;
    bin.add(&frames)?;
    frames.sync_state_with_parent()?;
    link(pad_of_stream, &pad(&frames, "sink")?)
}
