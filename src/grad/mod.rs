//! Reverse-mode differentiation, graph to graph: [`gradients`] and [`vjp`] append nodes to a graph
//! that compute how its results change with some of its values.
//!
//! The rules stand in one file per family of operators and emit the vocabulary they
//! differentiate ([`Op`]), so that a gradient can be differentiated again.
//!
//! Three things keep the emitted graph small, because on the CPU each elementwise node is a pass
//! over memory:
//! - only nodes between the results and the requested values are visited;
//! - a cotangent may have size 1 where its value has more (all entries alike): the gradient of a sum
//!   is only expanded where the full tensor is needed;
//! - cotangents of slices are collected and laid side by side, not padded and added one by one.
//!
//! ```
//! use tttseg::grad;
//! use tttseg::graph::{DType, Graph};
//!
//! let mut g = Graph::new("square");
//! let x = g.input("x", DType::F32, &[3])?;
//! let loss = g.sum_square(x)?;
//! let dx = grad::gradients(&mut g, loss, &[x])?;
//! assert!(dx[0].is_some_and(|dx| g.shape(dx) == [3]));
//! # Ok::<(), tttseg::graph::GraphError>(())
//! ```

mod accumulate;
mod elementwise;
mod gather;
mod gelu;
mod layout;
mod normalisation;
mod products;
mod reductions;
mod sparse;
mod visit;

#[cfg(test)]
mod check;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use crate::graph::{Constant, Graph, GraphError, Op, Origin, Result, Value};

use accumulate::Accumulator;
use visit::{Visit, full};

/// Gradients of a loss: `∂ loss / ∂ w` for each of `wrt`, in the shape and type of `w`; `None`
/// where the loss does not depend on it. Of a loss that is no scalar it is the gradient of its sum.
///
/// Comparisons, `Floor`, `Sign`, `ArgMax`, `Detach` and conversions to whole numbers pass no
/// gradient; that is their derivative wherever they have one.
///
/// # Errors
/// [`GraphError::NotDifferentiable`] when the way from the loss to one of `wrt` leads through an
/// operator without a rule (`ReduceMax`), [`GraphError::Config`] when the loss is no real number.
pub fn gradients(g: &mut Graph, loss: Value, wrt: &[Value]) -> Result<Vec<Option<Value>>> {
    let ones = vec![1; g.shape(loss).len()];
    let seed = Constant::real(g.dtype(loss), &ones, [1.0]);
    let seed = g.constant(seed);
    walk(g, &[(loss, seed)], wrt)
}

/// Vector-Jacobian products: the gradient of `Σ ⟨output, cotangent⟩` over the pairs of `outputs`
/// for each of `wrt`; `None` where none of the outputs depends on it. A cotangent has the type
/// and shape of its output.
///
/// # Errors
/// As [`gradients`], and [`GraphError::Config`] when a cotangent does not fit its output.
pub fn vjp(g: &mut Graph, outputs: &[(Value, Value)], wrt: &[Value]) -> Result<Vec<Option<Value>>> {
    for &(y, dy) in outputs {
        if g.shape(y) != g.shape(dy) {
            let detail = format!("a cotangent {:?} for a value {:?}", g.shape(dy), g.shape(y));
            return Err(g.config_error(detail));
        }
    }
    walk(g, outputs, wrt)
}

/// The way back. Seeds may have size 1 where their values have more.
fn walk(g: &mut Graph, seeds: &[(Value, Value)], wrt: &[Value]) -> Result<Vec<Option<Value>>> {
    let order = ancestors(g, seeds.iter().map(|s| s.0));
    let path = path(g, &order, wrt);
    let requested: HashSet<Value> = wrt.iter().copied().collect();
    let mut collected: HashMap<Value, Accumulator> = HashMap::new();
    for &(y, dy) in seeds {
        if !g.dtype(y).is_real() || g.dtype(y) != g.dtype(dy) {
            let detail = format!(
                "a gradient of {:?} with a cotangent of {:?}",
                g.dtype(y),
                g.dtype(dy)
            );
            return Err(g.config_error(detail));
        }
        if path.contains(&y) {
            collected.entry(y).or_default().add(dy);
        }
    }
    let mut found: HashMap<Value, Value> = HashMap::new();
    for &n in order.iter().rev() {
        let node = g.nodes()[n].clone();
        if !node.outputs.iter().any(|y| collected.contains_key(y)) {
            continue;
        }
        g.layer(format!("{}/grad", node.layer), |g| {
            let mut dys = vec![];
            for y in &node.outputs {
                let dy = match collected.remove(y) {
                    Some(c) => Some(c.resolve(g, *y)?),
                    None => None,
                };
                if let Some(dy) = dy
                    && requested.contains(y)
                {
                    let dy = full(g, dy, *y)?;
                    found.insert(*y, dy);
                }
                dys.push(dy);
            }
            if node.inputs.iter().any(|x| path.contains(x)) {
                let mut visit = Visit {
                    node: &node,
                    dys,
                    path: &path,
                    requested: &requested,
                    collected: &mut collected,
                };
                differentiate(g, &mut visit)?;
            }
            Ok(())
        })?;
    }
    for (w, c) in wrt.iter().filter_map(|w| Some((*w, collected.remove(w)?))) {
        let dw = g.layer("grad", |g| {
            let dw = c.resolve(g, w)?;
            full(g, dw, w)
        })?;
        found.insert(w, dw);
    }
    Ok(wrt.iter().map(|w| found.get(w).copied()).collect())
}

