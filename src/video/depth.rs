//! Frames in another depth, without loss of luma where there is room for it.

use super::colour::Range;
use super::format::{ColourModel, Sample, Storage};
use super::frame::{FrameMut, FrameRef};

/// Brings the samples of a frame to the depth of another one of its size, in which each plane holds one component. Bits that
/// are added are zeros below the others, bits that are too many are cut off there: not rounded, and not the repeated high bits
/// that GStreamer's `videoconvert` adds. Full range becomes limited range where `to` has that, but for RGB; all else keeps its
/// range. Planes of chroma that have another size in `from`, or are not there, become neutral.
///
/// Rows and columns that one of the frames lacks are left as they are.
pub fn convert_depth(from: &FrameRef<'_>, to: &mut FrameMut<'_>) {
    let (source, target) = (from.format.layout(), to.format.layout());
    let (sample, wanted) = (source.sample, target.sample);
    let is_limited = source.model != ColourModel::Rgb
        && from.colorimetry.range == Range::Full
        && to.colorimetry.range == Range::Limited;
    let (white, step) = ((1_u32 << sample.depth) - 1, 1_u32 << (wanted.depth - 8));
    let limited_luma = |code| limited_luma(sample.depth, wanted.depth, code);
    // Neutral stays neutral: full range has no code in its middle.
    let limited_chroma = |code: u16| {
        let (white, step) = (i64::from(white), i64::from(step));
        let away = 2 * (i64::from(code) - (white + 1) / 2) * 224 * step;
        (128 * step + (away + white).div_euclid(2 * white)) as u16
    };
    let code = |code: u16| match wanted.depth.checked_sub(sample.depth) {
        Some(up) => code << up,
        None => code >> (sample.depth - wanted.depth),
    };
    for plane in 0..target.planes() {
        let size = target.plane_size(plane, to.width, to.height);
        let samples = (size.0 / wanted.bytes(), size.1);
        let is_same = plane < source.planes() && {
            let size = source.plane_size(plane, from.width, from.height);
            samples == (size.0 / sample.bytes(), size.1)
        };
        let (bytes, stride) = &mut to.planes[plane];
        for (y, row) in bytes.chunks_mut(*stride).take(size.1).enumerate() {
            let row = &mut row[..size.0];
            if is_same {
                let from = from.row(plane, y);
                match (is_limited, plane) {
                    (false, _) => convert_row(sample, wanted, from, row, code),
                    (true, 0) => convert_row(sample, wanted, from, row, limited_luma),
                    (true, _) => convert_row(sample, wanted, from, row, limited_chroma),
                }
            } else {
                fill_row(wanted, row, 1 << (wanted.depth - 1));
            }
        }
    }
}

/// Brings luma of full range to limited range where it lies: that of Y'CbCr in which the first plane is luma alone. All else is
/// left as it is, what the frame says of its range as well.
pub fn limit_luma(frame: &mut FrameMut<'_>) {
    let sample = frame.format.layout().sample;
    let limited = |code| limited_luma(sample.depth, sample.depth, code);
    for row in frame.rows(0) {
        match sample.storage {
            Storage::Byte => row
                .iter_mut()
                .for_each(|byte| *byte = limited((*byte).into()) as u8),
            _ => {
                let words = row.as_chunks_mut::<2>().0;
                words
                    .iter_mut()
                    .for_each(|bytes| *bytes = word(sample, limited(code(sample, *bytes))));
            }
        }
    }
}

/// A code of luma of full range as one of limited range, of other depths.
#[inline(always)]
fn limited_luma(depth: u32, wanted: u32, code: u16) -> u16 {
    let (white, step) = ((1_u32 << depth) - 1, 1_u32 << (wanted - 8));
    (16 * step + (u32::from(code) * 219 * step + white / 2) / white) as u16
}

/// The code that a word holds.
#[inline(always)]
fn code(sample: Sample, bytes: [u8; 2]) -> u16 {
    match sample.storage {
        Storage::BigEndian => u16::from_be_bytes(bytes) >> sample.shift,
        _ => u16::from_le_bytes(bytes) >> sample.shift,
    }
}

/// A code as a word holds it.
#[inline(always)]
fn word(sample: Sample, code: u16) -> [u8; 2] {
    match sample.storage {
        Storage::BigEndian => (code << sample.shift).to_be_bytes(),
        _ => (code << sample.shift).to_le_bytes(),
    }
}

fn fill_row(sample: Sample, row: &mut [u8], code: u16) {
    match sample.storage {
        Storage::Byte => row.fill(code as u8),
        _ => row.as_chunks_mut().0.fill(word(sample, code)),
    }
}

fn convert_row(from: Sample, to: Sample, source: &[u8], row: &mut [u8], code: impl Fn(u16) -> u16) {
    let read = |bytes| self::code(from, bytes);
    match (from.bytes(), to.bytes()) {
        (1, 1) => map(source, row, |[byte]| [code(byte.into()) as u8]),
        (1, _) => map(source, row, |[byte]| word(to, code(byte.into()))),
        (_, 1) => map(source, row, |bytes| [code(read(bytes)) as u8]),
        _ => map(source, row, |bytes| word(to, code(read(bytes)))),
    }
}

