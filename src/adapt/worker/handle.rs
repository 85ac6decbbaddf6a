use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::calls::{Call, Calls, Reply};
use super::inbox::Inbox;
use super::worker::{Job, Part, Worker};
use super::{Error, Settings, SharedModel};
use crate::runtime::{InUse, Options};

/// Longest wait for a worker to load ONNX Runtime and try the device. Loading gives up by itself
/// before this; the rest is for a CUDA context on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Longest wait for a worker's end. A run ends at its next operator, which for a small model takes
/// less; where it takes longer, the thread ends by itself. Going down is promised to take 50 ms.
const END: Duration = Duration::from_millis(15);

/// A worker's thread and the way to it.
pub(super) struct Crew {
    calls: Arc<Calls>,
    jobs: Jobs,
    /// `None` once it has been joined or left alone.
    thread: Option<JoinHandle<()>>,
}

type Jobs = Arc<Inbox<Job>>;

impl Crew {
    /// Starts a worker and waits until it is ready; gives the place where it computes.
    ///
    /// # Errors
    /// What the worker's start says; [`Error::Worker`] when there is no thread to be had or it takes too long.
    pub fn start(
        model: SharedModel,
        settings: Settings,
        options: Options,
        part: Part,
    ) -> Result<(Self, InUse), Error> {
        let calls = Arc::<Calls>::default();
        let most_frames = part.most_frames(&settings);
        let jobs = Jobs::new(Inbox::new(most_frames, |job| {
            matches!(job, Job::Frame { .. })
        }));
        let (ready, started) = mpsc::sync_channel(1);
        let (attended, queue) = (calls.clone(), jobs.clone());
        let work = {
            let calls = calls.clone();
            move || match Worker::new(model, settings, &options, calls, part) {
                // No one takes either when patience is at an end.
                Err(error) => drop(ready.send(Err(error))),
                Ok(worker) => {
                    if ready.send(Ok(worker.place().clone())).is_ok() {
                        worker.serve(&queue);
                    }
                }
            }
        };
        let thread = thread::Builder::new()
            .name("tttseg-adapter".into())
            .spawn(move || attended.attend(work))
            .map_err(|e| Error::Worker(format!("no thread: {e}")))?;
        let crew = Self {
            calls,
            jobs,
            thread: Some(thread),
        };
        match started.recv_timeout(START) {
            Ok(place) => Ok((crew, place?)),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let why = format!("not ready after {} seconds", START.as_secs());
                Err(Error::Worker(why))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                crew.calls.wait_for_end(END);
                crew.calls.check_alive()?;
                Err(Error::Worker("it did not start".into()))
            }
        }
    }

    /// Queues a job that nobody waits for. Without a worker it is lost.
    pub fn send(&self, job: Job) {
        self.jobs.put(job);
    }

    /// Queues a job that ends when it is cancelled.
    ///
    /// # Errors
    /// While cancelled, and when the worker has ended.
    pub fn ask<T>(&self, job: impl FnOnce(u64, Reply<T>) -> Job) -> Result<Call<T>, Error> {
        self.calls
            .cancellable(|generation, reply| self.send(job(generation, reply)))
    }

    /// Queues a job that cancelling leaves alone.
    ///
    /// # Errors
    /// When the worker has ended.
    pub fn ask_lasting<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<Call<T>, Error> {
        self.calls.lasting(|reply| self.send(job(reply)))
    }

    /// Has the frames that wait bounded as these settings ask for.
    pub fn keep(&self, most_frames: usize) {
        self.jobs.keep(most_frames);
    }

    /// Whether the worker still answers.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check_alive(&self) -> Result<(), Error> {
        self.calls.check_alive()
    }

    /// Calls off what can be cancelled.
    pub fn cancel(&self) {
        self.calls.cancel();
    }

    /// Accepts frames again.
    pub fn resume(&self) {
        self.calls
            .resume(|generation| self.send(Job::Resume(generation)));
    }
}

/// Ends workers, all at the same time, and waits for that, but not for long.
pub(super) fn end<'a>(crews: impl Iterator<Item = &'a mut Crew>) {
    let threads: Vec<_> = crews
        .filter_map(|crew| {
            let thread = crew.thread.take()?;
            crew.calls.cancel();
            crew.send(Job::Stop);
            Some((&crew.calls, thread))
        })
        .collect();
    let began = Instant::now();
    for (calls, thread) in threads {
        if calls.wait_for_end(END.saturating_sub(began.elapsed())) {
            // Its panics have been caught.
            let _ = thread.join();
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        end(std::iter::once(self));
    }
}
