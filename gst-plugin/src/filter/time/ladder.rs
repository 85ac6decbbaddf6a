//! The ladder: what is left out when time is short, in this order: masks, steps, learning, the prediction. Never the frame.
//!
//! Time that was spent beyond what a frame may take is *debt*, and frames that take less pay it back, so that what counts
//! is the average over a few frames: a step on every fourth frame may take four times as long. Debt that grows leads one
//! notch down. A stretch with time to spare leads one notch up, on trial: after each trial that fails the ladder waits
//! twice as long.
//!
//! On its two lowest rungs the ladder still does what it leaves out whenever there is no debt, so that what time there is
//! gets used.

use std::time::Duration;

tttseg::choices! {
    /// What is left out of a frame, least first.
    #[derive(Default, PartialOrd, Ord)]
    pub enum Rung: "Rung" {
        #[default]
        Full = "full", "Nothing.";
        FewerMasks = "fewer-masks", "Some of the masked views of a step.";
        FewerSteps = "fewer-steps", "Some of the steps; those that are taken see one masked view.";
        SkipStep = "skip-step", "The steps on all frames that there is no time for.";
        ReuseMap = "reuse-map", "Steps on all frames, the prediction on those that there is no time for.";
    }
}

impl Rung {
    /// For QoS messages: GStreamer's measure, 1000000 when nothing is left out.
    pub(in crate::filter) fn quality(self) -> i32 {
        let below = Self::EVERY.iter().filter(|rung| **rung > self).count();
        i32::try_from(below).unwrap_or(0) * 250_000
    }
}

/// What a frame may cost on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::filter) struct Limits {
    /// Time of its gradient steps.
    pub learning: Option<Duration>,
    /// Time until it goes out.
    pub frame: Option<Duration>,
}

/// What a frame has cost: its gradient steps, and everything that it had to wait for in the element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::filter) struct Spent {
    pub learning: Duration,
    pub frame: Duration,
}

/// What is done for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) struct Effort {
    /// Where the ladder stands.
    pub rung: Rung,
    pub learn: bool,
    pub predict: bool,
    /// Masked views per step.
    pub masks: usize,
    pub steps: usize,
}

/// One place of the ladder; rungs that leave out a part have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Notch {
    rung: Rung,
    masks: usize,
    steps: usize,
}

/// Debt, in frames, that leads down when it still grows.
const TOO_MUCH: f64 = 2.0;
/// Share of the limits below which there is time to spare.
const SPARE: f64 = 0.8;
/// Frames to wait before going up.
const PATIENCE: u32 = 25;
/// Frames to wait at most, after trials that failed.
const MOST_PATIENCE: u32 = 800;

/// Where it stands, and what leads it up and down.
#[derive(Clone, Debug)]
pub(in crate::filter) struct Ladder {
    notches: Vec<Notch>,
    at: usize,
    /// Of learning, and of the frame.
    debts: [f64; 2],
    /// Loads since the last move or the last decision to stay.
    sums: [f64; 2],
    frames: u32,
    patience: u32,
    /// The last move was one up.
    on_trial: bool,
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            notches: notches(1, 1),
            at: 0,
            debts: [0.0; 2],
            sums: [0.0; 2],
            frames: 0,
            patience: PATIENCE,
            on_trial: false,
        }
    }
}

/// All notches for this many masked views and steps, highest first. A quarter is left at each: half would be more
/// sessions to build than it is worth.
fn notches(masks: usize, steps: usize) -> Vec<Notch> {
    let (mut masks, mut steps) = (masks.max(1), steps.max(1));
    let notch = |rung, masks, steps| Notch { rung, masks, steps };
    let mut all = vec![notch(Rung::Full, masks, steps)];
    while masks > 1 {
        masks = (masks / 4).max(1);
        all.push(notch(Rung::FewerMasks, masks, steps));
    }
    while steps > 1 {
        steps = (steps / 4).max(1);
        all.push(notch(Rung::FewerSteps, masks, steps));
    }
    all.extend([Rung::SkipStep, Rung::ReuseMap].map(|rung| notch(rung, masks, steps)));
    all
}

impl Ladder {
    /// Where it stands.
    pub fn rung(&self) -> Rung {
        self.notch().rung
    }

    /// What full effort is. If it is another than before, the ladder stays on its rung, at the first notch of it.
    pub fn set_full(&mut self, masks: usize, steps: usize) {
        let full = self.notches[0];
        if (full.masks, full.steps) != (masks.max(1), steps.max(1)) {
            let rung = self.rung();
            self.notches = notches(masks, steps);
            let place = self.notches.iter().position(|n| n.rung >= rung);
            self.move_to(place.unwrap_or_default());
        }
    }

    /// What is done for the next frame. One that would arrive late gets the last map, whatever the rung.
    pub fn next(&self, late: bool) -> Effort {
        let Notch { rung, masks, steps } = self.notch();
        let in_debt = self.in_debt();
        Effort {
            rung,
            learn: !late && (rung < Rung::SkipStep || rung == Rung::SkipStep && !in_debt),
            predict: !late && (rung < Rung::ReuseMap || !in_debt),
            masks,
            steps,
        }
    }

    /// Takes in what a frame has cost; true when the rung is another now.
    pub fn observe(&mut self, spent: Spent, limits: Limits) -> bool {
        let before = self.rung();
        let loads = [
            load(spent.learning, limits.learning),
            load(spent.frame, limits.frame),
        ];
        let mut growing = false;
        for ((debt, sum), load) in self.debts.iter_mut().zip(&mut self.sums).zip(loads) {
            let had_debt = *debt > 0.0;
            *debt = (*debt + load - 1.0).max(0.0);
            *sum += load;
            // One frame alone decides nothing, however long it took.
            growing |= had_debt && load > 1.0 && *debt > TOO_MUCH;
        }
        self.frames += 1;
        // With debt it may just grow slowly.
        if self.on_trial && self.frames >= PATIENCE && !self.in_debt() {
            self.on_trial = false;
            self.patience = PATIENCE;
        }
        if growing {
            self.down();
        } else if self.frames >= self.patience {
            let spare = |sum: &f64| *sum <= SPARE * f64::from(self.frames);
            if self.sums.iter().all(spare) {
                self.up();
            } else {
                self.look_again();
            }
        }
        self.rung() != before
    }

    fn in_debt(&self) -> bool {
        self.debts.iter().any(|debt| *debt > 0.0)
    }

    fn notch(&self) -> Notch {
        self.notches[self.at]
    }

    fn down(&mut self) {
        if self.at + 1 == self.notches.len() {
            return;
        }
        if self.on_trial {
            self.patience = (self.patience * 2).min(MOST_PATIENCE);
        }
        self.on_trial = false;
        self.move_to(self.at + 1);
    }

    fn up(&mut self) {
        if self.at == 0 {
            return self.look_again();
        }
        self.on_trial = true;
        self.move_to(self.at - 1);
    }

    fn move_to(&mut self, at: usize) {
        self.at = at;
        // The cost of another notch does not count for this one.
        self.debts = [0.0; 2];
        self.look_again();
    }

    fn look_again(&mut self) {
        self.sums = [0.0; 2];
        self.frames = 0;
    }
}

/// A share of what is allowed.
fn load(spent: Duration, limit: Option<Duration>) -> f64 {
    match limit {
        Some(limit) if !limit.is_zero() => spent.as_secs_f64() / limit.as_secs_f64(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
