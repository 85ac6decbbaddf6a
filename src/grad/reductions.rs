//! Sums over axes. The cotangent of what is summed is left unexpanded: size 1 along these axes.

use super::visit::{Visit, scale};
use crate::graph::{Graph, Result, Value};

/// The cotangent with the reduced axes back in place, at size 1.
pub(super) fn sum(g: &mut Graph, v: &Visit, dy: Value, axes: &[usize]) -> Result<Value> {
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

pub(super) fn mean(g: &mut Graph, v: &Visit, dy: Value, axes: &[usize]) -> Result<Value> {
    let shape = g.shape(v.x(0));
    let count: usize = (0..shape.len())
        .filter(|i| axes.contains(i))
        .map(|i| shape[i])
        .product();
    let d = sum(g, v, dy, axes)?;
    scale(g, d, 1.0 / count as f64)
}

pub(super) fn sum_square(g: &mut Graph, v: &Visit, dy: Value, axes: &[usize]) -> Result<Value> {
    let d = sum(g, v, dy, axes)?;
    let d = scale(g, d, 2.0)?;
    g.mul(d, v.x(0))
}

#[cfg(test)]
mod tests {
    use crate::grad::check::{check, given};
    use crate::graph::Op;

    #[test]
    fn any_axes_kept_or_not() {
        for shape in [vec![2, 3, 4], vec![1, 5, 1], vec![13, 21, 8]] {
            for axes in [vec![], vec![0], vec![1], vec![0, 2], vec![0, 1, 2]] {
                for keep in [false, true] {
                    check(&[given(&shape)], |g, x| {
                        let square = g.mul(x[0], x[0])?;
                        g.reduce_sum(square, &axes, keep)
                    });
                    check(&[given(&shape)], |g, x| {
                        let mean = g.reduce_mean(x[0], &axes, true)?;
                        let centred = g.sub(x[0], mean)?;
                        let square = g.mul(centred, centred)?;
                        g.reduce_mean(square, &axes, keep)
                    });
                    check(&[given(&shape)], |g, x| {
                        let axes = axes.clone();
                        Ok(g.node(Op::ReduceSumSquare { axes, keep }, &[x[0]])?[0])
                    });
                }
            }
        }
    }

    #[test]
    fn a_sum_of_a_sum() {
        check(&[given(&[2, 3, 4])], |g, x| {
            let inner = g.reduce_sum(x[0], &[1], false)?;
            let outer = g.reduce_mean(inner, &[1], false)?;
            let square = g.mul(outer, outer)?;
            g.reduce_sum(square, &[0], true)
        });
    }
}
