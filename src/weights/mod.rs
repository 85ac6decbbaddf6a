//! Named tensors, the model file, saved state and names of parameters.
//!
//! | file | holds |
//! |---|---|
//! | `config` | [`ModelConfig`]: the sizes of f, h and g |
//! | `container` | reading and writing safetensors, precision on disk |
//! | `model_file` | [`ModelFile`]: weights with everything needed to use them |
//! | `state` | [`State`]: weights that a stream has adapted, and their [`Origin`] |
//! | `embedded` | the trained default inside the library |
//! | [`naming`] | names of the parameters of f, h and g |

mod config;
mod container;
mod embedded;
mod error;
mod model_file;
pub mod naming;
mod state;
mod tensor;
#[cfg(test)]
mod tests;

pub use config::{ChromaConfig, HeadConfig, ModelConfig, Readout, SwinConfig};
pub use container::{FORMAT_VERSION, Precision};
pub use error::WeightsError;
pub use model_file::{ModelFile, Normalisation, Task};
pub use state::{Origin, Pictures, State};
pub use tensor::{Tensor, Weights};
