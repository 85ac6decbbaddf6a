//! Cancelling runs and session builds from any thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ort::session::RunOptions;
use ort::session::builder::LoadCanceler;
use parking_lot::Mutex;

use super::{Error, Result};

/// A handle that stops what its sessions are doing, from any thread. Clones are the same handle.
///
/// [`Cancel::cancel`] ends the runs and the session builds in progress at the next operator, and makes
/// later ones fail with [`Error::Cancelled`] until [`Cancel::clear`]. What was stopped stays stopped
/// even when `clear` follows at once.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cancelled: bool,
    next: u64,
    running: Vec<(u64, Running, Arc<AtomicBool>)>,
}

enum Running {
    Run(Arc<RunOptions>),
    Build(LoadCanceler),
}

impl Running {
    fn stop(&self) {
        // Neither call can fail for a live handle, and there is no caller to report to.
        let _ = match self {
            Self::Run(options) => options.terminate(),
            Self::Build(canceler) => canceler.cancel(),
        };
    }
}

impl Cancel {
    /// A handle in the cleared state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops everything in progress and refuses what follows until [`Cancel::clear`]. Returns at once.
    pub fn cancel(&self) {
        let mut state = self.0.lock();
        state.cancelled = true;
        for (_, running, stopped) in &state.running {
            stopped.store(true, Ordering::Relaxed);
            running.stop();
        }
    }

    /// Allows runs again.
    pub fn clear(&self) {
        self.0.lock().cancelled = false;
    }

    /// Whether runs are refused now.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().cancelled
    }

    /// Starts a run: from here on until the guard is dropped, `cancel` terminates these options.
    ///
    /// The options are made for this one run: shared ones would have to be un-terminated by `clear`,
    /// which could then revive a run that has not yet noticed that it was stopped.
    pub(super) fn run(&self) -> Result<(Arc<RunOptions>, Guard)> {
        let options = Arc::new(RunOptions::new().map_err(|e| Error::Run(e.to_string()))?);
        let guard = self.register(Running::Run(options.clone()))?;
        Ok((options, guard))
    }

    /// Starts building a session.
    pub(super) fn build(&self, canceler: LoadCanceler) -> Result<Guard> {
        self.register(Running::Build(canceler))
    }

    fn register(&self, running: Running) -> Result<Guard> {
        let mut state = self.0.lock();
        if state.cancelled {
            return Err(Error::Cancelled);
        }
        let id = state.next;
        state.next += 1;
        let stopped = Arc::<AtomicBool>::default();
        state.running.push((id, running, stopped.clone()));
        Ok(Guard {
            cancel: self.clone(),
            id,
            stopped,
        })
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Cancel")
            .field("cancelled", &state.cancelled)
            .field("running", &state.running.len())
            .finish()
    }
}

/// Something in progress that can be cancelled.
pub(super) struct Guard {
    cancel: Cancel,
    id: u64,
    stopped: Arc<AtomicBool>,
}

impl Guard {
    /// The error to report when the work failed: that it was cancelled, if it was.
    pub(super) fn explain(&self, otherwise: Error) -> Error {
        if self.stopped.load(Ordering::Relaxed) {
            Error::Cancelled
        } else {
            otherwise
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.cancel
            .0
            .lock()
            .running
            .retain(|(id, ..)| *id != self.id);
    }
}
