//! The operators: one table.

use super::infer::{self, Misfit, Outputs, Typed};
use super::{DType, Graph, Result, Value};

/// What the writer has to write beside a node's operands: attributes, and lists that ONNX wants as constant inputs.
pub(super) enum Part {
    Int(&'static str, i64),
    Float(&'static str, f32),
    Ints(&'static str, Vec<usize>),
    Type(&'static str, DType),
    Input(Vec<usize>),
}

use Part::{Float, Input, Int, Ints, Type};

/// Declares [`Op`], and everything there is to know of an operator but its gradient. A row is what it does, its name in ONNX with
/// its attributes, how many operands it has and of which types ([`infer`]), the rule for the shape of its results, what is written
/// of its attributes, and the method of [`Graph`] that appends it where that does nothing else.
macro_rules! operators {
    ($(
        $(#[doc = $doc:literal])+
        $Op:ident $({ $($field:ident: $Type:ty),+ })? ($operands:pat, $types:ident) => $shape:ident
        $(, $(of $x:ident)? writes $parts:expr)?
        $(, fn $method:ident($($operand:ident),+))?;
    )+) => {
        /// An operator with its attributes. Shapes given here become constant inputs of the ONNX node
        /// where ONNX wants them so.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "attributes are ONNX's")]
        pub enum Op {
            $($(#[doc = $doc])+ $Op $({ $($field: $Type),+ })?,)+
        }

        impl Op {
            /// Name of the operator in ONNX (for those on rows and `Detach` our own).
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Op { .. } => stringify!($Op),)+
                }
            }

            /// Types and shapes of the results.
            pub(super) fn outputs(&self, inputs: &[Typed]) -> std::result::Result<Outputs, Misfit> {
                match self {
                    $(Self::$Op $({ $($field),+ })? => {
                        if !matches!(inputs.len(), $operands) {
                            return Err(Misfit::Shape(format!("{} operands", inputs.len())));
                        }
                        let types: Vec<DType> = inputs.iter().map(|input| input.0).collect();
                        if !infer::$types(&types) {
                            return Err(Misfit::Type(format!("{types:?}")));
                        }
                        infer::$shape(inputs $($(, $field)+)?)
                    })+
                }
            }

            /// What is written of the attributes; `shape` is that of the first operand.
            pub(super) fn parts(&self, shape: &[usize]) -> Vec<Part> {
                let mut parts = vec![];
                match self {
                    $(Self::$Op $({ $($field),+ })? => {
                        $($(let $x = shape;)? parts.extend($parts);)?
                    })+
                }
                parts
            }
        }

        /// Operators without attributes.
        impl Graph {
            $($(
                #[doc = concat!("[`Op::", stringify!($Op), "`].")]
                ///
                /// # Errors
                /// When the operands do not fit.
                pub fn $method(&mut self, $($operand: Value),+) -> Result<Value> {
                    self.one(Op::$Op, &[$($operand),+])
                }
            )?)+
        }
    };
}

operators! {
    /// `a + b`, broadcasting.
    Add(2, alike) => broadcasting, fn add(a, b);
    /// `a - b`, broadcasting.
    Sub(2, alike) => broadcasting, fn sub(a, b);
    /// `a · b` elementwise, broadcasting.
    Mul(2, alike) => broadcasting, fn mul(a, b);
    /// `a / b`, broadcasting.
    Div(2, alike) => broadcasting, fn div(a, b);
    /// The larger of both, broadcasting.
    Max(2, alike) => broadcasting, fn max(a, b);
    /// The smaller of both, broadcasting.
    Min(2, alike) => broadcasting, fn min(a, b);
    /// `-x`.
    Neg(1, alike) => same, fn neg(x);
    /// `|x|`.
    Abs(1, alike) => same, fn abs(x);
    /// Square root.
    Sqrt(1, real) => same, fn sqrt(x);
    /// `1 / x`.
    Reciprocal(1, real) => same, fn reciprocal(x);
    /// `e^x`.
    Exp(1, real) => same, fn exp(x);
    /// Natural logarithm.
    Log(1, real) => same, fn log(x);
    /// Error function.
    Erf(1, real) => same, fn erf(x);
    /// `max(x, 0)`.
    Relu(1, real) => same, fn relu(x);
    /// `1 / (1 + e^-x)`.
    Sigmoid(1, real) => same, fn sigmoid(x);
    /// Hyperbolic tangent.
    Tanh(1, real) => same, fn tanh(x);
    /// Sine.
    Sin(1, real) => same, fn sin(x);
    /// Cosine.
    Cos(1, real) => same, fn cos(x);
    /// Largest integer not above.
    Floor(1, real) => same, fn floor(x);
    /// -1, 0 or 1.
    Sign(1, alike) => same, fn sign(x);
    /// `ln(1 + e^x)`.
    Softplus(1, real) => same, fn softplus(x);
    /// Whether equal, broadcasting.
    Equal(2, alike) => comparison, fn equal(a, b);
    /// Whether `a < b`, broadcasting.
    Less(2, alike) => comparison, fn less(a, b);
    /// Whether `a > b`, broadcasting.
    Greater(2, alike) => comparison, fn greater(a, b);
    /// Whether `a >= b`, broadcasting.
    GreaterOrEqual(2, alike) => comparison, fn greater_or_equal(a, b);
    /// Both, broadcasting.
    And(2, truth) => broadcasting, fn and(a, b);
    /// Either, broadcasting.
    Or(2, truth) => broadcasting, fn or(a, b);
    /// The opposite.
    Not(1, truth) => same, fn not(x);
    /// `a` where the condition holds, else `b` (ONNX `Where`), broadcasting.
    Where(3, chosen) => choice, fn select(condition, a, b);
    /// Conversion to another element type.
    Cast { to: DType } (1, alike) => cast, writes [Type("to", *to)];
    /// Matrix product over the last two axes, the others broadcasting.
    MatMul(2, real) => matmul, fn matmul(a, b);
    /// `C = A' · B' (+ bias)`, two-dimensional, `'` a transposition where an attribute says so.
    Gemm { trans_a: bool, trans_b: bool } (2..=3, real) => gemm,
        writes [Int("transA", (*trans_a).into()), Int("transB", (*trans_b).into())];
    /// Softmax along one axis.
    Softmax { axis: usize } (1, real) => along, writes [Int("axis", *axis as i64)];
    /// Logarithm of the softmax along one axis.
    LogSoftmax { axis: usize } (1, real) => along, writes [Int("axis", *axis as i64)];
    /// Over the last axis. Outputs: the result, the mean and the inverse standard deviation
    /// (both `F32` whatever the operand, with the last axis kept at size 1).
    LayerNormalization { epsilon: f32 } (3, real) => layer_normalization,
        writes [Int("axis", -1), Float("epsilon", *epsilon)];
    /// Sum over axes.
    ReduceSum { axes: Vec<usize>, keep: bool } (1, alike) => reduction, writes reduced(axes, *keep);
    /// Mean over axes.
    ReduceMean { axes: Vec<usize>, keep: bool } (1, alike) => reduction, writes reduced(axes, *keep);
    /// Largest element over axes.
    ReduceMax { axes: Vec<usize>, keep: bool } (1, alike) => reduction, writes reduced(axes, *keep);
    /// Sum of squares over axes.
    ReduceSumSquare { axes: Vec<usize>, keep: bool } (1, alike) => reduction, writes reduced(axes, *keep);
    /// Index of the largest element, `I64`, the axis removed.
    ArgMax { axis: usize } (1, alike) => arg_max, writes [Int("axis", *axis as i64), Int("keepdims", 0)];
    /// The same elements under another shape.
    Reshape { shape: Vec<usize> } (1, alike) => reshape, writes [Int("allowzero", 1), Input(shape.clone())];
    /// Repetition along axes of size 1 (and new leading axes).
    Expand { shape: Vec<usize> } (1, alike) => expand, writes [Input(shape.clone())];
    /// Axes in another order: axis `i` of the result is axis `perm[i]` of the operand.
    Transpose { perm: Vec<usize> } (1, alike) => transpose, writes [Ints("perm", perm.clone())];
    /// Tensors one after the other along an axis.
    Concat { axis: usize } (1.., alike) => concat, writes [Int("axis", *axis as i64)];
    /// Parts of the given sizes along an axis.
    Split { axis: usize, sizes: Vec<usize> } (1, alike) => split, writes [Int("axis", *axis as i64), Input(sizes.clone())];
    /// Every axis has a start and an end (exclusive); step 1.
    Slice { starts: Vec<usize>, ends: Vec<usize> } (1, alike) => slice, of whole writes sliced(whole, starts, ends);
    /// Zeros before and after, per axis.
    Pad { before: Vec<usize>, after: Vec<usize> } (1, alike) => pad, writes [Input([&before[..], &after[..]].concat())];
    /// Slices along an axis at indices (`I64` or `I32`, not negative).
    Gather { axis: usize } (2, indexed) => gather, writes [Int("axis", *axis as i64)];
    /// Weighted sums of rows: `table (rows, d)`, `index (n, k)` (may repeat), `weight (n, k)` to `(n, d)`, where row i is
    /// `Σⱼ weight[i, j] · table[index[i, j]]`. Our own operator on the CPU, `Gather` and `MatMul` on CUDA; so are the next
    /// two, which are its gradients.
    MixRows(3, rows) => mix_rows, fn mix_rows(table, index, weight);
    /// The adjoint in the table: `y (n, d)`, `index (n, k)`, `weight (n, k)` to `(rows, d)`, where `weight[i, j] · y[i]` is
    /// added to row `index[i, j]`. `ScatterND(reduction=add)` on CUDA.
    ScatterRows { rows: usize } (3, rows) => scatter_rows, writes [Int("rows", *rows as i64)];
    /// The adjoint in the weights: `table (rows, d)`, `index (n, k)`, `y (n, d)` to the dot products
    /// `table[index[i, j]] · y[i]`, `(n, k)`.
    DotRows(3, rows) => dot_rows, fn dot_rows(table, index, y);
    /// The value itself, through which no gradient passes. Removed when the graph is finished.
    Detach(1, alike) => same, fn detach(x);
}

impl Op {
    /// Whether it is a transposition of the last two axes alone.
    pub(crate) fn swaps_last_two(&self) -> bool {
        let Self::Transpose { perm } = self else {
            return false;
        };
        let rank = perm.len();
        let swapped = |rank| (0..rank - 2).chain([rank - 1, rank - 2]);
        rank >= 2 && perm.iter().copied().eq(swapped(rank))
    }
}

fn reduced(axes: &[usize], keep: bool) -> Vec<Part> {
    // An empty list would mean all axes.
    let none = axes.is_empty().then_some(Int("noop_with_empty_axes", 1));
    let parts = [Int("keepdims", keep.into()), Input(axes.to_vec())];
    none.into_iter().chain(parts).collect()
}

/// Starts, ends and axes of those that are cut.
fn sliced(whole: &[usize], starts: &[usize], ends: &[usize]) -> Vec<Part> {
    let cut = |&i: &usize| starts[i] != 0 || ends[i] != whole[i];
    let axes: Vec<usize> = (0..starts.len()).filter(cut).collect();
    let pick = |from: &[usize]| Input(axes.iter().map(|&i| from[i]).collect());
    vec![pick(starts), pick(ends), Input(axes.clone())]
}
