//! Output: frames with their classes or in colours, class maps, metadata, and the second source pad.

#[cfg(feature = "analytics")]
mod analytics;
pub(super) mod class_map_meta;
pub(super) mod classes_pad;
pub(super) mod flow_combiner;
mod output_kind;
pub(super) mod pixels;

use std::sync::Arc;

pub(super) use output_kind::OutputKind;
pub(super) use pixels::Pixels;

/// A picture at model size: classes, one byte a pixel, or RGB, three. Shared, not copied.
#[derive(Clone)]
pub(super) struct Picture {
    pub bytes: Arc<[u8]>,
    pub width: usize,
    pub height: usize,
}
