//! Checks of untrusted bytes and texts: run on inputs made up by proptest in `tests/robustness.rs`, and by libFuzzer in
//! `fuzz/`. Whatever comes in, the answer is a value or an error.

use tttseg::adapt::graphs::stream_layout;
use tttseg::adapt::{SETTINGS, Settings, Trainable};
use tttseg::model::Preset;
use tttseg::optim::Layout;
use tttseg::video::{Palette, PixelFormat, model_size};
use tttseg::weights::{ModelFile, State};

/// A model file, and what an element does with it on the way to READY.
pub fn model_file(bytes: &[u8]) {
    let Ok(model) = ModelFile::from_bytes("fuzzed", bytes) else {
        return;
    };
    let (height, width) = model.size;
    let _ = model_size(1920, 1080, width, height);
    assert!(!model.palette.is_empty() && !model.content_hash().is_empty());
    let config = &model.config;
    let layers = config.main.encoder_layers + config.main.decoder_layers;
    let blocks: usize = config.encoder.depths.iter().sum();
    // Graphs within the limits of sizes can still take seconds to build.
    if layers + config.recon.encoder_layers + config.recon.decoder_layers + blocks < 20
        && config.encoder.window <= 8
        && config.main.hidden.max(config.recon.hidden) <= 512
        && let Ok(layout) = stream_layout(config, Layout::PACK_BELOW, Trainable::All)
    {
        let _ = layout.pack(&model.weights);
    }
}

/// A saved state, for a model.
pub fn state_file(bytes: &[u8], model: &ModelFile) {
    let Ok(state) = State::from_bytes("fuzzed", bytes) else {
        return;
    };
    if state
        .check_base("fuzzed", model, &model.content_hash())
        .is_ok()
        && let Ok(layout) = stream_layout(&model.config, Layout::PACK_BELOW, Trainable::All)
    {
        let _ = layout.pack(&state.weights);
    }
}

/// A property or an option.
pub fn text(text: &str) {
    if let Ok(palette) = text.parse::<Palette>() {
        assert_eq!(palette.to_string().parse(), Ok(palette));
    }
    if let Some(format) = PixelFormat::from_name(text) {
        assert_eq!(format.name(), text);
    }
    let _ = text.parse::<Preset>();
    for setting in &SETTINGS {
        let mut settings = Settings::default();
        if setting.parse(&mut settings, text).is_ok() {
            let said = setting.text(&settings);
            setting.parse(&mut settings, &said).unwrap();
            assert_eq!(setting.text(&settings), said, "{}", setting.name());
            let _ = settings.check();
        }
    }
}
