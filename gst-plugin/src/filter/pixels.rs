//! GStreamer's frames as the engine's, and what is done to their pixels.

use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};
use tttseg::video::{
    Colorimetry, ColourModel, FrameError, FrameMut, FrameRef, Matrix, Overlay, Palette,
    PixelFormat, Range, Scaler,
};

/// Why pixels could not be read or written.
#[derive(Debug)]
pub(super) struct PixelError(String);

impl std::fmt::Display for PixelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
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
    rgb: Vec<u8>,
}

/// A picture at model size: classes, one byte a pixel, or RGB, three.
pub(super) struct Picture<'a> {
    pub bytes: &'a [u8],
    pub width: usize,
    pub height: usize,
}

impl Pixels {
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

    /// Paints classes over the frame.
    pub fn draw(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        map: &Picture<'_>,
        palette: &Palette,
        opacity: f64,
    ) -> Result<(), PixelError> {
        with_frame_mut(buffer, info, |frame| {
            self.overlay
                .draw(
                    frame,
                    map.bytes,
                    map.width,
                    map.height,
                    palette,
                    opacity as f32,
                )
                .map_err(error)
        })
    }

    /// Fills a GRAY8 frame with classes.
    pub fn class_map(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        map: &Picture<'_>,
    ) -> Result<(), PixelError> {
        with_frame_mut(buffer, info, |frame| {
            self.overlay
                .class_map(frame, map.bytes, map.width, map.height)
                .map_err(error)
        })
    }

    /// Fills a frame with a picture.
    pub fn paint(
        &mut self,
        buffer: &mut gst::BufferRef,
        info: &VideoInfo,
        rgb: &Picture<'_>,
    ) -> Result<(), PixelError> {
        with_frame_mut(buffer, info, |frame| {
            self.scaler
                .paint_rgb(frame, rgb.bytes, rgb.width, rgb.height)
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
