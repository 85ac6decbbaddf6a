//! Output: frames with their classes or in colours, class maps, metadata, and the second source pad.

#[cfg(feature = "analytics")]
mod analytics;
pub(super) mod class_map_meta;
pub(super) mod classes_pad;
pub(super) mod flow_combiner;
mod output_kind;
pub(super) mod pixels;

pub(super) use output_kind::OutputKind;
pub(super) use pixels::Pixels;
