//! The handle on a worker: starting it, giving it jobs, cancelling and ending it.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::frame_queue::FrameQueue;
use super::requests::{Pending, Reply, Requests};
use super::{Job, Role, Worker};
use crate::adapt::{Error, Settings, SharedModel};
use crate::runtime::{InUse, Options, leave};

/// Longest wait for a worker to load ONNX Runtime and try the device. Loading gives up by itself
/// before this; the rest is for a CUDA context on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Longest wait for a worker's end. A run ends at its next operator, which for a small model takes
/// less; where it takes longer, the thread ends by itself, at the latest with the process. Going down is promised to take 50 ms.
const END: Duration = Duration::from_millis(15);

/// A worker's thread, and the queue of its jobs.
pub(in crate::adapt) struct WorkerHandle {
    requests: Arc<Requests>,
    jobs: Jobs,
    /// `None` once it has been joined or left alone.
    thread: Option<JoinHandle<()>>,
}

type Jobs = Arc<FrameQueue<Job>>;

impl WorkerHandle {
    /// Starts a worker and waits until it is ready; gives the place where it computes.
    ///
    /// # Errors
    /// What the worker's start says; [`Error::Worker`] when there is no thread to be had or it takes too long.
    pub fn start(
        model: SharedModel,
        settings: Settings,
        options: Options,
        role: Role,
    ) -> Result<(Self, InUse), Error> {
        let requests = Arc::<Requests>::default();
        let most_frames = role.most_frames(&settings);
        let jobs = Jobs::new(FrameQueue::new(most_frames, |job| {
            matches!(job, Job::Frame { .. })
        }));
        let (ready, started) = mpsc::sync_channel(1);
        let (supervised, queue) = (requests.clone(), jobs.clone());
        let work = {
            let requests = requests.clone();
            move || match Worker::new(model, settings, &options, requests, role) {
                // After the timeout there is no receiver for either.
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
            .spawn(move || supervised.supervise(work))
            .map_err(|e| Error::Worker(format!("no thread: {e}")))?;
        let handle = Self {
            requests,
            jobs,
            thread: Some(thread),
        };
        match started.recv_timeout(START) {
            Ok(place) => Ok((handle, place?)),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let why = format!("not ready after {} seconds", START.as_secs());
                Err(Error::Worker(why))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                handle.requests.wait_for_end(END);
                handle.requests.check_alive()?;
                Err(Error::Worker("it did not start".into()))
            }
        }
    }

    /// Queues a job without an answer. Without a worker it is lost.
    pub fn send(&self, job: Job) {
        self.jobs.put(job);
    }

    /// Queues a job that ends when it is cancelled.
    ///
    /// # Errors
    /// While cancelled, and when the worker has ended.
    pub fn request<T>(&self, job: impl FnOnce(u64, Reply<T>) -> Job) -> Result<Pending<T>, Error> {
        self.requests
            .cancellable(|generation, reply| self.send(job(generation, reply)))
    }

    /// Queues a job that cancelling leaves alone.
    ///
    /// # Errors
    /// When the worker has ended.
    pub fn request_lasting<T>(
        &self,
        job: impl FnOnce(Reply<T>) -> Job,
    ) -> Result<Pending<T>, Error> {
        self.requests.lasting(|reply| self.send(job(reply)))
    }

    /// Keeps this many waiting frames from now on.
    pub fn keep(&self, most_frames: usize) {
        self.jobs.keep(most_frames);
    }

    /// Whether the worker still answers.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check_alive(&self) -> Result<(), Error> {
        self.requests.check_alive()
    }

    /// Cancels what can be cancelled.
    pub fn cancel(&self) {
        self.requests.cancel();
    }

    /// Accepts frames again.
    pub fn resume(&self) {
        self.requests
            .resume(|generation| self.send(Job::Resume(generation)));
    }
}

/// Ends workers, all at the same time, and waits for that, but not for long.
pub(in crate::adapt) fn end<'a>(handles: impl Iterator<Item = &'a mut WorkerHandle>) {
    let threads: Vec<_> = handles
        .filter_map(|handle| {
            let thread = handle.thread.take()?;
            handle.requests.cancel();
            handle.send(Job::Stop);
            Some((&handle.requests, thread))
        })
        .collect();
    let began = Instant::now();
    for (requests, thread) in threads {
        if requests.wait_for_end(END.saturating_sub(began.elapsed())) {
            // Its panics have been caught.
            let _ = thread.join();
        } else {
            leave(thread);
        }
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        end(std::iter::once(self));
    }
}
