//! Sums over axes. The cotangent of what is summed is left unexpanded: size 1 along these axes.

use super::visit::{Visit, scale};
use crate::graph::{Graph, Result, Value};

/// The cotangent with the reduced axes back in place, at size 1.
fn kept(g: &mut Graph, v: &Visit, axes: &[usize]) -> Result<Value> {
    let dy = v.dy(g)?;
    let rank = g.shape(v.x(0)).len();
    let mut sizes = g.shape(dy).to_vec().into_iter();
    let keep = sizes.len() == rank;
    let shape: Vec<usize> = (0..rank)
        .map(|i| match axes.contains(&i) && !keep {
            true => 1,
            false => sizes.next().unwrap_or(1),
        })
        .collect();
    g.reshape(dy, &shape)
}

pub(super) fn sum(g: &mut Graph, v: &mut Visit, axes: &[usize]) -> Result<()> {
    let d = kept(g, v, axes)?;
    v.give(0, d);
    Ok(())
}

pub(super) fn mean(g: &mut Graph, v: &mut Visit, axes: &[usize]) -> Result<()> {
    let shape = g.shape(v.x(0));
    let count: usize = (0..shape.len())
        .filter(|i| axes.contains(i))
        .map(|i| shape[i])
        .product();
    let d = kept(g, v, axes)?;
    let d = scale(g, d, 1.0 / count as f64)?;
    v.give(0, d);
    Ok(())
}

pub(super) fn sum_square(g: &mut Graph, v: &mut Visit, axes: &[usize]) -> Result<()> {
    let d = kept(g, v, axes)?;
    let d = scale(g, d, 2.0)?;
    let d = g.mul(d, v.x(0))?;
    v.give(0, d);
    Ok(())
}
