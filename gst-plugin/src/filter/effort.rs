//! How much is done for a frame: what limits it, and what the ladder makes of what frames cost.

use std::time::Duration;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::Pace;
use super::engine::Wanted;
use super::imp::{CAT, TttSegFilter};
use super::ladder::{Effort, Limits, Spent};
use super::negotiate::Negotiated;
use super::pace::Spell;
use super::settings::Live;

/// What has to be there to send a frame out.
#[derive(Clone, Copy)]
pub(super) struct Needs {
    pub classes: bool,
    pub chroma: bool,
    pub reconstruction: bool,
}

/// Steps towards given colours that a frame waits for while others wait for it.
const DIRECTED_PER_FRAME: usize = 2;

/// What is done for one frame, and what it may cost.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub effort: Effort,
    /// A sink has reported lateness, and the frame gets the last result again.
    pub late: bool,
    /// Most steps towards given colours; `None` is all that are due.
    directed: Option<usize>,
    limits: Limits,
}

/// What one frame has cost.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// Its gradient steps.
    pub learning: Duration,
    /// Everything that it had to wait for here.
    pub frame: Duration,
}

impl Plan {
    pub fn wanted(&self, live: &Live, needs: Needs) -> Wanted {
        let Effort {
            learn,
            predict,
            masks,
            steps,
            ..
        } = self.effort;
        Wanted {
            learn: live.adapt && learn,
            // Switched off is switched off, in time or not.
            late: live.adapt && !learn,
            masks: (self.limits != Limits::default()).then_some(masks),
            steps,
            directed: self.directed,
            prediction: predict && (needs.classes || needs.chroma),
            reconstruction: predict && needs.reconstruction,
        }
    }
}

impl TttSegFilter {
    /// What is done for a frame. The first one always gets a result: there is nothing to reuse.
    pub(super) fn plan(
        &self,
        live: &Live,
        needs: Needs,
        negotiated: &Negotiated,
        asynchronous: bool,
        running_time: Option<gst::ClockTime>,
    ) -> Plan {
        let live_source = self.latency().is_live();
        let limits = self.limits(live, negotiated);
        let (masks, steps) = self.full_effort();
        let mut stream = self.stream();
        if limits == Limits::default() {
            stream.ladder = Default::default();
        }
        stream.ladder.set_full(masks, steps);
        let first = !stream.drawn.has(needs);
        let late = live.pace == Pace::Auto && !first && stream.lateness.is_late(running_time);
        let mut effort = stream.ladder.next(late);
        effort.predict |= first;
        let spell = stream.lateness.count(late);
        drop(stream);
        if let Some(Spell { learned, frames }) = spell {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Failed,
                ("Learning from {learned} of {frames} frames: this machine is slower than the stream. All frames go \
                     out; late ones are shown with the last result. For a result of its own for every frame, use \
                     pace=every-frame and a sink with sync=false")
            );
        }
        // Nobody is kept waiting by the first frame of a file, which can show all colours that are given; a learner beside
        // the stream shows something sooner if it does a little at a time.
        let patient = live.pace == Pace::EveryFrame || (first && !live_source);
        Plan {
            effort,
            late,
            directed: (asynchronous || !patient).then_some(DIRECTED_PER_FRAME),
            limits,
        }
    }

    /// A budget is for learning; frames of a live source must not take longer than it takes for the next one to come.
    fn limits(&self, live: &Live, negotiated: &Negotiated) -> Limits {
        if live.pace == Pace::EveryFrame {
            return Limits::default();
        }
        let budget = live.training_budget;
        let period = || {
            let fps = negotiated.info.fps();
            let (frames, seconds) = (
                u64::try_from(fps.numer()).ok()?,
                u64::try_from(fps.denom()).ok()?,
            );
            let nanoseconds = seconds.checked_mul(1_000_000_000)?.checked_div(frames)?;
            Some(Duration::from_nanos(nanoseconds))
        };
        Limits {
            learning: (budget > 0.0).then(|| Duration::from_secs_f64(budget / 1000.0)),
            frame: self.latency().is_live().then(period).flatten(),
        }
    }

    /// Takes in what a frame has cost, and tells the pipeline what has changed for it.
    pub(super) fn learn_of_cost(&self, plan: &Plan, cost: Cost, buffer: &gst::BufferRef) {
        // What reused results take says nothing about what others will.
        if plan.effort.predict && self.latency().observe(cost.frame) {
            gst::info!(
                CAT,
                imp = self,
                "Latency is {} now",
                self.latency().reported()
            );
            self.obj()
                .post_message(gst::message::Latency::builder().src(&*self.obj()).build())
                .ok();
        }
        if plan.limits == Limits::default() {
            return;
        }
        let spent = Spent {
            learning: cost.learning,
            frame: cost.frame,
        };
        let mut stream = self.stream();
        let moved = stream.ladder.observe(spent, plan.limits);
        let effort = stream.ladder.next(false);
        drop(stream);
        if moved {
            gst::info!(
                CAT,
                imp = self,
                "On rung {} of the ladder after a frame of {cost_frame:?}, {cost_learning:?} of it learning, with limits {limits:?}",
                effort.rung.name(),
                cost_frame = cost.frame,
                cost_learning = cost.learning,
                limits = plan.limits
            );
            self.post_rung(plan, cost, effort, buffer);
        }
    }

    /// A QoS message with the name of the rung that the ladder has moved to.
    fn post_rung(&self, plan: &Plan, cost: Cost, effort: Effort, buffer: &gst::BufferRef) {
        let segment = self.obj().segment();
        let segment = segment.downcast_ref::<gst::ClockTime>();
        let pts = buffer.pts();
        let late_by = plan.limits.frame.map_or(0, |limit| {
            let by = cost.frame.as_nanos() as i128 - limit.as_nanos() as i128;
            i64::try_from(by).unwrap_or(i64::MAX)
        });
        let share = |spent: Duration, limit: Option<Duration>| match limit {
            Some(limit) if !spent.is_zero() => limit.as_secs_f64() / spent.as_secs_f64(),
            _ => f64::INFINITY,
        };
        let proportion = share(cost.learning, plan.limits.learning)
            .min(share(cost.frame, plan.limits.frame))
            .min(f64::from(u16::MAX));
        let (frames, reused) = self.stats().frames_and_reused();
        let message = gst::message::Qos::builder(self.latency().is_live())
            .src(&*self.obj())
            .running_time(segment.and_then(|s| s.to_running_time(pts)))
            .stream_time(segment.and_then(|s| s.to_stream_time(pts)))
            .timestamp(pts)
            .duration(buffer.duration())
            .values(late_by, proportion, effort.rung.quality())
            .stats(
                gst::format::Buffers::from_u64(frames - reused),
                gst::format::Buffers::from_u64(reused),
            )
            .other_field("rung", effort.rung.name())
            .other_field("masks", u32::try_from(effort.masks).unwrap_or(u32::MAX))
            .other_field("steps", u32::try_from(effort.steps).unwrap_or(u32::MAX))
            .build();
        // Without a bus there is nobody to tell.
        self.obj().post_message(message).ok();
    }
}
