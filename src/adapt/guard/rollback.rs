//! Rollback: when what was learned does harm, the weights on disk take its place.

use super::class_balance::{ClassBalance, Comparison};
use super::running_mean::RunningMean;

/// Frames without steps after a rollback.
const PAUSE: u32 = 32;
/// What values so far count in the running means.
const KEPT: f32 = 0.9;
/// Most disagreement with what the model on disk is sure of.
const MOST_DISAGREEMENT: f32 = 0.15;
/// Values of which a mean is a mean.
const LEAST_FRAMES: u32 = 8;
/// For how many steps in a row a loss may be too high.
const LONG: u32 = 32;

/// What is known of how learning goes.
#[derive(Clone, Debug)]
pub(in crate::adapt) struct Rollback {
    balance: ClassBalance,
    disagreement: RunningMean,
    loss: RunningMean,
    /// Steps in a row with too high a loss.
    too_high: u32,
    /// Frames without steps that are still to come.
    pause: u32,
    /// Rollbacks so far.
    count: u64,
}

impl Default for Rollback {
    fn default() -> Self {
        Self {
            balance: ClassBalance::default(),
            disagreement: RunningMean::new(KEPT),
            loss: RunningMean::new(KEPT),
            too_high: 0,
            pause: 0,
            count: 0,
        }
    }
}

impl Rollback {
    /// Takes in how what was learned sees a frame, compared with the model on disk.
    pub fn compared(&mut self, seen: Comparison) {
        self.balance.add(seen.missing);
        self.disagreement.add(seen.disagreement);
    }

    /// Takes in the loss of a step, as a share of the highest that is harmless on average.
    pub fn stepped(&mut self, loss: f32) {
        self.loss.add(loss);
        let is_higher = self.loss.get().is_some_and(|mean| mean > 1.0);
        self.too_high = if is_higher { self.too_high + 1 } else { 0 };
    }

    /// Mean disagreement with what the model on disk is sure of, a share, if there is something to compare.
    pub fn disagreement(&self) -> Option<f32> {
        self.disagreement.get()
    }

    /// Whether what was learned does harm.
    pub fn is_due(&self) -> bool {
        let enough = self.disagreement.count() >= LEAST_FRAMES;
        let disagrees = enough
            && self
                .disagreement
                .get()
                .is_some_and(|mean| mean > MOST_DISAGREEMENT);
        disagrees || self.balance.is_lost() || self.too_high >= LONG
    }

    /// Counts a rollback; a pause begins.
    pub fn roll_back(&mut self) {
        let count = self.count + 1;
        *self = Self {
            pause: PAUSE,
            count,
            ..Self::default()
        };
    }

    /// Forgets what is known of what was learned; rollbacks stay counted.
    pub fn clear(&mut self) {
        let count = self.count;
        *self = Self {
            count,
            ..Self::default()
        };
    }

    /// Whether there is a pause; a frame of it goes by.
    pub fn pauses(&mut self) -> bool {
        let pauses = self.pause > 0;
        self.pause = self.pause.saturating_sub(1);
        pauses
    }

    /// Rollbacks so far.
    pub fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(missing: usize, disagreement: f32) -> Comparison {
        Comparison {
            missing,
            disagreement,
        }
    }

    #[test]
    fn each_kind_of_harm_is_undone() {
        let (mut fewer, mut other, mut loss) = (
            Rollback::default(),
            Rollback::default(),
            Rollback::default(),
        );
        for _ in 0..16 {
            fewer.compared(seen(1, 0.0));
        }
        for _ in 0..LEAST_FRAMES {
            assert!(!other.is_due());
            other.compared(seen(0, 0.2));
        }
        for _ in 0..LONG {
            assert!(!loss.is_due());
            loss.stepped(1.2);
        }
        for guard in [&mut fewer, &mut other, &mut loss] {
            assert!(guard.is_due());
            guard.roll_back();
            assert!(!guard.is_due());
            assert_eq!((guard.count(), guard.disagreement()), (1, None));
            let pause = (0..100).take_while(|_| guard.pauses()).count();
            assert_eq!(pause, PAUSE as usize);
        }
    }

    #[test]
    fn what_does_no_harm_stays() {
        let mut guard = Rollback::default();
        for frame in 0..200 {
            guard.compared(seen(frame % 2, 0.02));
            // Now and then a step fails.
            guard.stepped(if frame % 10 == 0 { 3.0 } else { 0.7 });
            assert!(!guard.is_due(), "frame {frame}");
        }
        assert!((guard.disagreement().unwrap() - 0.02).abs() < 1e-5);
        assert!(!guard.pauses());
        guard.roll_back();
        guard.clear();
        assert_eq!((guard.count(), guard.pauses()), (1, false));
    }
}
