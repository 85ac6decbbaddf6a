//! The memory of state that steps have replaced, for later ones to write over.

use std::collections::VecDeque;

use crate::runtime::Tensor;

/// What steps have replaced.
pub(super) struct OutputBuffers {
    /// The oldest first.
    sets: VecDeque<Vec<Tensor>>,
    /// How many are kept before one is given out.
    kept: usize,
}

impl OutputBuffers {
    /// `shared` where another learner predicts with what this one learns: while a step is taken, that one may still hold
    /// what the last step has replaced, so one more has to pass.
    pub fn new(shared: bool) -> Self {
        Self {
            sets: VecDeque::new(),
            kept: if shared { 2 } else { 1 },
        }
    }

    /// What a step has replaced.
    pub fn put(&mut self, set: Vec<Tensor>) {
        self.sets.push_back(set);
        while self.sets.len() > self.kept {
            self.sets.pop_front();
        }
    }

    /// What the next step is to write over; nothing in the beginning.
    pub fn take(&mut self) -> Vec<Tensor> {
        if self.sets.len() < self.kept {
            return vec![];
        }
        self.sets.pop_front().unwrap_or_default()
    }

    /// Lets go of everything but this.
    pub fn replace(&mut self, set: Vec<Tensor>) {
        self.sets.clear();
        self.put(set);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::adapt::{Learner, Method, Request, Settings};
    use crate::model::testing::{tiny, untrained};
    use crate::runtime::{Cancel, testing};
    use crate::video::Rgb;

    #[test]
    fn nothing_holds_what_a_step_writes_over() {
        let Some(runtime) = testing::runtime() else {
            return;
        };
        let model = Arc::new(untrained(tiny(3), 1));
        let settings = Settings {
            method: Method::Online,
            batch_size: 1,
            ..Settings::default()
        };
        for shared in [false, true] {
            let (options, cancel) = (testing::options(), Cancel::new());
            let model = model.clone().into();
            let learner = Learner::of(model, settings.clone(), runtime, &options, &cancel, shared);
            let mut learner = learner.unwrap();
            // What the other learner predicts with, and what it has not yet taken.
            let mut held = VecDeque::new();
            for frame in 0..6 {
                let rgb = Arc::new(Rgb::from_elem((64, 64, 3), 40 * frame));
                let request = Request {
                    predict: false,
                    ..Request::default()
                };
                let report = learner.frame(rgb, request).unwrap().report;
                assert_eq!(report.steps, 1);
                if shared {
                    held.push_back(learner.shared_weights().0);
                    held.drain(..held.len().saturating_sub(2));
                }
            }
            let over = learner.weights.output_buffers.take();
            // Besides the state, what the step says of itself.
            assert_eq!(over.len(), learner.weights.state.len() + 3);
            assert!(over.iter().all(Tensor::is_held_once), "{shared}");
        }
    }
}
