//! The method: window, masks, sampling, steps, resets, and the adapter with its worker.

mod adapter;
mod error;
mod frame_pool;
pub mod graphs;
mod guard;
mod knobs;
mod learner;
mod memory;
mod objective;
mod random;
mod report;
mod sessions;
mod settings;
mod size;
#[cfg(test)]
mod tests;
mod trainable;
mod worker;

pub use adapter::{Adapter, Ticket};
pub use error::Error;
pub use knobs::{KNOBS, Knob};
pub use learner::Learner;
pub use objective::ColourTarget;
pub use random::Draws;
pub use report::{Prediction, Report, Request, Reset, Skipped};
pub use sessions::{SharedModel, WeakSharedModel};
pub use settings::{Method, Moments, Recipe, Sampling, Settings};
pub(crate) use size::at_model_size;
pub use trainable::Trainable;

pub use crate::model::LossOver;
