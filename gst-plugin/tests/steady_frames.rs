//! Once a stream flows, nothing as large as a frame at model size is allocated for one: neither on the streaming thread
//! nor on those that learn. A process of its own, and one test: what all threads allocate counts.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{frame, runtime, save, tiny, watch};

/// The system's allocator, and a note of the largest piece it was asked for and of the sum of all.
struct Noted;

static LARGEST: AtomicUsize = AtomicUsize::new(0);
static SUM: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all that is asked of it is asked of the system's allocator, unchanged.
unsafe impl GlobalAlloc for Noted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        SUM.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above; the memory came from there.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static NOTED: Noted = Noted;

/// Sides of what the network sees, and of the frames.
const MODEL: (usize, usize) = (192, 128);
const CAPS: &str = "video/x-raw,format=I420,width=480,height=320,framerate=25/1";
const FRAMES: usize = 8;

#[test]
fn nothing_as_large_as_a_frame_is_allocated() {
    let Some(_) = runtime() else { return };
    let mut model = tiny();
    model.size = (MODEL.1, MODEL.0);
    let file = save("tiny-192x128.safetensors", model);
    let pixels = MODEL.0 * MODEL.1;
    for (output, how) in [
        ("overlay", "method=online"),
        ("overlay", "method=online asynchronous=true"),
        (
            "overlay",
            "method=online surprise=1e-6 batch-size=2 steps=2",
        ),
        ("overlay", "method=replay memory=1"),
        ("overlay", "method=replay memory=1 asynchronous=true"),
        ("overlay", "method=consistency"),
        ("class-map", "method=none"),
        ("reconstruction", "method=online"),
    ] {
        let mut harness = gst_check::Harness::new_parse(&format!(
            "tttsegfilter model-file={file} execution-provider=cpu threads=1 window=3 \
             output={output} {how}"
        ));
        let bus = watch(&harness);
        harness.set_src_caps_str(CAPS);
        // Until the window is full and a frame has left it.
        for n in 0..6 {
            harness.push_and_pull(frame(CAPS, n)).unwrap();
        }
        // Beside the stream, frames wait while a step is taken: one more than ever before needs memory, once. What is allocated
        // for every frame is seen in every round.
        let rounds = if how.contains("async") { 6 } else { 1 };
        let largest = (0..rounds)
            .map(|round| {
                let first = 6 + round * FRAMES as u64;
                let frames = (first..).take(FRAMES).map(|n| frame(CAPS, n));
                let frames: Vec<_> = frames.collect();
                LARGEST.store(0, Ordering::Relaxed);
                SUM.store(0, Ordering::Relaxed);
                for input in frames {
                    harness.push_and_pull(input).unwrap();
                }
                let largest = LARGEST.load(Ordering::Relaxed);
                let each = SUM.load(Ordering::Relaxed) / FRAMES;
                println!("{output} {how}: {largest} bytes at once, {each} bytes a frame");
                largest
            })
            .find(|largest| *largest < pixels / 2);
        assert!(largest.is_some(), "{output} {how}: see above");
        let last = common::last(&bus);
        assert!(
            how.contains("async") || how.contains("none") || last.steps > 0,
            "nothing was learned"
        );
    }
    // A frame that is copied is seen.
    LARGEST.store(0, Ordering::Relaxed);
    drop(std::hint::black_box(vec![1u8; pixels]));
    assert!(LARGEST.load(Ordering::Relaxed) >= pixels);
}
