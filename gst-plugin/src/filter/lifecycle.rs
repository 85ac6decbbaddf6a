//! What comes and goes with the element's state: the engine from READY on, what belongs to a stream from PAUSED on.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::classes::NO_CLASSES;
use super::directions::{Directions, reference_error};
use super::engine::{Engine, Forget, Key};
use super::imp::{CAT, Stream, TttSegFilter, lock};
use super::latency::Latency;
use super::pixels::Pixels;
use super::stats::Stats;
use super::{Task, properties};

impl TttSegFilter {
    /// What has to be there before the element goes up, and has to stop before it goes down.
    pub(super) fn before_change(
        &self,
        transition: gst::StateChange,
    ) -> Result<(), gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady | gst::StateChange::ReadyToPaused => {
                let ready = self.ensure_engine().and_then(|()| match transition {
                    gst::StateChange::ReadyToPaused => self.load_state_of_before(),
                    _ => Ok(()),
                });
                if let Err(message) = ready {
                    self.post_error_message(message);
                    return Err(gst::StateChangeError);
                }
                if let Some(engine) = self.engine() {
                    engine.resume();
                }
            }
            // Before the pads are stopped, which waits for the frame in progress.
            gst::StateChange::PausedToReady => self.call_off(),
            _ => {}
        }
        Ok(())
    }

    /// What goes when the element has gone down.
    pub(super) fn after_change(&self, transition: gst::StateChange) {
        match transition {
            gst::StateChange::PausedToReady => {
                self.save_state_for_later();
                *self.stream() = Stream::default();
                self.restart_classes();
                *self.latency() = Latency::default();
                if let Some(engine) = self.engine() {
                    engine.resume();
                }
                self.forget(Forget::Everything);
            }
            gst::StateChange::ReadyToNull => {
                self.drop_engine();
                *self.pixels() = Pixels::default();
                *self.stats() = Stats::default();
                *self.directions() = Directions::default();
                self.obj().notify(properties::PROVIDER_IN_USE);
            }
            _ => {}
        }
    }

    fn drop_engine(&self) {
        let engine = lock(&self.engine).take();
        drop(engine);
        // Without a model nothing can be wrong with names.
        let _ = self.settings().set_known(None);
    }

    /// Makes sure that the engine is the one the properties ask for.
    fn ensure_engine(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings().clone();
        settings
            .check()
            .map_err(|why| gst::error_msg!(gst::LibraryError::Settings, ("{why}")))?;
        if settings.task == Task::Colorize && self.classes_pad().is_some() {
            return Err(gst::error_msg!(
                gst::LibraryError::Settings,
                ("{NO_CLASSES}")
            ));
        }
        self.read_references(settings.reference_location.as_deref())
            .map_err(|e| reference_error(&e))?;
        if let Some(engine) = self.engine() {
            if *engine.key() == Key::new(&settings) {
                return engine
                    .update(&settings)
                    .map_err(|e| gst::error_msg!(gst::ResourceError::Settings, ("{e}")));
            }
            // The old one goes first: two models need not fit into memory.
            self.drop_engine();
        }
        let engine = Engine::start(&settings)?;
        self.settings()
            .set_known(Some(engine.known().clone()))
            .map_err(|why| gst::error_msg!(gst::LibraryError::Settings, ("{why}")))?;
        gst::info!(
            CAT,
            imp = self,
            "Running on {} ({})",
            engine.provider_in_use(),
            engine.provider_note()
        );
        *lock(&self.engine) = Some(Arc::new(engine));
        self.obj().notify(properties::PROVIDER_IN_USE);
        Ok(())
    }
}
