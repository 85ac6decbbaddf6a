//! The source of a layer's parameters.

use std::collections::HashMap;

use crate::graph::{Constant, DType, Graph, Result, Value};
use crate::weights::Weights;

/// A parameter that is an input of the graph.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its full name.
    pub name: String,
    /// Its shape in the checkpoint.
    pub shape: Vec<usize>,
    /// The input.
    pub value: Value,
}

/// The source of a layer's parameters: learned ones become inputs of the graph, frozen ones
/// initializers.
pub struct Parameters<'w> {
    weights: Option<&'w Weights>,
    is_learned: Box<dyn Fn(&str) -> bool + 'w>,
    known: HashMap<String, Value>,
    learned: Vec<Parameter>,
}

impl<'w> Parameters<'w> {
    /// Parameters for which `is_learned` holds are inputs; the others are taken from `weights`.
    pub fn new(weights: &'w Weights, is_learned: impl Fn(&str) -> bool + 'w) -> Self {
        Self {
            weights: Some(weights),
            is_learned: Box::new(is_learned),
            ..Parameters::all_learned()
        }
    }

    /// Every parameter is an input; no values are needed.
    pub fn all_learned() -> Self {
        Self {
            weights: None,
            is_learned: Box::new(|_| true),
            known: HashMap::new(),
            learned: vec![],
        }
    }

    /// The parameter of this name, whose shape must be `shape`.
    ///
    /// # Errors
    /// When a frozen parameter is missing from the weights or has another shape.
    pub fn get(&mut self, g: &mut Graph, name: &str, shape: &[usize]) -> Result<Value> {
        if let Some(&v) = self.known.get(name) {
            if g.shape(v) == shape {
                return Ok(v);
            }
            let detail = format!(
                "parameter {name} is used as {:?} and as {shape:?}",
                g.shape(v)
            );
            return Err(g.config_error(detail));
        }
        let value = if (self.is_learned)(name) {
            let value = g.input(name, DType::F32, shape)?;
            self.learned.push(Parameter {
                name: name.to_owned(),
                shape: shape.to_vec(),
                value,
            });
            value
        } else {
            let tensor = self.weights.and_then(|w| w.0.get(name));
            let tensor =
                tensor.ok_or_else(|| g.config_error(format!("parameter {name} is missing")))?;
            if tensor.shape != shape {
                return Err(g.config_error(format!(
                    "parameter {name} is {:?}, not {shape:?}",
                    tensor.shape
                )));
            }
            g.constant(Constant::f32(shape, &tensor.data))
        };
        self.known.insert(name.to_owned(), value);
        Ok(value)
    }

    /// The parameters that became inputs, in the order of their first use.
    pub fn learned(&self) -> &[Parameter] {
        &self.learned
    }

    /// As [`Parameters::learned`], by value.
    pub fn into_learned(self) -> Vec<Parameter> {
        self.learned
    }
}
