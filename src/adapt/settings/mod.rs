//! Settings of the method: their table, and the recipes.

mod setting;
mod table;
#[cfg(test)]
mod tests;

use std::str::FromStr;

pub use setting::{About, Changes, Field, Kind, Property, Setting, Value};
pub use table::{SETTINGS, Settings};

use super::Error;
use crate::choice::Choice;
use crate::weights::Task;

crate::choices! {
    /// Which gradient steps are taken and what is forgotten when.
    #[derive(Default)]
    pub enum Method: "Method" {
        Online = "online", "Weights carry over from frame to frame, steps sample from the window";
        MainTaskOnly = "none", "The model as it is on disk, no learning";
        NoMemory = "no-memory", "Weights from disk before every frame, steps on the current frame only";
        ImplicitOnly = "implicit", "Weights carry over from frame to frame, steps on the current frame only";
        ExplicitOnly = "explicit", "Weights from disk before every frame, steps sample from the window";
        #[default]
        Replay = "replay", "Frames that were understood are learned again in the light of the current one";
        Consistency = "consistency", "What is said of the whole frame is learned with parts of it hidden";
    }
}

impl Method {
    /// What a model for this task learns by: without classes there are no labels to learn, and it does as with `online`.
    #[must_use]
    pub fn for_task(self, task: Task) -> Self {
        match task {
            Task::Colorize if self.learns_labels() => Self::Online,
            _ => self,
        }
    }

    /// Whether steps are towards labels, so that the segmentation head learns with the encoder, and the reconstruction head does
    /// not.
    #[must_use]
    pub fn learns_labels(self) -> bool {
        matches!(self, Self::Replay | Self::Consistency)
    }
}

crate::choices! {
    /// Named settings of the method (`docs/method.md#recipes`).
    #[derive(Default)]
    pub enum Recipe: "Recipe" {
        #[default]
        Default = "default", "Suits a small model on two CPU cores";
        Paper = "paper", "As published: batch 32, mask ratio 0.80, loss over masked patches, sampling with replacement";
        Code = "code", "As the authors' code runs it: batch 32, mask ratio 0.85, loss over all patches, permutations, stochastic depth";
    }
}

impl FromStr for Recipe {
    type Err = String;

    /// `default`, `paper` or `code`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || format!("unknown recipe '{name}' ({})", Self::CHOICES.names());
        Self::from_name(name).ok_or_else(unknown)
    }
}

crate::choices! {
    /// How a batch is drawn from the window (`docs/method.md#a-frame-in-order`).
    pub enum Sampling: "Sampling" {
        Replacement = "replacement", "Independent uniform draws";
        Permutation = "permutation", "Random permutations of the window, one after the other";
    }
}

crate::choices! {
    /// What becomes of the optimiser's moments between frames.
    pub enum Moments: "Moments" {
        Restart = "restart", "A new optimiser for every step";
        Persistent = "persistent", "Moments carry over";
    }
}

impl Settings {
    /// Most frames an unlimited window holds.
    pub const WINDOW_CAP: usize = 512;

    /// Frames the window holds under the method in force.
    pub(crate) fn window_capacity(&self) -> usize {
        match (self.method, self.window) {
            (Method::NoMemory | Method::ImplicitOnly, _) => 1,
            (_, 0) => Self::WINDOW_CAP,
            (_, frames) => frames,
        }
    }

    /// Gradient steps on a frame before which `learned` frames were learned from.
    pub(crate) fn steps_after(&self, learned: u64) -> usize {
        if self.first_steps > 0 && learned < self.first_frames as u64 {
            self.first_steps
        } else {
            self.steps
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Setting`] names the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        SETTINGS.iter().try_for_each(|setting| setting.check(self))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::recipe(Recipe::Default)
    }
}

impl Setting<Settings> {
    /// The setting of the method that has this name, or had it formerly.
    pub fn find(name: &str) -> Option<&'static Self> {
        let has = |setting: &&Self| setting.name() == name || setting.about.alias == Some(name);
        SETTINGS.iter().find(has)
    }

    /// What it does, and, where recipes differ in it, that they decide.
    pub fn description(&self) -> String {
        let [first, others @ ..] = Recipe::EVERY.map(|recipe| self.get(&Settings::recipe(recipe)));
        let of_recipe = if others.iter().any(|other| *other != first) {
            " (if not set: the recipe's)"
        } else {
            ""
        };
        format!("{}{of_recipe}", self.about.help)
    }
}
