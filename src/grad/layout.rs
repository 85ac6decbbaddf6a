//! Operators that move elements without changing them.

use super::visit::{Visit, full, unbroadcast};
use crate::graph::{Graph, Op, Origin, Result, Value};

pub(super) fn reshape(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let dy = v.dy(g)?;
    let shape = g.shape(v.x(0)).to_vec();
    let d = if g.shape(dy).iter().all(|&n| n == 1) {
        g.reshape(dy, &vec![1; shape.len()])?
    } else {
        let dy = full(g, dy, v.y())?;
        g.reshape(dy, &shape)?
    };
    v.give(0, d);
    Ok(())
}

pub(super) fn expand(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let dy = v.dy(g)?;
    let (from, to) = (g.shape(v.y()).to_vec(), g.shape(v.x(0)).to_vec());
    let d = unbroadcast(g, dy, &from, &to)?;
    v.give(0, d);
    Ok(())
}

pub(super) fn transpose(g: &mut Graph, v: &mut Visit, perm: &[usize]) -> Result<()> {
    let dy = v.dy(g)?;
    let mut back = vec![0; perm.len()];
    for (i, &p) in perm.iter().enumerate() {
        back[p] = i;
    }
    let d = transposed(g, dy, &back)?;
    v.give(0, d);
    Ok(())
}

/// Axes in another order; two transpositions that cancel leave nothing.
pub(super) fn transposed(g: &mut Graph, x: Value, perm: &[usize]) -> Result<Value> {
    if let Origin::Node(n, _) = g.info(x).origin
        && let Op::Transpose { perm: first } = &g.nodes()[n].op
        && perm.iter().map(|&p| first[p]).eq(0..perm.len())
    {
        return Ok(g.nodes()[n].inputs[0]);
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

pub(super) fn pad(g: &mut Graph, v: &mut Visit, before: &[usize]) -> Result<()> {
    let dy = v.dy(g)?;
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
    let d = g.slice(dy, &starts, &ends)?;
    v.give(0, d);
    Ok(())
}
