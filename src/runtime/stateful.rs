//! Sessions of recurrent graphs: state goes in under its names, and comes out as `new.NAME`.

use std::mem::swap;

use super::{Cancel, Error, Result, Session, Tensor};

/// A session whose graph is a recurrent cell: the output `new.NAME` is what the input `NAME` is in the next run.
///
/// Names are looked up once, when it is made.
#[derive(Debug)]
pub struct StatefulSession {
    session: Session,
    /// Inputs that are state, in its order, each with the output that takes its place, if there is one.
    state: Vec<(String, Option<usize>)>,
    held: Vec<String>,
    read: Vec<usize>,
}

/// The inputs of a [`StatefulSession`] that are bound in order, and the outputs that are read.
#[derive(Clone, Debug, Default)]
pub struct Binding {
    /// Inputs that are state. One without an output `new.NAME` stays as it is.
    pub state: Vec<String>,
    /// Inputs that a run leaves alone, such as frozen weights.
    pub held: Vec<String>,
    /// Outputs that are read after every run. They are delivered on the host.
    pub read: &'static [&'static str],
}

impl StatefulSession {
    /// Binds inputs and outputs of a session.
    ///
    /// # Errors
    /// [`Error::UnknownOutput`] for an output that is to be read and is not there.
    pub fn new(mut session: Session, binding: Binding) -> Result<Self> {
        for output in binding.read {
            session.deliver_on_host(output)?;
        }
        let place = |wanted: &str| session.output_names().position(|name| name == wanted);
        let read = binding
            .read
            .iter()
            .map(|&name| place(name).ok_or_else(|| Error::UnknownOutput(name.to_owned())))
            .collect::<Result<_>>()?;
        let new = |name: String| {
            let replaced_by = place(&format!("new.{name}"));
            (name, replaced_by)
        };
        let state = binding.state.into_iter().map(new).collect();
        Ok(Self {
            state,
            held: binding.held,
            read,
            session,
        })
    }

    /// [`Session::stopped_by`].
    pub fn stopped_by(&mut self, cancel: &Cancel) {
        self.session.stopped_by(cancel);
    }

    /// Runs the graph once: binds `state` and `held` in the order of the [`Binding`] and `given` by name, and moves `state`
    /// on. What comes out is written over `spent` where that fits ([`Session::run_over`]).
    ///
    /// Gives the outputs that are read, in the order of [`Binding::read`], and everything that a later run may write over:
    /// the outputs, with the old state in the place of the new.
    ///
    /// # Errors
    /// As [`Session::run`]; the state is as it was then. `N` is the number of outputs that are read, or there is none.
    pub fn run<'a, const N: usize>(
        &mut self,
        state: &mut [Tensor],
        held: impl IntoIterator<Item = &'a Tensor>,
        given: &[(&str, &Tensor)],
        spent: Vec<Tensor>,
    ) -> Result<([Tensor; N], Vec<Tensor>)> {
        let mut inputs: Vec<(&str, &Tensor)> = vec![];
        let names = self.state.iter().map(|(name, _)| name.as_str());
        inputs.extend(names.zip(state.iter()));
        for (name, tensor) in self.held.iter().zip(held) {
            inputs.push((name, tensor));
        }
        inputs.extend_from_slice(given);
        let mut outputs = self.session.run_over(spent, &inputs)?;
        drop(inputs);
        let read: Vec<Tensor> = self.read.iter().map(|&at| outputs[at].clone()).collect();
        let read = <[Tensor; N]>::try_from(read)
            .map_err(|read| Error::Run(format!("{} outputs are read, not {N}", read.len())))?;
        for (tensor, (_, new)) in state.iter_mut().zip(&self.state) {
            if let Some(new) = *new {
                swap(tensor, &mut outputs[new]);
            }
        }
        Ok((read, outputs))
    }
}
