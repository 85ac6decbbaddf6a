//! Pictures on their way to a model.

mod model_size;

pub use model_size::at_model_size;
