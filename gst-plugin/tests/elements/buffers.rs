//! Whose memory `tttsegfilter` draws into, and what it does with buffers that are no frames.

use std::collections::HashSet;

use crate::common::{bytes, error_on, filter, frame, runtime, watch};
use gst_video::VideoMeta;

const CAPS: &str = "video/x-raw,format=I420,width=64,height=48,framerate=25/1";

fn address(buffer: &gst::Buffer) -> usize {
    buffer.map_readable().unwrap().as_ptr() as usize
}

/// Whether the buffer goes back to a pool.
fn is_pooled(buffer: &gst::Buffer) -> bool {
    // SAFETY: the buffer is alive, and its pool is set before it is handed out and does not change until it is back.
    unsafe { !(*buffer.as_ptr()).pool.is_null() }
}

/// As a decoder gives out a frame that it still refers to.
fn read_only(n: u64) -> gst::Buffer {
    let like = frame(CAPS, n);
    let mut buffer = gst::Buffer::from_slice(bytes(&like));
    let of = buffer.get_mut().unwrap();
    of.set_pts(like.pts());
    of.set_duration(like.duration());
    buffer
}

#[test]
fn a_frame_without_other_references_is_drawn_into() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("opacity=1 method=none");
    harness.set_src_caps_str(CAPS);
    let own = frame(CAPS, 1);
    let (memory, before) = (address(&own), bytes(&own));
    let output = harness.push_and_pull(own).unwrap();
    assert_eq!(address(&output), memory);
    assert!(bytes(&output) != before);
}

#[test]
fn frames_with_other_references_go_out_in_buffers_of_a_pool() {
    let Some(_) = runtime() else { return };
    for output in ["overlay", "class-map", "reconstruction"] {
        let mut harness = filter(&format!("opacity=1 method=none output={output}"));
        harness.set_src_caps_str(CAPS);
        let mut used = HashSet::new();
        for n in 0..6 {
            let held = frame(CAPS, n);
            let before = bytes(&held);
            let input = match n % 3 {
                0 => held.clone(),
                // The same memory in another buffer.
                1 => held.copy(),
                _ => read_only(n),
            };
            let output = harness.push_and_pull(input).unwrap();
            assert!(bytes(&held) == before, "frame {n} was drawn into");
            assert!(bytes(&output) != before, "frame {n}: nothing is drawn");
            assert!(is_pooled(&output), "frame {n}");
            used.insert(address(&output));
        }
        // Each went back before the next one was asked for.
        assert_eq!(used.len(), 1, "{output}");
    }
}

#[test]
fn read_only_memory_is_neither_written_nor_swapped() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("opacity=1 method=none");
    harness.set_src_caps_str(CAPS);
    // There is no other reference to the buffer: only the memory's flag says that it is read-only. Mapping it for writing
    // would swap it for a copy that is in no pool.
    let output = harness.push_and_pull(read_only(0)).unwrap();
    assert!(is_pooled(&output));
    assert!(bytes(&output) != bytes(&read_only(0)));
}

#[test]
fn planes_in_memories_of_their_own_stay_there() {
    let Some(_) = runtime() else { return };
    let planes = [64 * 48, 32 * 24, 32 * 24];
    let mut pieces = {
        let mut buffer = gst::Buffer::new();
        let whole = bytes(&frame(CAPS, 0));
        let mut start = 0;
        for size in planes {
            let piece = whole[start..start + size].to_vec();
            let memory = gst::Memory::from_mut_slice(piece);
            buffer.get_mut().unwrap().append_memory(memory);
            start += size;
        }
        buffer
    };
    let mut harness = filter("opacity=1 method=none threads=1");
    harness.set_src_caps_str(CAPS);
    let expected = bytes(&harness.push_and_pull(frame(CAPS, 0)).unwrap());

    VideoMeta::add_full(
        pieces.get_mut().unwrap(),
        gst_video::VideoFrameFlags::empty(),
        gst_video::VideoFormat::I420,
        64,
        48,
        &[0, planes[0], planes[0] + planes[1]],
        &[64, 32, 32],
    )
    .unwrap();
    let places = |buffer: &gst::Buffer| -> Vec<usize> {
        let memories = buffer.iter_memories();
        memories
            .map(|m| m.map_readable().unwrap().as_ptr() as usize)
            .collect()
    };
    let before = places(&pieces);
    let output = harness.push_and_pull(pieces).unwrap();
    assert_eq!(places(&output), before);
    assert!(bytes(&output) == expected);
}

#[test]
fn a_buffer_that_is_no_frame_is_an_error() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let short = gst::Buffer::with_size(100).unwrap();
    assert_eq!(harness.push(short), Err(gst::FlowError::Error));
    let error = error_on(&bus);
    assert!(
        error.contains("100 bytes") && error.contains("64x48"),
        "{error}"
    );
    assert_eq!(harness.try_pull(), None);
}

#[test]
fn rows_that_overlap_are_an_error() {
    let Some(_) = runtime() else { return };
    let mut harness = filter("");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    let mut narrow = frame(CAPS, 0);
    VideoMeta::add_full(
        narrow.get_mut().unwrap(),
        gst_video::VideoFrameFlags::empty(),
        gst_video::VideoFormat::I420,
        64,
        48,
        &[0, 3072, 3840],
        &[64, 30, 32],
    )
    .unwrap();
    assert_eq!(harness.push(narrow), Err(gst::FlowError::Error));
    let error = error_on(&bus);
    assert!(
        error.contains("plane 1 of a I420 frame") && error.contains("30 bytes"),
        "{error}"
    );
    assert_eq!(harness.try_pull(), None);
}
