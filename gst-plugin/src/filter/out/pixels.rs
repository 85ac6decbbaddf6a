//! Pixels: GStreamer's frames as the engine's, scaling, drawing and copying.

use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};
use tttseg::video::{
    ChromaFilter, ChromaMap, ClassMap, Colorimetry, Colorizer, ColourModel, FrameError, FrameMut,
    FrameRef, Legend, Matrix, Overlay, PixelFormat, Range, Rgb, Scaler, Style, limit_luma,
    side_by_side,
};

use crate::filter::error::Error;

fn error(e: impl std::fmt::Display) -> Error {
    Error::Pixels(e.to_string())
}

fn pixel_format(format: VideoFormat) -> Result<PixelFormat, Error> {
    PixelFormat::from_name(format.to_str())
        .ok_or_else(|| Error::Pixels(format!("frames of format {format} are not handled")))
}

/// Colorimetry of the caps; where they have none, GStreamer's guess by size is already in the info.
fn colorimetry(info: &VideoInfo, format: PixelFormat) -> Colorimetry {
    let given = info.colorimetry();
    Colorimetry {
        matrix: match given.matrix() {
            VideoColorMatrix::Bt601 => Matrix::Bt601,
            VideoColorMatrix::Bt2020 => Matrix::Bt2020,
            VideoColorMatrix::Smpte240m => Matrix::Smpte240m,
            VideoColorMatrix::Fcc => Matrix::Fcc,
            _ => Matrix::Bt709,
        },
        range: match given.range() {
            VideoColorRange::Range0_255 => Range::Full,
            VideoColorRange::Range16_235 => Range::Limited,
            // Without a word about it, RGB and grey are what cameras and images give.
            _ if format.layout().model != ColourModel::Yuv => Range::Full,
            _ => Range::Limited,
        },
    }
}

fn stride(stride: i32) -> usize {
    // A negative one would make rows run backwards; it is refused as too short.
    usize::try_from(stride).unwrap_or(0)
}

fn frame_ref<'a>(frame: &'a VideoFrameRef<&gst::BufferRef>) -> Result<FrameRef<'a>, Error> {
    let info = frame.info();
    let format = pixel_format(info.format())?;
    let planes = frame.planes_data();
    let planes = planes.iter().zip(frame.plane_stride());
    FrameRef::new(
        format,
        frame.width() as usize,
        frame.height() as usize,
        colorimetry(info, format),
        planes.map(|(bytes, s)| (*bytes, stride(*s))),
    )
    .map_err(error)
}

fn readable<'a>(
    buffer: &'a gst::BufferRef,
    info: &VideoInfo,
) -> Result<VideoFrameRef<&'a gst::BufferRef>, Error> {
    VideoFrameRef::from_buffer_ref_readable(buffer, info).map_err(|_| {
        Error::Pixels(format!(
            "a buffer of {} bytes could not be mapped as the {} frame of {}x{} pixels of its caps",
            buffer.size(),
            info.format(),
            info.width(),
            info.height()
        ))
    })
}

fn writable<'a>(
    buffer: &'a mut gst::BufferRef,
    info: &VideoInfo,
) -> Result<VideoFrameRef<&'a mut gst::BufferRef>, Error> {
    VideoFrameRef::from_buffer_ref_writable(buffer, info).map_err(|_| {
        Error::Pixels("a buffer could not be mapped for writing as the frame of its caps".into())
    })
}

fn with_frame_mut(
    buffer: &mut gst::BufferRef,
    info: &VideoInfo,
    work: impl FnOnce(&mut FrameMut<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut frame = writable(buffer, info)?;
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let strides = frame.plane_stride().to_vec();
    let format = pixel_format(info.format())?;
    let planes = frame.planes_data_mut().into_iter().zip(strides);
    let made: Result<FrameMut<'_>, FrameError> = FrameMut::new(
        format,
        width,
        height,
        colorimetry(info, format),
        planes.map(|(bytes, s)| (bytes, stride(s))),
    );
    work(&mut made.map_err(error)?)
}

/// Tools with their buffers, kept from frame to frame.
#[derive(Default)]
pub(in crate::filter) struct Pixels {
    scaler: Scaler,
    overlay: Overlay,
    legend: Legend,
    colorizer: Colorizer,
    pub chroma_filter: ChromaFilter,
    #[cfg(feature = "analytics")]
    masks: super::analytics::Masks,
    rgb: Rgb,
}

impl Pixels {
    /// Attaches a map of the whole frame as GStreamer's own metadata, with the feature `analytics`.
    #[cfg_attr(not(feature = "analytics"), expect(unused_variables))]
    pub fn attach_mask(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        map: &ClassMap,
        classes: &[String],
    ) -> Result<(), Error> {
        #[cfg(feature = "analytics")]
        self.masks
            .attach(buffer, map, (info.width(), info.height()), classes)?;
        Ok(())
    }

    /// The frame in RGB at model size. [`Pixels::keep`] takes the memory back for the next one.
    pub fn at_model_size(
        &mut self,
        buffer: &gst::BufferRef,
        info: &VideoInfo,
        (width, height): (usize, usize),
    ) -> Result<Rgb, Error> {
        let frame = readable(buffer, info)?;
        let mut rgb = std::mem::take(&mut self.rgb);
        let shape = (height, width, 3);
        if rgb.dim() != shape {
            rgb = Rgb::zeros(shape);
        }
        let scaled = self.scaler.to_rgb(&frame_ref(&frame)?, &mut rgb);
        scaled.map_err(error)?;
        Ok(rgb)
    }

    pub fn keep(&mut self, rgb: Rgb) {
        self.rgb = rgb;
    }

