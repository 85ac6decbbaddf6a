//! What was learned, kept from one stream to the next: the properties `load-state` and `save-state`.

use std::path::{Path, PathBuf};

use gst::subclass::prelude::*;
use tttseg::adapt::Error;
use tttseg::files::check_writable;
use tttseg::weights::WeightsError;

use super::imp::{CAT, TttSegFilter};
use super::settings::Settings;

/// The files that properties name.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    load: Option<PathBuf>,
    save: Option<PathBuf>,
}

impl Files {
    pub fn new(settings: &Settings) -> Self {
        let path = |text: &Option<String>| text.as_ref().map(PathBuf::from);
        Self {
            load: path(&settings.load_state),
            save: path(&settings.save_state),
        }
    }

    /// Whether a state that is not there is simply not there yet: this element is going to write it.
    fn is_first_run(&self, path: &Path, error: &Error) -> bool {
        matches!(error, Error::Weights(WeightsError::NotFound { .. }))
            && self.save.as_deref() == Some(path)
    }
}

impl TttSegFilter {
    /// Brings back what was learned before, at the beginning of a stream. The error says what can be done.
    pub(super) fn load_state_of_before(&self) -> Result<(), gst::ErrorMessage> {
        let files = self.state_files();
        if let Some(path) = &files.save {
            // Not hours later, when there is something to lose.
            check_writable(path).map_err(|e| {
                gst::error_msg!(
                    gst::ResourceError::OpenWrite,
                    (
                        "{e}. Set the property save-state to a file in a folder that is there and may be written to"
                    )
                )
            })?;
        }
        let (Some(path), Some(engine)) = (&files.load, self.engine()) else {
            return Ok(());
        };
        match engine.load(path) {
            Ok(()) => {
                gst::info!(CAT, imp = self, "Going on from {}", path.display());
                Ok(())
            }
            Err(e) if files.is_first_run(path, &e) => {
                gst::info!(
                    CAT,
                    imp = self,
                    "{} is not there yet: beginning with the model",
                    path.display()
                );
                Ok(())
            }
            Err(e) => Err(load_error(&e)),
        }
    }

    /// Writes what was learned, at the end of a stream, if it has had a frame since that was done. A failure is a
    /// warning: the stream itself is well.
    pub(super) fn save_state_for_later(&self) {
        let (Some(path), Some(engine)) = (self.state_files().save, self.engine()) else {
            return;
        };
        if !engine.has_unsaved() {
            return;
        }
        match engine.save(&path) {
            Ok(()) => {
                engine.set_saved();
                gst::info!(
                    CAT,
                    imp = self,
                    "Saved what was learned to {}",
                    path.display()
                );
            }
            Err(e) => gst::element_imp_warning!(
                self,
                gst::ResourceError::Write,
                ("The state could not be saved to {}: {e}", path.display())
            ),
        }
    }
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
