//! The gradient of picking rows, which is adding rows up.
//!
//! Indices that are known while the graph is built never become a scatter where that can be
//! avoided: the standard scatter is wrong or slow on the CPU.

use super::layout::{inverse, transposed};
use super::visit::Visit;
use crate::graph::{Constant, Graph, Node, Op, Result, Value};

/// Largest constant one-hot matrix, in elements.
const ONE_HOT_ELEMENTS: usize = 4 << 20;
/// Most rows of a table whose gradient is a product: each costs a multiplication per cotangent.
const ONE_HOT_ROWS: usize = 1024;

/// The cheapest adjoint there is for the indices at hand.
pub(super) fn gather(g: &mut Graph, v: &mut Visit, axis: usize) -> Result<()> {
    if !v.wants(0) {
        return Ok(());
    }
    let (x, indices) = (v.x(0), v.x(1));
    let shape = g.shape(x).to_vec();
    let picked = g.shape(indices).iter().product::<usize>();
    // All index axes as one.
    let dy = v.full_dy(g)?;
    let dy = g.reshape(dy, &replaced(&shape, axis, picked))?;
    if let Some(list) = constant_indices(g, indices) {
        let (target, hits) = behind_constants(g, v, axis, &list)?;
        let places = Places::new(hits, g.shape(target)[axis]);
        if let Some((first, d)) = places.adjoint(g, dy, axis)? {
            let mut starts = vec![0; shape.len()];
            starts[axis] = first;
            v.give_part_to(target, starts, d);
            return Ok(());
        }
    }
    let d = scatter(g, dy, indices, axis, &shape)?;
    v.give(0, d);
    Ok(())
}

fn replaced(shape: &[usize], axis: usize, size: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape[axis] = size;
    shape
}

/// The indices in row-major order if they are known now.
fn constant_indices(g: &Graph, mut indices: Value) -> Option<Vec<i64>> {
    loop {
        if let Some(constant) = g.as_constant(indices) {
            return constant.as_integers();
        }
        let node = g.producer(indices)?;
        indices = matches!(node.op, Op::Reshape { .. }).then(|| node.inputs[0])?;
    }
}

/// Where `x` is a `Concat` of one part that has a gradient and others that have none (a row of zeros
/// for what lies outside, for example), the gradient goes straight to that part. Returns the part, or
/// `x`, and per index the row of it that is picked, `None` for rows without a gradient.
fn behind_constants(
    g: &Graph,
    v: &Visit,
    axis: usize,
    list: &[i64],
) -> Result<(Value, Vec<Option<usize>>)> {
    let x = v.x(0);
    let (mut target, mut offset) = (x, 0);
    if let Some(Node {
        op, inputs: parts, ..
    }) = g.producer(x)
        && *op == (Op::Concat { axis })
        && !v.requested.contains(&x)
    {
        let mut wanted = (0..parts.len()).filter(|&i| v.path.contains(&parts[i]));
        if let (Some(i), None) = (wanted.next(), wanted.next()) {
            target = parts[i];
            offset = parts[..i].iter().map(|&p| g.shape(p)[axis]).sum();
        }
    }
    let (all, rows) = (g.shape(x)[axis], g.shape(target)[axis]);
    let place = |&i: &i64| match usize::try_from(i) {
        Ok(i) if i < all => Ok(i.checked_sub(offset).filter(|&i| i < rows)),
        _ => Err(g.config_error(format!("index {i} of {all} rows"))),
    };
    Ok((target, list.iter().map(place).collect::<Result<_>>()?))
}

/// Which positions of the result each row went to.
struct Places {
    /// Number of positions.
    picked: usize,
    /// Per row the positions it is found at, ascending.
    of_row: Vec<Vec<usize>>,
}

