//! Borrowed video frames: planes with strides, checked once.

use std::ops::Deref;

use ndarray::ArrayRef3;

use super::colour::Colorimetry;
use super::format::PixelFormat;

/// Longest side of a frame, in pixels.
pub const MAX_SIDE: usize = 32_768;

/// An error in the planes of a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No pixels, or more than can be handled.
    #[error("frame of {width}x{height} pixels (sides from 1 to {MAX_SIDE} are possible)")]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A plane of the format is missing.
    #[error("{format} frame has {given} of {needed} planes")]
    Planes {
        /// The format.
        format: PixelFormat,
        /// Planes the format has.
        needed: usize,
        /// Planes there were.
        given: usize,
    },
    /// Rows overlap.
    #[error("plane {plane} of a {format} frame: stride of {given} bytes, rows need {needed}")]
    Stride {
        /// The format.
        format: PixelFormat,
        /// Index of the plane.
        plane: usize,
        /// Bytes of a row.
        needed: usize,
        /// Stride in bytes.
        given: usize,
    },
    /// A plane ends too early.
    #[error("plane {plane} of a {format} frame: {given} bytes, {needed} needed")]
    Bytes {
        /// The format.
        format: PixelFormat,
        /// Index of the plane.
        plane: usize,
        /// Bytes up to the end of the last row.
        needed: usize,
        /// Bytes there were.
        given: usize,
    },
    /// An array that is no RGB image.
    #[error(
        "array of shape {0:?} as an RGB image: height, width and 3 channels, row by row, are needed"
    )]
    Rgb([usize; 3]),
}

/// Checks one plane; the last row need not be padded to the stride.
fn check(
    format: PixelFormat,
    plane: usize,
    (width, height): (usize, usize),
    bytes: usize,
    stride: usize,
) -> Result<(), FrameError> {
    let (row, rows) = format.layout().plane_size(plane, width, height);
    if stride < row {
        return Err(FrameError::Stride {
            format,
            plane,
            needed: row,
            given: stride,
        });
    }
    let needed = stride.saturating_mul(rows - 1).saturating_add(row);
    if bytes < needed {
        return Err(FrameError::Bytes {
            format,
            plane,
            needed,
            given: bytes,
        });
    }
    Ok(())
}

pub(super) fn check_size(width: usize, height: usize) -> Result<(), FrameError> {
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        Ok(())
    } else {
        Err(FrameError::Size { width, height })
    }
}

/// A frame over borrowed planes: see [`FrameRef`] and [`FrameMut`].
#[derive(Clone, Copy, Debug)]
pub struct Frame<P> {
    pub(super) format: PixelFormat,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) colorimetry: Colorimetry,
    pub(super) planes: [(P, usize); 3],
}

/// A frame to read.
pub type FrameRef<'a> = Frame<&'a [u8]>;

/// A frame to draw into.
pub type FrameMut<'a> = Frame<&'a mut [u8]>;

impl<P: Default + Deref<Target = [u8]>> Frame<P> {
    /// A frame of `width` × `height` pixels over `planes`, each with its stride in bytes, in the format's order. Planes
    /// beyond the format's are ignored.
    ///
    /// # Errors
    /// [`FrameError`] when a plane is missing or too short, or a stride shorter than a row.
    pub fn new(
        format: PixelFormat,
        width: usize,
        height: usize,
        colorimetry: Colorimetry,
        planes: impl IntoIterator<Item = (P, usize)>,
    ) -> Result<Self, FrameError> {
        check_size(width, height)?;
        let mut kept = [(); 3].map(|()| (P::default(), 0));
        let mut given = 0;
        let needed = format.layout().planes();
        for (slot, (bytes, stride)) in kept.iter_mut().zip(planes).take(needed) {
            check(format, given, (width, height), bytes.len(), stride)?;
            *slot = (bytes, stride);
            given += 1;
        }
        if given < needed {
            return Err(FrameError::Planes {
                format,
                needed,
                given,
            });
        }
        Ok(Self {
            format,
            width,
            height,
            colorimetry,
            planes: kept,
        })
    }

