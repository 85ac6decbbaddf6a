//! GStreamer's frames as the engine's, and what is done to their pixels.

use std::sync::Arc;

use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};
use tttseg::video::{
    ChromaFilter, ChromaMap, ClassMap, Colorimetry, Colorizer, ColourModel, FrameError, FrameMut,
    FrameRef, Legend, Matrix, Overlay, PixelFormat, Range, Scaler, Style, side_by_side,
};

/// Why pixels could not be read or written.
#[derive(Debug)]
pub(super) struct PixelError(String);

impl std::fmt::Display for PixelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<gst::glib::BoolError> for PixelError {
    fn from(e: gst::glib::BoolError) -> Self {
        error(e)
    }
}

fn error(e: impl std::fmt::Display) -> PixelError {
    PixelError(e.to_string())
}

fn pixel_format(format: VideoFormat) -> Result<PixelFormat, PixelError> {
    PixelFormat::from_name(format.to_str())
        .ok_or_else(|| PixelError(format!("frames of format {format} are not handled")))
}

/// What the caps say about colours; where they say nothing, GStreamer's guess by size is already in the info.
fn colorimetry(info: &VideoInfo, format: PixelFormat) -> Colorimetry {
    let told = info.colorimetry();
    Colorimetry {
        matrix: match told.matrix() {
            VideoColorMatrix::Bt601 => Matrix::Bt601,
            VideoColorMatrix::Bt2020 => Matrix::Bt2020,
            VideoColorMatrix::Smpte240m => Matrix::Smpte240m,
            VideoColorMatrix::Fcc => Matrix::Fcc,
            _ => Matrix::Bt709,
        },
        range: match told.range() {
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

fn frame_ref<'a>(frame: &'a VideoFrameRef<&gst::BufferRef>) -> Result<FrameRef<'a>, PixelError> {
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

fn with_frame_mut<R>(
    buffer: &mut gst::BufferRef,
    info: &VideoInfo,
    work: impl FnOnce(&mut FrameMut<'_>) -> Result<R, PixelError>,
) -> Result<R, PixelError> {
    let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, info).map_err(|_| {
        PixelError("a buffer could not be mapped for writing as the frame its caps tell".into())
    })?;
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
pub(super) struct Pixels {
    scaler: Scaler,
    overlay: Overlay,
    legend: Legend,
    tint: Colorizer,
    pub steady: ChromaFilter,
    #[cfg(feature = "analytics")]
    masks: super::analytics::Masks,
    rgb: Vec<u8>,
}

/// A picture at model size: classes, one byte a pixel, or RGB, three. Shared, not copied.
#[derive(Clone)]
pub(super) struct Picture {
    pub bytes: Arc<[u8]>,
    pub width: usize,
    pub height: usize,
}

impl Picture {
    fn classes(&self) -> Result<ClassMap<'_>, PixelError> {
        ClassMap::new(&self.bytes, self.width, self.height).map_err(error)
    }
}

/// What is painted over a frame.
pub(super) struct Paint<'a> {
    pub style: Style<'a>,
    /// Names of the classes, where they are listed.
    pub legend: Option<&'a [String]>,
}

impl Pixels {
    /// Attaches a map of the whole frame as GStreamer's own metadata, with the feature `analytics`.
    #[cfg_attr(not(feature = "analytics"), expect(unused_variables))]
    pub fn attach_mask(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        map: &Picture,
        classes: &[String],
    ) -> Result<(), PixelError> {
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
    ) -> Result<Vec<u8>, PixelError> {
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info).map_err(|_| {
            PixelError(format!(
                "a buffer of {} bytes could not be mapped as the {} frame of {}x{} pixels its caps tell",
                buffer.size(),
                info.format(),
                info.width(),
                info.height()
            ))
        })?;
        let mut rgb = std::mem::take(&mut self.rgb);
        rgb.resize(width * height * 3, 0);
        self.scaler
            .to_rgb(&frame_ref(&frame)?, width, height, &mut rgb)
            .map_err(error)?;
        Ok(rgb)
    }

    pub fn keep(&mut self, rgb: Vec<u8>) {
        self.rgb = rgb;
    }

    /// Paints classes over the frame, or over the part of it that begins at a column.
    pub fn draw(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        left: usize,
        map: &Picture,
        paint: &Paint<'_>,
    ) -> Result<(), PixelError> {
        let map = map.classes()?;
        with_frame_mut(buffer, info, |frame| {
            self.overlay.draw_from(frame, left, &map, &paint.style);
            if let Some(names) = paint.legend {
                self.legend.draw(frame, left, names, paint.style.colours);
            }
            Ok(())
        })
    }

    /// Gives the frame colours in place of its own, beginning at a column; what lies before that becomes grey.
    pub fn tint(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        left: usize,
        chroma: &ChromaMap,
    ) -> Result<(), PixelError> {
        with_frame_mut(buffer, info, |frame| {
            if left == 0 {
                return self.tint.draw(frame, chroma).map_err(error);
            }
            let grey = ChromaMap::new(1, 1, vec![0.0; 2]).map_err(error)?;
            self.tint.draw(frame, &grey).map_err(error)?;
            match frame.right_of(left) {
                Some(mut right) => self.tint.draw(&mut right, chroma).map_err(error),
                None => Ok(()),
            }
        })
    }

    /// Fills a GRAY8 frame with classes.
    pub fn class_map(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        map: &Picture,
    ) -> Result<(), PixelError> {
        let map = map.classes()?;
        with_frame_mut(buffer, info, |frame| {
            self.overlay.class_map(frame, &map).map_err(error)
        })
    }

    /// Fills a frame with a picture.
    pub fn paint(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        rgb: &Picture,
    ) -> Result<(), PixelError> {
        with_frame_mut(buffer, info, |frame| {
            self.scaler
                .paint_rgb(frame, &rgb.bytes, rgb.width, rgb.height)
                .map_err(error)
        })
    }
}