impl Places {
    fn new(hits: Vec<Option<usize>>, rows: usize) -> Self {
        let mut of_row = vec![vec![]; rows];
        for (position, row) in hits.iter().enumerate() {
            if let Some(row) = *row {
                of_row[row].push(position);
            }
        }
        Self {
            picked: hits.len(),
            of_row,
        }
    }

    /// The cotangent of the rows from the returned one on, given that of the positions (along `axis` of
    /// `dy`); rows before and behind have none. `None` if nothing is cheaper than a scatter.
    fn adjoint(&self, g: &mut Graph, dy: Value, axis: usize) -> Result<Option<(usize, Value)>> {
        let hit = |row: &Vec<usize>| !row.is_empty();
        let Some(first) = self.of_row.iter().position(hit) else {
            let shape = replaced(g.shape(dy), axis, self.of_row.len());
            let zero = Constant::real(g.dtype(dy), &vec![1; shape.len()], [0.0]);
            let zero = g.constant(zero);
            return Ok(Some((0, g.expand(zero, &shape)?)));
        };
        let last = self.of_row.iter().rposition(hit).unwrap_or(first);
        // A row of zeros that is needed for a hole also serves the ends.
        let whole = self.of_row[first..=last].iter().any(Vec::is_empty);
        let (first, last) = if whole {
            (0, self.of_row.len() - 1)
        } else {
            (first, last)
        };
        let rows = &self.of_row[first..=last];
        let most = rows.iter().map(Vec::len).max().unwrap_or(0);
        let d = if let Some((start, end)) = run(rows) {
            g.slice_axis(dy, axis, start, end)?
        } else if most == 1 || rows.len() * most <= 2 * self.picked {
            self.gather_and_sum(g, dy, axis, rows, most)?
        } else if rows.len() <= ONE_HOT_ROWS && rows.len() * self.picked <= ONE_HOT_ELEMENTS {
            self.one_hot_product(g, dy, axis, rows)?
        } else if rows.iter().filter(|r| r.len() > 1).count() == 1 {
            self.one_sum(g, dy, axis, rows)?
        } else {
            return Ok(None);
        };
        Ok(Some((first, d)))
    }

    /// The inverse gather; where rows were picked up to `most` times, that many are gathered per
    /// row and added. What is missing is found in a row of zeros put at the end.
    fn gather_and_sum(
        &self,
        g: &mut Graph,
        dy: Value,
        axis: usize,
        rows: &[Vec<usize>],
        most: usize,
    ) -> Result<Value> {
        let at = |row: &Vec<usize>, k: usize| row.get(k).copied().unwrap_or(self.picked);
        let list: Vec<i64> = rows
            .iter()
            .flat_map(|row| (0..most).map(|k| at(row, k) as i64))
            .collect();
        let mut padding = vec![0; g.shape(dy).len()];
        padding[axis] = usize::from(rows.iter().any(|row| row.len() < most));
        let dy = g.pad(dy, &vec![0; padding.len()], &padding)?;
        if most == 1 {
            let list = g.constant(Constant::i64(&[rows.len()], &list));
            return g.gather(dy, list, axis);
        }
        let list = g.constant(Constant::i64(&[rows.len(), most], &list));
        let gathered = g.gather(dy, list, axis)?;
        g.reduce_sum(gathered, &[axis + 1], false)
    }

