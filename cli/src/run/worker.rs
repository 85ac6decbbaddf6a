//! The element by itself: one frame in, one frame out.

use std::path::Path;

use gst::prelude::*;
use gst_app::{AppSink, AppSrc};

use super::failure::{Failure, is_said_of_room, told};
use super::settings::Settings;

/// How long a look for news takes.
const A_WHILE: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// So many tell all that there is to know.
const SEEN_AGAIN: usize = 16;

/// The element between a source and a sink of ours. As long as no frame is in it, what it has learned stands still, and
/// can be saved exactly as it is after the last frame.
pub struct Worker {
    pipeline: gst::Pipeline,
    source: AppSrc,
    sink: AppSink,
    element: gst::Element,
    caps: Option<gst::Caps>,
    /// Warnings of the element so far that nobody has asked for.
    warnings: Vec<String>,
    /// The first error of the element.
    failed: Option<String>,
}

impl Worker {
    /// Starts it, going on from the state in a file if there is one.
    ///
    /// # Errors
    /// What the element says: about a model, a state, a property, ONNX Runtime.
    pub fn start(settings: &Settings, state: Option<&Path>) -> Result<Self, Failure> {
        let element = settings.element()?;
        if let Some(state) = state {
            element.set_property("load-state", state.to_string_lossy().as_ref());
        }
        let source = AppSrc::builder().format(gst::Format::Time).build();
        let sink = AppSink::builder().sync(false).build();
        let pipeline = gst::Pipeline::new();
        let mut worker = Self {
            pipeline,
            source,
            sink,
            element,
            caps: None,
            warnings: vec![],
            failed: None,
        };
        let Self {
            source,
            sink,
            element,
            pipeline,
            ..
        } = &worker;
        let all: [&gst::Element; 3] = [source.upcast_ref(), element, sink.upcast_ref()];
        let made = pipeline
            .add_many(all)
            .and_then(|()| gst::Element::link_many(all));
        made.map_err(|e| Failure::Other(e.to_string()))?;
        if pipeline.set_state(gst::State::Playing).is_err() {
            return Err(worker.error("the element does not start"));
        }
        Ok(worker)
    }

    /// Frames before the place where a run goes on that it should see again: for its window, and so that colours go on as
    /// they were.
    pub fn seen_again(&self) -> usize {
        (self.element.property::<u32>("window") as usize).clamp(1, SEEN_AGAIN)
    }

    /// Whether it learns from the frames that come.
    pub fn set_learning(&self, learning: bool) {
        self.element.set_property("adapt", learning);
    }

    /// What becomes of a frame. It waits for that.
    ///
    /// # Errors
    /// What the element says.
    pub fn frame(
        &mut self,
        caps: &gst::Caps,
        frame: gst::Buffer,
    ) -> Result<(gst::Caps, gst::Buffer), Failure> {
        if self.caps.as_ref() != Some(caps) {
            self.source.set_caps(Some(caps));
            self.caps = Some(caps.clone());
        }
        if self.source.push_buffer(frame).is_err() {
            return Err(self.error("the element takes no more frames"));
        }
        loop {
            if let Some(sample) = self.sink.try_pull_sample(A_WHILE) {
                self.listen();
                return match (sample.caps_owned(), sample.buffer_owned()) {
                    (Some(caps), Some(buffer)) => Ok((caps, buffer)),
                    _ => Err(self.error("the element gave no frame")),
                };
            }
            self.listen();
            if let Some(error) = &self.failed {
                return Err(Failure::Other(error.clone()));
            }
            if self.sink.is_eos() {
                return Err(self.error("the element ended by itself"));
            }
        }
    }

    /// Writes what was learned to a file: as a whole, or not at all.
    ///
    /// # Errors
    /// What the element says.
    pub fn save(&mut self, path: &Path) -> Result<(), Failure> {
        let done: bool = self
            .element
            .emit_by_name("save-state", &[&path.to_string_lossy().as_ref()]);
        if done {
            return Ok(());
        }
        self.listen();
        let why = self.warnings.pop();
        let why = why.unwrap_or_else(|| "the state could not be saved".to_owned());
        if is_said_of_room(&why) {
            return Err(Failure::no_room(path, &why));
        }
        Err(Failure::Other(why))
    }

    /// Warnings since the last call.
    pub fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Takes in what is on the bus, so that it does not grow.
    fn listen(&mut self) {
        let Some(bus) = self.pipeline.bus() else {
            return;
        };
        while let Some(message) = bus.pop() {
            match message.view() {
                gst::MessageView::Warning(warning) => {
                    self.warnings.push(warning.error().to_string());
                }
                gst::MessageView::Error(error) => {
                    self.failed.get_or_insert_with(|| told(error));
                }
                _ => {}
            }
        }
    }

    fn error(&mut self, otherwise: &str) -> Failure {
        self.listen();
        let failed = self.failed.clone();
        Failure::Other(failed.unwrap_or_else(|| otherwise.to_owned()))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It is thrown away: whether it went down well matters to nobody.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
