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
use gst::subclass::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::NavigationEvent;

use super::engine::Forget;
use super::imp::{CAT, TttSegFilter};

impl TttSegFilter {
    pub(super) fn on_sink_event(&self, event: gst::Event) -> bool {
        self.forward_to_classes(&event);
        match event.view() {
            gst::EventView::FlushStart(_) => {
                // Whoever waits for a result holds the stream lock; it has to be let go first.
                self.call_off();
            }
            gst::EventView::FlushStop(_) => {
                if let Some(engine) = self.engine() {
                    engine.resume();
                }
                self.forget(Forget::WindowAndMoments);
                let mut stream = self.stream();
                stream.lateness.forget();
                stream.drawn = Default::default();
                stream.position = None;
            }
            gst::EventView::StreamStart(start) => {
                let id = start.stream_id().to_string();
                let before = self.stream().id.replace(id.clone());
                if before.is_some_and(|before| before != id) {
                    gst::info!(CAT, imp = self, "Another stream, {id}: starting afresh");
                    self.save_state_for_later();
                    self.forget(Forget::Everything);
                    let mut stream = self.stream();
                    stream.lateness.forget();
                    stream.drawn = Default::default();
                    stream.position = None;
                    drop(stream);
                    if let Err(message) = self.load_state_of_before() {
                        self.post_error_message(message);
                        // Or what comes would be learned from, and saved over the state that it does not go on from.
                        self.call_off();
                        return false;
                    }
                }
            }
            gst::EventView::Eos(_) => self.save_state_for_later(),
            gst::EventView::Segment(segment) => {
                let start = segment
                    .segment()
                    .downcast_ref::<gst::ClockTime>()
                    .and_then(|s| s.start());
                let position = self.stream().position.take();
                if let (Some(start), Some(position)) = (start, position)
                    && start < position
                {
                    gst::debug!(
                        CAT,
                        imp = self,
                        "Time jumps from {position} back to {start}"
                    );
                    self.forget(Forget::Window);
                }
            }
            gst::EventView::Gap(_) => self.forget(Forget::Window),
            _ => {}
        }
        self.parent_sink_event(event)
    }

    pub(super) fn on_src_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Navigation(_) => {
                if let Ok(NavigationEvent::MouseButtonPress { button, x, y, .. }) =
                    NavigationEvent::parse(&event)
                {
                    self.on_click(button, x, y);
                }
                self.parent_src_event(event)
            }
            gst::EventView::Qos(qos) if self.takes_lateness(qos) => true,
            _ => self.parent_src_event(event),
        }
    }

    /// Takes in what a sink says about lateness, and whether that is the end of it.
    pub(super) fn takes_lateness(&self, qos: &gst::event::Qos) -> bool {
        let (kind, proportion, jitter, running_time) = qos.get();
        gst::log!(
            CAT,
            imp = self,
            "QoS {kind:?}, proportion {proportion}, jitter {jitter}, at {running_time:?}"
        );
        if kind != gst::QOSType::Throttle {
            self.stream().lateness.observe(running_time, jitter);
        }
        // The answer to lateness is to skip steps here. A decoder upstream would drop frames, and every frame has to go
        // out and enter the window.
        !self.live_settings().passthrough
    }

    pub(super) fn on_query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        if direction == gst::PadDirection::Src
            && let gst::QueryViewMut::Latency(latency) = query.view_mut()
        {
            return self.answer_latency(latency);
        }
        BaseTransformImplExt::parent_query(self, direction, query)
    }

    pub(super) fn answer_latency(&self, latency: &mut gst::query::Latency) -> bool {
        let mut upstream = gst::query::Latency::new();
        if !self.sink_pad().peer_query(&mut upstream) {
            return false;
        }
        let (live, min, max) = upstream.result();
        let mut ours = self.latency();
        ours.set_live(live);
        // Only a live pipeline waits for anything: elsewhere frames come when they are asked for.
        let ours = if live {
            ours.reported()
        } else {
            gst::ClockTime::ZERO
        };
        gst::debug!(
            CAT,
            imp = self,
            "Latency: live {live}, {min} to {max:?} upstream, {ours} here"
        );
        latency.set(live, min + ours, max.map(|max| max + ours));
        true
    }

    /// Ends whatever is being waited for.
    pub(super) fn call_off(&self) {
        if let Some(engine) = self.engine() {
            engine.cancel();
        }
    }

    pub(super) fn forget(&self, what: Forget) {
        let Some(engine) = self.engine() else { return };
        engine.forget(what);
        if what == Forget::Everything {
            // The engine drops its own.
            self.directions().drop_hints();
            self.stats().count_reset();
        }
        gst::debug!(CAT, imp = self, "Forgetting: {what:?}");
    }
}
