//! The products of a sparse matrix with dense ones: operators of our own for the CPU, standard ones elsewhere.

use super::{AttributeType, DOMAIN, Target, Writer, attribute, int, onnx};
use crate::graph::{Constant, DType, Node, Op, Value};

impl Writer<'_> {
    /// Writes [`Op::MixRows`], [`Op::ScatterRows`] or [`Op::DotRows`].
    pub(super) fn sparse_product(
        &mut self,
        node: &Node,
        input: Vec<String>,
        output: Vec<String>,
        label: String,
        attributes: Vec<onnx::AttributeProto>,
    ) {
        if self.target == Target::Cpu {
            self.push(node.op.name(), label, input, output, attributes);
            if let Some(last) = self.nodes.last_mut() {
                last.domain = Some(DOMAIN.into());
            }
            return;
        }
        let [first, index, last] = &input[..] else {
            return;
        };
        match node.op {
            Op::ScatterRows { rows } => {
                let line = self.step(&label, "line", "Unsqueeze", &[first], Some(1));
                let weight = self.step(&label, "weight", "Unsqueeze", &[last], Some(2));
                let updates = self.step(&label, "updates", "Mul", &[&line, &weight], None);
                let mut index = index.clone();
                if self.g.dtype(node.inputs[1]) == DType::I32 {
                    let wide = format!("%{label}/wide");
                    let to = super::data_type(DType::I64).into();
                    let out = vec![wide.clone()];
                    self.push("Cast", wide.clone(), vec![index], out, vec![int("to", to)]);
                    index = wide;
                }
                let index = self.step(&label, "index", "Unsqueeze", &[&index], Some(2));
                let zeros = self.zeros(&label, rows, node.inputs[0]);
                let add = onnx::AttributeProto {
                    s: Some(b"add".to_vec()),
                    ..attribute("reduction", AttributeType::String)
                };
                let operands = vec![zeros, index, updates];
                self.push("ScatterND", label, operands, output, vec![add]);
            }
            _ => {
                let picked = format!("%{label}/picked");
                let operands = vec![first.clone(), index.clone()];
                let axis = vec![int("axis", 0)];
                let out = vec![picked.clone()];
                self.push("Gather", picked.clone(), operands, out, axis);
                let mixes = node.op == Op::MixRows;
                let axis = if mixes { 1 } else { 2 };
                let vector = self.step(&label, "vector", "Unsqueeze", &[last], Some(axis));
                let factors = if mixes {
                    [&vector, &picked]
                } else {
                    [&picked, &vector]
                };
                let product = self.step(&label, "product", "MatMul", &factors, None);
                let axis = self.ints(&[axis]);
                self.push("Squeeze", label, vec![product, axis], output, vec![]);
            }
        }
    }

    /// A node on the way; `axis` is its last operand. Returns the name of its result.
    fn step(
        &mut self,
        label: &str,
        what: &str,
        op: &str,
        operands: &[&String],
        axis: Option<usize>,
    ) -> String {
        let name = format!("%{label}/{what}");
        let mut input: Vec<String> = operands.iter().map(|&o| o.clone()).collect();
        input.extend(axis.map(|axis| self.ints(&[axis])));
        self.push(op, name.clone(), input, vec![name.clone()], vec![]);
        name
    }

    /// Zeros in as many rows, of the columns and the type of `like`.
    fn zeros(&mut self, label: &str, rows: usize, like: Value) -> String {
        let (columns, dtype) = (self.g.shape(like)[1], self.g.dtype(like));
        let zero = self.initializer(
            format!("%zero_{dtype:?}"),
            &Constant::real(dtype, &[], [0.0]),
        );
        let shape = self.ints(&[rows, columns]);
        let zeros = format!("%{label}/zeros");
        let out = vec![zeros.clone()];
        self.push("Expand", zeros.clone(), vec![zero, shape], out, vec![]);
        zeros
    }
}
