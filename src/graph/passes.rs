//! Clean-up passes: dead code, common subexpressions, constants and no-ops, order.

use std::collections::{HashMap, HashSet};

use super::{Constant, Graph, GraphError, Node, Op, Origin, Result, Value, ValueInfo};

/// Removes nodes that reach no output, merges those that compute the same, folds layout operators
/// on constants, drops no-ops, and puts the nodes in topological order.
pub(super) fn clean_up(g: &mut Graph) -> Result<()> {
    sort(g)?;
    transpose_operands(g);
    simplify(g);
    remove_dead(g);
    Ok(())
}

/// Topological order; only needed where an input was replaced by something built later.
fn sort(g: &mut Graph) -> Result<()> {
    let total = g.nodes.len();
    let mut order = Vec::with_capacity(total);
    let mut state = vec![0u8; total]; // 0 unseen, 1 open, 2 done
    for root in 0..total {
        let mut stack = vec![(root, 0)];
        while let Some((n, next)) = stack.pop() {
            if next == 0 {
                match state[n] {
                    2 => continue,
                    1 => {
                        return Err(GraphError::Config {
                            layer: g.nodes[n].layer.clone(),
                            detail: "a cycle".into(),
                        });
                    }
                    _ => state[n] = 1,
                }
            }
            let producer = |v: &Value| match g.values[v.index()].origin {
                Origin::Node(p, _) => Some(p),
                _ => None,
            };
            let pending = g.nodes[n]
                .inputs
                .iter()
                .enumerate()
                .skip(next)
                .find_map(|(i, v)| {
                    let p = producer(v)?;
                    (state[p] != 2).then_some((i, p))
                });
            match pending {
                Some((i, p)) => stack.extend([(n, i + 1), (p, 0)]),
                None => {
                    state[n] = 2;
                    order.push(n);
                }
            }
        }
    }
    let mut old: Vec<_> = std::mem::take(&mut g.nodes).into_iter().map(Some).collect();
    g.nodes = order.iter().filter_map(|&n| old[n].take()).collect();
    renumber(g);
    Ok(())
}

fn renumber(g: &mut Graph) {
    for (n, node) in g.nodes.iter().enumerate() {
        for (i, v) in node.outputs.iter().enumerate() {
            g.values[v.index()].origin = Origin::Node(n, i);
        }
    }
}

/// `(A · B)ᵀ = Bᵀ · Aᵀ`: gradients of products hand the transposition on to the operands, where it
/// vanishes if they are transposed already, and is fused into the product by the runtime if not.
fn transpose_operands(g: &mut Graph) {
    let mut uses = vec![0usize; g.values.len()];
    let used = g
        .nodes
        .iter()
        .flat_map(|n| n.inputs.iter().copied())
        .chain(g.outputs.iter().map(|o| o.1));
    used.for_each(|v| uses[v.index()] += 1);
    let old = std::mem::take(&mut g.nodes);
    for node in &old {
        let v = node.inputs.first().map_or(0, |v| v.index());
        let product = match g.values[v].origin {
            Origin::Node(p, _) if node.op.swaps_last_two() && uses[v] == 1 => Some(&old[p]),
            _ => None,
        };
        let Some(Node { inputs, .. }) = product.filter(|p| p.op == Op::MatMul) else {
            g.nodes.push(node.clone());
            continue;
        };
        let operands: Vec<Value> = inputs
            .iter()
            .rev()
            .map(|&v| transposed(g, &old, v, &node.layer))
            .collect();
        g.nodes.push(Node {
            op: Op::MatMul,
            inputs: operands,
            ..node.clone()
        });
    }
    renumber(g);
}

/// The transposition of a value, or what it is a transposition of.
fn transposed(g: &mut Graph, old: &[Node], v: Value, layer: &str) -> Value {
    let ValueInfo {
        dtype,
        shape,
        origin,
    } = g.values[v.index()].clone();
    if let Origin::Node(p, _) = origin
        && let Some(source) = old.get(p)
        && source.outputs.first() == Some(&v)
        && source.op.swaps_last_two()
    {
        return source.inputs[0];
    }
    let rank = shape.len();
    let perm: Vec<usize> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
    let out = Value(g.values.len() as u32);
    let shape = perm.iter().map(|&p| shape[p]).collect();
    g.values.push(ValueInfo {
        dtype,
        shape,
        origin: Origin::Node(usize::MAX, 0),
    });
    g.nodes.push(Node {
        op: Op::Transpose { perm },
        inputs: vec![v],
        outputs: vec![out],
        layer: layer.to_owned(),
    });
    out
}

