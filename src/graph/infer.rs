//! Shape and type inference: one rule per operator. A rule returns the misfit as text; the builder adds
//! the layer and the operator.

use super::{DType, Op};

type Typed<'a> = (DType, &'a [usize]);
type Outputs = Vec<(DType, Vec<usize>)>;

/// Why an operator does not fit its operands.
pub(super) enum Misfit {
    Shape(String),
    Type(String),
}

/// Shape of an elementwise result under numpy broadcasting.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| {
        if i + s.len() < rank {
            1
        } else {
            s[i + s.len() - rank]
        }
    };
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

pub(super) fn outputs(op: &Op, inputs: &[Typed]) -> Result<Outputs, Misfit> {
    let shape_error = |detail: String| Err(Misfit::Shape(detail));
    let arity = match op {
        Op::Where => 3..=3,
        Op::Gemm { .. } => 2..=3,
        Op::LayerNormalization { .. } => 3..=3,
        Op::Concat { .. } => 1..=usize::MAX,
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Max | Op::Min => 2..=2,
        Op::Equal | Op::Less | Op::Greater | Op::GreaterOrEqual | Op::And | Op::Or => 2..=2,
        Op::MatMul | Op::Gather { .. } => 2..=2,
        Op::MixRows | Op::ScatterRows { .. } | Op::DotRows => 3..=3,
        _ => 1..=1,
    };
    if !arity.contains(&inputs.len()) {
        return shape_error(format!("{} operands", inputs.len()));
    }
    let (dtype, x) = inputs[0];
    check_types(op, inputs)?;
    let rank = x.len();
    let axis_ok = |axis: usize| {
        if axis < rank {
            Ok(())
        } else {
            Err(Misfit::Shape(format!("axis {axis} of {x:?}")))
        }
    };
    let one = |dtype, shape| Ok(vec![(dtype, shape)]);
    let both = || {
        broadcast(x, inputs[1].1)
            .ok_or_else(|| Misfit::Shape(format!("{x:?} with {:?}", inputs[1].1)))
    };
    match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Max | Op::Min | Op::And | Op::Or => {
            one(dtype, both()?)
        }
        Op::Equal | Op::Less | Op::Greater | Op::GreaterOrEqual => one(DType::Bool, both()?),
        Op::Where => {
            let s = broadcast(inputs[1].1, inputs[2].1).and_then(|s| broadcast(&s, x));
            match s {
                Some(s) => one(inputs[1].0, s),
                None => shape_error(format!(
                    "{x:?} chooses between {:?} and {:?}",
                    inputs[1].1, inputs[2].1
                )),
            }
        }
        Op::Cast { to } => one(*to, x.to_vec()),
        Op::Neg
        | Op::Abs
        | Op::Sqrt
        | Op::Reciprocal
        | Op::Exp
        | Op::Log
        | Op::Erf
        | Op::Relu
        | Op::Sigmoid
        | Op::Tanh
        | Op::Sin
        | Op::Cos
        | Op::Floor
        | Op::Sign
        | Op::Softplus
        | Op::Not
        | Op::Detach => one(dtype, x.to_vec()),
        Op::MatMul => {
            let y = inputs[1].1;
            let ([batch @ .., m, k], [other @ .., k2, n]) = (x, y) else {
                return shape_error(format!("{x:?} times {y:?}"));
            };
            match broadcast(batch, other) {
                Some(s) if k == k2 => one(dtype, [&s[..], &[*m, *n]].concat()),
                _ => shape_error(format!("{x:?} times {y:?}")),
            }
        }
        Op::Gemm { trans_a, trans_b } => {
            let y = inputs[1].1;
            if rank != 2 || y.len() != 2 {
                return shape_error(format!("{x:?} times {y:?}"));
            }
            let (m, k) = if *trans_a { (x[1], x[0]) } else { (x[0], x[1]) };
            let (k2, n) = if *trans_b { (y[1], y[0]) } else { (y[0], y[1]) };
            if k != k2 {
                return shape_error(format!(
                    "{x:?} times {y:?} (transposed: {trans_a}, {trans_b})"
                ));
            }
            if let Some((_, c)) = inputs.get(2)
                && *c != [n]
            {
                return shape_error(format!("bias {c:?} for {n} columns"));
            }
            one(dtype, vec![m, n])
        }
        Op::Softmax { axis } | Op::LogSoftmax { axis } => {
            axis_ok(*axis)?;
            one(dtype, x.to_vec())
        }
        Op::LayerNormalization { .. } => {
            let Some(&last) = x.last() else {
                return shape_error("a scalar".into());
            };
            if inputs[1].1 != [last] || inputs[2].1 != [last] {
                return shape_error(format!(
                    "gain {:?} and bias {:?} for {x:?}",
                    inputs[1].1, inputs[2].1
                ));
            }
            let mut stat = x.to_vec();
            stat[rank - 1] = 1;
            Ok(vec![
                (dtype, x.to_vec()),
                (DType::F32, stat.clone()),
                (DType::F32, stat),
            ])
        }
        Op::ReduceSum { axes, keep }
        | Op::ReduceMean { axes, keep }
        | Op::ReduceMax { axes, keep }
        | Op::ReduceSumSquare { axes, keep } => {
            axes.iter().try_for_each(|&a| axis_ok(a))?;
            let mut s = Vec::new();
            for (i, &n) in x.iter().enumerate() {
                match (axes.contains(&i), keep) {
                    (true, true) => s.push(1),
                    (true, false) => {}
                    (false, _) => s.push(n),
                }
            }
            one(dtype, s)
        }
        Op::ArgMax { axis } => {
            axis_ok(*axis)?;
            let mut s = x.to_vec();
            s.remove(*axis);
            one(DType::I64, s)
        }
        Op::Reshape { shape } => {
            if shape.iter().product::<usize>() != x.iter().product::<usize>() {
                return shape_error(format!("{x:?} to {shape:?}"));
            }
            one(dtype, shape.clone())
        }
        Op::Expand { shape } => match broadcast(x, shape) {
            Some(s) if s == *shape => one(dtype, s),
            _ => shape_error(format!("{x:?} to {shape:?}")),
        },
        Op::Transpose { perm } => {
            let mut seen = vec![false; rank];
            let fits = perm.len() == rank
                && perm
                    .iter()
                    .all(|&p| p < rank && !std::mem::replace(&mut seen[p], true));
            if !fits {
                return shape_error(format!("permutation {perm:?} of {x:?}"));
            }
            one(dtype, perm.iter().map(|&p| x[p]).collect())
        }
        Op::Concat { axis } => {
            axis_ok(*axis)?;
            let mut s = x.to_vec();
            for (_, y) in &inputs[1..] {
                let same = y.len() == rank && (0..rank).all(|i| i == *axis || y[i] == x[i]);
                if !same {
                    return shape_error(format!("{x:?} and {y:?} along axis {axis}"));
                }
                s[*axis] += y[*axis];
            }
            one(dtype, s)
        }
        Op::Split { axis, sizes } => {
            axis_ok(*axis)?;
            if sizes.iter().sum::<usize>() != x[*axis] || sizes.is_empty() {
                return shape_error(format!("{x:?} into {sizes:?} along axis {axis}"));
            }
            let part = |&n: &usize| {
                let mut s = x.to_vec();
                s[*axis] = n;
                (dtype, s)
            };
            Ok(sizes.iter().map(part).collect())
        }
        Op::Slice { starts, ends } => {
            let fits = starts.len() == rank && ends.len() == rank;
            if !fits || (0..rank).any(|i| starts[i] > ends[i] || ends[i] > x[i]) {
                return shape_error(format!("{starts:?}..{ends:?} of {x:?}"));
            }
            one(dtype, (0..rank).map(|i| ends[i] - starts[i]).collect())
        }
        Op::Pad { before, after } => {
            if before.len() != rank || after.len() != rank {
                return shape_error(format!("{before:?} and {after:?} around {x:?}"));
            }
            one(
                dtype,
                (0..rank).map(|i| before[i] + x[i] + after[i]).collect(),
            )
        }
        Op::Gather { axis } => {
            axis_ok(*axis)?;
            let mut s = x[..*axis].to_vec();
            s.extend(inputs[1].1);
            s.extend(&x[*axis + 1..]);
            one(dtype, s)
        }
        Op::MixRows | Op::ScatterRows { .. } | Op::DotRows => {
            let (index, last) = (inputs[1].1, inputs[2].1);
            let &[height, d] = x else {
                return shape_error(format!("rows {x:?}"));
            };
            let &[n, _] = index else {
                return shape_error(format!("indices {index:?}"));
            };
            let (fits, shape) = match op {
                Op::MixRows => (last == index, vec![n, d]),
                Op::ScatterRows { rows } => (last == index && height == n, vec![*rows, d]),
                _ => (last == [n, d], index.to_vec()),
            };
            if !fits {
                return shape_error(format!("rows {x:?} at indices {index:?} with {last:?}"));
            }
            one(dtype, shape)
        }
    }
}