    /// A product with the constant matrix that says which row went where.
    fn one_hot_product(
        &self,
        g: &mut Graph,
        dy: Value,
        axis: usize,
        rows: &[Vec<usize>],
    ) -> Result<Value> {
        let shape = g.shape(dy).to_vec();
        let (outer, inner): (usize, usize) = (
            shape[..axis].iter().product(),
            shape[axis + 1..].iter().product(),
        );
        let (n, picked) = (rows.len(), self.picked);
        let dtype = g.dtype(dy);
        let one_hot = |stride_row: usize, stride_position: usize| {
            let mut matrix = vec![0.0; n * picked];
            for (i, row) in rows.iter().enumerate() {
                for position in row {
                    matrix[i * stride_row + position * stride_position] = 1.0;
                }
            }
            matrix
        };
        let d = if inner == 1 {
            let matrix = g.constant(Constant::real(dtype, &[picked, n], one_hot(1, n)));
            let dy = g.reshape(dy, &[outer, picked])?;
            g.gemm(dy, matrix, None, false, false)?
        } else {
            let matrix = g.constant(Constant::real(dtype, &[n, picked], one_hot(picked, 1)));
            if outer == 1 {
                let dy = g.reshape(dy, &[picked, inner])?;
                g.gemm(matrix, dy, None, false, false)?
            } else {
                let dy = g.reshape(dy, &[outer, picked, inner])?;
                g.matmul(matrix, dy)?
            }
        };
        g.reshape(d, &replaced(&shape, axis, n))
    }

    /// One row was picked many times, the others once or never: its sum is a product with a
    /// constant vector, put behind the positions, and the rest is an inverse gather.
    fn one_sum(&self, g: &mut Graph, dy: Value, axis: usize, rows: &[Vec<usize>]) -> Result<Value> {
        let many = |row: &&Vec<usize>| row.len() > 1;
        let repeated: Vec<Vec<usize>> = rows.iter().filter(many).cloned().collect();
        let sum = self.one_hot_product(g, dy, axis, &repeated)?;
        let both = g.concat(&[dy, sum], axis)?;
        let singles: Vec<Vec<usize>> = rows
            .iter()
            .map(|row| match row[..] {
                [_, _, ..] => vec![self.picked],
                _ => row.clone(),
            })
            .collect();
        let longer = Self {
            picked: self.picked + 1,
            of_row: vec![],
        };
        longer.gather_and_sum(g, both, axis, &singles, 1)
    }
}

/// The run of positions that consecutive rows went to in order, each once.
fn run(rows: &[Vec<usize>]) -> Option<(usize, usize)> {
    let start = *rows.first()?.first()?;
    let in_order = rows
        .iter()
        .enumerate()
        .all(|(i, row)| row[..] == [start + i]);
    in_order.then_some((start, start + rows.len()))
}

/// The adjoint for indices that are only known at run time: rows added up at repeated places.
fn scatter(
    g: &mut Graph,
    dy: Value,
    indices: Value,
    axis: usize,
    shape: &[usize],
) -> Result<Value> {
    let picked = g.shape(dy)[axis];
    let flat = g.reshape(indices, &[picked])?;
    let mut front: Vec<usize> = (0..shape.len()).filter(|&i| i != axis).collect();
    front.insert(0, axis);
    let dy = transposed(g, dy, &front)?;
    let moved: Vec<usize> = front.iter().map(|&i| shape[i]).collect();
    let width = moved[1..].iter().product::<usize>();
    let dy = g.reshape(dy, &[picked, width])?;
    let d = g.add_rows_at(dy, flat, shape[axis])?;
    let d = g.reshape(d, &moved)?;
    transposed(g, d, &inverse(&front))
}

#[cfg(test)]
mod tests {
    use crate::grad::check::{check, given};
    use crate::grad::vjp;
    use crate::graph::{Constant, DType, Graph, GraphError, Result, Value};
    use crate::runtime::{Tensor, testing};

    fn gathered(
        g: &mut Graph,
        x: Value,
        shape: &[usize],
        list: &[i64],
        axis: usize,
    ) -> Result<Value> {
        let list = g.constant(Constant::i64(shape, list));
        g.gather(x, list, axis)
    }