    /// An RGB image of this shape, if its bytes lie one after the other.
    fn of_array(shape: (usize, usize, usize), bytes: Option<P>) -> Result<Self, FrameError> {
        let (height, width, channels) = shape;
        let bytes = bytes.filter(|_| channels == 3);
        let bytes = bytes.ok_or(FrameError::Rgb([height, width, channels]))?;
        let planes = [(bytes, width * 3)];
        Self::new(PixelFormat::Rgb, width, height, Colorimetry::RGB, planes)
    }

    /// Layout of the bytes.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The meaning of its codes.
    pub fn colorimetry(&self) -> Colorimetry {
        self.colorimetry
    }

    /// A row of a plane, without padding.
    pub(super) fn row(&self, plane: usize, y: usize) -> &[u8] {
        let layout = self.format.layout();
        let (row, _) = layout.plane_size(plane, self.width, self.height);
        let (bytes, stride) = &self.planes[plane];
        &bytes[y * stride..][..row]
    }
}

impl<'a> FrameRef<'a> {
    /// An RGB image (height, width, 3) in standard layout.
    ///
    /// # Errors
    /// [`FrameError`] for an array of another shape or layout.
    pub fn rgb(image: &'a ArrayRef3<u8>) -> Result<Self, FrameError> {
        Self::of_array(image.dim(), image.as_slice())
    }
}

impl<'a> FrameMut<'a> {
    /// An RGB image (height, width, 3) in standard layout.
    ///
    /// # Errors
    /// As [`FrameRef::rgb`].
    pub fn rgb(image: &'a mut ArrayRef3<u8>) -> Result<Self, FrameError> {
        Self::of_array(image.dim(), image.as_slice_mut())
    }

