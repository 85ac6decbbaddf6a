//! The method: window, masks, sampling, steps, resets, and the adapter with its worker.

mod adapter;
mod error;
mod frame_pool;
pub mod graphs;
mod guard;
mod learner;
mod memory;
mod objective;
mod random;
mod report;
mod sessions;
pub mod settings;
mod size;
#[cfg(test)]
mod tests;
mod trainable;
mod worker;

pub use adapter::{Adapter, Ticket};
pub use error::Error;
pub use learner::Learner;
pub use memory::remembered_frames;
pub use objective::ColourTarget;
pub use random::Draws;
pub use report::{Prediction, Report, Request, Reset, Skipped};
pub use sessions::{SharedModel, WeakSharedModel};
pub use settings::{Field, Method, Moments, Recipe, SETTINGS, Sampling, Setting, Settings};
pub use trainable::Trainable;

pub use crate::model::LossOver;