    /// Paints classes over the frame, or over the part of it that begins at a column, and lists the names of those that are
    /// drawn.
    pub fn overlay(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        left: usize,
        map: &ClassMap,
        style: &Style<'_>,
        legend: Option<&[String]>,
    ) -> Result<(), Error> {
        with_frame_mut(buffer, info, |frame| {
            self.overlay.draw_from(frame, left, map, style);
            if let Some(names) = legend {
                self.legend.draw(frame, left, names, style.colours);
            }
            Ok(())
        })
    }

    /// Gives the frame colours in place of its own, beginning at a column; what lies before that becomes grey.
    pub fn colorize(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        left: usize,
        chroma: &ChromaMap,
    ) -> Result<(), Error> {
        with_frame_mut(buffer, info, |frame| {
            if left == 0 {
                return self.colorizer.draw(frame, chroma).map_err(error);
            }
            let grey = ChromaMap::zeros((2, 1, 1));
            self.colorizer.draw(frame, &grey).map_err(error)?;
            match frame.right_of(left) {
                Some(mut right) => self.colorizer.draw(&mut right, chroma).map_err(error),
                None => Ok(()),
            }
        })
    }

    /// Fills a GRAY8 frame with classes.
    pub fn class_map(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        map: &ClassMap,
    ) -> Result<(), Error> {
        with_frame_mut(buffer, info, |frame| {
            self.overlay.class_map(frame, map).map_err(error)
        })
    }

    /// Fills a frame with a picture.
    pub fn paint(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        rgb: &Rgb,
    ) -> Result<(), Error> {
        with_frame_mut(buffer, info, |frame| {
            self.scaler.paint_rgb(frame, rgb).map_err(error)
        })
    }
}

/// Copies pixels between buffers of the same caps; their strides may differ.
pub(in crate::filter) fn copy(
    from: &gst::BufferRef,
    to: &mut gst::BufferRef,
    info: &VideoInfo,
) -> Result<(), Error> {
    let from = readable(from, info)?;
    let mut to = writable(to, info)?;
    // GStreamer's own copy leaves out the last chroma sample of interleaved 4:2:2 with an odd width.
    for plane in 0..info.n_planes() {
        copy_rows(&from, &mut to, plane, usize::MAX, 1)?;
    }
    Ok(())
}

/// Copies a grey frame into the luma of one with a plane for each component, as often as it goes into its width. Full range
/// becomes limited range where that is wanted. Chroma is still to be drawn.
pub(in crate::filter) fn copy_luma(
    from: &gst::BufferRef,
    info: &VideoInfo,
    to: &mut gst::BufferRef,
    to_info: &VideoInfo,
) -> Result<(), Error> {
    let from = readable(from, info)?;
    // Checked: rows that are too short end here.
    let range = frame_ref(&from)?.colorimetry().range;
    let wanted = to_info.colorimetry().range();
    let row = info.width() as usize * stride(info.comp_pstride(0)).max(1);
    let times = (to_info.width() / info.width().max(1)) as usize;
    copy_rows(&from, &mut writable(to, to_info)?, 0, row, times)?;
    if range == Range::Full && wanted == VideoColorRange::Range16_235 {
        with_frame_mut(to, to_info, |to| {
            limit_luma(to);
            Ok(())
        })?;
    }
    Ok(())
}

/// Writes a frame into both halves of one that is twice as wide.
pub(in crate::filter) fn copy_beside_itself(
    from: &gst::BufferRef,
    info: &VideoInfo,
    to: &mut gst::BufferRef,
    pair_info: &VideoInfo,
) -> Result<(), Error> {
    let from = readable(from, info)?;
    let frame = frame_ref(&from)?;
    with_frame_mut(to, pair_info, |pair| {
        side_by_side(&frame, pair).map_err(error)
    })?;
    // The engine does not know opacity, a plane of one byte a pixel.
    let known = frame.format().layout().planes() as u32;
    for plane in known..info.n_planes() {
        copy_rows(
            &from,
            &mut writable(to, pair_info)?,
            plane,
            info.width() as usize,
            2,
        )?;
    }
    Ok(())
}

/// Copies rows of a plane, of so many bytes if they are that long, as often as they are to stand side by side.
fn copy_rows(
    from: &VideoFrameRef<&gst::BufferRef>,
    to: &mut VideoFrameRef<&mut gst::BufferRef>,
    plane: u32,
    row: usize,
    times: usize,
) -> Result<(), Error> {
    let at = plane as usize;
    let strides = [from.plane_stride()[at], to.plane_stride()[at]];
    let [from_stride, to_stride] = strides.map(|s| stride(s).max(1));
    let from = from.plane_data(plane).map_err(error)?.chunks(from_stride);
    let to = to
        .plane_data_mut(plane)
        .map_err(error)?
        .chunks_mut(to_stride);
    for (from, to) in from.zip(to) {
        let row = row.min(from.len()).min(to.len());
        for to in to.chunks_exact_mut(row).take(times) {
            to.copy_from_slice(&from[..row]);
        }
    }
    Ok(())
}

/// Whether a frame may be drawn into in place: nothing else holds its pixels, and mapping its memory for writing does not
/// swap it for a copy, as it would with memory that is read-only.
pub(in crate::filter) fn is_ours(buffer: &mut gst::Buffer) -> bool {
    buffer.get_mut().is_some_and(|buffer| {
        buffer.is_all_memory_writable()
            && buffer
                .iter_memories()
                .all(|memory| !memory.flags().contains(gst::MemoryFlags::READONLY))
    })
}

#[cfg(test)]
mod tests;