/// Copies pixels between buffers of the same caps; their strides may differ.
pub(super) fn copy(
    from: &gst::BufferRef,
    to: &mut gst::BufferRef,
    info: &VideoInfo,
) -> Result<(), PixelError> {
    let from = VideoFrameRef::from_buffer_ref_readable(from, info)
        .map_err(|_| PixelError("a buffer could not be mapped for reading".into()))?;
    let mut to = VideoFrameRef::from_buffer_ref_writable(to, info)
        .map_err(|_| PixelError("a buffer could not be mapped for writing".into()))?;
    // GStreamer's own copy leaves out the last chroma sample of interleaved 4:2:2 with an odd width.
    let strides: [Vec<usize>; 2] = [from.plane_stride(), to.plane_stride()]
        .map(|strides| strides.iter().map(|s| stride(*s).max(1)).collect());
    let planes = from.planes_data().into_iter().zip(to.planes_data_mut());
    for ((from, to), (from_stride, to_stride)) in planes.zip(strides[0].iter().zip(&strides[1])) {
        for (from, to) in from.chunks(*from_stride).zip(to.chunks_mut(*to_stride)) {
            let both = from.len().min(to.len());
            to[..both].copy_from_slice(&from[..both]);
        }
    }
    Ok(())
}

/// Copies a grey frame into the luma of one with a plane for each component, as often as it goes into its width. Chroma is
/// left as it is.
pub(super) fn copy_luma(
    from: &gst::BufferRef,
    info: &VideoInfo,
    to: &mut gst::BufferRef,
    to_info: &VideoInfo,
) -> Result<(), PixelError> {
    let from = VideoFrameRef::from_buffer_ref_readable(from, info)
        .map_err(|_| PixelError("a buffer could not be mapped for reading".into()))?;
    // Checked: rows that are too short end here.
    frame_ref(&from)?;
    let mut to = VideoFrameRef::from_buffer_ref_writable(to, to_info)
        .map_err(|_| PixelError("a buffer could not be mapped for writing".into()))?;
    let row = info.width() as usize * stride(info.comp_pstride(0)).max(1);
    let strides = [from.plane_stride()[0], to.plane_stride()[0]];
    let [from_stride, to_stride] = strides.map(|s| stride(s).max(1));
    let from = from.plane_data(0).map_err(error)?.chunks(from_stride);
    let to = to.plane_data_mut(0).map_err(error)?.chunks_mut(to_stride);
    let times = (to_info.width() / info.width().max(1)) as usize;
    for (from, to) in from.zip(to).take(info.height() as usize) {
        for to in to.chunks_exact_mut(row).take(times) {
            to.copy_from_slice(&from[..row]);
        }
    }
    Ok(())
}

/// Writes a frame into both halves of one that is twice as wide.
pub(super) fn copy_beside_itself(
    from: &gst::BufferRef,
    info: &VideoInfo,
    to: &mut gst::BufferRef,
    pair_info: &VideoInfo,
) -> Result<(), PixelError> {
    let from = VideoFrameRef::from_buffer_ref_readable(from, info)
        .map_err(|_| PixelError("a buffer could not be mapped for reading".into()))?;
    let frame = frame_ref(&from)?;
    with_frame_mut(to, pair_info, |pair| {
        side_by_side(&frame, pair).map_err(error)
    })?;
    let known = frame.format().layout().planes();
    if (info.n_planes() as usize) > known {
        copy_opacity_beside_itself(&from, to, pair_info, known)?;
    }
    Ok(())
}

/// The same for a plane the engine does not know: opacity, one byte a pixel.
fn copy_opacity_beside_itself(
    from: &VideoFrameRef<&gst::BufferRef>,
    to: &mut gst::BufferRef,
    pair_info: &VideoInfo,
    plane: usize,
) -> Result<(), PixelError> {
    let mut to = VideoFrameRef::from_buffer_ref_writable(to, pair_info)
        .map_err(|_| PixelError("a buffer could not be mapped for writing".into()))?;
    let (width, height) = (from.width() as usize, from.height() as usize);
    let strides = [from.plane_stride()[plane], to.plane_stride()[plane]];
    let [from_stride, to_stride] = strides.map(|s| stride(s).max(1));
    let plane = plane as u32;
    let from = from.plane_data(plane).map_err(error)?;
    let to = to.plane_data_mut(plane).map_err(error)?;
    let rows = from.chunks(from_stride).zip(to.chunks_mut(to_stride));
    for (from, to) in rows.take(height) {
        for half in [0..width, width..2 * width] {
            if let (Some(to), Some(from)) = (to.get_mut(half), from.get(..width)) {
                to.copy_from_slice(from);
            }
        }
    }
    Ok(())
}

/// Whether drawing into the buffer touches nobody else's pixels, and needs no other memory: mapping memory that is
/// read-only for writing would swap it for a copy without a word.
pub(super) fn is_ours(buffer: &mut gst::Buffer) -> bool {
    buffer.get_mut().is_some_and(|buffer| {
        buffer.is_all_memory_writable()
            && buffer
                .iter_memories()
                .all(|memory| !memory.flags().contains(gst::MemoryFlags::READONLY))
    })
}

#[cfg(test)]
mod tests;
