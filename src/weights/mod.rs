//! Named tensors, the model file, saved state, naming.
//!
//! | file | holds |
//! |---|---|
//! | `container` | reading and writing safetensors, precision on disk |
//! | `model_file` | [`ModelFile`]: weights with everything needed to use them |
//! | `state` | [`State`]: weights that a stream has adapted, and their [`Origin`] |
//! | `embedded` | the trained default inside the library |
//! | [`naming`] | which name belongs to f, h and g |

mod container;
mod embedded;
mod error;
mod model_file;
pub mod naming;
mod state;
mod tensor;
#[cfg(test)]
mod tests;

pub use container::{FORMAT_VERSION, Precision};
pub use error::WeightsError;
pub use model_file::{ModelFile, Normalisation, Task};
pub use state::{Origin, State};
pub use tensor::{Tensor, Weights};
