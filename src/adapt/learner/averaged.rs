//! Weights that learn by Adam, with a running mean of what its steps leave, which predictions take.

use std::sync::Arc;

use super::output_buffers::OutputBuffers;
use super::stream_weights::{base, packed, zeros};
use crate::adapt::sessions::Program;
use crate::adapt::{Error, SharedModel};
use crate::optim::Layout;
use crate::runtime::Tensor;
use crate::weights::Weights;

/// Weights, the running mean of those that learn, and the moments of the optimiser.
pub(super) struct AveragedWeights {
    pub layout: Layout,
    /// As they are on disk.
    base: Arc<[Tensor]>,
    /// Those that do not learn, as they are: they may have learned before.
    frozen: Vec<Tensor>,
    /// Those that learn, as the last step has left them; their running mean; and the first and second moments, once there
    /// are any.
    state: Vec<Tensor>,
    output_buffers: OutputBuffers,
    /// Steps since the moments were zero.
    pub steps_of_moments: u64,
}

impl AveragedWeights {
    /// As they are on disk; `shared` is as for [`OutputBuffers::new`].
    pub fn new(model: &SharedModel, layout: Layout, shared: bool) -> Result<Self, Error> {
        let base = base(model, &layout)?;
        let mut weights = Self {
            layout,
            base,
            frozen: vec![],
            state: vec![],
            output_buffers: OutputBuffers::new(shared),
            steps_of_moments: 0,
        };
        weights.reset();
        Ok(weights)
    }

    /// The buffers as they are on disk.
    pub fn on_disk(&self) -> &[Tensor] {
        &self.base
    }

    /// Those that learn, as they are on disk.
    pub fn initial(&self) -> Vec<Tensor> {
        self.part(&self.base, true)
    }

    /// The running mean of those that learn.
    pub fn mean(&self) -> &[Tensor] {
        let count = self.learning();
        &self.state[count..2 * count]
    }

    /// All buffers, the running mean of those that learn among them.
    pub fn buffers(&self) -> Vec<Tensor> {
        let (mut means, mut frozen) = (self.mean().iter(), self.frozen.iter());
        let of_each = self.layout.buffers.iter().filter_map(|buffer| {
            let from = if buffer.learns {
                &mut means
            } else {
                &mut frozen
            };
            from.next().cloned()
        });
        of_each.collect()
    }

    /// Goes on with these buffers as if there had been none before. Moments stay.
    pub fn adopt(&mut self, buffers: &[Tensor]) {
        let learning = self.part(buffers, true);
        let before = self.state.len().min(2 * learning.len());
        self.state
            .splice(..before, [&*learning, &learning].concat());
        self.frozen = self.part(buffers, false);
    }

    /// Makes the moments zero.
    pub fn forget_moments(&mut self) {
        self.state.truncate(2 * self.learning());
        self.steps_of_moments = 0;
    }

    /// Back to the weights on disk.
    pub fn reset(&mut self) {
        self.adopt(&self.base.clone());
        self.forget_moments();
    }

    /// All weights by name, the running mean of those that learn among them.
    pub fn weights(&self) -> Result<Weights, Error> {
        let buffers = self.buffers();
        let contents = buffers.iter().map(Tensor::to_f32);
        let contents = contents.collect::<Result<Vec<_>, _>>()?;
        Ok(self.layout.unpack(&contents))
    }

    /// How many buffers learn.
    fn learning(&self) -> usize {
        self.base.len() - self.frozen.len()
    }

    /// The buffers that learn, or those that do not, out of all.
    fn part(&self, buffers: &[Tensor], learns: bool) -> Vec<Tensor> {
        let all = self.layout.buffers.iter().zip(buffers);
        let part = all.filter(|(buffer, _)| buffer.learns == learns);
        part.map(|(_, tensor)| tensor.clone()).collect()
    }

    /// These weights in buffers, if any of them is there.
    pub fn of(&self, weights: &Weights) -> Result<Option<Vec<Tensor>>, Error> {
        let mut names = self.layout.buffers.iter().flat_map(|b| &b.members);
        if names.any(|m| weights.0.contains_key(&m.name)) {
            packed(&self.layout, weights).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Takes a step. Beside what is given, the graph gets the number of the step since the moments were zero, and after the
    /// buffers that are held those that do not learn. Gives the loss, and whether it was finite: if not, the graph itself has
    /// kept what was.
    pub fn step(
        &mut self,
        program: &Program,
        held: &[Tensor],
        given: &[(&str, &Tensor)],
    ) -> Result<(f32, bool), Error> {
        if self.state.len() == 2 * self.learning() {
            let learning = self.layout.learning();
            self.state.extend(zeros(&learning)?);
            self.state.extend(zeros(&learning)?);
        }
        let step = Tensor::from_f32(&[], &[(self.steps_of_moments + 1) as f32])?;
        let given = [given, &[("step", &step)]].concat();
        let spent = self.output_buffers.take();
        let held = held.iter().chain(&self.frozen);
        let ([loss, finite], replaced) = program.run(&mut self.state, held, &given, spent)?;
        self.output_buffers.put(replaced);
        let finite = finite.to_bool()?[0];
        self.steps_of_moments += u64::from(finite);
        Ok((loss.to_f32()?[0], finite))
    }
}
