//! Frames down to model size in RGB, and RGB images at model size up into frames.

use super::colour::{YuvToRgb, rgb_to_yuv};
use super::frame::{FrameMut, FrameRef, MAX_SIDE, PixelFormat};
use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

/// Why an image cannot be resized.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// No pixels, or more than can be handled.
    #[error("image of {width}x{height} pixels (sides from 1 to {MAX_SIDE} are possible)")]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A buffer that does not hold the image.
    #[error("RGB image of {width}x{height} pixels needs {needed} bytes, the buffer has {given}")]
    Bytes {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes of the image.
        needed: usize,
        /// Bytes of the buffer.
        given: usize,
    },
    /// The resizing library refused.
    #[error("resizing: {0}")]
    Resize(String),
}

fn check_rgb(width: usize, height: usize, given: usize) -> Result<(), ScaleError> {
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(ScaleError::Size { width, height });
    }
    let needed = width * height * 3;
    if given != needed {
        return Err(ScaleError::Bytes {
            width,
            height,
            needed,
            given,
        });
    }
    Ok(())
}

/// One plane to resize: bytes, stride, size in pixels, and how much of it the image covers.
struct Source<'a> {
    bytes: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
    covered: (f64, f64),
}

/// Resizes and converts, keeping its buffers: for frames of one size nothing grows after the first.
///
/// The filter is a triangle as wide as the reduction (antialiased bilinear). Chroma is taken to lie in the middle of the
/// pixels that share it; where it lies on the left one, the shift is far below a pixel at model size.
#[derive(Clone, Debug, Default)]
pub struct Scaler {
    resizer: Resizer,
    packed: Vec<u8>,
    small: [Vec<u8>; 3],
    large: Vec<u8>,
}

impl Scaler {
    /// With empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `frame`, resized to `width` × `height`, to `out` as interleaved full-range RGB. Planes are resized first and
    /// colours converted at the size asked for.
    ///
    /// # Errors
    /// [`ScaleError`] when the size makes no sense or `out` does not have 3 · `width` · `height` bytes.
    pub fn to_rgb(
        &mut self,
        frame: &FrameRef<'_>,
        width: usize,
        height: usize,
        out: &mut [u8],
    ) -> Result<(), ScaleError> {
        check_rgb(width, height, out.len())?;
        let Self {
            resizer,
            packed,
            small,
            ..
        } = self;
        let size = (width, height);
        let table = YuvToRgb::new(frame.colorimetry);
        let source = |plane: usize| Source::plane(frame, plane);
        let [a, b, c] = small;
        match frame.format {
            PixelFormat::Rgb => resize::<U8x3>(resizer, packed, &source(0), out, size)?,
            PixelFormat::Rgbx | PixelFormat::Bgrx => {
                a.resize(width * height * 4, 0);
                resize::<U8x4>(resizer, packed, &source(0), a, size)?;
                let bgr = frame.format == PixelFormat::Bgrx;
                let (r, b) = if bgr { (2, 0) } else { (0, 2) };
                for (to, from) in out.chunks_exact_mut(3).zip(a.chunks_exact(4)) {
                    to.copy_from_slice(&[from[r], from[1], from[b]]);
                }
            }
            PixelFormat::I420 => {
                for (plane, to) in [&mut *a, &mut *b, &mut *c].into_iter().enumerate() {
                    to.resize(width * height, 0);
                    resize::<U8>(resizer, packed, &source(plane), to, size)?;
                }
                for (((to, &y), &u), &v) in out.chunks_exact_mut(3).zip(&*a).zip(&*b).zip(&*c) {
                    to.copy_from_slice(&table.convert(y, u, v));
                }
            }
            PixelFormat::Nv12 => {
                a.resize(width * height, 0);
                b.resize(width * height * 2, 0);
                resize::<U8>(resizer, packed, &source(0), a, size)?;
                resize::<U8x2>(resizer, packed, &source(1), b, size)?;
                for ((to, &y), uv) in out.chunks_exact_mut(3).zip(&*a).zip(b.chunks_exact(2)) {
                    to.copy_from_slice(&table.convert(y, uv[0], uv[1]));
                }
            }
            PixelFormat::Gray8 => {
                a.resize(width * height, 0);
                resize::<U8>(resizer, packed, &source(0), a, size)?;
                for (to, &y) in out.chunks_exact_mut(3).zip(&*a) {
                    to.fill(table.grey(y));
                }
            }
        }
        Ok(())
    }

