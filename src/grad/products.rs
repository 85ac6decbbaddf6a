//! Matrix products. Operands are used as they are stored: a transposition is either an attribute of `Gemm`
//! or one that ONNX Runtime merges into the product.

use super::layout::swapped;
use super::visit::{Visit, unbroadcast};
use crate::graph::{Graph, Op, Origin, Result, Value};

/// `C = A B` over the last two axes: `dA = dC Bᵀ`, `dB = Aᵀ dC`, summed over broadcast batches.
pub(super) fn matmul(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let (a, b) = (v.x(0), v.x(1));
    let dy = v.full_dy(g)?;
    let (a_shape, b_shape) = (g.shape(a).to_vec(), g.shape(b).to_vec());
    if b_shape[..b_shape.len() - 2].iter().all(|&n| n == 1) && b_shape.len() <= a_shape.len() {
        return one_right_matrix(g, v, dy);
    }
    let batch = g.shape(dy)[..g.shape(dy).len() - 2].to_vec();
    let whole = |shape: &[usize]| [&batch[..], &shape[shape.len() - 2..]].concat();
    if v.wants(0) {
        let d = if transposed_from(g, a).is_some() {
            let turned = swapped(g, dy)?;
            let d = g.matmul(b, turned)?;
            swapped(g, d)?
        } else {
            let turned = swapped(g, b)?;
            g.matmul(dy, turned)?
        };
        let d = unbroadcast(g, d, &whole(&a_shape), &a_shape)?;
        v.give(0, d);
    }
    if v.wants(1) {
        let d = if transposed_from(g, b).is_some() {
            let turned = swapped(g, dy)?;
            let d = g.matmul(turned, a)?;
            swapped(g, d)?
        } else {
            let turned = swapped(g, a)?;
            g.matmul(turned, dy)?
        };
        let d = unbroadcast(g, d, &whole(&b_shape), &b_shape)?;
        v.give(1, d);
    }
    Ok(())
}

/// One right matrix for all rows of the left operand: two plain matrix products.
fn one_right_matrix(g: &mut Graph, v: &mut Visit, dy: Value) -> Result<()> {
    let (a, b) = (v.x(0), v.x(1));
    let (a_shape, b_shape) = (g.shape(a).to_vec(), g.shape(b).to_vec());
    let (k, n) = (b_shape[b_shape.len() - 2], b_shape[b_shape.len() - 1]);
    let rows = a_shape[..a_shape.len() - 1].iter().product::<usize>();
    let dy = g.reshape(dy, &[rows, n])?;
    // Where the right matrix is stored the other way round, that is what the products use and give.
    let stored = transposed_from(g, b);
    if v.wants(0) {
        let d = match stored {
            Some(stored) => {
                let stored = g.reshape(stored, &[n, k])?;
                g.gemm(dy, stored, None, false, false)?
            }
            None => {
                let b = g.reshape(b, &[k, n])?;
                g.gemm(dy, b, None, false, true)?
            }
        };
        let d = g.reshape(d, &a_shape)?;
        v.give(0, d);
    }
    if v.wants(1) {
        let a = g.reshape(a, &[rows, k])?;
        let d = if stored.is_some() {
            let d = g.gemm(dy, a, None, true, false)?;
            swapped(g, d)?
        } else {
            g.gemm(a, dy, None, true, false)?
        };
        let d = g.reshape(d, &b_shape)?;
        v.give(1, d);
    }
    Ok(())
}

/// What `v` is the transposition (of the last two axes) of.
fn transposed_from(g: &Graph, v: Value) -> Option<Value> {
    let Origin::Node(n, _) = g.info(v).origin else {
        return None;
    };
    let Op::Transpose { perm } = &g.nodes()[n].op else {
        return None;
    };
    let rank = perm.len();
    let swap = rank >= 2
        && perm[..rank - 2].iter().copied().eq(0..rank - 2)
        && perm[rank - 2..] == [rank - 1, rank - 2];
    swap.then(|| g.nodes()[n].inputs[0])
}

/// `C = A' B' + bias`: each gradient in the layout its operand is stored in.
pub(super) fn gemm(g: &mut Graph, v: &mut Visit, trans_a: bool, trans_b: bool) -> Result<()> {
    let (a, b) = (v.x(0), v.x(1));
    if v.wants(2) {
        let dy = v.dy(g)?;
        v.give_broadcast(g, 2, dy)?;
    }
    if !v.wants(0) && !v.wants(1) {
        return Ok(());
    }
    let dy = v.full_dy(g)?;
    if v.wants(0) {
        let d = if trans_a {
            g.gemm(b, dy, None, trans_b, true)?
        } else {
            g.gemm(dy, b, None, false, !trans_b)?
        };
        v.give(0, d);
    }
    if v.wants(1) {
        let d = if trans_b {
            g.gemm(dy, a, None, true, trans_a)?
        } else {
            g.gemm(a, dy, None, !trans_a, false)?
        };
        v.give(1, d);
    }
    Ok(())
}
