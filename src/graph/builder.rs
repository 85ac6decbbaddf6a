use super::infer::{self, Misfit};
use super::{Constant, DType, GraphError, Model, Op, Result, Target, passes, proto};

/// A tensor of a [`Graph`]: a handle that is only meaningful with the graph that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(super) u32);

impl Value {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Handed in at run time under this name.
    Input(String),
    /// Known while the graph is built.
    Constant(Constant),
    /// Computed by a node: its index and which of its outputs.
    Node(usize, usize),
}

/// What is known of a value: element type, static shape (row-major) and origin.
#[derive(Clone, Debug)]
pub struct ValueInfo {
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Where it comes from.
    pub origin: Origin,
}

/// One application of an operator.
#[derive(Clone, Debug)]
pub struct Node {
    /// The operator and its attributes.
    pub op: Op,
    /// Operands in ONNX order.
    pub inputs: Vec<Value>,
    /// Results in ONNX order.
    pub outputs: Vec<Value>,
    /// Scope path of the layer it belongs to; part of the node's name in the written model.
    pub layer: String,
}

/// A graph under construction. Methods named after operators append a node and return its result.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(super) name: String,
    pub(super) values: Vec<ValueInfo>,
    pub(super) nodes: Vec<Node>,
    pub(super) inputs: Vec<Value>,
    pub(super) outputs: Vec<(String, Value)>,
    layers: Vec<String>,
}

impl Graph {
    /// An empty graph; the name stands in the written model.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            values: vec![],
            nodes: vec![],
            inputs: vec![],
            outputs: vec![],
            layers: vec![],
        }
    }

    /// Builds part of a graph inside a named layer: errors and node names carry the path.
    pub fn layer<T>(
        &mut self,
        name: impl Into<String>,
        build: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.layers.push(name.into());
        let built = build(self);
        self.layers.pop();
        built
    }

    /// Scope path of the layer being built.
    pub fn layer_path(&self) -> String {
        if self.layers.is_empty() {
            self.name.clone()
        } else {
            self.layers.join(".")
        }
    }

    /// An error that names the layer being built.
    pub fn config_error(&self, detail: impl Into<String>) -> GraphError {
        GraphError::Config {
            layer: self.layer_path(),
            detail: detail.into(),
        }
    }

    /// A tensor that is handed in at run time.
    ///
    /// # Errors
    /// [`GraphError::Config`] when the name is taken.
    pub fn input(&mut self, name: &str, dtype: DType, shape: &[usize]) -> Result<Value> {
        self.check_name(name)?;
        let v = self.value(dtype, shape.to_vec(), Origin::Input(name.to_owned()));
        self.inputs.push(v);
        Ok(v)
    }

    /// Names a value as a result of the graph.
    ///
    /// # Errors
    /// [`GraphError::Config`] when the name is taken.
    pub fn output(&mut self, name: &str, value: Value) -> Result<()> {
        self.check_name(name)?;
        self.outputs.push((name.to_owned(), value));
        Ok(())
    }

    /// Inputs and outputs share one set of names in ONNX; names that begin with `%` are the writer's.
    fn check_name(&self, name: &str) -> Result<()> {
        let taken =
            self.inputs().any(|(n, _)| n == name) || self.outputs.iter().any(|(n, _)| n == name);
        if taken || name.is_empty() || name.starts_with('%') {
            return Err(self.config_error(format!(
                "an input or output cannot be named '{name}': the name is taken, empty or begins with %"
            )));
        }
        Ok(())
    }

    /// A tensor known now.
    pub fn constant(&mut self, c: Constant) -> Value {
        self.value(c.dtype, c.shape.clone(), Origin::Constant(c))
    }

    /// A real scalar of the element type of `like`.
    pub fn scalar(&mut self, like: Value, number: f64) -> Value {
        let c = Constant::real(self.dtype(like), &[], [number]);
        self.constant(c)
    }

    /// What is known of a value.
    pub fn info(&self, v: Value) -> &ValueInfo {
        &self.values[v.index()]
    }

    /// Static shape of a value.
    pub fn shape(&self, v: Value) -> &[usize] {
        &self.values[v.index()].shape
    }

    /// Element type of a value.
    pub fn dtype(&self, v: Value) -> DType {
        self.values[v.index()].dtype
    }

    /// The constant behind a value, if it is one.
    pub fn as_constant(&self, v: Value) -> Option<&Constant> {
        match &self.values[v.index()].origin {
            Origin::Constant(c) => Some(c),
            _ => None,
        }
    }

    /// The nodes in the order they were built, which is a topological order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Inputs by name, in the order they were declared.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, Value)> {
        self.inputs
            .iter()
            .map(|&v| match &self.values[v.index()].origin {
                Origin::Input(name) => (name.as_str(), v),
                _ => unreachable!("only input() fills the list"),
            })
    }

    /// Outputs by name, in the order they were declared.
    pub fn outputs(&self) -> &[(String, Value)] {
        &self.outputs
    }

    /// Lets `new` stand wherever input `old` is used, and removes that input. `new` must not depend on `old`.
    ///
    /// # Errors
    /// [`GraphError::Config`] when `old` is no input, or type or shape differ.
    pub fn replace_input(&mut self, old: Value, new: Value) -> Result<()> {
        if self.shape(old) != self.shape(new)
            || self.dtype(old) != self.dtype(new)
            || !self.inputs.contains(&old)
        {
            return Err(
                self.config_error("an input can only be replaced by a value of its shape and type")
            );
        }
        self.inputs.retain(|&v| v != old);
        for used in self
            .nodes
            .iter_mut()
            .flat_map(|n| &mut n.inputs)
            .chain(self.outputs.iter_mut().map(|o| &mut o.1))
        {
            if *used == old {
                *used = new;
            }
        }
        Ok(())
    }

    /// Appends a node; its outputs get the inferred types and shapes.
    ///
    /// # Errors
    /// [`GraphError::Shape`] or [`GraphError::Type`] when the operands do not fit the operator.
    pub fn node(&mut self, op: Op, inputs: &[Value]) -> Result<Vec<Value>> {
        let typed: Vec<_> = inputs
            .iter()
            .map(|&v| (self.dtype(v), self.shape(v)))
            .collect();
        let outputs = infer::outputs(&op, &typed).map_err(|misfit| match misfit {
            Misfit::Shape(detail) => GraphError::Shape {
                layer: self.layer_path(),
                op: op.name(),
                detail,
            },
            Misfit::Type(detail) => GraphError::Type {
                layer: self.layer_path(),
                op: op.name(),
                detail,
            },
        })?;
        let node = self.nodes.len();
        let outputs: Vec<Value> = outputs
            .into_iter()
            .enumerate()
            .map(|(i, (dtype, shape))| self.value(dtype, shape, Origin::Node(node, i)))
            .collect();
        let layer = self.layer_path();
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
            layer,
        });
        Ok(outputs)
    }

    /// Cleans the graph up and writes it for a target.
    ///
    /// # Errors
    /// [`GraphError::Config`] when the nodes cannot be put in order.
    pub fn finish(mut self, target: Target) -> Result<Model> {
        passes::clean_up(&mut self)?;
        Ok(proto::write(&self, target))
    }

    /// Number of nodes that are left after clean-up.
    ///
    /// # Errors
    /// As [`Graph::finish`].
    pub fn cleaned_node_count(&self) -> Result<usize> {
        let mut g = self.clone();
        passes::clean_up(&mut g)?;
        Ok(g.nodes.len())
    }

    fn value(&mut self, dtype: DType, shape: Vec<usize>, origin: Origin) -> Value {
        let v = Value(u32::try_from(self.values.len()).expect("fewer than 2^32 values"));
        self.values.push(ValueInfo {
            dtype,
            shape,
            origin,
        });
        v
    }

    fn one(&mut self, op: Op, inputs: &[Value]) -> Result<Value> {
        Ok(self.node(op, inputs)?[0])
    }
}

