//! The method: window, masks, sampling, steps, resets, and the adapter with its worker.

pub mod graphs;
mod report;
mod settings;

pub use report::{Prediction, Report, Skipped};
pub use settings::{Method, Moments, Recipe, Sampling, Settings};

pub use crate::model::LossOver;
