//! Requests to a worker that can be cancelled while they wait.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::adapt::Error;
use crate::runtime::Cancel;

/// The state of a worker's requests, which its handle and the worker share.
///
/// Cancelling begins a new *generation*. What belongs to an older one is void: its caller stops waiting
/// at once, and the worker drops it. ONNX Runtime's [`Cancel`] follows more slowly. It is set here, but
/// cleared only by the worker, between two runs, and only when there was no other cancelling since.
#[derive(Debug, Default)]
pub(in crate::adapt) struct Requests {
    state: Mutex<State>,
    /// Signals an answer, a cancelling or the worker's end.
    changed: Condvar,
    cancel: Cancel,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    /// Cancelled and not yet resumed: new requests are refused.
    cancelled: bool,
    /// Why the worker has ended.
    ended: Option<String>,
}

/// A request that waits for its answer: the caller's end.
#[derive(Debug)]
pub(in crate::adapt) struct Pending<T> {
    requests: Arc<Requests>,
    mailbox: Mailbox<T>,
    /// The generation it ends with; `None` for a request that cancelling leaves alone.
    generation: Option<u64>,
}

/// The worker's end of a request.
#[derive(Debug)]
pub(in crate::adapt) struct Reply<T> {
    requests: Arc<Requests>,
    mailbox: Mailbox<T>,
}

/// Where the answer is put. A request that is dropped takes its mailbox with it.
type Mailbox<T> = Arc<Mutex<Option<Result<T, Error>>>>;

impl Requests {
    /// Stops the sessions that are built with it.
    pub fn canceller(&self) -> &Cancel {
        &self.cancel
    }

    /// Makes a request that ends when it is cancelled. `send` queues it, for the generation it is given.
    ///
    /// # Errors
    /// While cancelled, and when the worker has ended.
    pub fn cancellable<T>(
        self: &Arc<Self>,
        send: impl FnOnce(u64, Reply<T>),
    ) -> Result<Pending<T>, Error> {
        let state = self.alive()?;
        if state.cancelled {
            return Err(Error::Cancelled);
        }
        let (pending, reply) = self.pair(Some(state.generation));
        // Under the lock, so that no request overtakes the job to resume that it relies on.
        send(state.generation, reply);
        Ok(pending)
    }

    /// Makes a request that cancelling leaves alone.
    ///
    /// # Errors
    /// When the worker has ended.
    pub fn lasting<T>(self: &Arc<Self>, send: impl FnOnce(Reply<T>)) -> Result<Pending<T>, Error> {
        let state = self.alive()?;
        let (pending, reply) = self.pair(None);
        send(reply);
        drop(state);
        Ok(pending)
    }

    /// Whether the worker still answers.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check_alive(&self) -> Result<(), Error> {
        self.alive().map(drop)
    }

    /// Cancels every cancellable request, and what ONNX Runtime is doing.
    pub fn cancel(&self) {
        let mut state = self.state.lock();
        state.generation += 1;
        state.cancelled = true;
        self.cancel.cancel();
        self.changed.notify_all();
    }

    /// Accepts requests again; `send` queues the job to [`Requests::clear`] ahead of them.
    pub fn resume(&self, send: impl FnOnce(u64)) {
        let mut state = self.state.lock();
        if state.cancelled {
            state.cancelled = false;
            send(state.generation);
        }
    }

    /// Lets ONNX Runtime run again, unless it was cancelled once more since this generation was resumed.
    /// For the worker, between runs.
    pub fn clear(&self, generation: u64) {
        let state = self.state.lock();
        if state.generation == generation {
            self.cancel.clear();
        }
    }

    /// Whether a request of this generation is still wanted.
    pub fn is_current(&self, generation: u64) -> bool {
        self.state.lock().generation == generation
    }

    /// Does the worker's work. Its end, by a panic as by anything else, ends all that wait.
    pub fn supervise(&self, work: impl FnOnce()) {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let why = match outcome {
            Ok(()) => "it was shut down".to_owned(),
            Err(panic) => format!("it panicked: {}", message(&*panic)),
        };
        self.state.lock().ended = Some(why);
        self.changed.notify_all();
    }

    /// Waits for the worker's end, but no longer than this. Whether it has ended.
    pub fn wait_for_end(&self, longest: Duration) -> bool {
        let mut state = self.state.lock();
        self.changed
            .wait_while_for(&mut state, |s| s.ended.is_none(), longest);
        state.ended.is_some()
    }

    fn alive(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        match &state.ended {
            None => Ok(state),
            Some(why) => Err(Error::Worker(why.clone())),
        }
    }

    fn pair<T>(self: &Arc<Self>, generation: Option<u64>) -> (Pending<T>, Reply<T>) {
        let mailbox = Mailbox::default();
        let pending = Pending {
            requests: self.clone(),
            mailbox: mailbox.clone(),
            generation,
        };
        let requests = self.clone();
        (pending, Reply { requests, mailbox })
    }
}

impl<T> Pending<T> {
    /// Waits for the answer, the cancelling or the worker's end. An answer that came before the
    /// cancelling but was not fetched is void, too.
    pub fn wait(self) -> Result<T, Error> {
        let mut state = self.requests.state.lock();
        loop {
            if self.generation.is_some_and(|g| g != state.generation) {
                return Err(Error::Cancelled);
            }
            if let Some(answer) = self.mailbox.lock().take() {
                return answer;
            }
            if let Some(why) = &state.ended {
                return Err(Error::Worker(why.clone()));
            }
            self.requests.changed.wait(&mut state);
        }
    }
}

impl<T> Reply<T> {
    /// Answers the request.
    pub fn answer(self, answer: Result<T, Error>) {
        // Under the lock, so that no caller falls asleep between checking for it and its arrival.
        let _state = self.requests.state.lock();
        *self.mailbox.lock() = Some(answer);
        self.requests.changed.notify_all();
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
