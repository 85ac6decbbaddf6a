//! Methods of operators with attributes: each appends a node and returns its result.

use super::{Constant, DType, Graph, Op, Result, Value};

/// Operators with attributes.
///
/// All of them fail with [`super::GraphError::Shape`] or [`super::GraphError::Type`] when the operands do not fit.
#[allow(clippy::missing_errors_doc, reason = "said once for all of them above")]
impl Graph {
    /// Matrix product of two matrices, each transposed or not, plus an optional bias `(columns,)`.
    pub fn gemm(
        &mut self,
        a: Value,
        b: Value,
        bias: Option<Value>,
        trans_a: bool,
        trans_b: bool,
    ) -> Result<Value> {
        let inputs: Vec<Value> = [a, b].into_iter().chain(bias).collect();
        self.one(Op::Gemm { trans_a, trans_b }, &inputs)
    }

    /// `x` times a number.
    pub fn scale(&mut self, x: Value, factor: f64) -> Result<Value> {
        let factor = self.scalar(x, factor);
        self.mul(x, factor)
    }

    /// Conversion to another element type.
    pub fn cast(&mut self, x: Value, to: DType) -> Result<Value> {
        if self.dtype(x) == to {
            Ok(x)
        } else {
            self.one(Op::Cast { to }, &[x])
        }
    }

    /// Softmax along one axis.
    pub fn softmax(&mut self, x: Value, axis: usize) -> Result<Value> {
        self.one(Op::Softmax { axis }, &[x])
    }

    /// Logarithm of the softmax along one axis.
    pub fn log_softmax(&mut self, x: Value, axis: usize) -> Result<Value> {
        self.one(Op::LogSoftmax { axis }, &[x])
    }

    /// Layer normalisation over the last axis with gain and bias `(last,)`.
    pub fn layer_norm(
        &mut self,
        x: Value,
        gain: Value,
        bias: Value,
        epsilon: f32,
    ) -> Result<Value> {
        self.one(Op::LayerNormalization { epsilon }, &[x, gain, bias])
    }

    /// Sum over axes.
    pub fn reduce_sum(&mut self, x: Value, axes: &[usize], keep: bool) -> Result<Value> {
        let axes = axes.to_vec();
        self.one(Op::ReduceSum { axes, keep }, &[x])
    }

    /// Mean over axes.
    pub fn reduce_mean(&mut self, x: Value, axes: &[usize], keep: bool) -> Result<Value> {
        let axes = axes.to_vec();
        self.one(Op::ReduceMean { axes, keep }, &[x])
    }

    /// Largest element over axes. It has no gradient rule: put [`Graph::detach`] behind it where a gradient passes by.
    pub fn reduce_max(&mut self, x: Value, axes: &[usize], keep: bool) -> Result<Value> {
        let axes = axes.to_vec();
        self.one(Op::ReduceMax { axes, keep }, &[x])
    }

    /// Sum of squares over all axes, a scalar.
    pub fn sum_square(&mut self, x: Value) -> Result<Value> {
        let axes = (0..self.shape(x).len()).collect();
        self.one(Op::ReduceSumSquare { axes, keep: false }, &[x])
    }

    /// Index of the largest element along an axis, `I64`, the axis removed.
    pub fn arg_max(&mut self, x: Value, axis: usize) -> Result<Value> {
        self.one(Op::ArgMax { axis }, &[x])
    }

    /// The same elements under another shape.
    pub fn reshape(&mut self, x: Value, shape: &[usize]) -> Result<Value> {
        if self.shape(x) == shape {
            return Ok(x);
        }
        let shape = shape.to_vec();
        self.one(Op::Reshape { shape }, &[x])
    }

    /// Repetition along axes of size 1 (and new leading axes).
    pub fn expand(&mut self, x: Value, shape: &[usize]) -> Result<Value> {
        if self.shape(x) == shape {
            return Ok(x);
        }
        let shape = shape.to_vec();
        self.one(Op::Expand { shape }, &[x])
    }

    /// Axes in another order: axis `i` of the result is axis `perm[i]` of `x`.
    pub fn transpose(&mut self, x: Value, perm: &[usize]) -> Result<Value> {
        if perm.iter().copied().eq(0..self.shape(x).len()) {
            return Ok(x);
        }
        let perm = perm.to_vec();
        self.one(Op::Transpose { perm }, &[x])
    }

    /// Tensors one after the other along an axis.
    pub fn concat(&mut self, parts: &[Value], axis: usize) -> Result<Value> {
        if let [only] = parts {
            Ok(*only)
        } else {
            self.one(Op::Concat { axis }, parts)
        }
    }

    /// Parts of the given sizes along an axis.
    pub fn split(&mut self, x: Value, axis: usize, sizes: &[usize]) -> Result<Vec<Value>> {
        let sizes = sizes.to_vec();
        self.node(Op::Split { axis, sizes }, &[x])
    }

    /// The part from `starts` to `ends` (exclusive) on every axis.
    pub fn slice(&mut self, x: Value, starts: &[usize], ends: &[usize]) -> Result<Value> {
        if starts.iter().all(|&s| s == 0) && ends == self.shape(x) {
            return Ok(x);
        }
        let (starts, ends) = (starts.to_vec(), ends.to_vec());
        self.one(Op::Slice { starts, ends }, &[x])
    }

    /// The part from `start` to `end` (exclusive) on one axis.
    pub fn slice_axis(&mut self, x: Value, axis: usize, start: usize, end: usize) -> Result<Value> {
        let mut starts = vec![0; self.shape(x).len()];
        let mut ends = self.shape(x).to_vec();
        if axis >= ends.len() {
            return Err(self.config_error(format!("axis {axis} of {ends:?}")));
        }
        (starts[axis], ends[axis]) = (start, end);
        self.slice(x, &starts, &ends)
    }

    /// Zeros around, per axis.
    pub fn pad(&mut self, x: Value, before: &[usize], after: &[usize]) -> Result<Value> {
        if before.iter().chain(after).all(|&n| n == 0) {
            return Ok(x);
        }
        let (before, after) = (before.to_vec(), after.to_vec());
        self.one(Op::Pad { before, after }, &[x])
    }

    /// Slices of `x` along `axis` at `indices` (`I64` or `I32`, not negative).
    pub fn gather(&mut self, x: Value, indices: Value, axis: usize) -> Result<Value> {
        self.one(Op::Gather { axis }, &[x, indices])
    }

    /// Rows added up, weighted, at repeated places; see [`Op::ScatterRows`].
    pub fn scatter_rows(
        &mut self,
        y: Value,
        index: Value,
        weight: Value,
        rows: usize,
    ) -> Result<Value> {
        self.one(Op::ScatterRows { rows }, &[y, index, weight])
    }

    /// Rows `(n, d)` added up at indices `(n,)` into `(rows, d)`.
    pub fn add_rows_at(&mut self, x: Value, indices: Value, rows: usize) -> Result<Value> {
        let n = self.shape(indices).iter().product();
        let index = self.reshape(indices, &[n, 1])?;
        let one = self.constant(Constant::real(self.dtype(x), &[1, 1], [1.0]));
        let ones = self.expand(one, &[n, 1])?;
        self.scatter_rows(x, index, ones, rows)
    }
}
