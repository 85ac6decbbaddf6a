//! Rules of operators: which element types they take, and the types and shapes of their results. A rule returns the misfit as
//! text; the builder adds the layer and the operator.

use super::DType;

/// Element type and shape of an operand.
pub(super) type Typed<'a> = (DType, &'a [usize]);
/// Element types and shapes of the results.
pub(super) type Outputs = Vec<(DType, Vec<usize>)>;
type Inferred = Result<Outputs, Misfit>;

/// Why an operator does not fit its operands.
pub(super) enum Misfit {
    Shape(String),
    Type(String),
}

pub(super) fn alike(types: &[DType]) -> bool {
    types.iter().all(|&t| t == types[0])
}

pub(super) fn real(types: &[DType]) -> bool {
    types[0].is_real() && alike(types)
}

pub(super) fn truth(types: &[DType]) -> bool {
    types.iter().all(|&t| t == DType::Bool)
}

pub(super) fn chosen(types: &[DType]) -> bool {
    types[0] == DType::Bool && types[1] == types[2]
}

pub(super) fn indexed(types: &[DType]) -> bool {
    matches!(types[1], DType::I64 | DType::I32)
}

pub(super) fn rows(types: &[DType]) -> bool {
    types[0].is_real() && types[2] == types[0] && indexed(types)
}

/// Shape of an elementwise result under numpy broadcasting.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

fn misfit(detail: String) -> Inferred {
    Err(Misfit::Shape(detail))
}

fn one(dtype: DType, shape: Vec<usize>) -> Inferred {
    Ok(vec![(dtype, shape)])
}

fn check_axis(axis: usize, x: &[usize]) -> Result<(), Misfit> {
    if axis < x.len() {
        return Ok(());
    }
    Err(Misfit::Shape(format!("axis {axis} of {x:?}")))
}

pub(super) fn same(inputs: &[Typed]) -> Inferred {
    one(inputs[0].0, inputs[0].1.to_vec())
}

pub(super) fn broadcasting(inputs: &[Typed]) -> Inferred {
    let [(dtype, x), (_, y)] = *inputs else {
        return misfit(format!("{} operands", inputs.len()));
    };
    match broadcast(x, y) {
        Some(shape) => one(dtype, shape),
        None => misfit(format!("{x:?} with {y:?}")),
    }
}

pub(super) fn comparison(inputs: &[Typed]) -> Inferred {
    let mut outputs = broadcasting(inputs)?;
    outputs[0].0 = DType::Bool;
    Ok(outputs)
}

pub(super) fn choice(inputs: &[Typed]) -> Inferred {
    let (condition, (dtype, a), b) = (inputs[0].1, inputs[1], inputs[2].1);
    match broadcast(a, b).and_then(|s| broadcast(&s, condition)) {
        Some(shape) => one(dtype, shape),
        None => misfit(format!("{condition:?} chooses between {a:?} and {b:?}")),
    }
}

pub(super) fn cast(inputs: &[Typed], to: &DType) -> Inferred {
    one(*to, inputs[0].1.to_vec())
}

pub(super) fn matmul(inputs: &[Typed]) -> Inferred {
    let ((dtype, x), y) = (inputs[0], inputs[1].1);
    if let ([batch @ .., m, k], [other @ .., k2, n]) = (x, y)
        && let Some(shape) = broadcast(batch, other)
        && k == k2
    {
        return one(dtype, [&shape[..], &[*m, *n]].concat());
    }
    misfit(format!("{x:?} times {y:?}"))
}

pub(super) fn gemm(inputs: &[Typed], trans_a: &bool, trans_b: &bool) -> Inferred {
    let ((dtype, x), y) = (inputs[0], inputs[1].1);
    let (&[x0, x1], &[y0, y1]) = (x, y) else {
        return misfit(format!("{x:?} times {y:?}"));
    };
    let (m, k) = if *trans_a { (x1, x0) } else { (x0, x1) };
    let (k2, n) = if *trans_b { (y1, y0) } else { (y0, y1) };
    if k != k2 {
        return misfit(format!(
            "{x:?} times {y:?} (transposed: {trans_a}, {trans_b})"
        ));
    }
    if let Some((_, c)) = inputs.get(2)
        && *c != [n]
    {
        return misfit(format!("bias {c:?} for {n} columns"));
    }
    one(dtype, vec![m, n])
}

pub(super) fn along(inputs: &[Typed], axis: &usize) -> Inferred {
    check_axis(*axis, inputs[0].1)?;
    same(inputs)
}

pub(super) fn layer_normalization(inputs: &[Typed], _: &f32) -> Inferred {
    let ((dtype, x), gain, bias) = (inputs[0], inputs[1].1, inputs[2].1);
    let [before @ .., last] = x else {
        return misfit("a scalar".into());
    };
    if gain != [*last] || bias != [*last] {
        return misfit(format!("gain {gain:?} and bias {bias:?} for {x:?}"));
    }
    let statistic = (DType::F32, [before, &[1]].concat());
    Ok(vec![(dtype, x.to_vec()), statistic.clone(), statistic])
}

