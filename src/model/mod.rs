//! Swin, pixel decoder, query decoder, heads and presets: f, g and h put together.
//!
//! A configuration that makes no sense, and parameters or shapes that do not fit it, are errors that name the layer
//! ([`GraphError`](crate::graph::GraphError)).

mod chroma;
mod forward;
mod head;
mod initial;
mod parameters;
mod pixel_decoder;
mod preset;
mod query_decoder;
mod reconstruction;
mod swin;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use crate::weights::naming::{
    COLOR_PREFIX, ENCODER_PREFIX, MAIN_PREFIX, RECON_PREFIX, is_norm,
};
pub use crate::weights::{ChromaConfig, HeadConfig, ModelConfig, Readout, SwinConfig};
pub use chroma::{chroma_loss, chroma_planes, chroma_shares, chroma_target, directed_loss};
pub use forward::{Reconstruction, main_pass, reconstruction_pass};
pub use head::{HeadOutput, class_scores, head};
pub use initial::initial_weights;
pub use parameters::parameters;
pub use pixel_decoder::{PixelFeatures, pixel_decoder};
pub use preset::Preset;
pub use query_decoder::{Queries, query_decoder};
pub use reconstruction::{
    LossOver, MASK_PATCH, MaskedPatches, fully_visible, masked_patches, reconstruction_loss,
};
pub use swin::{BranchScales, Feature, swin};
