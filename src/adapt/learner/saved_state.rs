//! What was learned, saved with its provenance, and gone on with.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Learner;
use super::stream_weights::packed;
use crate::adapt::memory::Remembered;
use crate::adapt::settings::Value;
use crate::adapt::{Error, Method, SETTINGS};
use crate::weights::naming::{Network, network_of};
use crate::weights::{Origin, Pictures, State, Task};

/// The last two parts of a path, which identify it without the path of the user's own: states are passed on.
fn last_parts(path: &str) -> String {
    let parts: Vec<_> = Path::new(path).iter().collect();
    let last: PathBuf = parts[parts.len().saturating_sub(2)..].iter().collect();
    last.display().to_string()
}

impl Learner {
    /// The adapted weights with their provenance.
    ///
    /// # Errors
    /// When the weights cannot be copied from the device.
    pub fn save(&self) -> Result<State, Error> {
        let settings = SETTINGS.iter().map(|setting| {
            let text = match setting.get(&self.settings) {
                Value::Text(Some(path)) => last_parts(&path),
                _ => setting.text(&self.settings),
            };
            (setting.name().to_owned(), text)
        });
        let (references, hints) = self.colour_head.counts();
        let mut weights = self.weights.weights()?;
        weights.merge(self.colour_head.weights()?);
        let mut pictures = Pictures::new();
        if let Some(student) = self.student.as_ref().filter(|_| self.teaches()) {
            pictures = self.replay.memory.pictures();
            if student.steps > 0 {
                weights.merge(student.weights.weights()?);
            }
        }
        Ok(State {
            origin: Origin {
                model: self.model().name.clone(),
                base: self.model.content_hash().to_owned(),
                frames: self.frames_since_reset,
                steps: self.steps_since_reset(),
                directed_steps: self.colour_head.taken,
                references,
                hints,
                settings: settings.collect(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                saved: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            },
            weights,
            pictures,
        })
    }

    /// Goes on with saved weights. The window stays. If they have learned, no frame is a first one any more.
    ///
    /// # Errors
    /// When the state belongs to another model or does not fit.
    pub fn load(&mut self, file: &str, state: &State) -> Result<(), Error> {
        state.check_base(file, self.model(), self.model.content_hash())?;
        let loaded = packed(&self.weights.layout, &state.weights)?;
        let teaches = self.teaches();
        match &mut self.student {
            Some(student) if teaches => {
                let remembered = Remembered::from_pictures(file, &state.pictures)?;
                student.load(&self.model, &state.weights, state.origin.steps)?;
                self.replay.memory.restore(remembered, self.settings.memory);
            }
            _ => {
                self.check_head(file, state)?;
                self.colour_head.load(&state.weights, &self.settings)?;
                self.weights.adopt(loaded);
                self.weights.steps_since_reset = state.origin.steps;
            }
        }
        self.guard.clear();
        self.share = self.full_share();
        self.take_stock();
        self.fusion.clear();
        self.frames_since_reset = state.origin.frames;
        self.learned_frames = match state.origin.steps {
            0 => 0,
            _ => u64::MAX,
        };
        self.weights.clear_moments(self.settings.moments)
    }

    /// Whether a state can go on without learning h, which stays as it is on disk then.
    fn check_head(&self, file: &str, state: &State) -> Result<(), Error> {
        let mut names = state.weights.iter().map(|(name, _)| name);
        let of_head = |name: &str| network_of(name) == Network::Main;
        if self.model().task == Task::Segment && names.any(of_head) {
            let saved = state.origin.settings.get("method");
            return Err(Error::Setting {
                name: "method",
                detail: format!(
                    "{file} was saved with method={}, under which the segmentation head learns; with method={} it does not",
                    saved.map_or(Method::Replay.name(), String::as_str),
                    self.settings.method.name()
                ),
            });
        }
        Ok(())
    }
}
