//! Kinds of input, and the caps that the bin offers for them.

use std::sync::LazyLock;

use gst::prelude::*;

use super::CAT;
use crate::filter::{CAPS, kept};

/// Kinds of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Raw video in system memory.
    Raw,
    /// Anything that has to be decoded, or that is not known yet.
    Encoded,
}

/// Raw video of any format in system memory.
pub(super) static ANY_RAW: LazyLock<gst::Caps> =
    LazyLock::new(|| kept(gst::Caps::new_empty_simple("video/x-raw")));

/// What the decoders, demuxers and parsers on this machine take: video, images, and what video may be in.
static DECODABLE: LazyLock<gst::Caps> = LazyLock::new(|| {
    let factories = gst::ElementFactory::factories_with_type(
        gst::ElementFactoryType::DECODABLE,
        gst::Rank::MARGINAL,
    );
    let mut all = gst::Caps::new_empty();
    let into = all.make_mut();
    for factory in factories.iter() {
        for template in factory.static_pad_templates() {
            let caps = template.caps();
            if template.direction() != gst::PadDirection::Sink || caps.is_any() {
                continue;
            }
            for structure in caps.iter() {
                let name = structure.name();
                let kind = name.split('/').next().unwrap_or_default();
                if matches!(kind, "video" | "image" | "application") && !is_raw(name) {
                    into.append_structure(structure.to_owned());
                }
            }
        }
    }
    all.simplify();
    kept(all)
});

fn is_raw(media_type: &str) -> bool {
    media_type == "video/x-raw"
}

/// Which kind of input caps announce, or why it cannot be taken.
pub(super) fn kind(caps: &gst::CapsRef) -> Result<Input, String> {
    let Some(structure) = caps.structure(0) else {
        return Ok(Input::Encoded);
    };
    if !is_raw(structure.name()) {
        return Ok(Input::Encoded);
    }
    match caps.features(0) {
        Some(features)
            if !features.is_any()
                && !features.is_equal(gst::CapsFeatures::new_empty().as_ref())
                && !features.contains(gst::CAPS_FEATURE_MEMORY_SYSTEM_MEMORY) =>
        {
            Err(format!(
                "video in device memory ({features}) cannot be read; download it first, for example with gldownload, \
                 cudadownload or vapostproc"
            ))
        }
        _ => Ok(Input::Raw),
    }
}

/// Whether caps can be taken; `raw` is the pad for raw video.
pub(super) fn accepts(caps: &gst::Caps, raw: Option<&gst::Pad>) -> bool {
    match kind(caps) {
        // Refused by name when they come; they are not among the caps that are offered.
        Err(_) => true,
        Ok(Input::Encoded) => caps.can_intersect(&DECODABLE),
        Ok(Input::Raw) => raw.is_some_and(|raw| raw.query_accept_caps(caps)),
    }
}

/// Caps in the order of preference: what needs no conversion, what needs one, what has to be decoded. `raw` is the pad for
/// raw video while nothing is between it and the input.
pub(super) fn offered(raw: Option<&gst::Pad>, filter: Option<&gst::CapsRef>) -> gst::Caps {
    // With a decoder in front, the pad's answer is not about the input; what follows it does not restrict it.
    let raw = match raw {
        Some(raw) => raw.query_caps(None).intersect(&ANY_RAW),
        None => ANY_RAW.clone(),
    };
    let mut caps = CAPS.intersect_with_mode(&raw, gst::CapsIntersectMode::First);
    caps.merge(raw);
    caps.merge(DECODABLE.clone());
    filtered(&caps, filter)
}

/// Caps as far as a query's filter allows, in its order of preference.
pub(super) fn filtered(caps: &gst::Caps, filter: Option<&gst::CapsRef>) -> gst::Caps {
    match filter {
        Some(filter) => caps.intersect_with_mode(filter, gst::CapsIntersectMode::First),
        None => caps.clone(),
    }
}

/// What is linked upstream, as far as it is known before data flows. A file has no caps.
pub(super) fn upstream(sink: &gst::GhostPad) -> Input {
    if !sink.is_linked() {
        // Decoders and demuxers link later; they announce their caps.
        return Input::Raw;
    }
    let caps = sink.peer_query_caps(None);
    let raw = !caps.is_any() && caps.iter().any(|s| is_raw(s.name()));
    gst::debug!(CAT, obj = sink, "Upstream offers {caps}, raw: {raw}");
    if raw { Input::Raw } else { Input::Encoded }
}
