//! Products of a sparse matrix with dense ones: each is the gradient of the others.

use super::visit::Visit;
use crate::graph::{Graph, Result};

/// A product that is linear in a table and in its weights.
pub(super) fn mix_rows(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let dy = v.full_dy(g)?;
    let (table, index, weight) = (v.x(0), v.x(1), v.x(2));
    let rows = g.shape(table)[0];
    v.offer(g, 0, |g| g.scatter_rows(dy, index, weight, rows))?;
    v.offer(g, 2, |g| g.dot_rows(table, index, dy))
}

/// Rows added up at places: each row's gradient is mixed from those of its places.
pub(super) fn scatter_rows(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let dt = v.full_dy(g)?;
    let (y, index, weight) = (v.x(0), v.x(1), v.x(2));
    v.offer(g, 0, |g| g.mix_rows(dt, index, weight))?;
    v.offer(g, 2, |g| g.dot_rows(dt, index, y))
}

/// Dot products of rows with rows of a table.
pub(super) fn dot_rows(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let dw = v.full_dy(g)?;
    let (table, index, y) = (v.x(0), v.x(1), v.x(2));
    let rows = g.shape(table)[0];
    v.offer(g, 0, |g| g.scatter_rows(y, index, dw, rows))?;
    v.offer(g, 2, |g| g.mix_rows(table, index, dw))
}

#[cfg(test)]
mod tests {
    use crate::grad::check::{check, given};
    use crate::graph::{Constant, DType, Graph};

    #[test]
    fn products_of_rows_and_their_gradients() {
        // Widths that have code of their own, and others; second derivatives through the square.
        for (rows, n, k, d) in [(5, 6, 3, 2), (7, 4, 1, 16), (9, 5, 4, 32), (3, 2, 8, 9)] {
            let index = |g: &mut Graph| {
                let list: Vec<f64> = (0..n * k)
                    .map(|i| ((i * i + i / 3) % rows) as f64)
                    .collect();
                let list = g.constant(Constant::real(DType::F64, &[n, k], list));
                g.cast(list, DType::I32)
            };
            check(&[given(&[rows, d]), given(&[n, k])], |g, x| {
                let index = index(g)?;
                let y = g.mix_rows(x[0], index, x[1])?;
                g.mul(y, y)
            });
            check(&[given(&[n, d]), given(&[n, k])], |g, x| {
                let index = index(g)?;
                let y = g.scatter_rows(x[0], index, x[1], rows)?;
                g.mul(y, y)
            });
            check(&[given(&[rows, d]), given(&[n, d])], |g, x| {
                let index = index(g)?;
                let y = g.dot_rows(x[0], index, x[1])?;
                g.mul(y, y)
            });
        }
    }
}