pub(super) fn reduction(inputs: &[Typed], axes: &[usize], keep: &bool) -> Inferred {
    let (dtype, x) = inputs[0];
    axes.iter().try_for_each(|&axis| check_axis(axis, x))?;
    let size = |(i, &n)| match (axes.contains(&i), keep) {
        (true, true) => Some(1),
        (true, false) => None,
        (false, _) => Some(n),
    };
    one(dtype, x.iter().enumerate().filter_map(size).collect())
}

pub(super) fn arg_max(inputs: &[Typed], axis: &usize) -> Inferred {
    let mut outputs = reduction(inputs, &[*axis], &false)?;
    outputs[0].0 = DType::I64;
    Ok(outputs)
}

pub(super) fn reshape(inputs: &[Typed], shape: &[usize]) -> Inferred {
    let (dtype, x) = inputs[0];
    if shape.iter().product::<usize>() != x.iter().product::<usize>() {
        return misfit(format!("{x:?} to {shape:?}"));
    }
    one(dtype, shape.to_vec())
}

pub(super) fn expand(inputs: &[Typed], shape: &[usize]) -> Inferred {
    let (dtype, x) = inputs[0];
    match broadcast(x, shape) {
        Some(s) if s == *shape => one(dtype, s),
        _ => misfit(format!("{x:?} to {shape:?}")),
    }
}

pub(super) fn transpose(inputs: &[Typed], perm: &[usize]) -> Inferred {
    let (dtype, x) = inputs[0];
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.len()) {
        return misfit(format!("permutation {perm:?} of {x:?}"));
    }
    one(dtype, perm.iter().map(|&p| x[p]).collect())
}

pub(super) fn concat(inputs: &[Typed], axis: &usize) -> Inferred {
    let (dtype, x) = inputs[0];
    check_axis(*axis, x)?;
    let mut shape = x.to_vec();
    for (_, y) in &inputs[1..] {
        let same = y.len() == x.len() && (0..x.len()).all(|i| i == *axis || y[i] == x[i]);
        if !same {
            return misfit(format!("{x:?} and {y:?} along axis {axis}"));
        }
        shape[*axis] += y[*axis];
    }
    one(dtype, shape)
}

pub(super) fn split(inputs: &[Typed], axis: &usize, sizes: &[usize]) -> Inferred {
    let (dtype, x) = inputs[0];
    check_axis(*axis, x)?;
    if sizes.iter().sum::<usize>() != x[*axis] || sizes.is_empty() {
        return misfit(format!("{x:?} into {sizes:?} along axis {axis}"));
    }
    let part = |&size: &usize| {
        let mut shape = x.to_vec();
        shape[*axis] = size;
        (dtype, shape)
    };
    Ok(sizes.iter().map(part).collect())
}

pub(super) fn slice(inputs: &[Typed], starts: &[usize], ends: &[usize]) -> Inferred {
    let (dtype, x) = inputs[0];
    let rank = x.len();
    let fits = starts.len() == rank && ends.len() == rank;
    if !fits || (0..rank).any(|i| starts[i] > ends[i] || ends[i] > x[i]) {
        return misfit(format!("{starts:?}..{ends:?} of {x:?}"));
    }
    one(dtype, (0..rank).map(|i| ends[i] - starts[i]).collect())
}

pub(super) fn pad(inputs: &[Typed], before: &[usize], after: &[usize]) -> Inferred {
    let (dtype, x) = inputs[0];
    if before.len() != x.len() || after.len() != x.len() {
        return misfit(format!("{before:?} and {after:?} around {x:?}"));
    }
    let size = |i| before[i] + x[i] + after[i];
    one(dtype, (0..x.len()).map(size).collect())
}

pub(super) fn gather(inputs: &[Typed], axis: &usize) -> Inferred {
    let ((dtype, x), indices) = (inputs[0], inputs[1].1);
    check_axis(*axis, x)?;
    one(dtype, [&x[..*axis], indices, &x[axis + 1..]].concat())
}

/// The shape of a product on rows, and whether the last operand fits, from the height and width of the first and `n` rows of indices.
fn on_rows(inputs: &[Typed], shape: impl Fn([usize; 2], usize) -> (bool, Vec<usize>)) -> Inferred {
    let ((dtype, x), index, last) = (inputs[0], inputs[1].1, inputs[2].1);
    let &[height, width] = x else {
        return misfit(format!("rows {x:?}"));
    };
    let &[n, _] = index else {
        return misfit(format!("indices {index:?}"));
    };
    match shape([height, width], n) {
        (true, shape) => one(dtype, shape),
        _ => misfit(format!("rows {x:?} at indices {index:?} with {last:?}")),
    }
}

pub(super) fn mix_rows(inputs: &[Typed]) -> Inferred {
    on_rows(inputs, |[_, width], n| {
        (inputs[2].1 == inputs[1].1, vec![n, width])
    })
}

pub(super) fn scatter_rows(inputs: &[Typed], rows: &usize) -> Inferred {
    on_rows(inputs, |[height, width], n| {
        let fits = inputs[2].1 == inputs[1].1 && height == n;
        (fits, vec![*rows, width])
    })
}

pub(super) fn dot_rows(inputs: &[Typed]) -> Inferred {
    on_rows(inputs, |[_, width], n| {
        (inputs[2].1 == [n, width], inputs[1].1.to_vec())
    })
}
