//! Time: how much of it there is, and what is done for a frame with it.

mod frame_plan;
mod ladder;
mod latency;
mod lateness;

pub(super) use frame_plan::{FramePlan, Pacing};
pub use ladder::Rung;
pub(super) use ladder::{Effort, Spent};
pub(super) use lateness::Spell;
