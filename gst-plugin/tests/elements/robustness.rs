//! Caps and texts from anywhere.

#[path = "../common/fuzzed.rs"]
mod fuzzed;

use crate::common::{formats, init};
use proptest::prelude::*;

/// Caps that may make sense, with values that may not: of others GStreamer's own parser warns.
fn caps() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        "width=(int)[-0-9]{1,12}",
        "height=[-0-9]{1,12}",
        r"width=\[ ?[0-9]{1,4}, ?[1-9][0-9]{5,8} ?\]",
        "framerate=[-0-9]{1,11}/[-0-9]{1,11}",
        "pixel-aspect-ratio=[-0-9]{1,11}/[-0-9]{1,11}",
        "interlace-mode=(string)(progressive|interleaved|fields|alternate|x)",
        "colorimetry=(string)[0-9:]{0,12}",
        "multiview-mode=(string)[a-z-]{0,12}",
        r"[a-z]{1,8}=\((string|int|boolean|bitmask|fraction)\)[0-9a-z/:-]{1,12}",
    ];
    let media = prop_oneof![
        Just("video/x-raw".to_owned()),
        Just("video/x-raw(memory:SystemMemory)".to_owned()),
        Just("video/x-raw(ANY)".to_owned()),
        Just("video/x-h264".to_owned()),
        "[a-z]{1,6}/[a-z]{1,8}",
    ];
    let format = any::<prop::sample::Index>().prop_map(|place| {
        init();
        let all = formats();
        format!("format={}", all[place.index(all.len())])
    });
    (media, format, prop::collection::vec(field, 0..6))
        .prop_map(|(media, format, fields)| format!("{media},{format},{}", fields.join(",")))
}

proptest! {
    #[test]
    fn fuzzed_caps(text in caps()) {
        init();
        fuzzed::caps(&text);
    }

    #[test]
    fn fuzzed_properties(text in prop_oneof![".{0,40}", "[#0-9a-fA-F,; ]{0,80}"]) {
        init();
        for name in ["palette", "model-file", "runtime-library"] {
            fuzzed::property(name, &text);
        }
    }
}
