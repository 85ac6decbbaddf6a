//! Memory of the paper's model. Slow, so ignored by default, and alone in its process, because the peak is the
//! process's: `cargo test --release --test small_memory -- --ignored`.

mod common;

use tttseg::adapt::Request;
use tttseg::adapt::graphs::Size;
use tttseg::model::Preset;

// Builds and runs 68.7 M parameters for several frames.
#[test]
#[ignore]
fn small_adapts_within_four_gibibytes() {
    let mut learner = common::learner(Preset::Small, 19);
    let size = Size {
        height: 224,
        width: 448,
    };
    for frame in 0..4u8 {
        let rgb = vec![40 * frame; size.height * size.width * 3];
        let prediction = learner.frame(rgb.into(), size, Request::default());
        assert_eq!(prediction.unwrap().report.steps, 1);
    }
    let peak = common::status("VmHWM:");
    println!("peak resident memory: {} MiB", peak / 1024);
    assert!(peak < 4 * 1024 * 1024, "{peak} KiB");
}