macro_rules! operators {
    ($($method:ident($($operand:ident),+) = $op:expr, $doc:literal;)+) => {
        /// Operators without attributes.
        impl Graph {
            $(
                #[doc = $doc]
                ///
                /// # Errors
                /// When the operands do not fit.
                pub fn $method(&mut self, $($operand: Value),+) -> Result<Value> {
                    self.one($op, &[$($operand),+])
                }
            )+
        }
    };
}

operators! {
    add(a, b) = Op::Add, "`a + b`, broadcasting.";
    sub(a, b) = Op::Sub, "`a - b`, broadcasting.";
    mul(a, b) = Op::Mul, "`a · b` elementwise, broadcasting.";
    div(a, b) = Op::Div, "`a / b`, broadcasting.";
    max(a, b) = Op::Max, "The larger of both, broadcasting.";
    min(a, b) = Op::Min, "The smaller of both, broadcasting.";
    neg(x) = Op::Neg, "`-x`.";
    abs(x) = Op::Abs, "`|x|`.";
    sqrt(x) = Op::Sqrt, "Square root.";
    reciprocal(x) = Op::Reciprocal, "`1 / x`.";
    exp(x) = Op::Exp, "`e^x`.";
    log(x) = Op::Log, "Natural logarithm.";
    erf(x) = Op::Erf, "Error function.";
    relu(x) = Op::Relu, "`max(x, 0)`.";
    sigmoid(x) = Op::Sigmoid, "`1 / (1 + e^-x)`.";
    tanh(x) = Op::Tanh, "Hyperbolic tangent.";
    sin(x) = Op::Sin, "Sine.";
    cos(x) = Op::Cos, "Cosine.";
    floor(x) = Op::Floor, "Largest integer not above.";
    sign(x) = Op::Sign, "-1, 0 or 1.";
    softplus(x) = Op::Softplus, "`ln(1 + e^x)`.";
    equal(a, b) = Op::Equal, "Whether equal, broadcasting.";
    less(a, b) = Op::Less, "Whether `a < b`, broadcasting.";
    greater(a, b) = Op::Greater, "Whether `a > b`, broadcasting.";
    greater_or_equal(a, b) = Op::GreaterOrEqual, "Whether `a >= b`, broadcasting.";
    and(a, b) = Op::And, "Both, broadcasting.";
    or(a, b) = Op::Or, "Either, broadcasting.";
    not(x) = Op::Not, "The opposite.";
    select(condition, a, b) = Op::Where, "`a` where the condition holds, else `b` (ONNX `Where`), broadcasting.";
    matmul(a, b) = Op::MatMul, "Matrix product over the last two axes, the others broadcasting.";
    detach(x) = Op::Detach, "The value itself, through which no gradient passes.";
}