    /// The same frame, to read.
    pub fn as_ref(&self) -> FrameRef<'_> {
        FrameRef {
            format: self.format,
            width: self.width,
            height: self.height,
            colorimetry: self.colorimetry,
            planes: [0, 1, 2].map(|i| (&*self.planes[i].0, self.planes[i].1)),
        }
    }

    /// A row of a plane, without padding.
    pub(super) fn row_mut(&mut self, plane: usize, y: usize) -> &mut [u8] {
        let layout = self.format.layout();
        let (row, _) = layout.plane_size(plane, self.width, self.height);
        let (bytes, stride) = &mut self.planes[plane];
        &mut bytes[y * *stride..][..row]
    }

    /// Rows of a plane, without padding.
    pub(super) fn rows(&mut self, plane: usize) -> impl Iterator<Item = &mut [u8]> {
        let layout = self.format.layout();
        let (row, rows) = layout.plane_size(plane, self.width, self.height);
        let (bytes, stride) = &mut self.planes[plane];
        bytes
            .chunks_mut((*stride).max(1))
            .take(rows)
            .map(move |r| &mut r[..row])
    }

    /// What lies right of a column, that column included, as a frame of its own that shares the pixels. It begins with the
    /// next whole chroma sample where the column has none of its own; `None` where nothing is left.
    pub fn right_of(&mut self, column: usize) -> Option<FrameMut<'_>> {
        let layout = self.format.layout();
        let first = column.next_multiple_of(layout.span.0);
        let width = self.width.checked_sub(first).filter(|w| *w > 0)?;
        let known = layout.planes();
        let mut plane = 0;
        let planes = self.planes.each_mut().map(|(bytes, stride)| {
            // All components of a plane agree on where a pixel with a chroma sample of its own begins.
            let begin = layout.in_plane(plane).next().map_or(0, |(c, component)| {
                first / layout.span_of(c).0 * component.step * layout.sample.bytes()
            });
            plane += 1;
            let begin = if plane <= known { begin } else { 0 };
            (bytes.get_mut(begin..).unwrap_or_default(), *stride)
        });
        Some(FrameMut {
            format: self.format,
            width,
            height: self.height,
            colorimetry: self.colorimetry,
            planes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::ColourModel;
    use crate::video::testing::{COLORIMETRIES, Owned};

    fn frame(
        format: PixelFormat,
        w: usize,
        h: usize,
        planes: &[(usize, usize)],
    ) -> Result<(), FrameError> {
        let buffers: Vec<Vec<u8>> = planes.iter().map(|p| vec![0; p.0]).collect();
        let slices = buffers.iter().zip(planes).map(|(b, p)| (&b[..], p.1));
        FrameRef::new(format, w, h, Colorimetry::default(), slices).map(|_| ())
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        // 63x47 in I420 as GStreamer lays it out: strides 64 and 32, chroma of 32x24.
        frame(
            PixelFormat::I420,
            63,
            47,
            &[(64 * 47, 64), (32 * 24, 32), (32 * 24, 32)],
        )
        .unwrap();
        let short = frame(
            PixelFormat::I420,
            63,
            47,
            &[(64 * 47, 64), (32 * 24, 32), (32 * 23, 32)],
        );
        assert_eq!(
            short,
            Err(FrameError::Bytes {
                format: PixelFormat::I420,
                plane: 2,
                needed: 32 * 24,
                given: 32 * 23,
            })
        );
        frame(PixelFormat::Nv12, 1, 1, &[(1, 1), (2, 2)]).unwrap();
        let narrow = frame(PixelFormat::Nv12, 1, 1, &[(1, 1), (2, 1)]).unwrap_err();
        assert_eq!(
            narrow.to_string(),
            "plane 1 of a NV12 frame: stride of 1 bytes, rows need 2"
        );
    }

    #[test]
    fn what_is_not_a_frame() {
        assert_eq!(
            frame(PixelFormat::I420, 4, 4, &[(16, 4), (4, 2)]),
            Err(FrameError::Planes {
                format: PixelFormat::I420,
                needed: 3,
                given: 2
            })
        );
        for (w, h) in [(0, 4), (4, 0), (MAX_SIDE + 1, 4), (usize::MAX, usize::MAX)] {
            assert_eq!(
                frame(PixelFormat::Gray8, w, h, &[(16, 4)]),
                Err(FrameError::Size {
                    width: w,
                    height: h
                })
            );
        }
        let huge = frame(PixelFormat::Gray8, 4, 4, &[(16, usize::MAX)]);
        assert!(matches!(huge, Err(FrameError::Bytes { .. })));
        // The last row may end without its padding, and extra planes do not matter.
        frame(PixelFormat::Rgb, 2, 2, &[(8 + 6, 8), (0, 0)]).unwrap();
        assert!(frame(PixelFormat::Rgb, 2, 2, &[(8 + 5, 8)]).is_err());
    }

    #[test]
    fn rows_leave_out_padding() {
        let mut bytes: Vec<u8> = (0..14).collect();
        let mut frame = FrameMut::new(
            PixelFormat::Rgb,
            2,
            2,
            Colorimetry::default(),
            [(&mut bytes[..], 8)],
        )
        .unwrap();
        let rows: Vec<Vec<u8>> = frame.rows(0).map(|r| r.to_vec()).collect();
        assert_eq!(rows, [vec![0, 1, 2, 3, 4, 5], vec![8, 9, 10, 11, 12, 13]]);
    }

    #[test]
    fn what_is_right_of_a_column_are_pixels_of_the_frame() {
        for &format in PixelFormat::ALL {
            let layout = format.layout();
            for column in [4, 5, 8] {
                let mut frame = Owned::noise(format, 13, 7, COLORIMETRIES[0], 3, false);
                let before = frame.clone();
                let mut whole = frame.as_mut();
                let right = whole.right_of(column).unwrap();
                let first = 13 - right.width();
                assert!(
                    first >= column && first < column + layout.span.0,
                    "{format}"
                );
                let right = right.as_ref();
                for plane in 0..layout.planes() {
                    for y in 0..layout.plane_size(plane, 13, 7).1 {
                        let all = before.as_ref();
                        let (all, part) = (all.row(plane, y), right.row(plane, y));
                        assert!(all.ends_with(part), "{format}, row {y} of plane {plane}");
                        // What is cut off is what belongs to the columns before.
                        let mut cut = layout.in_plane(plane).map(|(c, component)| {
                            first / layout.span_of(c).0 * component.step * layout.sample.bytes()
                        });
                        assert!(cut.all(|cut| all.len() - part.len() == cut));
                    }
                }
                assert!(layout.model != ColourModel::Grey || first == column);
            }
            let mut frame = Owned::noise(format, 13, 7, COLORIMETRIES[0], 0, false);
            assert!(frame.as_mut().right_of(13).is_none());
        }
    }
}
