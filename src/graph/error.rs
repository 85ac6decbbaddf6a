//! Errors of graphs.

/// An error in a graph. Every variant names the layer (the scope path) it happened in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GraphError {
    /// Operands whose shapes do not fit the operator.
    #[error("{layer}: {op}: {detail}")]
    Shape {
        /// Scope path of the layer that was being built.
        layer: String,
        /// ONNX name of the operator.
        op: &'static str,
        /// What does not fit, with the shapes.
        detail: String,
    },
    /// Operands whose element types do not fit the operator.
    #[error("{layer}: {op}: element types do not fit: {detail}")]
    Type {
        /// Scope path of the layer that was being built.
        layer: String,
        /// ONNX name of the operator.
        op: &'static str,
        /// The types met.
        detail: String,
    },
    /// A layer configuration that makes no sense.
    #[error("{layer}: {detail}")]
    Config {
        /// Scope path of the layer that was being built.
        layer: String,
        /// The contradiction.
        detail: String,
    },
    /// A gradient through an operator that has none.
    #[error("{layer}: {op} has no gradient rule")]
    NotDifferentiable {
        /// Scope path of the layer the operator stands in.
        layer: String,
        /// ONNX name of the operator.
        op: &'static str,
    },
}
