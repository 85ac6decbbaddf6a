//! The property `fusion`: maps follow the last frame's along motion.

use gst::prelude::*;
use gst_check::Harness;

use crate::common::{CAPS, bytes, element, filter, frame, last, runtime, watch};

/// As good as none, by the same way.
const HARDLY: f64 = 1e-9;

/// A picture that moves to the left.
fn moving(n: u64) -> gst::Buffer {
    let mut buffer = frame(CAPS, n);
    let frame = buffer.make_mut();
    let mut map = frame.map_writable().unwrap();
    for (at, byte) in map.iter_mut().enumerate() {
        let (x, y) = ((at / 3 % 64) as f64 + 3.0 * n as f64, (at / 192) as f64);
        let wave = [x / 7.0, y / 5.0 + x / 40.0, (x + y) / 11.0][at % 3];
        *byte = (127.5 + 120.0 * wave.sin()) as u8;
    }
    drop(map);
    buffer
}

fn maps(fusion: f64) -> Harness {
    let mut harness = filter(&format!(
        "threads=1 method=none output=class-map fusion={fusion}"
    ));
    harness.set_src_caps_str(CAPS);
    harness
}

fn map(harness: &mut Harness, n: u64) -> Vec<u8> {
    bytes(&harness.push_and_pull(moving(n)).unwrap())
}

#[test]
fn maps_follow_the_last_frame_but_for_the_first() {
    let Some(_) = runtime() else { return };
    let [mut alone, mut fused] = [HARDLY, 0.9].map(maps);
    assert_eq!(map(&mut fused, 0), map(&mut alone, 0));
    let changed = (1..6).filter(|n| map(&mut fused, *n) != map(&mut alone, *n));
    assert!(changed.count() > 2);
}

#[test]
fn it_is_live_and_its_time_is_in_the_message() {
    let Some(_) = runtime() else { return };
    let [mut alone, mut off, mut fused] = [HARDLY, 0.0, 0.9].map(maps);
    let bus = watch(&fused);
    let set = |harness: &Harness, fusion: f64| element(harness).set_property("fusion", fusion);
    for n in 0..3 {
        for harness in [&mut alone, &mut off, &mut fused] {
            map(harness, n);
        }
    }
    let message = last(&bus);
    assert!(!message.fusion_time.is_zero());
    assert!(message.fusion_time <= message.predict_time);
    set(&fused, 0.0);
    assert_eq!(map(&mut fused, 3), map(&mut off, 3));
    assert!(last(&bus).fusion_time.is_zero());
    // Nothing has been carried along meanwhile.
    set(&fused, 0.9);
    map(&mut alone, 3);
    assert_eq!(map(&mut fused, 4), map(&mut alone, 4));
    let later: Vec<bool> = (5..9)
        .map(|n| map(&mut fused, n) == map(&mut alone, n))
        .collect();
    assert!(later.contains(&false));
}
