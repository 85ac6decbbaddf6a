//! Activation functions that ONNX has no operator for.

use crate::graph::{Graph, Result, Value};

/// GELU in its erf form, `x · ½ (1 + erf(x / √2))`, in the order of operators that ONNX Runtime fuses.
pub fn gelu(g: &mut Graph, x: Value) -> Result<Value> {
    let root = g.scalar(x, std::f64::consts::SQRT_2);
    let one = g.scalar(x, 1.0);
    let half = g.scalar(x, 0.5);
    let scaled = g.div(x, root)?;
    let erf = g.erf(scaled)?;
    let shifted = g.add(erf, one)?;
    let weighted = g.mul(x, shifted)?;
    g.mul(weighted, half)
}
