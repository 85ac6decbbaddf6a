//! Softmax and layer normalisation. Each node is a pass over memory, so there are few of them.

use super::visit::{Visit, full, scale, unbroadcast};
use crate::graph::{Graph, Result, Value};

/// `dx = y (dy - Σ dy y)`
pub(super) fn softmax(g: &mut Graph, v: &Visit, dy: Value, axis: usize) -> Result<Value> {
    let dy = full(g, dy, v.y())?;
    let weighted = g.mul(dy, v.y())?;
    let sum = g.reduce_sum(weighted, &[axis], true)?;
    let rest = g.sub(dy, sum)?;
    g.mul(rest, v.y())
}

/// `dx = dy - softmax(x) Σ dy`
pub(super) fn log_softmax(g: &mut Graph, v: &Visit, dy: Value, axis: usize) -> Result<Value> {
    let dy = full(g, dy, v.y())?;
    let sum = g.reduce_sum(dy, &[axis], true)?;
    let softmax = g.exp(v.y())?;
    let share = g.mul(softmax, sum)?;
    g.sub(dy, share)
}

/// With `c = x - mean`, `s` the inverse standard deviation, over the last axis:
/// `dx = s (dy·gain - mean(dy·gain) - c s² mean(dy·gain·c))`, `dgain = Σ dy c s`, `dbias = Σ dy`.
///
/// `dy·c` serves both `dgain` and, as a product with the gain, the last mean. The statistics have
/// cotangents of their own in a gradient of a gradient: `d mean = 1/n`, `d s = -s³ c / n`.
pub(super) fn layer_norm(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let (x, gain) = (v.x(0), v.x(1));
    let [_, mean, inverse] = v.node.outputs[..] else {
        return Err(g.config_error("layer normalisation has three results"));
    };
    // The statistics are single precision whatever the operands are.
    let mean = g.cast(mean, g.dtype(x))?;
    let inverse = g.cast(inverse, g.dtype(x))?;
    let shape = g.shape(x).to_vec();
    let width = shape[shape.len() - 1];
    let rows = shape[..shape.len() - 1].iter().product::<usize>();
    let centred = g.sub(x, mean)?;
    if let Some(dy) = v.dys[0] {
        v.offer(g, 2, |g| unbroadcast(g, dy, &shape, &[width]))?;
        if v.wants(0) || v.wants(1) {
            let dy = full(g, dy, x)?;
            let product = g.mul(dy, centred)?;
            let flat = g.reshape(product, &[rows, width])?;
            v.offer(g, 1, |g| {
                let weights = g.reshape(inverse, &[1, rows])?;
                let d = g.gemm(weights, flat, None, false, false)?;
                g.reshape(d, &[width])
            })?;
            v.offer(g, 0, |g| {
                let column = g.reshape(gain, &[width, 1])?;
                let projection = g.gemm(flat, column, None, false, false)?;
                let projection = g.reshape(projection, g.shape(inverse).to_vec().as_slice())?;
                let square = g.mul(inverse, inverse)?;
                let square = scale(g, square, 1.0 / width as f64)?;
                let slope = g.mul(projection, square)?;
                let scaled = g.mul(dy, gain)?;
                let level = g.reduce_mean(scaled, &[shape.len() - 1], true)?;
                let tilt = g.mul(centred, slope)?;
                let d = g.sub(scaled, tilt)?;
                let d = g.sub(d, level)?;
                g.mul(d, inverse)
            })?;
        }
    }
    statistics(g, v, centred, inverse, width)
}

/// The share of `x` in the cotangents of the mean and the inverse standard deviation.
fn statistics(
    g: &mut Graph,
    v: &mut Visit,
    centred: Value,
    inverse: Value,
    width: usize,
) -> Result<()> {
    if !v.wants(0) {
        return Ok(());
    }
    if let Some(d) = v.dys[1] {
        let d = g.cast(d, g.dtype(centred))?;
        let d = scale(g, d, 1.0 / width as f64)?;
        v.give(0, d);
    }
    if let Some(d) = v.dys[2] {
        let d = g.cast(d, g.dtype(centred))?;
        let square = g.mul(inverse, inverse)?;
        let cube = g.mul(square, inverse)?;
        let d = g.mul(d, cube)?;
        let d = scale(g, d, -1.0 / width as f64)?;
        let d = g.mul(centred, d)?;
        v.give(0, d);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::grad::check::{check, check_in, given};
    use crate::grad::gradients;
    use crate::graph::{DType, Graph};

    #[test]
    fn softmax_along_any_axis() {
        for (shape, axis) in [
            (vec![5], 0),
            (vec![2, 3, 4], 0),
            (vec![2, 3, 4], 1),
            (vec![2, 3, 4], 2),
            (vec![6, 49, 49], 2),
        ] {
            check(&[given(&shape)], |g, x| g.softmax(x[0], axis));
            check(&[given(&shape)], |g, x| g.log_softmax(x[0], axis));
            // Cotangents that arrive unexpanded.
            check(&[given(&shape)], |g, x| {
                let p = g.softmax(x[0], axis)?;
                let q = g.log_softmax(x[0], axis)?;
                let both = g.sub(p, q)?;
                g.reduce_sum(both, &[axis], false)
            });
        }
    }

    #[test]
    fn layer_norm_over_the_last_axis() {
        for shape in [vec![4], vec![3, 4], vec![2, 3, 5], vec![2, 49, 32]] {
            let width = shape[shape.len() - 1];
            let inputs = [given(&shape), given(&[width]), given(&[width])];
            check_in(DType::F32, &inputs, |g, x| {
                g.layer_norm(x[0], x[1], x[2], 1e-2)
            });
        }
    }

    #[test]
    fn layer_norm_computes_what_is_asked_for() {
        let mut g = Graph::new("norm");
        let x = g.input("x", DType::F32, &[4, 8]).unwrap();
        let gain = g.input("gain", DType::F32, &[8]).unwrap();
        let bias = g.input("bias", DType::F32, &[8]).unwrap();
        let y = g.layer_norm(x, gain, bias, 1e-5).unwrap();
        let loss = g.sum_square(y).unwrap();
        let count = |wrt: &[_]| {
            let mut g = g.clone();
            for (i, d) in gradients(&mut g, loss, wrt).unwrap().iter().enumerate() {
                g.output(&format!("d{i}"), d.unwrap()).unwrap();
            }
            g.cleaned_node_count().unwrap()
        };
        let (all, bias_only) = (count(&[x, gain, bias]), count(&[bias]));
        // The norm, the cotangent (2), then: sum (2); centred, product, reshapes (2), dgain (3);
        // projection (3), slope (3), level (2), tilt, and the three passes that put them together.
        assert!(all <= 26, "{all} nodes");
        assert!(bias_only <= 5, "{bias_only} nodes");
    }
}
