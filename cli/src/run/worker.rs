//! The element by itself: one frame in, one frame out.

use std::path::Path;

use gst::prelude::*;
use gst_app::{AppSink, AppSrc};

use super::error::{Error, message_text};
use super::names::TextPath;
use super::pipeline::{A_WHILE, Pipeline};
use super::settings::Settings;

/// No more frames than these are needed for that.
const SEEN_AGAIN: usize = 16;

/// The element between a source and a sink of ours. As long as no frame is in it, what it has learned stands still, and
/// can be saved exactly as it is after the last frame.
pub struct Worker {
    pipeline: Pipeline,
    source: AppSrc,
    sink: AppSink,
    element: gst::Element,
    caps: Option<gst::Caps>,
    /// Warnings of the element since they were last taken.
    warnings: Vec<String>,
    /// The first error of the element.
    failed: Option<String>,
    /// The reference in force.
    reference: Option<TextPath>,
    /// The state that every stream begins with.
    _state: Option<TextPath>,
}

impl Worker {
    /// Starts it, going on from the state in a file if there is one.
    ///
    /// # Errors
    /// What the element says: about a model, a state, a property, ONNX Runtime.
    pub fn start(settings: &Settings, state: Option<&Path>) -> Result<Self, Error> {
        let element = settings.element()?;
        let state = state.map(TextPath::of).transpose()?;
        if let Some(state) = &state {
            element.set_property("load-state", state.as_str());
        }
        let source = AppSrc::builder().format(gst::Format::Time).build();
        let sink = AppSink::builder().sync(false).build();
        let pipeline = Pipeline::default();
        let all: [&gst::Element; 3] = [source.upcast_ref(), &element, sink.upcast_ref()];
        pipeline.add_many(all)?;
        gst::Element::link_many(all)?;
        let mut worker = Self {
            pipeline,
            source,
            sink,
            element,
            caps: None,
            warnings: vec![],
            failed: None,
            reference: None,
            _state: state,
        };
        match worker.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(worker),
            Err(_) => Err(worker.error("the element does not start")),
        }
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

    /// Has it learn the colours of a picture from the next frame on, in place of those of another.
    ///
    /// # Errors
    /// A picture that cannot be used.
    pub fn set_reference(&mut self, path: &Path) -> Result<(), Error> {
        let text = TextPath::of(path)?;
        self.element
            .set_property("reference-location", text.as_str());
        let in_force: Option<String> = self.element.property("reference-location");
        if in_force.as_deref() != Some(text.as_str()) {
            self.listen();
            let why = self.warnings.pop();
            return Err(Error::of(
                path,
                why.unwrap_or_else(|| "this picture cannot be learned from".to_owned()),
            ));
        }
        // The one before is read no more.
        self.reference = Some(text);
        Ok(())
    }

    /// What becomes of a frame. It waits for that.
    pub fn frame(
        &mut self,
        caps: &gst::Caps,
        frame: gst::Buffer,
    ) -> Result<(gst::Caps, gst::Buffer), Error> {
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
                return Err(Error::Other(error.clone()));
            }
            if self.sink.is_eos() {
                return Err(self.error("the element ended by itself"));
            }
        }
    }

    /// Writes what was learned to a file: as a whole, or not at all.
    pub fn save(&mut self, path: &Path) -> Result<(), Error> {
        let text = TextPath::of(path)?;
        let done: bool = self.element.emit_by_name("save-state", &[&text.as_str()]);
        if done {
            return Ok(());
        }
        self.listen();
        let why = self.warnings.pop();
        let why = why.unwrap_or_else(|| "the state could not be saved".to_owned());
        Err(Error::of_writing_text(path, why, Error::Other))
    }

    /// A counter of the element, by its name in the property `stats`.
    pub fn count(&self, name: &str) -> u64 {
        let stats: Option<gst::Structure> = self.element.property("stats");
        stats.and_then(|stats| stats.get(name).ok()).unwrap_or(0)
    }

    /// Where the network runs.
    pub fn provider(&self) -> String {
        let provider: Option<String> = self.element.property("execution-provider-in-use");
        provider.unwrap_or_default()
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
                    self.failed.get_or_insert_with(|| message_text(error));
                }
                _ => {}
            }
        }
    }

    fn error(&mut self, otherwise: &str) -> Error {
        self.listen();
        let failed = self.failed.clone();
        Error::Other(failed.unwrap_or_else(|| otherwise.to_owned()))
    }
}