/// One sweep in topological order: every operand is rewritten to its representative first.
fn simplify(g: &mut Graph) {
    let mut alias: Vec<Value> = (0..g.values.len() as u32).map(Value).collect();
    let mut constants: HashMap<Constant, Value> = HashMap::new();
    for (i, info) in g.values.iter().enumerate() {
        if let Origin::Constant(c) = &info.origin {
            alias[i] = *constants.entry(c.clone()).or_insert(Value(i as u32));
        }
    }
    let mut seen: HashMap<(String, Vec<Value>), Vec<Value>> = HashMap::new();
    for n in 0..g.nodes.len() {
        for input in &mut g.nodes[n].inputs {
            *input = alias[input.index()];
        }
        if let Some((shape, source)) = reshape_chain(g, &g.nodes[n].op, &g.nodes[n].inputs) {
            g.nodes[n].op = Op::Reshape { shape };
            g.nodes[n].inputs = vec![source];
        }
        let node = g.nodes[n].clone();
        let out = node.outputs[0];
        if let Some(c) = fold(g, &node.op, &node.inputs) {
            g.values[out.index()].origin = Origin::Constant(c.clone());
            alias[out.index()] = *constants.entry(c).or_insert(out);
            g.nodes[n].outputs.clear();
        } else if let Some(same) = no_op(g, &node.op, &node.inputs, out) {
            alias[out.index()] = same;
        } else {
            match seen.entry((format!("{:?}", node.op), node.inputs.clone())) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    for (mine, theirs) in node.outputs.iter().zip(first.get()) {
                        alias[mine.index()] = *theirs;
                    }
                }
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(node.outputs);
                }
            }
        }
    }
    for (_, v) in &mut g.outputs {
        *v = alias[v.index()];
    }
}

/// An operator that returns its first operand as it is.
fn no_op(g: &Graph, op: &Op, inputs: &[Value], out: Value) -> Option<Value> {
    let x = *inputs.first()?;
    let same_shape = g.shape(x) == g.shape(out);
    let constant = |v: Value, number: f64| {
        g.as_constant(v)
            .and_then(Constant::as_real)
            .is_some_and(|c| c.iter().all(|&e| e == number))
    };
    let keeps = match op {
        Op::Detach => true,
        Op::Reshape { .. } | Op::Expand { .. } => same_shape,
        Op::Cast { to } => g.dtype(x) == *to,
        Op::Transpose { perm } => perm.iter().copied().eq(0..perm.len()),
        Op::Add | Op::Sub => same_shape && constant(inputs[1], 0.0),
        Op::Mul | Op::Div => same_shape && constant(inputs[1], 1.0),
        Op::ReduceSum { axes, .. } | Op::ReduceMean { axes, .. } => axes.is_empty() && same_shape,
        _ => false,
    };
    if let (Op::Transpose { perm }, Some(node)) = (op, g.producer(x))
        && let Op::Transpose { perm: inner } = &node.op
        && perm.iter().map(|&p| inner[p]).eq(0..perm.len())
    {
        return Some(node.inputs[0]);
    }
    keeps.then_some(x)
}

/// A reshape of a reshape is a reshape of the first operand.
fn reshape_chain(g: &Graph, op: &Op, inputs: &[Value]) -> Option<(Vec<usize>, Value)> {
    let Op::Reshape { shape } = op else {
        return None;
    };
    let node = g.producer(inputs[0])?;
    matches!(node.op, Op::Reshape { .. }).then(|| (shape.clone(), node.inputs[0]))
}

/// Layout operators on small constants are computed now.
fn fold(g: &Graph, op: &Op, inputs: &[Value]) -> Option<Constant> {
    let c = g.as_constant(*inputs.first()?)?;
    match op {
        Op::Reshape { shape } => Some(Constant {
            shape: shape.clone(),
            ..c.clone()
        }),
        Op::Transpose { perm } => Some(transpose(c, perm)),
        Op::Detach => Some(c.clone()),
        _ => None,
    }
}

fn transpose(c: &Constant, perm: &[usize]) -> Constant {
    let rank = c.shape.len();
    let size = c.dtype.size();
    let mut stride = vec![1; rank];
    for i in (0..rank.saturating_sub(1)).rev() {
        stride[i] = stride[i + 1] * c.shape[i + 1];
    }
    let shape: Vec<usize> = perm.iter().map(|&p| c.shape[p]).collect();
    let mut at = vec![0; rank];
    let mut bytes = Vec::with_capacity(c.bytes.len());
    for _ in 0..c.len() {
        let from: usize = (0..rank).map(|i| at[i] * stride[perm[i]]).sum::<usize>() * size;
        bytes.extend_from_slice(&c.bytes[from..from + size]);
        for i in (0..rank).rev() {
            at[i] += 1;
            if at[i] < shape[i] {
                break;
            }
            at[i] = 0;
        }
    }
    Constant {
        dtype: c.dtype,
        shape,
        bytes: bytes.into(),
    }
}

fn remove_dead(g: &mut Graph) {
    let mut live: HashSet<Value> = g.outputs.iter().map(|(_, v)| *v).collect();
    let mut kept = vec![];
    while let Some(node) = g.nodes.pop() {
        if node.outputs.iter().any(|v| live.contains(v)) {
            live.extend(&node.inputs);
            kept.push(node);
        }
    }
    kept.reverse();
    g.nodes = kept;
    renumber(g);
}
