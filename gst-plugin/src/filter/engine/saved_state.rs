//! Saved state, from one stream to the next: the properties `load-state` and `save-state`.

use std::path::Path;
use std::sync::atomic::Ordering;

use gst_base::BaseTransform;
use tttseg::adapt::Error;
use tttseg::files::check_writable;
use tttseg::weights::WeightsError;

use super::Engine;
use crate::filter::log::CAT;
use crate::filter::settings::Settings;

/// Brings back what was learned before, at the beginning of a stream. The error says what can be done.
pub(in crate::filter) fn load(
    element: &BaseTransform,
    settings: &Settings,
    engine: Option<&Engine>,
) -> Result<(), gst::ErrorMessage> {
    if let Some(path) = &settings.save_state {
        // Not hours later, when there is something to lose.
        check_writable(Path::new(path)).map_err(|e| {
            gst::error_msg!(
                gst::ResourceError::OpenWrite,
                ("{e}. Set the property save-state to a file in a folder that is there and may be written to")
            )
        })?;
    }
    let (Some(path), Some(engine)) = (&settings.load_state, engine) else {
        return Ok(());
    };
    match engine.load_state(Path::new(path)) {
        Ok(()) => gst::info!(CAT, obj = element, "Going on from {path}"),
        // Not there yet: this element is going to write it.
        Err(Error::Weights(WeightsError::NotFound { .. }))
            if settings.save_state.as_ref() == Some(path) =>
        {
            gst::info!(
                CAT,
                obj = element,
                "{path} is not there yet: beginning with the model"
            );
        }
        Err(e) => return Err(load_error(&e)),
    }
    Ok(())
}

/// Writes what was learned, at the end of a stream, if it has had a frame since that was done. A failure is a
/// warning: the stream itself is well.
pub(in crate::filter) fn save(
    element: &BaseTransform,
    settings: &Settings,
    engine: Option<&Engine>,
) {
    let (Some(path), Some(engine)) = (&settings.save_state, engine) else {
        return;
    };
    if engine.unsaved.load(Ordering::Relaxed) && save_to(element, Path::new(path), engine) {
        engine.unsaved.store(false, Ordering::Relaxed);
        gst::info!(CAT, obj = element, "Saved what was learned to {path}");
    }
}

/// Writes what was learned; false, and a warning, where that fails.
pub(in crate::filter) fn save_to(element: &BaseTransform, path: &Path, engine: &Engine) -> bool {
    let saved = engine.save_state(path);
    if let Err(e) = &saved {
        gst::element_warning!(
            element,
            gst::ResourceError::Write,
            ("The state could not be saved to {}: {e}", path.display())
        );
    }
    saved.is_ok()
}

fn load_error(error: &Error) -> gst::ErrorMessage {
    match error {
        Error::Weights(WeightsError::NotFound { .. }) => gst::error_msg!(
            gst::ResourceError::NotFound,
            ("{error}. Set the property load-state to a state that is there; one that save-state names as well may be \
                 missing")
        ),
        Error::Weights(WeightsError::OtherModel { .. }) => gst::error_msg!(
            gst::ResourceError::Settings,
            ("{error}. Set the property model-file to the model that the state was saved with, or leave load-state out")
        ),
        _ => gst::error_msg!(
            gst::ResourceError::Read,
            ("{error}. Set the property load-state to a state that save-state has written, or leave it out")
        ),
    }
}
