//! Cotangents that arrive at a value from several places.

use crate::graph::{Constant, Graph, Result, Value};

/// What a value's cotangent is the sum of.
#[derive(Default)]
pub(super) struct Accumulator {
    whole: Vec<Value>,
    parts: Vec<Part>,
}

/// A block of a cotangent, zero elsewhere.
struct Part {
    starts: Vec<usize>,
    value: Value,
}

impl Accumulator {
    /// Adds a cotangent of the value's rank; sizes may be 1.
    pub fn add(&mut self, d: Value) {
        self.whole.push(d);
    }

    /// Adds the block that begins at `starts`.
    pub fn add_part(&mut self, starts: Vec<usize>, value: Value) {
        self.parts.push(Part { starts, value });
    }

    /// The sum, for the cotangent of `of`.
    pub fn resolve(mut self, g: &mut Graph, of: Value) -> Result<Value> {
        let shape = g.shape(of).to_vec();
        for part in assemble(g, self.parts, &shape)? {
            self.whole.push(part);
        }
        // Smallest first: sums of cotangents that are still unexpanded cost next to nothing.
        let size = |v: &Value| g.shape(*v).iter().product::<usize>();
        self.whole.sort_by_key(size);
        let mut sum = None;
        for d in self.whole {
            sum = Some(match sum {
                None => d,
                Some(sum) => g.add(sum, d)?,
            });
        }
        sum.ok_or_else(|| g.config_error("a cotangent without parts"))
    }
}

/// Blocks as full tensors: those that lie side by side along one axis become one `Concat`, the
/// rest are padded.
fn assemble(g: &mut Graph, parts: Vec<Part>, shape: &[usize]) -> Result<Vec<Value>> {
    let mut rows: Vec<(usize, Vec<Part>)> = vec![];
    let mut whole = vec![];
    for part in parts {
        let size = g.shape(part.value).to_vec();
        let partial: Vec<usize> = (0..shape.len()).filter(|&i| size[i] != shape[i]).collect();
        match partial[..] {
            [] => whole.push(part.value),
            [axis] => {
                let (start, end) = (part.starts[axis], part.starts[axis] + size[axis]);
                let free = rows.iter_mut().find(|(a, row)| {
                    *a == axis
                        && row.iter().all(|p| {
                            let other = p.starts[axis];
                            end <= other || other + g.shape(p.value)[axis] <= start
                        })
                });
                match free {
                    Some((_, row)) => row.push(part),
                    None => rows.push((axis, vec![part])),
                }
            }
            _ => {
                let after: Vec<usize> = (0..shape.len())
                    .map(|i| shape[i] - part.starts[i] - size[i])
                    .collect();
                whole.push(g.pad(part.value, &part.starts, &after)?);
            }
        }
    }
    for (axis, row) in rows {
        whole.push(side_by_side(g, row, shape, axis)?);
    }
    Ok(whole)
}

/// Disjoint blocks along an axis as one tensor, zeros where there is none.
fn side_by_side(g: &mut Graph, mut row: Vec<Part>, shape: &[usize], axis: usize) -> Result<Value> {
    row.sort_by_key(|p| p.starts[axis]);
    let first = row.first().map_or(0, |p| p.starts[axis]);
    let mut end = first;
    let mut pieces = vec![];
    for part in &row {
        let gap = part.starts[axis] - end;
        if gap > 0 {
            let mut hole = shape.to_vec();
            hole[axis] = gap;
            let ones = vec![1; shape.len()];
            let zero = Constant::real(g.dtype(part.value), &ones, [0.0]);
            let zero = g.constant(zero);
            pieces.push(g.expand(zero, &hole)?);
        }
        pieces.push(part.value);
        end = part.starts[axis] + g.shape(part.value)[axis];
    }
    let joined = g.concat(&pieces, axis)?;
    let (mut before, mut after) = (vec![0; shape.len()], vec![0; shape.len()]);
    before[axis] = first;
    after[axis] = shape[axis] - end;
    g.pad(joined, &before, &after)
}
