//! What an application asks for by signal.

use gst::subclass::prelude::*;

use super::engine::Forget;
use super::imp::TttSegFilter;
use super::signals::Action;

impl TttSegFilter {
    /// Does it; a failure is told by the result and by a warning on the bus.
    pub(super) fn act(&self, action: Action) -> bool {
        let Some(engine) = self.engine() else {
            gst::element_imp_warning!(
                self,
                gst::CoreError::StateChange,
                ("Nothing is loaded below READY: there is nothing to reset, save, load or give hints to")
            );
            return false;
        };
        let done = match &action {
            Action::Reset => {
                self.forget(Forget::Everything);
                return true;
            }
            Action::Hint { x, y, colour } => {
                return self.hint(&self.live_settings(), *x, *y, *colour);
            }
            Action::ClearHints => {
                self.clear_hints();
                return true;
            }
            Action::Save(path) => engine.save(path),
            Action::Load(path) => engine.load(path),
        };
        match (done, action) {
            (Ok(()), _) => true,
            (Err(e), Action::Save(path)) => {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Write,
                    ("The state could not be saved to {}: {e}", path.display())
                );
                false
            }
            (Err(e), Action::Load(path)) => {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Read,
                    ("The state could not be loaded from {}: {e}", path.display())
                );
                false
            }
            (Err(_), _) => false,
        }
    }
}
