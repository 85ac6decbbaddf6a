//! ONNX as an intermediate representation: values with static shapes, a builder that infers
//! every shape and type as it goes, clean-up passes, and the writer of a `ModelProto`.
//!
//! The vocabulary is small and closed ([`Op`]): what the models need, and what the gradients of
//! the models need. Every operator stands for exactly one ONNX operator of opset [`OPSET`], or
//! for the operators of our own on rows, [`Op::MixRows`] and its gradients.
//!
//! ```
//! use tttseg::graph::{DType, Graph, Target};
//!
//! let mut g = Graph::new("double");
//! let x = g.input("x", DType::F32, &[2, 3])?;
//! let y = g.add(x, x)?;
//! g.output("y", y)?;
//! let bytes = g.finish(Target::Cpu)?.encode();
//! assert!(!bytes.is_empty());
//! # Ok::<(), tttseg::graph::GraphError>(())
//! ```

mod builder;
mod constant;
mod error;
mod infer;
mod op;
mod operators;
mod passes;
mod proto;
#[cfg(test)]
mod tests;

pub use builder::{Graph, Node, Origin, Value, ValueInfo};
pub use constant::{Constant, DType};
pub use error::GraphError;
pub use op::Op;
pub use proto::{DOMAIN, Model, OPSET, Target};

/// Shorthand for results of building a graph.
pub type Result<T> = std::result::Result<T, GraphError>;