/// Indices of the nodes that values depend on, in topological order.
///
/// The order the nodes were built in will not do: an input may have been replaced by something
/// built later.
fn ancestors(g: &Graph, of: impl Iterator<Item = Value>) -> Vec<usize> {
    let producer = |v: Value| match g.info(v).origin {
        Origin::Node(n, _) => Some(n),
        _ => None,
    };
    let mut seen = vec![false; g.nodes().len()];
    let mut order = vec![];
    let mut stack: Vec<(usize, bool)> = of.filter_map(producer).map(|n| (n, false)).collect();
    while let Some((n, inputs_done)) = stack.pop() {
        if inputs_done {
            order.push(n);
        } else if !std::mem::replace(&mut seen[n], true) {
            stack.push((n, true));
            let inputs = &g.nodes()[n].inputs;
            stack.extend(
                inputs
                    .iter()
                    .filter_map(|&v| producer(v))
                    .filter(|&p| !seen[p])
                    .map(|p| (p, false)),
            );
        }
    }
    order
}

/// Operators whose derivative is zero wherever they have one, and `Detach`.
macro_rules! flat {
    () => {
        Op::Floor
            | Op::Sign
            | Op::Equal
            | Op::Less
            | Op::Greater
            | Op::GreaterOrEqual
            | Op::And
            | Op::Or
            | Op::Not
            | Op::ArgMax { .. }
            | Op::Detach
    };
}

/// The values that change smoothly with one of `wrt`: a gradient is computed for these only.
fn path(g: &Graph, order: &[usize], wrt: &[Value]) -> HashSet<Value> {
    let mut path: HashSet<Value> = wrt
        .iter()
        .copied()
        .filter(|&w| g.dtype(w).is_real())
        .collect();
    for &n in order {
        let node = &g.nodes()[n];
        if !matches!(node.op, flat!()) && node.inputs.iter().any(|x| path.contains(x)) {
            path.extend(node.outputs.iter().filter(|&&y| g.dtype(y).is_real()));
        }
    }
    path
}

/// Gives the only operand what a rule makes of the cotangent of the only result.
fn unary(
    g: &mut Graph,
    v: &mut Visit,
    rule: impl FnOnce(&mut Graph, &Visit, Value) -> Result<Value>,
) -> Result<()> {
    let dy = v.dy(g)?;
    let d = rule(g, v, dy)?;
    v.give(0, d);
    Ok(())
}

/// The rule of an operator. No wildcard: a new operator needs an entry here.
fn differentiate(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let node = v.node;
    match &node.op {
        Op::Add => elementwise::add(g, v),
        Op::Sub => elementwise::sub(g, v),
        Op::Mul => match gelu::ending_in(g, v) {
            Some(found) => gelu::gelu(g, v, &found),
            None => elementwise::mul(g, v),
        },
        Op::Div => elementwise::div(g, v),
        Op::Max => elementwise::max(g, v),
        Op::Min => elementwise::min(g, v),
        Op::Neg => unary(g, v, |g, _, dy| g.neg(dy)),
        Op::Abs => unary(g, v, elementwise::abs),
        Op::Sqrt => unary(g, v, elementwise::sqrt),
        Op::Reciprocal => unary(g, v, elementwise::reciprocal),
        Op::Exp => unary(g, v, |g, v, dy| g.mul(dy, v.y())),
        Op::Log => unary(g, v, |g, v, dy| g.div(dy, v.x(0))),
        Op::Erf => unary(g, v, elementwise::erf),
        Op::Relu => unary(g, v, elementwise::relu),
        Op::Sigmoid => unary(g, v, elementwise::sigmoid),
        Op::Tanh => unary(g, v, elementwise::tanh),
        Op::Sin => unary(g, v, elementwise::sin),
        Op::Cos => unary(g, v, elementwise::cos),
        Op::Softplus => unary(g, v, elementwise::softplus),
        Op::Where => elementwise::select(g, v),
        Op::Cast { .. } => unary(g, v, |g, v, dy| g.cast(dy, g.dtype(v.x(0)))),
        Op::MatMul => products::matmul(g, v),
        Op::Gemm { trans_a, trans_b } => products::gemm(g, v, *trans_a, *trans_b),
        Op::Softmax { axis } => unary(g, v, |g, v, dy| normalisation::softmax(g, v, dy, *axis)),
        Op::LogSoftmax { axis } => {
            unary(g, v, |g, v, dy| normalisation::log_softmax(g, v, dy, *axis))
        }
        Op::LayerNormalization { .. } => normalisation::layer_norm(g, v),
        Op::ReduceSum { axes, .. } => unary(g, v, |g, v, dy| reductions::sum(g, v, dy, axes)),
        Op::ReduceMean { axes, .. } => unary(g, v, |g, v, dy| reductions::mean(g, v, dy, axes)),
        Op::ReduceSumSquare { axes, .. } => {
            unary(g, v, |g, v, dy| reductions::sum_square(g, v, dy, axes))
        }
        Op::Reshape { .. } => unary(g, v, layout::reshape),
        Op::Expand { .. } => unary(g, v, layout::expand),
        Op::Transpose { perm } => unary(g, v, |g, _, dy| layout::transpose(g, dy, perm)),
        Op::Concat { axis } => layout::concat(g, v, *axis),
        Op::Split { axis, sizes } => layout::split(g, v, *axis, sizes),
        Op::Slice { starts, .. } => layout::slice(g, v, starts),
        Op::Pad { before, .. } => unary(g, v, |g, v, dy| layout::pad(g, v, dy, before)),
        Op::Gather { axis } => gather::gather(g, v, *axis),
        Op::MixRows => sparse::mix_rows(g, v),
        Op::ScatterRows { .. } => sparse::scatter_rows(g, v),
        Op::DotRows => sparse::dot_rows(g, v),
        Op::ReduceMax { .. } => Err(GraphError::NotDifferentiable {
            layer: node.layer.clone(),
            op: node.op.name(),
        }),
        flat!() => Ok(()),
    }
}