#[inline(always)]
fn map<const N: usize, const M: usize>(
    source: &[u8],
    row: &mut [u8],
    sample: impl Fn([u8; N]) -> [u8; M],
) {
    let samples = row.as_chunks_mut().0.iter_mut();
    for (to, from) in samples.zip(source.as_chunks().0) {
        *to = sample(*from);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Colorimetry, PixelFormat};
    use super::*;

    /// What becomes of a frame of 2 × 2 pixels in rows without gaps, as words.
    fn converted(
        (from, range, bytes): (PixelFormat, Range, &[u8]),
        (to, wanted): (PixelFormat, Range),
    ) -> Vec<u16> {
        let (at, colorimetry) = (std::cell::Cell::new(0), |range| Colorimetry {
            range,
            ..Colorimetry::default()
        });
        let size = |format: PixelFormat, plane| format.layout().plane_size(plane, 2, 2);
        let planes = (0..from.layout().planes()).map(|plane| {
            let (row, rows) = size(from, plane);
            let start = at.replace(at.get() + row * rows);
            (&bytes[start..at.get()], row)
        });
        let frame = FrameRef::new(from, 2, 2, colorimetry(range), planes).unwrap();
        let mut made: Vec<_> = (0..to.layout().planes())
            .map(|plane| vec![0; size(to, plane).0 * size(to, plane).1])
            .collect();
        let planes = made.iter_mut().enumerate();
        let planes = planes.map(|(plane, bytes)| (&mut bytes[..], size(to, plane).0));
        convert_depth(
            &frame,
            &mut FrameMut::new(to, 2, 2, colorimetry(wanted), planes).unwrap(),
        );
        let bytes = made.concat();
        match to.layout().sample.bytes() {
            1 => bytes.into_iter().map(u16::from).collect(),
            _ => {
                let words = bytes.as_chunks().0.iter();
                words.map(|word| u16::from_le_bytes(*word)).collect()
            }
        }
    }

    #[test]
    fn luma_is_limited_where_it_lies() {
        for (format, codes, wanted) in [
            (PixelFormat::Y444, [0_u16, 128, 255], [16_u16, 126, 235]),
            (
                PixelFormat::Y444P16Le,
                [0, 32768, 65535],
                [4096, 32128, 60160],
            ),
            (
                PixelFormat::Y444P16Be,
                [0, 32768, 65535],
                [4096, 32128, 60160],
            ),
        ] {
            let sample = format.layout().sample;
            let stored = |codes: [u16; 3]| -> Vec<u8> {
                let bytes = codes.map(|code| match sample.storage {
                    Storage::Byte => vec![code as u8],
                    _ => word(sample, code).to_vec(),
                });
                bytes.concat()
            };
            let mut planes = [stored(codes), stored([7; 3]), stored([9; 3])];
            let row = planes[0].len();
            let rows = planes.iter_mut().map(|plane| (&mut plane[..], row));
            let frame = FrameMut::new(format, 3, 1, Colorimetry::default(), rows);
            limit_luma(&mut frame.unwrap());
            assert_eq!(
                planes,
                [stored(wanted), stored([7; 3]), stored([9; 3])],
                "{format:?}"
            );
        }
    }

    #[test]
    fn zeros_are_added_and_low_bits_cut_off() {
        use Range::Limited;
        let film = (PixelFormat::I420, Limited, &[16, 17, 235, 255, 7, 9][..]);
        let made = converted(film, (PixelFormat::I420P10Le, Limited));
        assert_eq!(made, [64, 68, 940, 1020, 28, 36]);
        let made = converted(film, (PixelFormat::I420, Limited));
        assert_eq!(made, [16, 17, 235, 255, 7, 9]);
        // Chroma of another size makes room for that of the network.
        let made = converted(film, (PixelFormat::Y444P12Le, Limited));
        assert_eq!(made[..4], [256, 272, 3760, 4080]);
        assert_eq!(made[4..], [2048; 8]);
        let deep: Vec<u8> = [64_u16, 67, 940, 1023, 500, 501]
            .into_iter()
            .flat_map(u16::to_le_bytes)
            .collect();
        let film = (PixelFormat::I420P10Le, Limited, &deep[..]);
        let made = converted(film, (PixelFormat::I420, Limited));
        assert_eq!(made, [16, 16, 235, 255, 125, 125]);
    }

    #[test]
    fn full_range_becomes_limited() {
        let (full, limited) = (Range::Full, Range::Limited);
        let film = (PixelFormat::I420, full, &[0, 255, 128, 1, 0, 255][..]);
        let made = converted(film, (PixelFormat::I420, limited));
        assert_eq!(made, [16, 235, 126, 17, 16, 240]);
        let made = converted(film, (PixelFormat::I420P10Le, limited));
        assert_eq!(made, [64, 940, 504, 67, 62, 958]);
        let grey = (PixelFormat::I420, full, &[7, 7, 7, 7, 128, 128][..]);
        let made = converted(grey, (PixelFormat::I420P10Le, limited));
        assert_eq!(made[4..], [512, 512]);
    }

    #[test]
    fn grey_keeps_its_range_or_is_brought_to_the_limited_one() {
        let film = |range| (PixelFormat::Gray8, range, &[0, 1, 128, 255][..]);
        let (full, limited) = (Range::Full, Range::Limited);
        let made = converted(film(full), (PixelFormat::I420P10Le, full));
        assert_eq!(made, [0, 4, 512, 1020, 512, 512]);
        let made = converted(film(full), (PixelFormat::I420P10Le, limited));
        assert_eq!(made, [64, 67, 504, 940, 512, 512]);
        let made = converted(film(full), (PixelFormat::I420, limited));
        assert_eq!(made, [16, 17, 126, 235, 128, 128]);
        let made = converted(film(limited), (PixelFormat::I420, limited));
        assert_eq!(made, [0, 1, 128, 255, 128, 128]);
        let film = (
            PixelFormat::Gray16Le,
            full,
            &[0, 0, 255, 255, 64, 0, 1, 128][..],
        );
        let made = converted(film, (PixelFormat::I420P10Le, limited));
        assert_eq!(made, [64, 940, 65, 502, 512, 512]);
    }
}
