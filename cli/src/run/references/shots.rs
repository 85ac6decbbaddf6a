//! Frames with which a shot begins, found as the element finds them, and frames as pictures.

use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFrameRef, VideoInfo};
use tttseg::video::{
    ChromaFilter, Colorimetry, FrameRef, Matrix, PixelFormat, Range, Rgb, Scaler, model_size,
};

use super::super::error::Error;

/// The detection of cuts, frame after frame.
pub struct Shots {
    /// Width and height that the model was trained at.
    model: (usize, usize),
    scaler: Scaler,
    filter: ChromaFilter,
    seen: Rgb,
}

impl Shots {
    /// As with a model that was trained at a width and a height.
    pub fn new(model: (usize, usize)) -> Self {
        Self {
            model,
            scaler: Scaler::new(),
            filter: ChromaFilter::default(),
            seen: Rgb::zeros((0, 0, 3)),
        }
    }

    /// Whether a shot begins with this frame, which is so wide for its height in the world.
    pub fn begins(&mut self, frame: &FrameRef, shape: (usize, usize)) -> Result<bool, Error> {
        let (wide, high) = self.model;
        let size = model_size(shape.0, shape.1, wide, high).map_err(|e| e.to_string())?;
        if self.seen.dim() != (size.1, size.0, 3) {
            self.seen = Rgb::zeros((size.1, size.0, 3));
        }
        let scaled = self.scaler.to_rgb(frame, &mut self.seen);
        scaled.map_err(|e| e.to_string())?;
        Ok(self.filter.is_cut(&self.seen))
    }

    /// A frame as a picture of its own size.
    pub fn picture(&mut self, frame: &FrameRef, size: (usize, usize)) -> Result<Rgb, Error> {
        let mut picture = Rgb::zeros((size.1, size.0, 3));
        let scaled = self.scaler.to_rgb(frame, &mut picture);
        scaled.map_err(|e| e.to_string())?;
        Ok(picture)
    }
}

/// Calls `what` with a decoded frame in the engine's terms.
pub fn with_frame<T>(
    buffer: &gst::BufferRef,
    info: &VideoInfo,
    what: impl FnOnce(&FrameRef) -> Result<T, Error>,
) -> Result<T, Error> {
    let name = info.format().to_str();
    let format = PixelFormat::from_name(name).ok_or_else(|| format!("frames in {name}"))?;
    let video = VideoFrameRef::from_buffer_ref_readable(buffer, info)
        .map_err(|_| "a decoded frame is smaller than its caps say")?;
    let strides = video.plane_stride().iter();
    let strides = strides.map(|stride| usize::try_from(*stride).unwrap_or(0));
    let planes = video.planes_data().into_iter().zip(strides);
    let (width, height) = (info.width() as usize, info.height() as usize);
    let frame = FrameRef::new(format, width, height, colorimetry(info), planes);
    what(&frame.map_err(|e| e.to_string())?)
}

fn colorimetry(info: &VideoInfo) -> Colorimetry {
    let said = info.colorimetry();
    Colorimetry {
        matrix: match said.matrix() {
            VideoColorMatrix::Bt601 => Matrix::Bt601,
            VideoColorMatrix::Bt2020 => Matrix::Bt2020,
            VideoColorMatrix::Smpte240m => Matrix::Smpte240m,
            VideoColorMatrix::Fcc => Matrix::Fcc,
            _ => Matrix::Bt709,
        },
        range: match said.range() {
            VideoColorRange::Range0_255 => Range::Full,
            _ => Range::Limited,
        },
    }
}