    /// Fills `frame` with an RGB image of `width` × `height` pixels, scaled to it, in the frame's own format and
    /// colorimetry. The fourth byte of padded formats stays as it is.
    ///
    /// # Errors
    /// [`ScaleError`] when the size makes no sense or `rgb` does not have 3 · `width` · `height` bytes.
    pub fn paint_rgb(
        &mut self,
        frame: &mut FrameMut<'_>,
        rgb: &[u8],
        width: usize,
        height: usize,
    ) -> Result<(), ScaleError> {
        check_rgb(width, height, rgb.len())?;
        let Self {
            resizer,
            packed,
            small,
            large,
        } = self;
        let format = frame.format;
        let (frame_w, frame_h) = (frame.width, frame.height);
        if matches!(
            format,
            PixelFormat::Rgb | PixelFormat::Rgbx | PixelFormat::Bgrx
        ) {
            let source = Source::tight(rgb, width, height, 3);
            large.resize(frame_w * frame_h * 3, 0);
            resize::<U8x3>(resizer, packed, &source, large, (frame_w, frame_h))?;
            let bytes = format.pixel_bytes(0);
            let (r, b) = if format == PixelFormat::Bgrx {
                (2, 0)
            } else {
                (0, 2)
            };
            for (row, from) in frame.rows(0).zip(large.chunks_exact(frame_w * 3)) {
                for (to, from) in row.chunks_exact_mut(bytes).zip(from.chunks_exact(3)) {
                    (to[r], to[1], to[b]) = (from[0], from[1], from[2]);
                }
            }
            return Ok(());
        }
        let pixels = width * height;
        let [ys, us, vs] = small;
        for plane in [&mut *ys, &mut *us, &mut *vs] {
            plane.resize(pixels, 0);
        }
        for (i, pixel) in rgb.chunks_exact(3).enumerate() {
            let [y, u, v] = rgb_to_yuv([pixel[0], pixel[1], pixel[2]], frame.colorimetry);
            (ys[i], us[i], vs[i]) = (y, u, v);
        }
        // Each component goes to its plane, with its offset inside the plane's pixels.
        let targets: &[(&[u8], usize, usize)] = match format {
            PixelFormat::Gray8 => &[(ys, 0, 0)],
            PixelFormat::Nv12 => &[(ys, 0, 0), (us, 1, 0), (vs, 1, 1)],
            _ => &[(ys, 0, 0), (us, 1, 0), (vs, 2, 0)],
        };
        for &(from, plane, offset) in targets {
            let (w, h) = format.plane_size(plane, frame_w, frame_h);
            large.resize(w * h, 0);
            let source = Source::tight(from, width, height, 1);
            resize::<U8>(resizer, packed, &source, large, (w, h))?;
            let bytes = format.pixel_bytes(plane);
            for (row, from) in frame.rows(plane).zip(large.chunks_exact(w)) {
                if bytes == 1 {
                    row.copy_from_slice(from);
                } else {
                    for (to, &from) in row.chunks_exact_mut(bytes).zip(from) {
                        to[offset] = from;
                    }
                }
            }
        }
        Ok(())
    }
}

impl<'a> Source<'a> {
    fn plane(frame: &FrameRef<'a>, plane: usize) -> Self {
        let (bytes, stride) = frame.planes[plane];
        let (width, height) = frame.format.plane_size(plane, frame.width, frame.height);
        // Half a chroma sample lies outside a frame with an odd side.
        let covered = if width == frame.width && height == frame.height {
            (width as f64, height as f64)
        } else {
            (frame.width as f64 / 2.0, frame.height as f64 / 2.0)
        };
        Self {
            bytes,
            stride,
            width,
            height,
            covered,
        }
    }

    fn tight(bytes: &'a [u8], width: usize, height: usize, pixel: usize) -> Self {
        Self {
            bytes,
            stride: width * pixel,
            width,
            height,
            covered: (width as f64, height as f64),
        }
    }
}