    /// Operators emitted for the gradient of a gather of `rows` rows of two.
    fn emitted(rows: usize, list: &[i64]) -> Vec<&'static str> {
        let mut g = Graph::new("emitted");
        let x = g.input("x", DType::F32, &[rows, 2]).unwrap();
        let dy = g.input("dy", DType::F32, &[list.len(), 2]).unwrap();
        let y = gathered(&mut g, x, &[list.len()], list, 0).unwrap();
        let before = g.nodes().len();
        vjp(&mut g, &[(y, dy)], &[x]).unwrap();
        g.nodes()[before..].iter().map(|n| n.op.name()).collect()
    }

    const LISTS: [&[i64]; 9] = [
        &[4, 2, 0, 3, 1],
        &[4, 0, 2],
        &[3, 1, 2],
        &[1, 2, 3],
        &[2],
        &[0, 0, 1, 1, 2, 2, 3, 3, 4, 4],
        &[0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 4],
        &[2, 4, 4, 4, 4, 4, 4, 0],
        &[3, 3, 3, 3, 3],
    ];

    #[test]
    fn constant_indices_on_every_axis() {
        for list in LISTS {
            check(&[given(&[5, 3])], |g, x| {
                gathered(g, x[0], &[list.len()], list, 0)
            });
            check(&[given(&[3, 5])], |g, x| {
                gathered(g, x[0], &[list.len()], list, 1)
            });
            check(&[given(&[2, 5, 3])], |g, x| {
                gathered(g, x[0], &[list.len()], list, 1)
            });
            check(&[given(&[5])], |g, x| {
                gathered(g, x[0], &[list.len(), 1], list, 0)
            });
        }
        check(&[given(&[5, 3])], |g, x| {
            gathered(g, x[0], &[2, 2], &[0, 4, 4, 1], 0)
        });
        check(&[given(&[5, 3])], |g, x| gathered(g, x[0], &[], &[3], 0));
        check(&[given(&[5, 3])], |g, x| {
            let list = g.constant(Constant::i64(&[4], &[0, 4, 4, 1]));
            let list = g.reshape(list, &[2, 2])?;
            let list = g.cast(list, DType::I64)?;
            g.gather(x[0], list, 0)
        });
    }

    #[test]
    fn constant_indices_never_become_a_scatter() {
        for list in LISTS {
            assert!(!emitted(5, list).contains(&"ScatterRows"), "{list:?}");
        }
        assert_eq!(emitted(5, &[4, 2, 0, 3, 1]), ["Gather"]);
        assert_eq!(emitted(5, &[4, 0, 2]), ["Pad", "Gather"]);
        assert_eq!(emitted(5, &[1, 2, 3]), ["Pad"]);
        // Each row equally often: gathered in the rows' order and summed.
        assert_eq!(emitted(2, &[0, 1, 0, 1]), ["Gather", "ReduceSum"]);
        // A position-bias table.
        let table: Vec<i64> = (0..49 * 49).map(|i| (i * i) % 23).collect();
        assert_eq!(emitted(169, &table), ["Gemm"]);
    }

    #[test]
    fn one_row_that_many_refer_to() {
        // Too many rows for a one-hot matrix, as with windows that reach over the edge.
        let rows = 3000;
        let mut list: Vec<i64> = (0..2 * rows as i64)
            .map(|i| i.min(rows as i64 - 1))
            .collect();
        list.rotate_left(17);
        assert!(!emitted(rows, &list).contains(&"ScatterRows"));
        check(&[given(&[rows, 2])], |g, x| {
            gathered(g, x[0], &[list.len()], &list, 0)
        });
        check(&[given(&[2, rows])], |g, x| {
            gathered(g, x[0], &[list.len()], &list, 1)
        });
    }

    #[test]
    fn constant_rows_of_the_operand_cost_nothing() {
        let list = [5, 1, 5, 0, 4, 3, 5, 2, 5];
        let with_zero_row = |g: &mut Graph, x: Value| {
            let zero = Constant::real(g.dtype(x), &[1, 2], [0.0, 0.0]);
            let zero = g.constant(zero);
            let all = g.concat(&[x, zero], 0)?;
            gathered(g, all, &[list.len()], &list, 0)
        };
        check(&[given(&[5, 2])], |g, x| with_zero_row(g, x[0]));
        let mut g = Graph::new("padded");
        let x = g.input("x", DType::F32, &[5, 2]).unwrap();
        let dy = g.input("dy", DType::F32, &[9, 2]).unwrap();
        let y = with_zero_row(&mut g, x).unwrap();
        let before = g.nodes().len();
        vjp(&mut g, &[(y, dy)], &[x]).unwrap();
        let ops: Vec<_> = g.nodes()[before..].iter().map(|n| n.op.name()).collect();
        assert_eq!(ops, ["Gather"]);
        // In front, and picked from by another node as well.
        check(&[given(&[3, 2])], |g, x| {
            let zero = Constant::real(g.dtype(x[0]), &[2, 2], [1.0; 4]);
            let zero = g.constant(zero);
            let all = g.concat(&[zero, x[0]], 0)?;
            let some = gathered(g, all, &[4], &[1, 4, 0, 2], 0)?;
            let others = gathered(g, all, &[3], &[1, 1, 0], 0)?;
            let picked = g.concat(&[some, others, all], 0)?;
            g.mul(picked, picked)
        });
    }

    #[test]
    fn the_gradient_of_the_joined_operand_is_whole_when_asked_for() {
        let mut g = Graph::new("joined");
        let x = g.input("x", DType::F64, &[2, 1]).unwrap();
        let zero = g.constant(Constant::real(DType::F64, &[1, 1], [0.0]));
        let all = g.concat(&[x, zero], 0).unwrap();
        let y = gathered(&mut g, all, &[4], &[2, 1, 2, 2], 0).unwrap();
        let dy = g.constant(Constant::real(
            DType::F64,
            &[4, 1],
            [1.0, 10.0, 100.0, 1000.0],
        ));
        let d = vjp(&mut g, &[(y, dy)], &[all, x]).unwrap();
        g.output("d_all", d[0].unwrap()).unwrap();
        g.output("d_x", d[1].unwrap()).unwrap();
        let Some(runtime) = testing::runtime() else {
            return;
        };
        let at = Tensor::from_f64(&[2, 1], &[0.0; 2]).unwrap();
        let found = testing::run(runtime, g, &[("x", &at)]);
        assert_eq!(found[0].to_f64().unwrap(), [0.0, 10.0, 1101.0]);
        assert_eq!(found[1].to_f64().unwrap(), [0.0, 10.0]);
    }

    #[test]
    fn indices_known_at_run_time() {
        // Two of them alike; they depend on nothing that is differentiated.
        let dynamic = |g: &mut Graph, n: usize, rows: usize| {
            let list: Vec<f64> = (0..n).map(|i| ((i * i) % rows) as f64).collect();
            let list = g.constant(Constant::real(DType::F64, &[n], list));
            g.cast(list, DType::I64)
        };
        for (shape, axis, n) in [
            (vec![4, 3], 0, 6),
            (vec![4], 0, 6),
            (vec![2, 4, 3], 1, 6),
            (vec![3, 2, 4], 2, 6),
            (vec![50, 16], 0, 200),
        ] {
            let rows = shape[axis];
            check(&[given(&shape)], |g, x| {
                let list = dynamic(g, n, rows)?;
                let list = g.reshape(list, &[2, n / 2])?;
                let y = g.gather(x[0], list, axis)?;
                g.mul(y, y)
            });
        }
    }

    #[test]
    fn indices_out_of_range_are_an_error() {
        let mut g = Graph::new("range");
        let x = g.input("x", DType::F32, &[3, 2]).unwrap();
        for bad in [3, -1] {
            let y = gathered(&mut g, x, &[1], &[bad], 0).unwrap();
            let dy = g.exp(y).unwrap();
            let error = vjp(&mut g, &[(y, dy)], &[x]).unwrap_err();
            assert!(matches!(error, GraphError::Config { .. }), "{error}");
        }
    }
}
