use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Error, Report};
use crate::runtime::Tensor;

/// What a thread that learns leaves for one that predicts: the newest weights, or why there are none.
#[derive(Default)]
pub(super) struct Exchange(Mutex<State>);

#[derive(Default)]
struct State {
    news: Option<News>,
    error: Option<Error>,
}

/// Weights that a frame's steps have led to.
pub(super) struct News {
    /// How often the weights had been replaced from outside when the steps began. In another era they are of no use.
    pub era: u64,
    pub weights: Vec<Tensor>,
    /// Steps that are in them.
    pub steps_since_reset: u64,
    /// What happened: of steps and their time the sum since the last news that were taken. `None` where the weights were
    /// only forgotten.
    pub report: Option<Report>,
}

impl Exchange {
    /// Replaces older news.
    pub fn publish(&self, mut news: News) {
        let mut state = self.lock();
        let old = state.news.take().filter(|old| old.era == news.era);
        news.report = match (old.and_then(|old| old.report), news.report) {
            (Some(old), Some(new)) => Some(Report {
                steps: old.steps + new.steps,
                directed_steps: old.directed_steps + new.directed_steps,
                step_time: old.step_time + new.step_time,
                ..new
            }),
            (old, new) => new.or(old),
        };
        state.news = Some(news);
    }

    /// The news, if there are any of this era.
    pub fn take(&self, era: u64) -> Option<News> {
        let mut state = self.lock();
        match &state.news {
            // What is ahead in time is for later.
            Some(news) if news.era > era => None,
            _ => state.news.take().filter(|news| news.era == era),
        }
    }

    /// Leaves an error to be told with the next frame.
    pub fn fail(&self, error: Error) {
        self.lock().error.get_or_insert(error);
    }

    /// Takes the error away.
    pub fn error(&self) -> Option<Error> {
        self.lock().error.take()
    }

    /// The state is whole after every statement, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn news(era: u64, steps: usize, loss: f32) -> News {
        News {
            era,
            weights: vec![],
            steps_since_reset: 0,
            report: Some(Report {
                steps,
                loss: Some(loss),
                step_time: Duration::from_millis(10),
                ..Report::of(1, 1)
            }),
        }
    }

    #[test]
    fn the_newest_of_the_era_with_all_steps() {
        let exchange = Exchange::default();
        assert!(exchange.take(0).is_none());
        exchange.publish(news(0, 1, 0.5));
        exchange.publish(news(0, 2, 0.25));
        let taken = exchange.take(0).unwrap().report.unwrap();
        assert_eq!((taken.steps, taken.loss), (3, Some(0.25)));
        assert_eq!(taken.step_time, Duration::from_millis(20));
        assert!(exchange.take(0).is_none(), "taken once");
    }

    #[test]
    fn other_eras_are_void_or_for_later() {
        let exchange = Exchange::default();
        exchange.publish(news(0, 1, 0.5));
        assert!(exchange.take(1).is_none(), "begun before a reset");
        assert!(exchange.take(0).is_none(), "gone");
        exchange.publish(news(0, 1, 0.5));
        exchange.publish(news(1, 1, 0.5));
        assert!(exchange.take(0).is_none());
        assert_eq!(
            exchange.take(1).unwrap().report.unwrap().steps,
            1,
            "steps of another era do not count"
        );
    }

    #[test]
    fn weights_that_were_forgotten_leave_the_report_of_the_steps_before() {
        let exchange = Exchange::default();
        exchange.publish(news(0, 2, 0.5));
        exchange.publish(News {
            report: None,
            ..news(0, 0, 0.0)
        });
        let report = exchange.take(0).unwrap().report.unwrap();
        assert_eq!((report.steps, report.loss), (2, Some(0.5)));
    }

    #[test]
    fn the_first_error_is_told_once() {
        let exchange = Exchange::default();
        exchange.fail(Error::Worker("first".into()));
        exchange.fail(Error::Worker("second".into()));
        assert!(matches!(exchange.error(), Some(Error::Worker(why)) if why == "first"));
        assert!(exchange.error().is_none());
    }
}
