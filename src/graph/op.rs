//! The operators.

use super::DType;

/// An operator with its attributes. Shapes given here become constant inputs of the ONNX node
/// where ONNX wants them so.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    missing_docs,
    reason = "variants are ONNX operators under their ONNX names; attributes are theirs"
)]
pub enum Op {
    // Elementwise, two operands, numpy broadcasting.
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    // Elementwise, one operand.
    Neg,
    Abs,
    Sqrt,
    Reciprocal,
    Exp,
    Log,
    Erf,
    Relu,
    Sigmoid,
    Tanh,
    Sin,
    Cos,
    Floor,
    Sign,
    Softplus,
    // Comparisons and choice.
    Equal,
    Less,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Not,
    Where,
    Cast {
        to: DType,
    },
    // Products.
    MatMul,
    /// `C = A' · B' (+ bias)`, two-dimensional, `'` a transposition where an attribute says so.
    Gemm {
        trans_a: bool,
        trans_b: bool,
    },
    // Normalisation.
    Softmax {
        axis: usize,
    },
    LogSoftmax {
        axis: usize,
    },
    /// Over the last axis. Outputs: the result, the mean and the inverse standard deviation
    /// (both `F32` whatever the operand, with the last axis kept at size 1).
    LayerNormalization {
        epsilon: f32,
    },
    // Reductions.
    ReduceSum {
        axes: Vec<usize>,
        keep: bool,
    },
    ReduceMean {
        axes: Vec<usize>,
        keep: bool,
    },
    ReduceMax {
        axes: Vec<usize>,
        keep: bool,
    },
    ReduceSumSquare {
        axes: Vec<usize>,
        keep: bool,
    },
    /// Index of the largest element, `I64`, the axis removed.
    ArgMax {
        axis: usize,
    },
    // Layout.
    Reshape {
        shape: Vec<usize>,
    },
    Expand {
        shape: Vec<usize>,
    },
    Transpose {
        perm: Vec<usize>,
    },
    Concat {
        axis: usize,
    },
    Split {
        axis: usize,
        sizes: Vec<usize>,
    },
    /// Every axis has a start and an end (exclusive); step 1.
    Slice {
        starts: Vec<usize>,
        ends: Vec<usize>,
    },
    /// Zeros before and after, per axis.
    Pad {
        before: Vec<usize>,
        after: Vec<usize>,
    },
    // Rows.
    Gather {
        axis: usize,
    },
    /// Weighted sums of rows: `table (rows, d)`, `index (n, k)` (may repeat), `weight (n, k)` to `(n, d)`, where row i is
    /// `Σⱼ weight[i, j] · table[index[i, j]]`. Our own operator on the CPU, `Gather` and `MatMul` on CUDA; so are the next
    /// two, which are its gradients.
    MixRows,
    /// The adjoint in the table: `y (n, d)`, `index (n, k)`, `weight (n, k)` to `(rows, d)`, where `weight[i, j] · y[i]` is
    /// added to row `index[i, j]`. `ScatterND(reduction=add)` on CUDA.
    ScatterRows {
        rows: usize,
    },
    /// The adjoint in the weights: `table (rows, d)`, `index (n, k)`, `y (n, d)` to the dot products
    /// `table[index[i, j]] · y[i]`, `(n, k)`.
    DotRows,
    /// The value itself; no gradient passes. Removed when the graph is finished.
    Detach,
}

macro_rules! names {
    ($of:expr; $($op:ident),+) => {
        match $of {
            $(Op::$op { .. } => stringify!($op),)+
        }
    };
}

impl Op {
    /// Name of the operator in ONNX (for those on rows and `Detach` our own).
    pub fn name(&self) -> &'static str {
        names! {
            self;
            Add, Sub, Mul, Div, Max, Min, Neg, Abs, Sqrt, Reciprocal, Exp, Log, Erf, Relu,
            Sigmoid, Tanh, Sin, Cos, Floor, Sign, Softplus, Equal, Less, Greater,
            GreaterOrEqual, And, Or, Not, Where, Cast, MatMul, Gemm, Softmax, LogSoftmax,
            LayerNormalization, ReduceSum, ReduceMean, ReduceMax, ReduceSumSquare, ArgMax,
            Reshape, Expand, Transpose, Concat, Split, Slice, Pad, Gather, MixRows, ScatterRows,
            DotRows, Detach
        }
    }
}
