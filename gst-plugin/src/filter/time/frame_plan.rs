//! The plan for one frame, as far as there is time for it.

use std::time::Duration;

use gst::ClockTime;
use tttseg::adapt::Request;

use super::ladder::{Effort, Ladder, Limits, Spent};
use super::latency::Latency;
use super::lateness::{Lateness, Spell};
use crate::filter::Pace;
use crate::filter::settings::Live;

/// What is done for one frame.
#[derive(Clone, Copy)]
pub(in crate::filter) struct FramePlan {
    pub effort: Effort,
    /// A sink has reported lateness, and the frame gets the last result again.
    pub late: bool,
    /// What the frame may cost.
    pub limits: Limits,
    /// What the engine does.
    pub request: Request,
}

impl FramePlan {
    /// Steps towards given colours that a frame waits for while others wait for it.
    pub const FEW_COLOUR_STEPS: usize = 2;
}

/// The state of what decides about time: the cost of frames, lateness at sinks, latency.
#[derive(Default)]
pub(in crate::filter) struct Pacing {
    pub ladder: Ladder,
    pub lateness: Lateness,
    pub latency: Latency,
}

impl Pacing {
    /// Plans a frame of a stream with this frame rate. `full` is what is done when time does not matter, and `first` a
    /// frame with no result to use again, which always gets one. The rate of learning comes with it when it is to be
    /// reported.
    pub fn plan(
        &mut self,
        full: Request,
        first: bool,
        live: &Live,
        rate: gst::Fraction,
        running_time: Option<ClockTime>,
    ) -> (FramePlan, Option<Spell>) {
        let limits = self.limits(live, rate);
        if limits == Limits::default() {
            self.ladder = Ladder::default();
        }
        let count = |most: Option<usize>| most.unwrap_or(1);
        self.ladder
            .set_full(count(full.most_views), count(full.most_steps));
        let late = live.pace == Pace::Auto && !first && self.lateness.is_late(running_time);
        let mut effort = self.ladder.next(late);
        effort.predict |= first;
        // Nothing waits for the first frame of a file, which can show all colours that are given.
        let patient = live.pace == Pace::EveryFrame || (first && !self.latency.is_live());
        let request = Request {
            learn: full.learn && effort.learn,
            // Switched off is switched off, in time or not.
            late: full.learn && !effort.learn,
            predict: full.predict && effort.predict,
            scores: full.scores,
            reconstruct: full.reconstruct && effort.predict,
            most_views: (limits != Limits::default()).then_some(effort.masks),
            most_steps: Some(effort.steps),
            most_colour_steps: full
                .most_colour_steps
                .or((!patient).then_some(FramePlan::FEW_COLOUR_STEPS)),
        };
        let plan = FramePlan {
            effort,
            late,
            limits,
            request,
        };
        (plan, self.lateness.count(late))
    }

    /// A budget is for learning; frames of a live source must not take longer than it takes for the next one to come.
    fn limits(&self, live: &Live, rate: gst::Fraction) -> Limits {
        if live.pace == Pace::EveryFrame {
            return Limits::default();
        }
        let period = || {
            let (frames, seconds) = (
                u64::try_from(rate.numer()).ok()?,
                u64::try_from(rate.denom()).ok()?,
            );
            let nanoseconds = seconds.checked_mul(1_000_000_000)?.checked_div(frames)?;
            Some(Duration::from_nanos(nanoseconds))
        };
        let budget = live.training_budget;
        Limits {
            learning: (budget > 0.0).then(|| Duration::from_secs_f64(budget / 1000.0)),
            frame: self.latency.is_live().then(period).flatten(),
        }
    }

    /// Takes in what a frame has cost: the latency, if the pipeline has to ask for it again, and what is done for the next
    /// frame, if the ladder's rung is another now.
    pub fn observe(
        &mut self,
        plan: &FramePlan,
        spent: Spent,
    ) -> (Option<ClockTime>, Option<Effort>) {
        // The time of a frame with an old result says nothing about that of others.
        let other = plan.effort.predict && self.latency.observe(spent.frame);
        let moved = plan.limits != Limits::default() && self.ladder.observe(spent, plan.limits);
        (
            other.then(|| self.latency.reported()),
            moved.then(|| self.ladder.next(false)),
        )
    }
}
