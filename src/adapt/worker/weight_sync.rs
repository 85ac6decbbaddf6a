//! Weight updates from a worker that learns to one that predicts.

use parking_lot::Mutex;

use crate::adapt::learner::Standing;
use crate::adapt::{Error, Report};
use crate::runtime::Tensor;

/// The newest weights of a worker that learns, for one that predicts, or why there are none.
#[derive(Default)]
pub(in crate::adapt) struct WeightSync(Mutex<State>);

#[derive(Default)]
struct State {
    update: Option<WeightUpdate>,
    error: Option<Error>,
}

/// Weights that a frame's steps have led to.
pub(in crate::adapt) struct WeightUpdate {
    /// How often the weights had been replaced from outside when the steps began. For another version they are void.
    pub version: u64,
    pub weights: Vec<Tensor>,
    /// How learning stands with them.
    pub standing: Standing,
    /// What happened: of steps and their time the sum since the last update that was taken. `None` where the weights were
    /// only forgotten.
    pub report: Option<Report>,
}

impl WeightSync {
    /// Replaces an older update.
    pub fn publish(&self, mut update: WeightUpdate) {
        let mut state = self.0.lock();
        let old = state
            .update
            .take()
            .filter(|old| old.version == update.version);
        update.report = match (old.and_then(|old| old.report), update.report) {
            (Some(old), Some(new)) => Some(Report {
                steps: old.steps + new.steps,
                colour_steps: old.colour_steps + new.colour_steps,
                step_time: old.step_time + new.step_time,
                ..new
            }),
            (old, new) => new.or(old),
        };
        state.update = Some(update);
    }

    /// The update, if there is one of this version.
    pub fn take(&self, version: u64) -> Option<WeightUpdate> {
        let mut state = self.0.lock();
        match &state.update {
            // One of a later version waits until the jobs that lead to it are done here, too.
            Some(update) if update.version > version => None,
            _ => state
                .update
                .take()
                .filter(|update| update.version == version),
        }
    }

    /// Leaves an error for the answer to the next frame.
    pub fn fail(&self, error: Error) {
        self.0.lock().error.get_or_insert(error);
    }

    /// Takes the error away.
    pub fn error(&self) -> Option<Error> {
        self.0.lock().error.take()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn update(version: u64, steps: usize, loss: f32) -> WeightUpdate {
        WeightUpdate {
            version,
            weights: vec![],
            standing: Standing::default(),
            report: Some(Report {
                steps,
                loss: Some(loss),
                step_time: Duration::from_millis(10),
                ..Report::of(1, 1)
            }),
        }
    }

    #[test]
    fn the_newest_of_the_version_with_all_steps() {
        let sync = WeightSync::default();
        assert!(sync.take(0).is_none());
        sync.publish(update(0, 1, 0.5));
        sync.publish(update(0, 2, 0.25));
        let taken = sync.take(0).unwrap().report.unwrap();
        assert_eq!((taken.steps, taken.loss), (3, Some(0.25)));
        assert_eq!(taken.step_time, Duration::from_millis(20));
        assert!(sync.take(0).is_none(), "taken once");
    }

    #[test]
    fn updates_of_other_versions_are_void_or_for_later() {
        let sync = WeightSync::default();
        sync.publish(update(0, 1, 0.5));
        assert!(sync.take(1).is_none(), "begun before a reset");
        assert!(sync.take(0).is_none(), "gone");
        sync.publish(update(0, 1, 0.5));
        sync.publish(update(1, 1, 0.5));
        assert!(sync.take(0).is_none());
        assert_eq!(
            sync.take(1).unwrap().report.unwrap().steps,
            1,
            "steps of another version do not count"
        );
    }

    #[test]
    fn weights_that_were_forgotten_leave_the_report_of_the_steps_before() {
        let sync = WeightSync::default();
        sync.publish(update(0, 2, 0.5));
        sync.publish(WeightUpdate {
            report: None,
            ..update(0, 0, 0.0)
        });
        let report = sync.take(0).unwrap().report.unwrap();
        assert_eq!((report.steps, report.loss), (2, Some(0.5)));
    }

    #[test]
    fn the_first_error_is_given_once() {
        let sync = WeightSync::default();
        sync.fail(Error::Worker("first".into()));
        sync.fail(Error::Worker("second".into()));
        assert!(matches!(sync.error(), Some(Error::Worker(why)) if why == "first"));
        assert!(sync.error().is_none());
    }
}
