//! Frames, colour, resizing, overlays and palettes, as plain arrays and without GStreamer.
//!
//! A frame comes in as borrowed planes ([`FrameRef`], [`FrameMut`]) in the format the stream was negotiated in and is
//! never converted as a whole: [`Scaler::to_rgb`] brings it down to model size and converts there, [`Overlay::draw`]
//! blends class colours into it in its own format, and [`Legend::draw`] their names. All follow from the description of a
//! format ([`PixelFormat::layout`]): where its components lie and what their codes are worth.

mod chroma;
mod chroma_filter;
mod colorize;
mod colour;
mod crop;
mod depth;
mod format;
mod frame;
mod grade;
mod legend;
mod overlay;
mod palette;
mod reference;
mod resample;
mod samples;
mod scale;
mod side_by_side;
mod size;
mod still;
#[cfg(test)]
mod testing;

pub use chroma::{ChromaError, ChromaMap};
pub use chroma_filter::ChromaFilter;
pub use colorize::{ColorizeError, Colorizer};
pub use colour::{Colorimetry, Matrix, Range, bt601_chroma, grey, is_grey};
pub use crop::Crop;
pub use depth::convert_depth;
pub use format::{ColourModel, Component, Layout, PixelFormat, Sample, Storage};
pub use frame::{FrameError, FrameMut, FrameRef, MAX_SIDE};
pub use grade::Grade;
pub use legend::Legend;
pub use overlay::{ClassMap, MapError, Overlay, Style};
pub use palette::{Palette, PaletteError};
pub use reference::{GREY, ReferenceError, has_colour, read_references, scaled};
pub use scale::{ScaleError, Scaler};
pub use side_by_side::{SideBySideError, side_by_side};
pub use size::{SizeError, model_size};
pub use still::{
    LabelIds, Labels, LeftOut, Listing, Rgb, StillError, list_stills, pending_png, read_labels,
    read_rgb, write_png,
};
