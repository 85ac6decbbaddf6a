//! One segment of a film: a file that can be played by itself.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gst::prelude::*;
use gst_app::AppSrc;

use super::failure::{Failure, of_writer};
use super::format::Codec;

/// Frames that wait for the encoder.
const WAITING: u64 = 8;

/// What a file says of its frames once, and what does not change them.
pub const SAID: [&str; 4] = ["interlace-mode", "field-order", "chroma-site", "framerate"];

/// Encodes frames into a file that gets its name when it is complete.
pub struct Writer {
    pipeline: gst::Pipeline,
    source: AppSrc,
    crop: gst::Element,
    shape: gst::Caps,
    caps: Option<gst::Caps>,
    part: PathBuf,
    path: PathBuf,
    /// What is taken off time stamps.
    base: gst::ClockTime,
    given: u64,
    written: Arc<AtomicU64>,
    is_finished: bool,
}

impl Writer {
    /// Opens the file. All frames are brought to `shape`: format, size and what else is said of the film's first one.
    ///
    /// # Errors
    /// Elements that are missing, a file that cannot be written.
    pub fn open(
        path: &Path,
        codec: Codec,
        shape: &gst::Caps,
        base: gst::ClockTime,
    ) -> Result<Self, Failure> {
        let line = format!(
            "appsrc name=in ! videocrop name=crop ! videoconvert dither=none ! videoscale ! capsfilter name=shape ! {} ! {} name=mux \
             ! filesink name=out",
            codec.encoder(),
            codec.muxer()
        );
        let pipeline = gst::parse::launch(&line)
            .map_err(|e| Failure::Other(format!("{}: {e}", codec.name())))?;
        let pipeline = pipeline
            .downcast::<gst::Pipeline>()
            .map_err(|_| Failure::Other(format!("no pipeline: {line}")))?;
        let named = |name: &str| {
            let element = pipeline.by_name(name);
            element.ok_or_else(|| Failure::Other(format!("no {name} in {line}")))
        };
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        named("out")?.set_property("location", &part);
        named("shape")?.set_property("caps", shape);
        let crop = named("crop")?;
        let mux = named("mux")?;
        let written = Arc::new(AtomicU64::new(0));
        for pad in mux.sink_pads() {
            let written = written.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                written.fetch_add(1, Ordering::SeqCst);
                gst::PadProbeReturn::Ok
            });
        }
        let source = named("in")?
            .downcast::<AppSrc>()
            .map_err(|_| Failure::Other("appsrc is none".to_owned()))?;
        source.set_format(gst::Format::Time);
        source.set_max_bytes(0);
        let writer = Self {
            pipeline,
            source,
            crop,
            shape: shape.clone(),
            caps: None,
            part,
            path: path.to_owned(),
            base,
            given: 0,
            written,
            is_finished: false,
        };
        if writer.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(writer
                .error()
                .unwrap_or_else(|| Failure::of(&writer.path, "the encoder does not start")));
        }
        Ok(writer)
    }

    /// Frames in it so far.
    pub fn frames(&self) -> u64 {
        self.given
    }

    /// Takes a frame at its place in the film.
    ///
    /// # Errors
    /// What the encoder, the muxer or the disk says, of this frame or of one before.
    pub fn frame(
        &mut self,
        caps: &gst::Caps,
        mut frame: gst::Buffer,
        time: gst::ClockTime,
        duration: gst::ClockTime,
    ) -> Result<(), Failure> {
        if self.caps.as_ref() != Some(caps) {
            self.crop_odd(caps);
            self.source.set_caps(Some(&self.said_before(caps)));
            self.caps = Some(caps.clone());
        }
        {
            let frame = frame.make_mut();
            frame.set_pts(time.saturating_sub(self.base));
            frame.set_dts(None);
            frame.set_duration(duration);
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
        if self.source.push_buffer(frame).is_err() {
            return Err(self
                .error()
                .unwrap_or_else(|| Failure::of(&self.path, "the encoder takes no more frames")));
        }
        self.given += 1;
        Ok(())
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// As [`Writer::frame`]; frames that are not in it.
    pub fn finish(mut self) -> Result<(), Failure> {
        // What is wrong is told on the bus.
        let _ = self.source.end_of_stream();
        let bus = self.pipeline.bus();
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let end = bus.and_then(|b| b.timed_pop_filtered(gst::ClockTime::NONE, &kinds));
        if let Some(gst::MessageView::Error(error)) = end.as_ref().map(|m| m.view()) {
            return Err(of_writer(&self.path, error));
        }
        if self.pipeline.set_state(gst::State::Null).is_err()
            && let Some(error) = self.error()
        {
            return Err(error);
        }
        let written = self.written.load(Ordering::SeqCst);
        if written != self.given {
            return Err(Failure::of(
                &self.path,
                format!("{} frames were encoded, {written} came out", self.given),
            ));
        }
        keep(&self.part, &self.path)?;
        self.is_finished = true;
        Ok(())
    }

    /// Caps with what was said of the film's first frame: a file cannot say another thing in the middle, and muxers refuse it.
    fn said_before(&self, caps: &gst::Caps) -> gst::Caps {
        let mut caps = caps.clone();
        for field in SAID {
            let said = self.shape.structure(0).and_then(|s| s.value(field).ok());
            if let Some(now) = caps.make_mut().structure_mut(0) {
                match said {
                    Some(said) => now.set_value(field, said.clone()),
                    None => now.remove_field(field),
                }
            }
        }
        caps
    }

    /// Where frames are wider or higher by one than the shape, a column or row goes: scaling would blur all of them.
    fn crop_odd(&self, caps: &gst::Caps) {
        let length =
            |caps: &gst::Caps, side: &str| -> Option<i32> { caps.structure(0)?.get(side).ok() };
        let more = |side: &str| {
            length(caps, side)
                .zip(length(&self.shape, side))
                .map(|(n, s)| n - s)
        };
        let (wide, high) = (more("width"), more("height"));
        let is_odd = [wide, high].iter().all(|more| matches!(more, Some(0 | 1)));
        for (edge, more) in [("right", wide), ("bottom", high)] {
            let pixels = more.filter(|_| is_odd).unwrap_or(0);
            self.crop.set_property(edge, pixels);
        }
    }

    fn error(&self) -> Option<Failure> {
        let message = self
            .pipeline
            .bus()?
            .pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(of_writer(&self.path, error)),
            _ => None,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It is complete or of no use: what goes wrong here changes nothing.
        let _ = self.pipeline.set_state(gst::State::Null);
        if !self.is_finished {
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

/// Gives a complete file its name, once it is on the disk; the name is on the disk as well when this returns.
///
/// # Errors
/// When the disk says no.
pub fn keep(part: &Path, path: &Path) -> Result<(), Failure> {
    let kept = File::open(part)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(part, path))
        .and_then(|()| match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        });
    kept.map_err(|e| Failure::of_writing(path, &e))
}
