//! Named tensors, the model file, naming, importers.

use std::collections::BTreeMap;

/// A float32 tensor in host memory, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Elements in row-major order.
    pub data: Vec<f32>,
}

/// Parameters by name. Names are those of Hugging Face checkpoints
/// (`model.pixel_level_module.encoder…`), with the prefix `recon.` for head g.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(pub BTreeMap<String, Tensor>);
