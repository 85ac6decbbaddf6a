//! The parts of the element, one mutex a concern, and the order of locking.
//!
//! | lock | what it guards | held for |
//! |---|---|---|
//! | `colours.reading` | the turn to read `reference-location` | reading files |
//! | `colours.given` | references and hints | scaling and sending them |
//! | `control` | property values, and the engine they are sent to | sending them |
//! | `classes` | the pad `classes`, and the flow of both source pads | access |
//! | `stream` | what belongs to the stream that flows | access |
//! | `pixels` | drawing tools | one drawing |
//! | `stats` | counters | access |
//!
//! A thread that holds one of them takes only locks further down. None is held while the engine works, nor while something
//! is pushed or posted. Sending to the engine queues, and waits for nothing.

use std::sync::{Arc, Mutex};

use super::colour::ColourTargets;
use super::control::Control;
use super::engine::Forget;
use super::lock;
use super::log::CAT;
use super::out::Pixels;
use super::out::classes_pad::ClassesPad;
use super::report::Stats;
use super::stream::Stream;

/// See the module's text.
#[derive(Default)]
pub(super) struct Parts {
    pub control: Control,
    pub colours: ColourTargets,
    /// Shared with the sink pad's chain function.
    pub classes: Arc<ClassesPad>,
    pub stream: Mutex<Stream>,
    pub pixels: Mutex<Pixels>,
    pub stats: Mutex<Stats>,
}

impl Parts {
    /// Width and height at which the network sees the stream; none before caps and in pass-through.
    pub fn model_size(&self) -> Option<(usize, usize)> {
        lock(&self.stream).negotiated.as_ref()?.model_size
    }

    /// Forgets something of what was learned, after the frames so far.
    pub fn forget(&self, element: &gst_base::BaseTransform, what: Forget) {
        let Some(engine) = self.control.engine() else {
            return;
        };
        gst::debug!(CAT, obj = element, "Forgetting: {what:?}");
        if what == Forget::Everything {
            // The engine drops its hints, and none may come in between.
            let mut given = self.colours.given();
            engine.forget(what);
            given.drop_hints();
            lock(&self.stats).count_reset();
        } else {
            engine.forget(what);
        }
    }

    /// Ends the wait for a result; nothing works until the engine resumes.
    pub fn cancel(&self) {
        if let Some(engine) = self.control.engine() {
            engine.cancel();
        }
    }
}
