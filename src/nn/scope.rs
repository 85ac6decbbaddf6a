//! The place in a network that a layer is built at.

use super::Parameters;
use crate::graph::{Graph, Result, Value};

/// A graph under construction, where its parameters come from, and what their names begin with here.
pub struct Scope<'s, 'w> {
    /// The graph that layers are appended to.
    pub g: &'s mut Graph,
    parameters: &'s mut Parameters<'w>,
    prefix: String,
}

impl<'s, 'w> Scope<'s, 'w> {
    /// A scope whose parameters have names that begin with `prefix`, which ends in a dot or is empty.
    pub fn new(
        g: &'s mut Graph,
        parameters: &'s mut Parameters<'w>,
        prefix: impl Into<String>,
    ) -> Self {
        Self {
            g,
            parameters,
            prefix: prefix.into(),
        }
    }

    /// The full name of what is `name` here.
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The scope `name` in this one.
    pub fn within(&mut self, name: &str) -> Scope<'_, 'w> {
        let prefix = format!("{}{name}.", self.prefix);
        Scope::new(self.g, self.parameters, prefix)
    }

    /// The parameter of this name, whose shape must be `shape`.
    pub fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<Value> {
        let name = self.path(name);
        self.parameters.get(self.g, &name, shape)
    }

    /// Builds nodes under a layer's name ([`Graph::layer`]); names of parameters are not affected.
    pub fn layer<T>(
        &mut self,
        name: impl Into<String>,
        build: impl FnOnce(&mut Scope<'_, 'w>) -> Result<T>,
    ) -> Result<T> {
        let (parameters, prefix) = (&mut *self.parameters, self.prefix.clone());
        self.g
            .layer(name, |g| build(&mut Scope::new(g, parameters, prefix)))
    }

    /// Builds the module `name`: nodes and parameters carry its full name.
    pub fn module<T>(
        &mut self,
        name: &str,
        build: impl FnOnce(&mut Scope<'_, 'w>) -> Result<T>,
    ) -> Result<T> {
        let path = self.path(name);
        self.within(name).layer(path, build)
    }

    /// Channels of `x`: the size of its last axis.
    ///
    /// # Errors
    /// When `x` is a scalar; `what` is named in the error.
    pub(super) fn channels(&self, x: Value, what: &str) -> Result<usize> {
        let last = self.g.shape(x).last().copied();
        last.ok_or_else(|| self.g.config_error(format!("{what} of a scalar")))
    }
}
