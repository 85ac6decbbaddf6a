//! A check of gradients against central differences, both computed by ONNX Runtime.

use super::vjp;
use crate::graph::{Constant, DType, Graph, Result, Value};
use crate::runtime::testing;
use crate::runtime::{Session, Tensor};

/// A real operand: its shape and the range its elements are drawn from.
pub(super) struct Given {
    pub shape: Vec<usize>,
    pub range: (f64, f64),
}

/// Elements of both signs.
pub(super) fn given(shape: &[usize]) -> Given {
    Given {
        shape: shape.to_vec(),
        range: (-1.5, 1.5),
    }
}

/// Elements well above zero.
pub(super) fn positive(shape: &[usize]) -> Given {
    Given {
        shape: shape.to_vec(),
        range: (0.5, 2.0),
    }
}

/// Numbers that look random and are always the same.
pub(super) fn numbers(seed: u64, count: usize, (low, high): (f64, f64)) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        low + (high - low) * (state >> 11) as f64 / (1u64 << 53) as f64
    };
    next();
    (0..count).map(|_| next()).collect()
}

/// A constant of such numbers in the shape of `like`.
pub(super) fn noise(g: &mut Graph, like: Value, seed: u64) -> Value {
    let shape = g.shape(like).to_vec();
    let count = shape.iter().product();
    let c = Constant::real(g.dtype(like), &shape, numbers(seed, count, (-1.0, 1.0)));
    g.constant(c)
}

/// Checks the vector-Jacobian product of `f` in double precision.
pub(super) fn check(inputs: &[Given], f: impl Fn(&mut Graph, &[Value]) -> Result<Value>) {
    check_in(DType::F64, inputs, f);
}

/// As [`check`] for the gradient of the gradient.
pub(super) fn check_twice(inputs: &[Given], f: impl Fn(&mut Graph, &[Value]) -> Result<Value>) {
    check_twice_in(DType::F64, inputs, f);
}

/// As [`check_twice`] in a precision of choice.
pub(super) fn check_twice_in(
    dtype: DType,
    inputs: &[Given],
    f: impl Fn(&mut Graph, &[Value]) -> Result<Value>,
) {
    check_in(dtype, inputs, |g, x| {
        let y = f(g, x)?;
        let dy = noise(g, y, 77);
        let mut sum = None;
        for d in vjp(g, &[(y, dy)], x)?.into_iter().flatten() {
            let weights = noise(g, d, 78);
            let weighted = g.mul(d, weights)?;
            let axes: Vec<usize> = (0..g.shape(d).len()).collect();
            let part = g.reduce_sum(weighted, &axes, false)?;
            sum = Some(match sum {
                None => part,
                Some(sum) => g.add(sum, part)?,
            });
        }
        sum.ok_or_else(|| g.config_error("no gradient to differentiate"))
    });
}

/// As [`check`] in a precision of choice.
pub(super) fn check_in(
    dtype: DType,
    inputs: &[Given],
    f: impl Fn(&mut Graph, &[Value]) -> Result<Value>,
) {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let mut g = Graph::new("check");
    let names: Vec<String> = (0..inputs.len()).map(|i| format!("x{i}")).collect();
    let x: Vec<Value> = inputs
        .iter()
        .zip(&names)
        .map(|(i, name)| g.input(name, dtype, &i.shape).unwrap())
        .collect();
    let y = f(&mut g, &x).unwrap();
    let dy = noise(&mut g, y, 1);
    let weighted = g.mul(y, dy).unwrap();
    let axes: Vec<usize> = (0..g.shape(y).len()).collect();
    let loss = g.reduce_sum(weighted, &axes, false).unwrap();
    let gradients = vjp(&mut g, &[(y, dy)], &x).unwrap();
    g.output("loss", loss).unwrap();
    for (i, d) in gradients.iter().enumerate() {
        if let Some(d) = *d {
            assert_eq!(g.shape(d), inputs[i].shape, "shape of gradient {i}");
            assert_eq!(g.dtype(d), dtype);
            g.output(&format!("d{i}"), d).unwrap();
        }
    }
    let at: Vec<Vec<f64>> = inputs
        .iter()
        .enumerate()
        .map(|(i, x)| numbers(100 + i as u64, x.shape.iter().product(), x.range))
        .collect();
    let mut function = Function {
        session: testing::session(runtime, g),
        dtype,
        shapes: inputs.iter().map(|i| i.shape.clone()).collect(),
        names,
    };
    let mut found = function.run(&at).into_iter().skip(1);
    for (i, d) in gradients.iter().enumerate() {
        let analytic = match d {
            Some(_) => found.next().unwrap(),
            None => vec![0.0; at[i].len()],
        };
        for direction in directions(at[i].len()) {
            let slope: f64 = analytic.iter().zip(&direction).map(|(a, b)| a * b).sum();
            let numeric = function.slope(&at, i, &direction);
            let (step, tolerance) = function.precision();
            assert!(
                (slope - numeric).abs() <= tolerance * (1.0 + numeric.abs()),
                "gradient {i} along {direction:?}: {slope}, by differences of {step} {numeric}"
            );
        }
    }
}

/// Every axis of a small operand; some random directions of a larger one.
fn directions(count: usize) -> Vec<Vec<f64>> {
    if count <= 40 {
        let axis = |i| (0..count).map(|j| f64::from(i == j)).collect();
        (0..count).map(axis).collect()
    } else {
        let norm = (count as f64).sqrt();
        (0..6)
            .map(|seed| {
                let d = numbers(500 + seed, count, (-1.0, 1.0));
                d.into_iter().map(|e| e / norm).collect()
            })
            .collect()
    }
}

/// A graph whose first output is a scalar.
struct Function {
    session: Session,
    dtype: DType,
    shapes: Vec<Vec<usize>>,
    names: Vec<String>,
}

impl Function {
    /// Step of the differences, and the error that is let pass.
    fn precision(&self) -> (f64, f64) {
        match self.dtype {
            DType::F64 => (1e-5, 1e-7),
            _ => (1e-2, 3e-3),
        }
    }

    fn run(&mut self, at: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let tensors: Vec<Tensor> = at
            .iter()
            .zip(&self.shapes)
            .map(|(x, shape)| match self.dtype {
                DType::F64 => Tensor::from_f64(shape, x).unwrap(),
                _ => {
                    let x: Vec<f32> = x.iter().map(|&e| e as f32).collect();
                    Tensor::from_f32(shape, &x).unwrap()
                }
            })
            .collect();
        let inputs: Vec<(&str, &Tensor)> = self
            .names
            .iter()
            .map(String::as_str)
            .zip(&tensors)
            .collect();
        let outputs = self.session.run(&inputs).unwrap();
        let read = |t: &Tensor| match self.dtype {
            DType::F64 => t.to_f64().unwrap(),
            _ => t.to_f32().unwrap().into_iter().map(f64::from).collect(),
        };
        outputs.iter().map(read).collect()
    }

    fn slope(&mut self, at: &[Vec<f64>], input: usize, direction: &[f64]) -> f64 {
        let (step, _) = self.precision();
        let mut moved = |by: f64| {
            let mut at = at.to_vec();
            for (x, d) in at[input].iter_mut().zip(direction) {
                *x += by * d;
            }
            self.run(&at)[0][0]
        };
        (moved(step) - moved(-step)) / (2.0 * step)
    }
}
