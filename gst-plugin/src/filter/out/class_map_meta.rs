//! Class maps attached to frames, as the custom meta `GstTttSegMeta`, and the metas of the input that still hold.
//!
//! | field | type | what it is |
//! |---|---|---|
//! | `width`, `height` | unsigned | size of the map: the network's, not the frame's |
//! | `classes` | strings (`GStrv`) | names of the classes, by their ids |
//! | `map` | buffer | `height` rows of `width` bytes without padding: the class of each pixel, 255 = no class |
//!
//! The map is spread over the whole frame, whatever the frame's size: the class of the frame's pixel x is that of the
//! map's `(2 * x + 1) * width / (2 * frame_width)`, and likewise for rows. That holds for a frame that has been scaled as
//! well, so converters and scalers pass it on.

use std::ops::ControlFlow;
use std::sync::Arc;

use gst::meta::CustomMeta;
use gst_video::video_meta::tags;
use tttseg::video::ClassMap;

use super::OutputKind;

/// Name of the meta that carries class maps.
pub const CLASS_MAP_META: &str = "GstTttSegMeta";

/// Makes the meta known to GStreamer.
pub(in crate::filter) fn register() {
    // The plugin may be there twice, linked and loaded.
    if !CustomMeta::is_registered(CLASS_MAP_META) {
        // With no tag, nothing takes it for something that changes with size or colour.
        CustomMeta::register_simple(CLASS_MAP_META);
    }
}

/// Kinds of metas that are about places in the frame, in pixels from its upper left, and say so with the tag `size`. By
/// name: the library of the second may not be there.
const PLACES: [&str; 2] = [
    "GstVideoRegionOfInterestMetaAPI",
    "GstAnalyticsRelationMetaAPI",
];

/// Whether a meta of the input is as true of what goes out. A class map has other colours. Side by side, what is said
/// about the size of the frame is not true any more, but places counted from its upper left are where they were. Grey frames
/// that get colours have other ones.
pub(in crate::filter) fn holds(
    meta: &gst::MetaRef<'_, gst::Meta>,
    output: Option<OutputKind>,
    grey: bool,
) -> bool {
    let other_colours = match output {
        Some(OutputKind::ClassMap) => true,
        Some(output) => output.is_coloured() && grey,
        None => false,
    };
    if other_colours && meta.has_tag::<tags::Colorspace>() {
        return false;
    }
    match output {
        Some(output) if output.is_beside() => {
            !meta.has_tag::<tags::Size>() || PLACES.contains(&meta.api().name())
        }
        _ => true,
    }
}

/// Copies time stamps, flags, and the metas that hold.
pub(in crate::filter) fn copy(
    from: &gst::BufferRef,
    to: &mut gst::BufferRef,
    output: OutputKind,
) -> Result<(), gst::glib::BoolError> {
    let flags = gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS;
    from.copy_into(to, flags, ..)?;
    from.foreach_meta(|meta| {
        // What is said about memory is not about the other one.
        if !meta.has_tag::<gst::meta::tags::Memory>() && holds(&meta, Some(output), false) {
            // Some kinds cannot be copied.
            let _ = meta.transform(to, &gst::meta::MetaTransformCopy::new(..));
        }
        ControlFlow::Continue(())
    });
    Ok(())
}

/// A map as the memory of a buffer, shared with whatever else holds it.
struct Bytes(Arc<ClassMap>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice().unwrap_or_default()
    }
}

/// Attaches a map, in place of one that is there already.
pub(in crate::filter) fn attach(
    buffer: &mut gst::BufferRef,
    map: &Arc<ClassMap>,
    classes: &[String],
) -> Result<(), gst::glib::BoolError> {
    let count = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let bytes = gst::Buffer::from_slice(Bytes(map.clone()));
    if CustomMeta::from_buffer(buffer, CLASS_MAP_META).is_err() {
        CustomMeta::add(buffer, CLASS_MAP_META)?;
    }
    let mut meta = CustomMeta::from_mut_buffer(buffer, CLASS_MAP_META)?;
    let structure = meta.mut_structure();
    structure.set("width", count(map.ncols()));
    structure.set("height", count(map.nrows()));
    structure.set("classes", classes.to_vec());
    structure.set("map", bytes);
    Ok(())
}
