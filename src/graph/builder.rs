//! The graph under construction.

use super::infer::Misfit;
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

    /// The sizes of a value of rank `N`.
    ///
    /// # Errors
    /// [`GraphError::Config`], which names `what`, when the rank is another.
    pub fn dims<const N: usize>(&self, v: Value, what: &str) -> Result<[usize; N]> {
        let shape = self.shape(v);
        shape
            .try_into()
            .map_err(|_| self.config_error(format!("{what} of {shape:?}")))
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

    /// The node that computes a value, if one does.
    pub fn producer(&self, v: Value) -> Option<&Node> {
        match self.values[v.index()].origin {
            Origin::Node(n, _) => Some(&self.nodes[n]),
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
        let outputs = op.outputs(&typed).map_err(|misfit| match misfit {
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

    pub(super) fn one(&mut self, op: Op, inputs: &[Value]) -> Result<Value> {
        Ok(self.node(op, inputs)?[0])
    }
}
