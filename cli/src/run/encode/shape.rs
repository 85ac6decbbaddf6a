//! The shape of a film's frames: what all that is written has in common, as caps.

use gst::prelude::*;

use super::super::error::Error;
use super::Codec;

/// What all frames of a file have in common.
const SHAPE: [&str; 5] = [
    "format",
    "width",
    "height",
    "pixel-aspect-ratio",
    "colorimetry",
];

/// What a file says of its frames once, and what does not change them.
const SAID: [&str; 6] = [
    "interlace-mode",
    "field-order",
    "chroma-site",
    "framerate",
    "mastering-display-info",
    "content-light-level",
];

/// That of the film's first frame, with what is said of it. H.264 in 4:2:0 has even sizes only.
pub fn shape_of(caps: &gst::Caps, codec: Codec) -> Result<gst::Caps, Error> {
    let of = caps.structure(0).ok_or("frames without caps")?;
    let mut shape = gst::Structure::new_empty("video/x-raw");
    for field in SHAPE.into_iter().chain(SAID) {
        if let Ok(value) = of.value(field) {
            shape.set_value(field, value.clone());
        }
    }
    if codec == Codec::H264 {
        for side in ["width", "height"] {
            if let Ok(length) = shape.get::<i32>(side) {
                shape.set(side, (length & !1).max(2));
            }
        }
    }
    Ok(gst::Caps::builder_full().structure(shape).build())
}

/// Where frames are not of the shape, in words.
pub fn differences(now: &gst::Caps, shape: &gst::Caps) -> String {
    let field = |caps: &gst::Caps, name: &str| {
        let value = caps.structure(0).and_then(|s| s.value(name).ok().cloned());
        let text = value.and_then(|value| value.serialize().ok());
        text.map_or("unknown".to_owned(), |text| text.to_string())
    };
    let pairs = SHAPE.map(|name| (name, field(now, name), field(shape, name)));
    let differing = pairs.iter().filter(|(_, now, shape)| now != shape);
    let texts = differing.map(|(name, now, shape)| format!("{name} {now} to {shape}"));
    texts.collect::<Vec<_>>().join(", ")
}

/// Caps with what was said of the film's first frame: a file cannot say another thing in the middle, and muxers refuse it.
pub(super) fn as_said_before(caps: &gst::Caps, shape: &gst::Caps) -> gst::Caps {
    let mut caps = caps.clone();
    for field in SAID {
        let said = shape.structure(0).and_then(|s| s.value(field).ok());
        if let Some(now) = caps.make_mut().structure_mut(0) {
            match said {
                Some(said) => now.set_value(field, said.clone()),
                None => now.remove_field(field),
            }
        }
    }
    caps
}

/// Columns and rows to crop at the right and the bottom where frames are wider or higher by one than the shape: scaling would
/// blur all of them. Other sizes are scaled.
pub(super) fn odd_edges(caps: &gst::Caps, shape: &gst::Caps) -> [i32; 2] {
    let length =
        |caps: &gst::Caps, side: &str| -> Option<i32> { caps.structure(0)?.get(side).ok() };
    let more = ["width", "height"].map(|side| {
        let lengths = length(caps, side).zip(length(shape, side));
        lengths.map(|(length, wanted)| length - wanted)
    });
    match more {
        [Some(wide @ 0..=1), Some(high @ 0..=1)] => [wide, high],
        _ => [0, 0],
    }
}
