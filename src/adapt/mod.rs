//! The method: window, masks, sampling, steps, resets, and the adapter with its worker.

mod report;
mod settings;

pub use report::{Prediction, Report, Skipped};
pub use settings::{LossOver, Method, Moments, Recipe, Sampling, Settings};
