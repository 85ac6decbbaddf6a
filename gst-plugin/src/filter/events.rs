//! Events and queries: what a new video, a seek, a gap and lateness mean.
//!
//! | signal | weights | optimiser | window |
//! |---|---|---|---|
//! | STREAM_START with another stream-id | model file's, or of `load-state` | new | empty |
//! | FLUSH_STOP (a seek) | kept | new | empty |
//! | SEGMENT that jumps back, other CAPS, GAP, a DISCONT buffer | kept | kept | empty |
//! | EOS | kept | kept | kept |
//! | READY | model file's, or of `load-state` | new | empty |
//!
//! Where weights go they are written to `save-state` before; at EOS as well.

use gst::prelude::*;
use gst_base::BaseTransform;
use gst_base::prelude::*;
use gst_video::NavigationEvent;
use tttseg::video::Orientation;

use super::actions;
use super::engine::Forget;
use super::lifecycle::{load_state, resume, save_state};
use super::lock;
use super::log::CAT;
use super::parts::Parts;

/// An event on the sink pad; false if it ends here, refused.
pub(super) fn on_sink_event(element: &BaseTransform, parts: &Parts, event: &gst::Event) -> bool {
    parts.classes.forward(element, event);
    match event.view() {
        // A wait for a result holds the stream lock, and has to end first.
        gst::EventView::FlushStart(_) => parts.cancel(),
        gst::EventView::FlushStop(_) => {
            resume(parts);
            parts.forget(element, Forget::WindowAndMoments);
            lock(&parts.stream).restart();
        }
        gst::EventView::StreamStart(start) => {
            let id = start.stream_id().to_string();
            let mut stream = lock(&parts.stream);
            // Its tags follow.
            stream.orientation = Orientation::default();
            let before = stream.id.replace(id.clone());
            drop(stream);
            if before.is_some_and(|before| before != id) {
                gst::info!(CAT, obj = element, "Another stream, {id}: starting afresh");
                save_state(element, parts);
                parts.forget(element, Forget::Everything);
                lock(&parts.stream).restart();
                if let Err(message) = load_state(element, parts) {
                    element.post_error_message(message);
                    // Or what comes would be learned from, and saved over the state that it does not go on from.
                    parts.cancel();
                    return false;
                }
            }
        }
        gst::EventView::Eos(_) => save_state(element, parts),
        gst::EventView::Segment(segment) => {
            let segment = segment.segment().downcast_ref::<gst::ClockTime>();
            let start = segment.and_then(|segment| segment.start());
            let position = lock(&parts.stream).position.take();
            if let (Some(start), Some(position)) = (start, position)
                && start < position
            {
                gst::debug!(
                    CAT,
                    obj = element,
                    "Time jumps from {position} back to {start}"
                );
                parts.forget(element, Forget::Window);
            }
        }
        gst::EventView::Tag(tags) => {
            let orientation = tags.tag().get::<gst::tags::ImageOrientation>();
            if let Some(known) = orientation.and_then(|tag| Orientation::from_tag(tag.get())) {
                lock(&parts.stream).orientation = known;
            }
        }
        gst::EventView::Gap(_) => parts.forget(element, Forget::Window),
        _ => {}
    }
    true
}

/// An event on a source pad; true if it ends here.
pub(super) fn on_src_event(element: &BaseTransform, parts: &Parts, event: &gst::Event) -> bool {
    match event.view() {
        gst::EventView::Navigation(_) => {
            if let Ok(NavigationEvent::MouseButtonPress { button, x, y, .. }) =
                NavigationEvent::parse(event)
            {
                actions::on_click(element, parts, button, x, y);
            }
            false
        }
        gst::EventView::Qos(qos) => on_qos(element, parts, qos),
        _ => false,
    }
}

/// An event on the pad `classes`; true if it ends here.
pub(super) fn on_classes_event(element: &BaseTransform, parts: &Parts, event: &gst::Event) -> bool {
    match event.view() {
        gst::EventView::Qos(qos) => on_qos(element, parts, qos),
        // Nothing upstream has to change for it: the pad's pool is another with the next frame.
        gst::EventView::Reconfigure(_) => true,
        _ => false,
    }
}

/// Takes in what a sink reports about lateness; true if the event ends here.
fn on_qos(element: &BaseTransform, parts: &Parts, qos: &gst::event::Qos) -> bool {
    let (kind, proportion, jitter, running_time) = qos.get();
    gst::log!(
        CAT,
        obj = element,
        "QoS {kind:?}, proportion {proportion}, jitter {jitter}, at {running_time:?}"
    );
    if kind != gst::QOSType::Throttle {
        let pacing = &mut lock(&parts.stream).pacing;
        pacing.lateness.observe(running_time, jitter);
    }
    // The answer to lateness is to skip steps here. A decoder upstream would drop frames, and every frame has to go
    // out and enter the window.
    !parts.control.live().passthrough
}

/// A query on a source pad: the result of one that this element answers.
pub(super) fn on_src_query(
    element: &BaseTransform,
    parts: &Parts,
    query: &mut gst::QueryRef,
) -> Option<bool> {
    let gst::QueryViewMut::Latency(latency) = query.view_mut() else {
        return None;
    };
    let mut upstream = gst::query::Latency::new();
    if !element.sink_pad().peer_query(&mut upstream) {
        return Some(false);
    }
    let (live, min, max) = upstream.result();
    let ours = lock(&parts.stream).pacing.latency.answer(live);
    gst::debug!(
        CAT,
        obj = element,
        "Latency: live {live}, {min} to {max:?} upstream, {ours} here"
    );
    latency.set(live, min + ours, max.map(|max| max + ours));
    Some(true)
}
