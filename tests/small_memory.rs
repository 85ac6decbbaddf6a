//! Memory of the paper's model. Slow, so ignored by default, and alone in its process, because the peak is the
//! process's: `cargo test --release --test small_memory -- --ignored`.

mod common;

use tttseg::adapt::Request;
use tttseg::model::Preset;
use tttseg::video::Rgb;

// Builds and runs 68.7 M parameters for several frames.
#[test]
#[ignore]
fn small_adapts_within_four_gibibytes() {
    let mut learner = common::learner(Preset::Small, 19);
    for frame in 0..4u8 {
        let rgb = Rgb::from_elem((224, 448, 3), 40 * frame);
        let prediction = learner.frame(rgb.into(), Request::default());
        assert_eq!(prediction.unwrap().report.steps, 1);
    }
    let peak = common::status("VmHWM:");
    println!("peak resident memory: {} MiB", peak / 1024);
    assert!(peak < 4 * 1024 * 1024, "{peak} KiB");
}