/// Operators with attributes.
///
/// All of them fail with [`GraphError::Shape`] or [`GraphError::Type`] when the operands do not fit.
#[allow(clippy::missing_errors_doc, reason = "said once for all of them above")]
impl Graph {
    /// Matrix product of two matrices, transposed where asked, plus an optional bias `(columns,)`.
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
        self.one(
            Op::ReduceSum {
                axes: axes.to_vec(),
                keep,
            },
            &[x],
        )
    }

    /// Mean over axes.
    pub fn reduce_mean(&mut self, x: Value, axes: &[usize], keep: bool) -> Result<Value> {
        self.one(
            Op::ReduceMean {
                axes: axes.to_vec(),
                keep,
            },
            &[x],
        )
    }

    /// Largest element over axes. It has no gradient rule: put [`Graph::detach`] behind it where a gradient passes by.
    pub fn reduce_max(&mut self, x: Value, axes: &[usize], keep: bool) -> Result<Value> {
        self.one(
            Op::ReduceMax {
                axes: axes.to_vec(),
                keep,
            },
            &[x],
        )
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
            Ok(x)
        } else {
            self.one(
                Op::Reshape {
                    shape: shape.to_vec(),
                },
                &[x],
            )
        }
    }

    /// Repetition along axes of size 1 (and new leading axes).
    pub fn expand(&mut self, x: Value, shape: &[usize]) -> Result<Value> {
        if self.shape(x) == shape {
            Ok(x)
        } else {
            self.one(
                Op::Expand {
                    shape: shape.to_vec(),
                },
                &[x],
            )
        }
    }

    /// Axes in another order: axis `i` of the result is axis `perm[i]` of `x`.
    pub fn transpose(&mut self, x: Value, perm: &[usize]) -> Result<Value> {
        if perm.iter().copied().eq(0..self.shape(x).len()) {
            return Ok(x);
        }
        self.one(
            Op::Transpose {
                perm: perm.to_vec(),
            },
            &[x],
        )
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
        self.node(
            Op::Split {
                axis,
                sizes: sizes.to_vec(),
            },
            &[x],
        )
    }

    /// The part from `starts` to `ends` (exclusive) on every axis.
    pub fn slice(&mut self, x: Value, starts: &[usize], ends: &[usize]) -> Result<Value> {
        if starts.iter().all(|&s| s == 0) && ends == self.shape(x) {
            return Ok(x);
        }
        self.one(
            Op::Slice {
                starts: starts.to_vec(),
                ends: ends.to_vec(),
            },
            &[x],
        )
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
        self.one(
            Op::Pad {
                before: before.to_vec(),
                after: after.to_vec(),
            },
            &[x],
        )
    }

    /// Slices of `x` along `axis` at `indices` (`I64` or `I32`, not negative).
    pub fn gather(&mut self, x: Value, indices: Value, axis: usize) -> Result<Value> {
        self.one(Op::Gather { axis }, &[x, indices])
    }

    /// Rows `(n, d)` added up at indices `(n,)` into `(rows, d)`; see [`Op::ScatterRows`].
    pub fn scatter_rows(&mut self, x: Value, indices: Value, rows: usize) -> Result<Value> {
        self.one(Op::ScatterRows { rows }, &[x, indices])
    }

    /// `x` summed to a shape that broadcasts to its own: the adjoint of broadcasting.
    pub fn sum_to(&mut self, x: Value, shape: &[usize]) -> Result<Value> {
        let from = self.shape(x).to_vec();
        if from == shape {
            return Ok(x);
        }
        if infer::broadcast(&from, shape).as_deref() != Some(&from[..]) {
            return Err(self.config_error(format!("cannot sum {from:?} to {shape:?}")));
        }
        let extra = from.len() - shape.len();
        let axes: Vec<usize> = (0..from.len())
            .filter(|&i| i < extra || (shape[i - extra] == 1 && from[i] != 1))
            .collect();
        let summed = if axes.is_empty() {
            x
        } else {
            self.reduce_sum(x, &axes, true)?
        };
        self.reshape(summed, shape)
    }
}
