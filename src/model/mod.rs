//! Swin, pixel decoder, query decoder, heads and presets: f, g and h put together.

mod chroma;
mod config;
mod head;
mod initial;
mod parameters;
mod passes;
mod pixel_decoder;
mod query_decoder;
mod reconstruction;
mod swin;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use chroma::{
    ChromaTarget, chroma_loss, chroma_planes, chroma_shares, chroma_target, directed_loss,
};
pub use config::{ChromaConfig, HeadConfig, ModelConfig, Preset, Readout, SwinConfig};
pub use head::{
    COLOR_PREFIX, ENCODER_PREFIX, HeadOutput, MAIN_PREFIX, RECON_PREFIX, class_scores, head,
};
pub use initial::{initial_weights, is_norm};
pub use parameters::parameters;
pub use passes::{Reconstruction, main_pass, reconstruction_pass};
pub use pixel_decoder::{PixelFeatures, pixel_decoder};
pub use query_decoder::{Queries, query_decoder};
pub use reconstruction::{
    LossOver, MASK_PATCH, MaskedPatches, fully_visible, masked_patches, reconstruction_loss,
};
pub use swin::{BranchScales, Feature, swin};
