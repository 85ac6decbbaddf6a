//! Tags as they are meant: matroskamux (1.22) writes texts as GStreamer serialises them, with quotation marks around them and a
//! backslash before every space.

use gst::prelude::*;

/// Longest buffer that is looked into: frames of video are none of the tags.
const LONGEST: usize = 1 << 16;

/// Puts texts as they are in the place of serialised ones, in what leaves the muxer. Behind the shorter text stand zeros, which end a
/// string of Matroska (RFC 8794, section 13), so that nothing moves.
pub fn unquote(exit: &gst::Pad, tags: &gst::TagListRef) {
    let texts: Vec<(Vec<u8>, Vec<u8>)> = tags
        .iter_generic()
        .flat_map(|(_, values)| values)
        .filter_map(|value| {
            let meant = value.get::<String>().ok()?.into_bytes();
            let written = value.serialize().ok()?.as_bytes().to_vec();
            let mut padded = meant.clone();
            padded.resize(written.len(), 0);
            (written.len() > meant.len()).then_some((written, padded))
        })
        .collect();
    exit.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(buffer) = info.buffer_mut().filter(|b| b.size() <= LONGEST) else {
            return gst::PadProbeReturn::Ok;
        };
        for (written, padded) in &texts {
            let place = buffer.map_readable().ok().and_then(|bytes| {
                let mut places = bytes.windows(written.len());
                places.position(|place| place == written)
            });
            let Some(place) = place else { continue };
            if let Ok(mut bytes) = buffer.make_mut().map_writable()
                && let Some(bytes) = bytes.get_mut(place..place + padded.len())
            {
                bytes.copy_from_slice(padded);
            }
        }
        gst::PadProbeReturn::Ok
    });
}
