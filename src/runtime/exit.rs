//! The end of the process, which waits for threads that are still in ONNX Runtime. Its library is taken apart there, and what
//! runs in it then crashes.

use std::ffi::c_int;
use std::sync::Once;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Longest wait. A run ends at its next operator; it is sessions being made that take their time.
const LONGEST: Duration = Duration::from_secs(10);
/// From one look at the threads to the next.
const A_WHILE: Duration = Duration::from_millis(2);

static LEFT: Mutex<Vec<JoinHandle<()>>> = Mutex::new(vec![]);
static REGISTERED: Once = Once::new();

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> c_int;
}

/// Leaves a thread that has been told to end to itself. Only the end of the process waits for it.
pub(crate) fn leave(thread: JoinHandle<()>) {
    REGISTERED.call_once(|| {
        // SAFETY: the function takes nothing, does not unwind, and is there as long as the library that registers it. What is
        // registered last comes first: ONNX Runtime, which the thread may be in, has been loaded before. Where there is no more
        // room for it, nothing waits.
        unsafe { atexit(wait) };
    });
    let mut left = LEFT.lock();
    left.retain(|thread| !thread.is_finished());
    left.push(thread);
}

/// Waits for all of them, though not for ever.
extern "C" fn wait() {
    let began = Instant::now();
    let Some(mut left) = LEFT.try_lock_for(LONGEST) else {
        return;
    };
    for thread in left.drain(..) {
        while !thread.is_finished() {
            if began.elapsed() > LONGEST {
                return;
            }
            thread::sleep(A_WHILE);
        }
        // Its panics have been caught.
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn threads_that_were_left_are_waited_for() {
        static ENDED: AtomicBool = AtomicBool::new(false);
        leave(thread::spawn(|| {
            thread::sleep(Duration::from_millis(50));
            ENDED.store(true, Ordering::SeqCst);
        }));
        wait();
        assert!(ENDED.load(Ordering::SeqCst));
        wait();
    }
}
