//! Memory of the paper's model. Slow, so ignored by default, and alone in its process, because the peak is the
//! process's: `cargo test --release --test small_memory -- --ignored`.

use std::sync::Arc;

use tttseg::adapt::graphs::Size;
use tttseg::adapt::{Learner, Request, Settings};
use tttseg::model::{Preset, initial_weights};
use tttseg::runtime::{self, Cancel, Options};
use tttseg::weights::{ModelFile, Normalisation, Task};

// Builds and runs 68.7 M parameters for several frames.
#[test]
#[ignore]
fn small_adapts_within_four_gibibytes() {
    let config = Preset::Small.config(19);
    let size = Size {
        height: 224,
        width: 448,
    };
    let model = ModelFile {
        name: "small".into(),
        weights: initial_weights(&config, 0).expect("a preset"),
        config,
        task: Task::Segment,
        classes: (0..19).map(|i| i.to_string()).collect(),
        palette: vec![[0; 3]; 19],
        normalisation: Normalisation::default(),
        size: (size.height, size.width),
        licence: String::new(),
        trained_on: String::new(),
        unexplained: None,
        recipe: serde_json::Value::Null,
    };
    let options = Options::default();
    let runtime = runtime::load(&options).expect("ONNX Runtime");
    let mut learner = Learner::new(
        Arc::new(model),
        Settings::default(),
        runtime,
        &options,
        &Cancel::new(),
    )
    .expect("a learner");
    for frame in 0..4u8 {
        let rgb = vec![40 * frame; size.height * size.width * 3];
        let report = learner
            .frame(rgb.into(), size, Request::default())
            .expect("a frame")
            .report;
        assert_eq!(report.steps, 1);
    }
    let text = std::fs::read_to_string("/proc/self/status").expect("a Linux machine");
    let line = text
        .lines()
        .find(|l| l.starts_with("VmHWM:"))
        .expect("the field");
    let peak: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number");
    println!("peak resident memory: {} MiB", peak / 1024);
    assert!(peak < 4 * 1024 * 1024, "{peak} KiB");
}
