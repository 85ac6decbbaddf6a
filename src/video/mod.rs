//! Frames, colour, resizing, overlays and palettes, as plain arrays and without GStreamer.
//!
//! A frame comes in as borrowed planes ([`FrameRef`], [`FrameMut`]) in the format the stream was negotiated in and is
//! never converted as a whole: [`Scaler::to_rgb`] brings it down to model size and converts there, [`Overlay::draw`]
//! blends class colours into it in its own format, and [`Legend::draw`] their names. All follow from the description of a
//! format ([`PixelFormat::layout`]): where its components lie and what their codes are worth.
//!
//! What is at model size, or comes from files, is an array: [`Rgb`], [`ClassMap`], [`ChromaMap`].

mod chroma_filter;
mod colorize;
mod colour;
mod colour_scheme;
mod depth;
mod flow;
mod format;
mod frame;
mod fusion;
mod grade;
mod label_map;
mod labels;
mod legend;
mod orientation;
mod overlay;
mod palette;
mod reference;
mod resample;
mod samples;
mod scale;
mod side_by_side;
mod size;
mod still;
mod still_set;
#[cfg(test)]
mod testing;

pub use chroma_filter::ChromaFilter;
pub use colorize::{ColorizeError, Colorizer};
pub use colour::{Colorimetry, Matrix, Range, bt601_chroma, grey, is_grey, pixels};
pub use colour_scheme::{ColourScheme, ColourSchemeError, label_ids};
pub use depth::{convert_depth, limit_luma};
pub use flow::{Flow, OpticalFlow, Pyramid, flow_between};
pub use format::{ColourModel, Component, Layout, PixelFormat, Sample, Storage};
pub use frame::{FrameError, FrameMut, FrameRef, MAX_SIDE};
pub use fusion::{Fusion, Motion};
pub use grade::Grade;
pub use label_map::{ClassGroups, LabelMap, LabelMapError};
pub use labels::{LabelColours, LabelIds, read_labels};
pub use legend::Legend;
pub use orientation::Orientation;
pub use overlay::{MapError, Overlay, Style};
pub use palette::{Palette, PaletteError};
pub use reference::{GREY, ReferenceError, has_colour, read_references, scaled};
pub use scale::Scaler;
pub use side_by_side::{SideBySideError, side_by_side};
pub use size::{SizeError, model_size};
pub use still::{
    LeftOut, Listing, StillError, list_stills, pending_png, read_rgb, read_upright, write_png,
};
pub use still_set::{SetStill, StillSetError, nearest_labels, read_still_set};

use ndarray::{Array2, Array3};

/// A picture in full-range RGB, in standard layout: (height, width, 3).
pub type Rgb = Array3<u8>;

/// A class id for each pixel: (height, width); 255 is no class, in labels and predictions alike.
pub type ClassMap = Array2<u8>;

/// The chroma of a frame on a coarse grid of tokens that covers all of it: (2, tokens down, tokens across). Cb, then Cr,
/// of BT.601, full range, in steps of 8 bits, 0 for grey.
pub type ChromaMap = Array3<f32>;