/// Resizes one plane to `out`, whose rows are not padded.
fn resize<P: PixelTrait>(
    resizer: &mut Resizer,
    packed: &mut Vec<u8>,
    source: &Source<'_>,
    out: &mut [u8],
    (width, height): (usize, usize),
) -> Result<(), ScaleError> {
    let refused = |e: &dyn std::fmt::Display| ScaleError::Resize(e.to_string());
    let row = source.width * P::size();
    let padded = source.stride * source.height;
    // Rows can be read in place when the padding is whole pixels, the last row's included; else they are copied together.
    let in_place = source.stride.is_multiple_of(P::size())
        && source.bytes.len() >= padded
        && source.stride / P::size() <= 2 * MAX_SIDE;
    let (bytes, columns) = if in_place {
        (&source.bytes[..padded], source.stride / P::size())
    } else {
        packed.clear();
        for line in source.bytes.chunks(source.stride).take(source.height) {
            packed.extend_from_slice(&line[..row]);
        }
        (&packed[..], source.width)
    };
    let rows = source.height as u32;
    let whole =
        TypedImageRef::<P>::from_buffer(columns as u32, rows, bytes).map_err(|e| refused(&e))?;
    let view = TypedCroppedImage::from_ref(&whole, 0, 0, source.width as u32, rows)
        .map_err(|e| refused(&e))?;
    let mut target =
        TypedImage::<P>::from_buffer(width as u32, height as u32, out).map_err(|e| refused(&e))?;
    // The second chroma component of NV12 and the padding byte are not opacities.
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .use_alpha(false)
        .crop(0.0, 0.0, source.covered.0, source.covered.1);
    resizer
        .resize_typed(&view, &mut target, &options)
        .map_err(|e| refused(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::colour::Colorimetry;
    use crate::video::testing::{COLORIMETRIES, Owned, yuv_to_rgb_f64};
    use proptest::prelude::*;

    fn to_rgb(frame: &Owned, w: usize, h: usize) -> Vec<u8> {
        let mut out = vec![7; w * h * 3];
        Scaler::new()
            .to_rgb(&frame.as_ref(), w, h, &mut out)
            .unwrap();
        out
    }

    #[test]
    fn every_format_and_colorimetry_against_exact_arithmetic() {
        for format in PixelFormat::ALL {
            for colorimetry in COLORIMETRIES {
                for (w, h) in [(1, 1), (2, 2), (63, 47), (16, 33)] {
                    // Luma varies, chroma is one colour: resizing chroma must not matter here.
                    let frame = Owned::noise(format, w, h, colorimetry, 5, true);
                    let got = to_rgb(&frame, w, h);
                    for y in 0..h {
                        for x in 0..w {
                            let exact = frame.rgb_f64(x, y);
                            let at = (y * w + x) * 3;
                            for c in 0..3 {
                                let d = (f64::from(got[at + c]) - exact[c]).abs();
                                assert!(d <= 1.0, "{format:?} {colorimetry:?} {w}x{h} at {x},{y}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn chroma_follows_its_pixels() {
        // Left half blue, right half red; the chroma edge lies between two chroma samples.
        let colorimetry = COLORIMETRIES[0];
        for format in [PixelFormat::I420, PixelFormat::Nv12] {
            let mut frame = Owned::noise(format, 64, 32, colorimetry, 1, true);
            for y in 0..32 {
                for x in 0..64 {
                    let rgb = if x < 32 { [0, 0, 255] } else { [255, 0, 0] };
                    frame.set_rgb(x, y, rgb);
                }
            }
            let got = to_rgb(&frame, 16, 8);
            for (i, pixel) in got.chunks(3).enumerate() {
                let want = match i % 16 {
                    0..=6 => [0u8, 0, 255],
                    9..=15 => [255, 0, 0],
                    _ => continue,
                };
                for c in 0..3 {
                    assert!(pixel[c].abs_diff(want[c]) <= 3, "{i}: {pixel:?}");
                }
            }
        }
    }

    #[test]
    fn padding_is_never_read() {
        for format in PixelFormat::ALL {
            let frame = Owned::noise(format, 31, 17, COLORIMETRIES[1], 3, false);
            let clean = to_rgb(&frame, 9, 5);
            for padding in [0, 255] {
                let mut other = frame.clone();
                other.fill_padding(padding);
                assert_eq!(to_rgb(&other, 9, 5), clean, "{format:?}");
                other.drop_last_padding();
                assert_eq!(to_rgb(&other, 9, 5), clean, "{format:?}");
            }
        }
    }

    #[test]
    fn reduction_averages() {
        // A fine checkerboard turns grey: taking single pixels would give black or white.
        let mut board = vec![0; 64 * 64 * 3];
        for (i, pixel) in board.chunks_mut(3).enumerate() {
            pixel.fill(if (i / 64 + i) % 2 == 0 { 255 } else { 0 });
        }
        let frame = FrameRef::rgb(64, 64, &board).unwrap();
        let mut out = vec![0; 8 * 8 * 3];
        let mut scaler = Scaler::new();
        scaler.to_rgb(&frame, 8, 8, &mut out).unwrap();
        assert!(out.iter().all(|&p| (120..=135).contains(&p)), "{out:?}");
    }

    #[test]
    fn buffers_do_not_grow() {
        let frame = Owned::noise(PixelFormat::Rgb, 62, 40, Colorimetry::default(), 2, false);
        let mut scaler = Scaler::new();
        let mut out = vec![0; 32 * 32 * 3];
        let mut sizes = vec![];
        for _ in 0..3 {
            scaler.to_rgb(&frame.as_ref(), 32, 32, &mut out).unwrap();
            sizes.push((
                scaler.resizer.size_of_internal_buffers(),
                scaler.packed.capacity(),
                scaler.large.capacity(),
            ));
        }
        assert!(sizes[0].1 > 0);
        assert!(sizes.iter().all(|s| *s == sizes[0]));
    }

    #[test]
    fn wrong_buffers_are_errors() {
        let pixels = [0; 12];
        let frame = FrameRef::rgb(2, 2, &pixels).unwrap();
        let mut scaler = Scaler::new();
        let mut out = [0; 12];
        assert!(matches!(
            scaler.to_rgb(&frame, 2, 1, &mut out),
            Err(ScaleError::Bytes {
                needed: 6,
                given: 12,
                ..
            })
        ));
        assert!(matches!(
            scaler.to_rgb(&frame, 0, 1, &mut out),
            Err(ScaleError::Size { .. })
        ));
        let mut owned = Owned::noise(PixelFormat::Rgb, 4, 4, Colorimetry::default(), 1, true);
        assert!(
            scaler
                .paint_rgb(&mut owned.as_mut(), &pixels, 3, 2)
                .is_err()
        );
    }

    #[test]
    fn painting_a_colour_gives_that_colour() {
        for format in PixelFormat::ALL {
            for colorimetry in COLORIMETRIES {
                let mut frame = Owned::noise(format, 63, 47, colorimetry, 4, false);
                let before = frame.clone();
                let image = [200, 40, 90].repeat(8 * 6);
                Scaler::new()
                    .paint_rgb(&mut frame.as_mut(), &image, 8, 6)
                    .unwrap();
                let yuv = rgb_to_yuv([200, 40, 90], colorimetry);
                let want = match format {
                    PixelFormat::Gray8 => yuv_to_rgb_f64([yuv[0], 128, 128], colorimetry),
                    PixelFormat::I420 | PixelFormat::Nv12 => yuv_to_rgb_f64(yuv, colorimetry),
                    _ => [200.0, 40.0, 90.0],
                };
                for (x, y) in [(0, 0), (62, 46), (31, 20)] {
                    assert_eq!(frame.rgb_f64(x, y), want, "{format:?}");
                }
                assert_eq!(frame.padding(), before.padding());
            }
        }
    }

    proptest! {
        #[test]
        fn painted_frames_look_like_the_image(
            seed in 0u64..1000, w in 16usize..90, h in 16usize..90, which in 0usize..6,
        ) {
            let format = PixelFormat::ALL[which];
            // A smooth image survives going up and down.
            let image: Vec<u8> = (0..12 * 10 * 3).map(|i| {
                let (x, y, c) = (i / 3 % 12, i / 36, i % 3);
                (60 + x * 5 + y * 4 + c * 20 + (seed as usize % 30)) as u8
            }).collect();
            let mut frame = Owned::noise(format, w, h, COLORIMETRIES[seed as usize % 6], 3, false);
            let mut scaler = Scaler::new();
            scaler.paint_rgb(&mut frame.as_mut(), &image, 12, 10).unwrap();
            let mut back = vec![0; image.len()];
            scaler.to_rgb(&frame.as_ref(), 12, 10, &mut back).unwrap();
            for (i, (a, b)) in image.chunks(3).zip(back.chunks(3)).enumerate() {
                if format == PixelFormat::Gray8 {
                    prop_assert!(b[0] == b[1] && b[1] == b[2]);
                    prop_assert!(b[0] + 12 >= a[0] && b[0] <= a[2] + 12, "{i}");
                } else {
                    for c in 0..3 {
                        prop_assert!(a[c].abs_diff(b[c]) <= 12, "{i} {format:?}: {a:?} {b:?}");
                    }
                }
            }
        }
    }
}
