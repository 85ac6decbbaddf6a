//! A node on the way back, with the cotangents of its results, and helpers of the rules.

use std::collections::{HashMap, HashSet};

use super::accumulate::Accumulator;
use crate::graph::{Graph, Node, Result, Value};

/// A node with the cotangents of its results. Rules read it and [`Visit::give`] to its operands.
pub(super) struct Visit<'a> {
    pub node: &'a Node,
    /// One per result, `None` where the loss does not depend on it; same rank as the result, every
    /// size that of the result or 1 (all entries alike along that axis).
    pub dys: Vec<Option<Value>>,
    /// The values a gradient is computed for.
    pub path: &'a HashSet<Value>,
    /// The values the caller wants the gradient of.
    pub requested: &'a HashSet<Value>,
    pub collected: &'a mut HashMap<Value, Accumulator>,
}

impl Visit<'_> {
    /// Operand `i`.
    pub fn x(&self, i: usize) -> Value {
        self.node.inputs[i]
    }

    /// The first result.
    pub fn y(&self) -> Value {
        self.node.outputs[0]
    }

    /// The cotangent of the only result of an operator with one result.
    pub fn dy(&self, g: &Graph) -> Result<Value> {
        self.dys[0].ok_or_else(|| g.config_error("a node without a cotangent was visited"))
    }

    /// The same, with the full shape.
    pub fn full_dy(&self, g: &mut Graph) -> Result<Value> {
        let dy = self.dy(g)?;
        full(g, dy, self.y())
    }

    /// Whether a gradient for operand `i` is computed.
    pub fn wants(&self, i: usize) -> bool {
        self.node
            .inputs
            .get(i)
            .is_some_and(|x| self.path.contains(x))
    }

    /// Gives operand `i` what a rule makes, where a gradient for it is computed.
    pub fn offer(
        &mut self,
        g: &mut Graph,
        i: usize,
        rule: impl FnOnce(&mut Graph) -> Result<Value>,
    ) -> Result<()> {
        if self.wants(i) {
            let dx = rule(g)?;
            self.give(i, dx);
        }
        Ok(())
    }

    /// Adds to the cotangent of operand `i`; same rank, sizes may be 1.
    pub fn give(&mut self, i: usize, dx: Value) {
        self.give_to(self.node.inputs[i], dx);
    }

    /// The same for any value this node depends on.
    pub fn give_to(&mut self, x: Value, dx: Value) {
        if self.path.contains(&x) {
            self.collected.entry(x).or_default().add(dx);
        }
    }

    /// Adds to the part of operand `i`'s cotangent that begins at `starts`; `dx` has the part's full shape.
    pub fn give_part(&mut self, i: usize, starts: Vec<usize>, dx: Value) {
        self.give_part_to(self.node.inputs[i], starts, dx);
    }

    /// The same for any value this node depends on.
    pub fn give_part_to(&mut self, x: Value, starts: Vec<usize>, dx: Value) {
        if self.path.contains(&x) {
            self.collected.entry(x).or_default().add_part(starts, dx);
        }
    }

    /// Gives operand `i` of an elementwise operator its share, where one is wanted: `dx` has the result's shape (sizes
    /// may be 1) and is summed over what the operand was broadcast along.
    pub fn give_broadcast(&mut self, g: &mut Graph, i: usize, dx: Value) -> Result<()> {
        if !self.wants(i) {
            return Ok(());
        }
        let (from, to) = (g.shape(self.y()).to_vec(), g.shape(self.x(i)).to_vec());
        let dx = unbroadcast(g, dx, &from, &to)?;
        self.give(i, dx);
        Ok(())
    }
}

/// A cotangent in the full shape of its value.
pub(super) fn full(g: &mut Graph, d: Value, of: Value) -> Result<Value> {
    let shape = g.shape(of).to_vec();
    g.expand(d, &shape)
}

/// `d` times a number.
pub(super) fn scale(g: &mut Graph, d: Value, factor: f64) -> Result<Value> {
    if factor == 1.0 {
        return Ok(d);
    }
    g.scale(d, factor)
}

/// The adjoint of broadcasting `to` to `from` applied to a cotangent of shape `from` (sizes may be
/// 1): the sum over what was repeated. Where `d` has size 1 instead of n, summing is a factor of n.
pub(super) fn unbroadcast(g: &mut Graph, d: Value, from: &[usize], to: &[usize]) -> Result<Value> {
    let extra = from.len() - to.len();
    let mut shape = g.shape(d).to_vec();
    let mut factor = 1.0;
    let mut axes = vec![];
    for i in 0..from.len() {
        let repeated = i < extra || to[i - extra] == 1;
        if !repeated || from[i] == 1 {
            continue;
        }
        if shape[i] == 1 {
            factor *= from[i] as f64;
        } else {
            axes.push(i);
            shape[i] = 1;
        }
    }
    let d = if axes.is_empty() {
        d
    } else {
        g.reduce_sum(d, &axes, true)?
    };
    let d = g.reshape(d, &shape[extra..])?;
    scale(g, d, factor)
}
