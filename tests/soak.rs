//! Memory over long streams. Slow, so ignored by default: `cargo test --release --test soak -- --ignored`.

mod common;

use tttseg::adapt::Request;
use tttseg::adapt::graphs::Size;
use tttseg::model::Preset;

// Minutes long: 2,000 frames.
#[test]
#[ignore]
fn memory_stays_flat_over_two_thousand_frames() {
    let mut learner = common::learner(Preset::Nano, 3);
    let size = Size {
        height: 64,
        width: 96,
    };
    let mut early = 0;
    for frame in 0..2000 {
        let rgb = common::picture(size, frame).into();
        learner.frame(rgb, Request::default()).unwrap();
        let resident = common::status("VmRSS:");
        if frame == 100 {
            early = resident;
        }
        if frame % 100 == 0 {
            println!("frame {frame}: {resident} KiB");
        }
    }
    let grown = common::status("VmRSS:").saturating_sub(early);
    println!("resident memory grew by {grown} KiB over 1900 frames");
    // 1 MiB per 1,000 frames after the first hundred.
    assert!(grown < 1945, "{grown} KiB over 1900 frames");
}
