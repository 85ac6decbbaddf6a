//! State changes: the engine from READY on, what belongs to a stream from PAUSED on.

use gst::prelude::*;
use gst_base::BaseTransform;

use super::colour::reference_error;
use super::engine::{Forget, saved_state};
use super::log::CAT;
use super::parts::Parts;
use super::stream::Stream;
use super::{Task, lock, properties};

/// Why there is no pad `classes` with `task=colorize`.
pub(super) const NO_CLASSES: &str = "the pad classes has nothing to carry with task=colorize, which finds no classes: \
                                     leave the pad out, or set task=segment";

/// Before the change: the engine is made ready on the way up, and stopped on the way down.
pub(super) fn before_change(
    element: &BaseTransform,
    parts: &Parts,
    transition: gst::StateChange,
) -> Result<(), gst::StateChangeError> {
    match transition {
        gst::StateChange::NullToReady | gst::StateChange::ReadyToPaused => {
            let ready = ensure_engine(element, parts).and_then(|()| match transition {
                gst::StateChange::ReadyToPaused => load_state(element, parts),
                _ => Ok(()),
            });
            if let Err(message) = ready {
                element.post_error_message(message);
                return Err(gst::StateChangeError);
            }
            resume(parts);
        }
        // Before the pads are stopped, which waits for the frame in progress.
        gst::StateChange::PausedToReady => parts.cancel(),
        _ => {}
    }
    Ok(())
}

/// After the change: what belongs to the stream or to READY is dropped on the way down.
pub(super) fn after_change(element: &BaseTransform, parts: &Parts, transition: gst::StateChange) {
    match transition {
        gst::StateChange::PausedToReady => {
            save_state(element, parts);
            *lock(&parts.stream) = Stream::default();
            parts.classes.restart();
            resume(parts);
            parts.forget(element, Forget::Everything);
        }
        gst::StateChange::ReadyToNull => {
            parts.control.drop_engine();
            *lock(&parts.pixels) = Default::default();
            *lock(&parts.stats) = Default::default();
            *parts.colours.given() = Default::default();
            element.notify(properties::PROVIDER_IN_USE);
        }
        _ => {}
    }
}

/// Makes sure that the engine is the one that the properties ask for.
fn ensure_engine(element: &BaseTransform, parts: &Parts) -> Result<(), gst::ErrorMessage> {
    let settings = parts.control.settings();
    let refused = |why: &str| gst::error_msg!(gst::LibraryError::Settings, ("{why}"));
    settings.check().map_err(|why| refused(&why))?;
    if settings.task == Task::Colorize && parts.classes.pad().is_some() {
        return Err(refused(NO_CLASSES));
    }
    let location = || parts.control.settings().reference_location;
    let read = parts.colours.read_references(location);
    read.map_err(|e| reference_error(&e))?;
    if parts.control.ensure_engine(&settings)? {
        if let Some(engine) = parts.control.engine() {
            gst::info!(
                CAT,
                obj = element,
                "Running on {} ({})",
                engine.provider_in_use(),
                engine.provider_note().unwrap_or("as set")
            );
        }
        element.notify(properties::PROVIDER_IN_USE);
    }
    Ok(())
}

/// Has the engine take frames again after [`Parts::cancel`].
pub(super) fn resume(parts: &Parts) {
    if let Some(engine) = parts.control.engine() {
        engine.resume();
    }
}

/// At the beginning of a stream.
pub(super) fn load_state(element: &BaseTransform, parts: &Parts) -> Result<(), gst::ErrorMessage> {
    let engine = parts.control.engine();
    saved_state::load(element, &parts.control.settings(), engine.as_deref())
}

/// At the end of a stream.
pub(super) fn save_state(element: &BaseTransform, parts: &Parts) {
    let engine = parts.control.engine();
    saved_state::save(element, &parts.control.settings(), engine.as_deref());
}
