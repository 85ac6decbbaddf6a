//! Layers, as functions that append to a graph. Activations are token-major (channels last):
//! `(batch, tokens, channels)` or `(batch, height, width, channels)`; weights keep the shapes of
//! their Hugging Face checkpoints.
//!
//! A layer whose shapes or parameters do not fit is an error that names it ([`GraphError`](crate::graph::GraphError)).

mod activation;
mod attention;
mod convolution;
mod deformable;
mod linear;
mod norm;
mod parameters;
mod patches;
mod position;
mod resample;
mod scope;

pub use activation::gelu;
pub use attention::{Heads, attend, merge_heads, packed_projections, split_heads};
pub use convolution::convolution_3x3;
pub use deformable::{DeformableSizes, deformable_attention};
pub use linear::{feed_forward, linear, pointwise, product};
pub use norm::{add_and_norm, group_norm, layer_norm};
pub use parameters::{Parameter, Parameters};
pub use patches::{PATCH, patchify_bytes, patchify_planes, unpatchify};
pub use position::sine_positions;
pub use resample::{resize_planes, resize_tokens};
pub use scope::Scope;
