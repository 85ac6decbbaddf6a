//! Operators that move elements without changing them.

use super::visit::{Visit, full, unbroadcast};
use crate::graph::{Graph, Op, Result, Value};

pub(super) fn reshape(g: &mut Graph, v: &Visit, dy: Value) -> Result<Value> {
    let shape = g.shape(v.x(0)).to_vec();
    if g.shape(dy).iter().all(|&n| n == 1) {
        return g.reshape(dy, &vec![1; shape.len()]);
    }
    let dy = full(g, dy, v.y())?;
    g.reshape(dy, &shape)
}

pub(super) fn expand(g: &mut Graph, v: &Visit, dy: Value) -> Result<Value> {
    let (from, to) = (g.shape(v.y()).to_vec(), g.shape(v.x(0)).to_vec());
    unbroadcast(g, dy, &from, &to)
}

pub(super) fn transpose(g: &mut Graph, dy: Value, perm: &[usize]) -> Result<Value> {
    transposed(g, dy, &inverse(perm))
}

/// The order of axes that undoes another.
pub(super) fn inverse(perm: &[usize]) -> Vec<usize> {
    let mut back = vec![0; perm.len()];
    for (i, &p) in perm.iter().enumerate() {
        back[p] = i;
    }
    back
}

/// Axes in another order; two transpositions that cancel leave nothing.
pub(super) fn transposed(g: &mut Graph, x: Value, perm: &[usize]) -> Result<Value> {
    if let Some(node) = g.producer(x)
        && let Op::Transpose { perm: first } = &node.op
        && perm.iter().map(|&p| first[p]).eq(0..perm.len())
    {
        return Ok(node.inputs[0]);
    }
    g.transpose(x, perm)
}

/// The last two axes exchanged.
pub(super) fn swapped(g: &mut Graph, x: Value) -> Result<Value> {
    let rank = g.shape(x).len();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    transposed(g, x, &perm)
}

pub(super) fn concat(g: &mut Graph, v: &mut Visit, axis: usize) -> Result<()> {
    let dy = v.dy(g)?;
    let sizes: Vec<usize> = v.node.inputs.iter().map(|&x| g.shape(x)[axis]).collect();
    let unexpanded = g.shape(dy)[axis] == 1 && sizes.iter().sum::<usize>() != 1;
    let wanted: Vec<usize> = (0..sizes.len()).filter(|&i| v.wants(i)).collect();
    if unexpanded {
        wanted.iter().for_each(|&i| v.give(i, dy));
    } else if wanted.len() == sizes.len() && sizes.len() > 1 {
        for (i, d) in g.split(dy, axis, &sizes)?.into_iter().enumerate() {
            v.give(i, d);
        }
    } else {
        for i in wanted {
            let start = sizes[..i].iter().sum();
            let d = g.slice_axis(dy, axis, start, start + sizes[i])?;
            v.give(i, d);
        }
    }
    Ok(())
}

pub(super) fn split(g: &mut Graph, v: &mut Visit, axis: usize, sizes: &[usize]) -> Result<()> {
    let mut start = 0;
    for (i, size) in sizes.iter().enumerate() {
        if let Some(dy) = v.dys[i] {
            let dy = full(g, dy, v.node.outputs[i])?;
            let mut starts = vec![0; g.shape(dy).len()];
            starts[axis] = start;
            v.give_part(0, starts, dy);
        }
        start += size;
    }
    Ok(())
}

pub(super) fn slice(g: &mut Graph, v: &mut Visit, starts: &[usize]) -> Result<()> {
    let dy = v.full_dy(g)?;
    v.give_part(0, starts.to_vec(), dy);
    Ok(())
}

