//! Reports of what comes of frames: messages on the bus, and counters.

mod message;
mod shares;
mod stats;

use std::time::Duration;

use gst::prelude::*;
use gst_base::BaseTransform;
use gst_base::prelude::*;

use super::log::CAT;
use super::time::{Effort, FramePlan, Spell, Spent};
pub use message::{FrameReport, MessageError, Skipped};
pub(super) use shares::class_shares;
pub(super) use stats::Stats;

/// Warns that not all frames are learned from.
pub(super) fn warn_of_lateness(element: &BaseTransform, Spell { learned, frames }: Spell) {
    gst::element_warning!(
        element,
        gst::StreamError::Failed,
        ("Learning from {learned} of {frames} frames: this machine is slower than the stream. All frames go \
             out; late ones are shown with the last result. For a result of its own for every frame, use \
             pace=every-frame and a sink with sync=false")
    );
}

/// Posts a QoS message with the rung that the ladder has moved to after a frame.
pub(super) fn post_rung(
    element: &BaseTransform,
    plan: &FramePlan,
    spent: Spent,
    next: Effort,
    is_live: bool,
    (frames, reused): (u64, u64),
    buffer: &gst::BufferRef,
) {
    let limits = plan.limits;
    gst::info!(
        CAT,
        obj = element,
        "On rung {} of the ladder after a frame of {:?}, {:?} of it learning, with limits {limits:?}",
        next.rung.name(),
        spent.frame,
        spent.learning
    );
    let segment = element.segment();
    let segment = segment.downcast_ref::<gst::ClockTime>();
    let pts = buffer.pts();
    let late_by = limits.frame.map_or(0, |limit| {
        let by = spent.frame.as_nanos() as i128 - limit.as_nanos() as i128;
        i64::try_from(by).unwrap_or(i64::MAX)
    });
    let share = |spent: Duration, limit: Option<Duration>| match limit {
        Some(limit) if !spent.is_zero() => limit.as_secs_f64() / spent.as_secs_f64(),
        _ => f64::INFINITY,
    };
    let proportion = share(spent.learning, limits.learning)
        .min(share(spent.frame, limits.frame))
        .min(f64::from(u16::MAX));
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let message = gst::message::Qos::builder(is_live)
        .src(element)
        .running_time(segment.and_then(|s| s.to_running_time(pts)))
        .stream_time(segment.and_then(|s| s.to_stream_time(pts)))
        .timestamp(pts)
        .duration(buffer.duration())
        .values(late_by, proportion, next.rung.quality())
        .stats(
            gst::format::Buffers::from_u64(frames - reused),
            gst::format::Buffers::from_u64(reused),
        )
        .other_field("rung", next.rung.name())
        .other_field("masks", count(next.masks))
        .other_field("steps", count(next.steps))
        .build();
    // Without a bus it goes nowhere.
    element.post_message(message).ok();
}
