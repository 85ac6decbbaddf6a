//! The queue of a worker's jobs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

/// The jobs that wait for a worker, in order.
///
/// A worker beside the stream may be slower than the frames come. Of frames that wait in a row only the newest are kept,
/// as many as a window holds: older ones would have left it before their turn.
pub(super) struct FrameQueue<T> {
    waiting: Mutex<VecDeque<T>>,
    arrived: Condvar,
    is_frame: fn(&T) -> bool,
    most_frames: AtomicUsize,
}

impl<T> FrameQueue<T> {
    /// An empty one that keeps this many frames in a row.
    pub fn new(most_frames: usize, is_frame: fn(&T) -> bool) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            is_frame,
            most_frames: AtomicUsize::new(most_frames),
        }
    }

    /// Keeps this many frames in a row from now on.
    pub fn keep(&self, most_frames: usize) {
        self.most_frames.store(most_frames, Ordering::Relaxed);
    }

    /// Appends a job.
    pub fn put(&self, job: T) {
        let mut waiting = self.waiting.lock();
        waiting.push_back(job);
        let frames = waiting.iter().rev().take_while(|j| (self.is_frame)(j));
        let frames = frames.count();
        if frames > self.most_frames.load(Ordering::Relaxed) {
            let oldest = waiting.len() - frames;
            waiting.remove(oldest);
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Waits for the next job; with it, whether a frame comes right after.
    pub fn take(&self) -> (T, bool) {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(job) = waiting.pop_front() {
                return (job, waiting.front().is_some_and(self.is_frame));
            }
            self.arrived.wait(&mut waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames are positive, other jobs negative.
    fn queue(most_frames: usize, jobs: &[i32]) -> FrameQueue<i32> {
        let queue = FrameQueue::new(most_frames, |job| *job > 0);
        jobs.iter().for_each(|job| queue.put(*job));
        queue
    }

    #[test]
    fn the_newest_frames_of_a_row_are_kept_and_every_other_job() {
        let queue = queue(2, &[1, 2, -1, 3, 4, 5, -2, -3, 6]);
        let taken: Vec<_> = (0..7).map(|_| queue.take()).collect();
        let expected = [
            (1, true),
            (2, false),
            (-1, true),
            (4, true),
            (5, false),
            (-2, false),
            (-3, true),
        ];
        assert_eq!(taken, expected);
        assert_eq!(queue.take(), (6, false));
    }

    #[test]
    fn the_number_kept_can_change() {
        let queue = queue(3, &[1, 2, 3]);
        queue.keep(1);
        queue.put(-1);
        queue.put(4);
        queue.put(5);
        let taken: Vec<_> = (0..5).map(|_| queue.take().0).collect();
        assert_eq!(taken, [1, 2, 3, -1, 5]);
    }

    #[test]
    fn a_waiting_thread_is_woken() {
        let queue = queue(1, &[]);
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| queue.take());
            queue.put(7);
            assert_eq!(taker.join().unwrap(), (7, false));
        });
    }
}