pub(super) fn pad(g: &mut Graph, v: &Visit, dy: Value, before: &[usize]) -> Result<Value> {
    let (shape, padded) = (g.shape(v.x(0)).to_vec(), g.shape(v.y()).to_vec());
    let (mut starts, mut ends) = (before.to_vec(), vec![]);
    for i in 0..shape.len() {
        // Along an unexpanded axis every entry is alike, and one is enough.
        if g.shape(dy)[i] != padded[i] {
            starts[i] = 0;
            ends.push(1);
        } else {
            ends.push(before[i] + shape[i]);
        }
    }
    g.slice(dy, &starts, &ends)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::grad::check::{check, given};
    use crate::grad::gradients;
    use crate::graph::{DType, Graph, Result, Value};

    #[test]
    fn shapes_and_orders() {
        check(&[given(&[2, 3, 4])], |g, x| g.reshape(x[0], &[4, 6]));
        check(&[given(&[1, 3, 1])], |g, x| g.expand(x[0], &[5, 2, 3, 4]));
        check(&[given(&[2, 3, 4])], |g, x| g.transpose(x[0], &[2, 0, 1]));
        check(&[given(&[12, 30, 7])], |g, x| g.transpose(x[0], &[1, 0, 2]));
        check(&[given(&[2, 3]), given(&[2, 1]), given(&[2, 2])], |g, x| {
            g.concat(x, 1)
        });
        check(&[given(&[2, 3])], |g, x| g.concat(&[x[0], x[0]], 0));
        check(&[given(&[2, 3])], |g, x| g.pad(x[0], &[1, 0], &[0, 2]));
    }

    /// Unexpanded cotangents: every layout operator in front of a mean.
    #[test]
    fn in_front_of_a_mean() {
        let layouts: [fn(&mut Graph, Value) -> Result<Value>; 8] = [
            |g, x| g.reshape(x, &[3, 4]),
            |g, x| g.expand(x, &[2, 2, 6]),
            |g, x| g.transpose(x, &[1, 0]),
            |g, x| g.concat(&[x, x], 1),
            |g, x| Ok(g.split(x, 1, &[2, 4])?[1]),
            |g, x| g.slice(x, &[0, 2], &[1, 6]),
            |g, x| g.pad(x, &[1, 1], &[0, 1]),
            |g, x| g.slice(x, &[1, 5], &[2, 6]),
        ];
        for layout in layouts {
            for axes in [&[0usize][..], &[1], &[0, 1]] {
                check(&[given(&[2, 6])], |g, x| {
                    let square = g.mul(x[0], x[0])?;
                    let moved = layout(g, square)?;
                    let mean = g.reduce_mean(moved, axes, false)?;
                    g.mul(mean, mean)
                });
            }
        }
    }

    #[test]
    fn some_parts_of_a_split() {
        for used in [
            vec![0],
            vec![1],
            vec![2],
            vec![0, 2],
            vec![1, 2],
            vec![0, 1, 2],
        ] {
            check(&[given(&[2, 6])], |g, x| {
                let parts = g.split(x[0], 1, &[1, 2, 3])?;
                let squares: Vec<Value> = used
                    .iter()
                    .map(|&i| g.mul(parts[i], parts[i]))
                    .collect::<Result<_>>()?;
                g.concat(&squares, 1)
            });
        }
    }

    fn emitted(
        shape: &[usize],
        f: impl Fn(&mut Graph, Value) -> Result<Value>,
    ) -> Vec<&'static str> {
        let mut g = Graph::new("emitted");
        let x = g.input("x", DType::F32, shape).unwrap();
        let y = f(&mut g, x).unwrap();
        let weights = g
            .input("weights", DType::F32, g.shape(y).to_vec().as_slice())
            .unwrap();
        let before = g.nodes().len();
        crate::grad::vjp(&mut g, &[(y, weights)], &[x]).unwrap();
        g.nodes()[before..].iter().map(|n| n.op.name()).collect()
    }

    #[test]
    fn slices_are_laid_side_by_side() {
        let roll = |g: &mut Graph, x: Value| {
            let head = g.slice_axis(x, 1, 0, 3)?;
            let tail = g.slice_axis(x, 1, 3, 7)?;
            g.concat(&[tail, head], 1)
        };
        check(&[given(&[2, 7])], |g, x| roll(g, x[0]));
        assert_eq!(emitted(&[2, 7], roll), ["Split", "Concat"]);
        let apart = |g: &mut Graph, x: Value| {
            let a = g.slice_axis(x, 0, 1, 2)?;
            let b = g.slice_axis(x, 0, 4, 6)?;
            g.concat(&[a, b], 0)
        };
        check(&[given(&[7, 2])], |g, x| apart(g, x[0]));
        assert!(!emitted(&[7, 2], apart).contains(&"Add"));
        // A 3 × 3 neighbourhood: slices that overlap.
        check(&[given(&[5, 4])], |g, x| {
            let padded = g.pad(x[0], &[1, 1], &[1, 1])?;
            let mut sum = x[0];
            for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
                let shifted = g.slice(padded, &[i, j], &[i + 5, j + 4])?;
                let scaled = crate::grad::visit::scale(g, shifted, (3 * i + j) as f64)?;
                sum = g.add(sum, scaled)?;
            }
            Ok(sum)
        });
    }

    #[test]
    fn transpositions_that_cancel_are_not_emitted() {
        let twice = |g: &mut Graph, x: Value| {
            let y = g.transpose(x, &[1, 2, 0])?;
            g.transpose(y, &[2, 0, 1])
        };
        assert_eq!(emitted(&[2, 3, 4], twice), ["Transpose"]);
        check(&[given(&[2, 3, 4])], |g, x| twice(g, x[0]));
    }

    #[test]
    fn a_flat_vector_of_parameters_gets_a_flat_gradient() {
        let mut g = Graph::new("flat");
        let all = g.input("all", DType::F32, &[6]).unwrap();
        let parts = g.split(all, 0, &[2, 4]).unwrap();
        let matrix = g.reshape(parts[1], &[2, 2]).unwrap();
        let row = g.reshape(parts[0], &[1, 2]).unwrap();
        let y = g.matmul(row, matrix).unwrap();
        let before = g.nodes().len();
        gradients(&mut g, y, &[all]).unwrap();
        let ops: Vec<_> = g.nodes()[before..].iter().map(|n| n.op.name()).collect();
        assert_eq!(ops.iter().filter(|&&op| op == "Concat").count(), 1);
        assert!(!ops.contains(&"Pad") && !ops.contains(&"Add"), "{ops:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

        #[test]
        fn any_block_of_any_shape(
            axes in prop::collection::vec((1usize..5, 0usize..5, 0usize..5, 0usize..3, 0usize..3), 1..4),
            turn in 0usize..4,
        ) {
            let shape: Vec<usize> = axes.iter().map(|a| a.0).collect();
            let starts: Vec<usize> = axes.iter().map(|a| a.1.min(a.0 - 1)).collect();
            let ends: Vec<usize> =
                axes.iter().zip(&starts).map(|(a, &s)| (s + 1 + a.2).min(a.0)).collect();
            let before: Vec<usize> = axes.iter().map(|a| a.3).collect();
            let after: Vec<usize> = axes.iter().map(|a| a.4).collect();
            let mut perm: Vec<usize> = (0..shape.len()).collect();
            perm.rotate_left(turn % shape.len());
            check(&[given(&shape)], |g, x| {
                let block = g.slice(x[0], &starts, &ends)?;
                let padded = g.pad(block, &before, &after)?;
                let turned = g.transpose(padded, &perm)?;
                let doubled = g.concat(&[turned, turned], perm.len() - 1)?;
                let count = g.shape(doubled).iter().product();
                let flat = g.reshape(doubled, &[count])?;
                let many = g.expand(flat, &[2, count])?;
                g.mul(many, many)
            });
        }
    }
}
