//! Two copies of a frame, side by side.

use super::format::{Component, Storage};
use super::frame::{FrameMut, FrameRef};

/// Two frames that are not a frame and one of twice its width.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a frame of {from} does not go twice into one of {to}: same format and height, twice the width"
)]
pub struct SideBySideError {
    from: String,
    to: String,
}

/// Writes `frame` into both halves of `pair`, which has its format and height and twice its width.
///
/// Samples are copied as they are, those of no component (filling, opacity) too where they lie between components. Where
/// the width is not a multiple of the pixels that share a chroma sample, those of the right half lie between the frame's,
/// and are means of what their pixels had.
///
/// # Errors
/// [`SideBySideError`] when formats or sizes do not match.
pub fn side_by_side(frame: &FrameRef<'_>, pair: &mut FrameMut<'_>) -> Result<(), SideBySideError> {
    let same = frame.format == pair.format && frame.height == pair.height;
    if !same || frame.width.checked_mul(2) != Some(pair.width) {
        return Err(SideBySideError {
            from: format!("{}x{} {}", frame.width, frame.height, frame.format),
            to: format!("{}x{} {}", pair.width, pair.height, pair.format),
        });
    }
    let layout = frame.format.layout();
    let width = frame.width;
    for plane in 0..layout.planes() {
        let aligned = layout
            .in_plane(plane)
            .all(|(c, _)| width.is_multiple_of(layout.span_of(c).0));
        for (y, to) in pair.rows(plane).enumerate() {
            let from = frame.row(plane, y);
            if aligned {
                let (left, right) = to.split_at_mut(from.len());
                left.copy_from_slice(from);
                right.copy_from_slice(from);
                continue;
            }
            to[..from.len()].copy_from_slice(from);
            for (c, component) in layout.in_plane(plane) {
                let storage = layout.sample.storage;
                write_right(storage, component, layout.span_of(c).0, width, from, to);
            }
        }
    }
    Ok(())
}

/// Writes the samples of a component that lie over pixels of the right half.
fn write_right(
    storage: Storage,
    component: &Component,
    span: usize,
    width: usize,
    from: &[u8],
    to: &mut [u8],
) {
    let place = |sample: usize| component.first + sample * component.step;
    for sample in width / span..(2 * width).div_ceil(span) {
        let pixels = sample * span..((sample + 1) * span).min(2 * width);
        let count = pixels.len() as u32;
        let sum: u32 = pixels
            .map(|x| if x < width { x } else { x - width })
            .map(|x| u32::from(get(storage, from, place(x / span))))
            .sum();
        set(
            storage,
            to,
            place(sample),
            ((sum + count / 2) / count) as u16,
        );
    }
}

fn get(storage: Storage, row: &[u8], sample: usize) -> u16 {
    let word = || [row[2 * sample], row[2 * sample + 1]];
    match storage {
        Storage::Byte => row[sample].into(),
        Storage::LittleEndian => u16::from_le_bytes(word()),
        Storage::BigEndian => u16::from_be_bytes(word()),
    }
}

fn set(storage: Storage, row: &mut [u8], sample: usize, value: u16) {
    match storage {
        Storage::Byte => row[sample] = value as u8,
        Storage::LittleEndian => row[2 * sample..][..2].copy_from_slice(&value.to_le_bytes()),
        Storage::BigEndian => row[2 * sample..][..2].copy_from_slice(&value.to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::format::PixelFormat;
    use crate::video::testing::{COLORIMETRIES, Owned};

    #[test]
    fn both_halves_are_the_frame() {
        for &format in PixelFormat::ALL {
            let layout = format.layout();
            for (width, height) in [(16, 6), (13, 5), (2, 1), (1, 1)] {
                let of = COLORIMETRIES[3];
                let frame = Owned::noise(format, width, height, of, 3, false);
                let mut pair = Owned::noise(format, 2 * width, height, of, 5, false);
                let before = pair.clone();
                side_by_side(&frame.as_ref(), &mut pair.as_mut()).unwrap();
                for (plane, (bytes, stride)) in pair.planes.iter().enumerate() {
                    let (length, _) = layout.plane_size(plane, 2 * width, height);
                    let (old, (narrow, of_frame)) = (&before.planes[plane].0, &frame.planes[plane]);
                    let rows = bytes.chunks(*stride).zip(old.chunks(*stride));
                    for ((row, old), from) in rows.zip(narrow.chunks(*of_frame)) {
                        assert_eq!(row[length..], old[length..], "{format}: between rows");
                        if layout.span.0 == 1 {
                            // With what belongs to no component.
                            let from = &from[..length / 2];
                            assert_eq!(row[..length], [from, from].concat(), "{format}");
                        }
                    }
                }
                for y in 0..height {
                    for x in 0..width {
                        let codes = frame.codes(x, y);
                        let (left, right) = (pair.codes(x, y), pair.codes(width + x, y));
                        assert_eq!((left[0], right[0]), (codes[0], codes[0]), "{format}");
                        let across = layout.span.0;
                        if width % across == 0 {
                            assert_eq!((&left, &right), (&codes, &codes), "{format}");
                        }
                        if (x + 1) / across < width / across || across == 1 {
                            assert_eq!(left, codes, "{format} at {x},{y}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn shared_chroma_is_a_mean() {
        let of = COLORIMETRIES[0];
        for format in [PixelFormat::I420, PixelFormat::Yuy2, PixelFormat::P010Be] {
            let mut frame = Owned::noise(format, 3, 1, of, 0, false);
            frame.set_codes(0, 0, &[1, 100, 40]);
            frame.set_codes(2, 0, &[1, 200, 80]);
            let mut pair = Owned::noise(format, 6, 1, of, 0, false);
            side_by_side(&frame.as_ref(), &mut pair.as_mut()).unwrap();
            // Pixels 2 and 3 are the last and the first of a frame, 4 and 5 its second and third.
            let shared = |x| pair.codes(x, 0)[1..].to_vec();
            assert_eq!(
                (shared(0), shared(2), shared(4)),
                (vec![100, 40], vec![150, 60], vec![150, 60])
            );
        }
    }

    #[test]
    fn frames_that_do_not_match_are_errors() {
        let of = COLORIMETRIES[0];
        let frame = Owned::noise(PixelFormat::Rgb, 4, 3, of, 0, false);
        for (format, width, height) in [
            (PixelFormat::Bgr, 8, 3),
            (PixelFormat::Rgb, 9, 3),
            (PixelFormat::Rgb, 8, 4),
        ] {
            let mut pair = Owned::noise(format, width, height, of, 0, false);
            let refused = side_by_side(&frame.as_ref(), &mut pair.as_mut()).unwrap_err();
            assert!(refused.to_string().contains("4x3 RGB"), "{refused}");
        }
    }
}
