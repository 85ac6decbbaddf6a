//! Checks of caps and properties from anywhere: run on texts made up by proptest in `robustness.rs`, and by libFuzzer in
//! `fuzz/`. Nothing is loaded for it: the elements stay in NULL.

use gst::prelude::*;

const ELEMENTS: [&str; 2] = ["tttsegfilter", "tttseg"];

/// Asks both elements about caps, and what they make of them.
pub fn caps(text: &str) {
    let Ok(caps) = text.parse::<gst::Caps>() else {
        return;
    };
    for name in ELEMENTS {
        for output in ["overlay", "class-map", "reconstruction"] {
            let element = gst::ElementFactory::make(name).build().unwrap();
            element.set_property_from_str("output", output);
            for pad in ["sink", "src"] {
                let pad = element.static_pad(pad).unwrap();
                let answer = pad.query_caps(Some(&caps));
                // An answer is never more than what was asked about.
                assert!(caps.is_any() || answer.can_intersect(&caps) || answer.is_empty());
                if caps.is_fixed() {
                    pad.query_accept_caps(&caps);
                }
            }
        }
    }
}

/// Sets a property as a launch line does: it is taken, or refused with a warning.
pub fn property(name: &str, text: &str) {
    for element in ELEMENTS {
        let element = gst::ElementFactory::make(element).build().unwrap();
        if !text.contains('\0') {
            element.set_property(name, text);
            element.property_value(name);
        }
    }
}
