//! Memory over long streams. Slow, so ignored by default: `cargo test --release --test soak -- --ignored`.

use std::sync::Arc;

use tttseg::adapt::graphs::Size;
use tttseg::adapt::{Learner, Request, Settings};
use tttseg::model::{Preset, initial_weights};
use tttseg::runtime::{self, Cancel, Options};
use tttseg::weights::{ModelFile, Normalisation, Task};

fn learner(preset: Preset) -> Learner {
    let config = preset.config(3);
    let model = ModelFile {
        name: "soak".into(),
        weights: initial_weights(&config, 0).expect("a preset"),
        config,
        task: Task::Segment,
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        palette: vec![[0; 3]; 3],
        normalisation: Normalisation::default(),
        size: (64, 96),
        licence: String::new(),
        trained_on: String::new(),
        unexplained: None,
        recipe: serde_json::Value::Null,
    };
    let options = Options::default();
    let runtime = runtime::load(&options).expect("ONNX Runtime");
    Learner::new(
        Arc::new(model),
        Settings::default(),
        runtime,
        &options,
        &Cancel::new(),
    )
    .expect("a learner")
}

/// A field of the process's status, in KiB.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("a Linux machine");
    let line = text
        .lines()
        .find(|l| l.starts_with(field))
        .expect("the field");
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number")
}

fn picture(size: Size, frame: usize) -> Vec<u8> {
    (0..size.height * size.width * 3)
        .map(|i| ((i * 7 + frame * 13) % 251) as u8)
        .collect()
}

// Minutes long: 2,000 frames.
#[test]
#[ignore]
fn memory_stays_flat_over_two_thousand_frames() {
    let mut learner = learner(Preset::Nano);
    let size = Size {
        height: 64,
        width: 96,
    };
    let mut early = 0;
    for frame in 0..2000 {
        learner
            .frame(picture(size, frame).into(), size, Request::default())
            .expect("a frame");
        if frame == 100 {
            early = status("VmRSS:");
        }
        if frame % 100 == 0 {
            println!("frame {frame}: {} KiB", status("VmRSS:"));
        }
    }
    let grown = status("VmRSS:").saturating_sub(early);
    println!("resident memory grew by {grown} KiB over 1900 frames");
    // 1 MiB per 1,000 frames after the first hundred.
    assert!(grown < 1945, "{grown} KiB over 1900 frames");
}
