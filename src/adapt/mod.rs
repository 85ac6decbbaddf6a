//! The method: window, masks, sampling, steps, resets, and the adapter with its worker.

mod adapter;
mod calls;
mod crew;
mod direction;
mod error;
mod exchange;
pub mod graphs;
mod inbox;
mod learner;
mod random;
mod recycler;
mod report;
mod sessions;
pub mod settings;
mod shared;
mod surprise;
#[cfg(test)]
mod tests;
mod trainable;
mod window;
mod worker;

pub use adapter::{Adapter, Ticket};
pub use direction::Direction;
pub use error::Error;
pub use learner::Learner;
pub use random::{Draws, visible_blocks};
pub use report::{Prediction, Report, Request, Reset, Skipped};
pub use settings::{Field, Method, Moments, Recipe, SETTINGS, Sampling, Setting, Settings};
pub use shared::{SharedModel, WeakSharedModel};
pub use trainable::Trainable;
pub use window::Window;

pub use crate::model::LossOver;
