//! Errors of graphs.

/// An error in a graph. Every variant names the layer (the scope path) it happened in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "fields are what the messages say of them")]
pub enum GraphError {
    /// Operands whose shapes do not fit the operator.
    #[error("{layer}: {op}: {detail}")]
    Shape {
        layer: String,
        op: &'static str,
        detail: String,
    },
    /// Operands whose element types do not fit the operator.
    #[error("{layer}: {op}: element types do not fit: {detail}")]
    Type {
        layer: String,
        op: &'static str,
        detail: String,
    },
    /// A layer configuration that makes no sense.
    #[error("{layer}: {detail}")]
    Config { layer: String, detail: String },
    /// A gradient through an operator that has none.
    #[error("{layer}: {op} has no gradient rule")]
    NotDifferentiable { layer: String, op: &'static str },
}
