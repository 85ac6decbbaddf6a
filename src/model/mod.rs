//! Swin, pixel decoder, query decoder, heads and presets: f, g and h put together.

mod config;

pub use config::{HeadConfig, ModelConfig, Preset, Readout, SwinConfig};