fn check_types(op: &Op, inputs: &[Typed]) -> Result<(), Misfit> {
    let types: Vec<DType> = inputs.iter().map(|i| i.0).collect();
    let fits = match op {
        Op::Where => types[0] == DType::Bool && types[1] == types[2],
        Op::Gather { .. } => matches!(types[1], DType::I64 | DType::I32),
        Op::MixRows | Op::ScatterRows { .. } | Op::DotRows => {
            types[0].is_real()
                && types[2] == types[0]
                && matches!(types[1], DType::I64 | DType::I32)
        }
        Op::And | Op::Or | Op::Not => types.iter().all(|&t| t == DType::Bool),
        Op::Exp
        | Op::Log
        | Op::Erf
        | Op::Sqrt
        | Op::Reciprocal
        | Op::Relu
        | Op::Sigmoid
        | Op::Tanh
        | Op::Sin
        | Op::Cos
        | Op::Floor
        | Op::Softplus
        | Op::MatMul
        | Op::Gemm { .. }
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::LayerNormalization { .. } => {
            types[0].is_real() && types.iter().all(|&t| t == types[0])
        }
        _ => types.iter().all(|&t| t == types[0]),
    };
    if fits {
        Ok(())
    } else {
        Err(Misfit::Type(format!("{types:?}")))
    }
}
