//! Bilinear resizing, as products with constant matrices.

use crate::graph::{Constant, Graph, Result, Value};

/// Weights of bilinear resizing from `from` to `to` samples, `(to, from)` row-major: half-pixel
/// centres, no antialias, clamped at the borders (`docs/method.md#bilinear-resizing`).
fn bilinear_matrix(from: usize, to: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; to * from];
    for i in 0..to {
        let source = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
        let low = (source.floor() as usize).min(from - 1);
        let high = (low + 1).min(from - 1);
        let share = (source - low as f64) as f32;
        matrix[i * from + low] += 1.0 - share;
        matrix[i * from + high] += share;
    }
    matrix
}

/// That matrix in a graph.
fn resizing(g: &mut Graph, from: usize, to: usize) -> Value {
    g.constant(Constant::f32(&[to, from], &bilinear_matrix(from, to)))
}

/// Bilinear resizing of tokens `(batch, h · w, channels)` from size `from` to size `to`, as two products.
pub fn resize_tokens(
    g: &mut Graph,
    x: Value,
    from: (usize, usize),
    to: (usize, usize),
) -> Result<Value> {
    let [batch, _, channels] = g.dims(x, "resizing")?;
    let mut x = x;
    if from.0 != to.0 {
        let rows = resizing(g, from.0, to.0);
        let map = g.reshape(x, &[batch, from.0, from.1 * channels])?;
        x = g.matmul(rows, map)?;
    }
    if from.1 != to.1 {
        let columns = resizing(g, from.1, to.1);
        let map = g.reshape(x, &[batch * to.0, from.1, channels])?;
        x = g.matmul(columns, map)?;
    }
    g.reshape(x, &[batch, to.0 * to.1, channels])
}

/// Bilinear resizing of planes `(n, h, w)` to `(n, H, W)`, as two products.
pub fn resize_planes(g: &mut Graph, x: Value, to: (usize, usize)) -> Result<Value> {
    let [n, h, w] = g.dims(x, "resizing")?;
    let matrix = bilinear_matrix(w, to.1);
    let transposed: Vec<f32> = (0..w * to.1)
        .map(|i| matrix[(i % to.1) * w + i / to.1])
        .collect();
    let columns = g.constant(Constant::f32(&[w, to.1], &transposed));
    let flat = g.reshape(x, &[n * h, w])?;
    let wide = g.matmul(flat, columns)?;
    let wide = g.reshape(wide, &[n, h, to.1])?;
    let rows = resizing(g, h, to.0);
    g.matmul(rows, wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_shrinking_averages_the_centre() {
        assert_eq!(
            bilinear_matrix(4, 2),
            [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5]
        );
        assert_eq!(
            bilinear_matrix(8, 1),
            [0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn enlarging_clamps_at_the_borders() {
        assert_eq!(
            bilinear_matrix(2, 4),
            [1.0, 0.0, 0.75, 0.25, 0.25, 0.75, 0.0, 1.0]
        );
    }
}
