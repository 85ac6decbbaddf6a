//! The loops over all samples of a frame: summing rows, blending, writing. Everything else on the frame path is done at
//! model size or once for many rows. Each loop is also compiled for AVX2, and the version is chosen at run time; results
//! are the same bits.

use multiversion::multiversion;

use super::format::{Sample, Storage};

/// Adds two rows of samples, times their weights, to `sums`.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn add_rows(sample: Sample, sums: &mut [f32], rows: [&[u8]; 2], weights: [f32; 2]) {
    let shift = sample.shift;
    match sample.storage {
        Storage::Byte => add(sums, rows, weights, |[byte]: [u8; 1]| byte.into()),
        Storage::LittleEndian => add(sums, rows, weights, |word| {
            (u16::from_le_bytes(word) >> shift).into()
        }),
        Storage::BigEndian => add(sums, rows, weights, |word| {
            (u16::from_be_bytes(word) >> shift).into()
        }),
    }
}

#[inline(always)]
fn add<const N: usize>(
    sums: &mut [f32],
    [a, b]: [&[u8]; 2],
    [of_a, of_b]: [f32; 2],
    code: impl Fn([u8; N]) -> f32,
) {
    let rows = a.as_chunks::<N>().0.iter().zip(b.as_chunks::<N>().0);
    for (sum, (&a, &b)) in sums.iter_mut().zip(rows) {
        *sum += of_a * code(a) + of_b * code(b);
    }
}

/// The paint over a row: a code and an opacity (0 to 256) for each sample.
#[derive(Clone, Debug, Default)]
pub(super) struct Paint {
    pub codes: Vec<u16>,
    pub opacities: Vec<u16>,
}

/// Mixes a row with paint. Opacity 0 leaves a sample as it is, opacity 256 leaves nothing of it.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn blend_row(sample: Sample, row: &mut [u8], paint: &Paint) {
    match sample.storage {
        Storage::Byte => {
            let paint = paint.codes.iter().zip(&paint.opacities);
            for (byte, (code, opacity)) in row.iter_mut().zip(paint) {
                // At most 255 · 256 + 128: never more than 16 bits.
                let mixed = u16::from(*byte) * (256 - opacity) + code * opacity + 128;
                *byte = (mixed >> 8) as u8;
            }
        }
        Storage::LittleEndian => {
            blend_words(sample, row, paint, u16::from_le_bytes, u16::to_le_bytes);
        }
        Storage::BigEndian => {
            blend_words(sample, row, paint, u16::from_be_bytes, u16::to_be_bytes);
        }
    }
}

#[inline(always)]
fn blend_words(
    sample: Sample,
    row: &mut [u8],
    paint: &Paint,
    read: impl Fn([u8; 2]) -> u16,
    write: impl Fn(u16) -> [u8; 2],
) {
    let paint = paint.codes.iter().zip(&paint.opacities);
    for (bytes, (&code, &opacity)) in row.as_chunks_mut::<2>().0.iter_mut().zip(paint) {
        let word = read(*bytes);
        let old = u32::from(word >> sample.shift);
        let opacity = u32::from(opacity);
        let mixed = (old * (256 - opacity) + u32::from(code) * opacity + 128) >> 8;
        *bytes = write(with_code(word, sample, mixed as u16));
    }
}

/// Writes codes, rounded, to every `step`th sample of a row from `first` on.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn write_row(
    sample: Sample,
    row: &mut [u8],
    (first, step): (usize, usize),
    codes: &[f32],
) {
    let most = ((1u32 << sample.depth) - 1) as f32;
    let rounded = |code: f32| (code + 0.5).clamp(0.0, most) as u16;
    match sample.storage {
        Storage::Byte => {
            for (byte, &code) in row.iter_mut().skip(first).step_by(step).zip(codes) {
                *byte = rounded(code) as u8;
            }
        }
        storage => {
            let words = row.as_chunks_mut::<2>().0.iter_mut();
            for (bytes, &code) in words.skip(first).step_by(step).zip(codes) {
                let code = rounded(code);
                *bytes = if storage == Storage::LittleEndian {
                    with_code(u16::from_le_bytes(*bytes), sample, code).to_le_bytes()
                } else {
                    with_code(u16::from_be_bytes(*bytes), sample, code).to_be_bytes()
                };
            }
        }
    }
}

/// A word with another code in it; bits below the code stay.
#[inline(always)]
fn with_code(word: u16, sample: Sample, code: u16) -> u16 {
    (code << sample.shift) | (word & ((1 << sample.shift) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTE: Sample = Sample {
        storage: Storage::Byte,
        depth: 8,
        shift: 0,
    };
    const P010_BE: Sample = Sample {
        storage: Storage::BigEndian,
        depth: 10,
        shift: 6,
    };

    #[test]
    fn sums_of_rows() {
        let mut sums = [1.0; 2];
        add_rows(BYTE, &mut sums, [&[8, 200], &[4, 100]], [0.5, 0.25]);
        assert_eq!(sums, [6.0, 126.0]);
        // 0x4000 is code 256 with nothing below, 0x403f the same with all bits below.
        let mut sums = [0.0; 2];
        let rows: [&[u8]; 2] = [&[0x40, 0x00, 0x40, 0x3f], &[0xff, 0xff, 0, 0]];
        add_rows(P010_BE, &mut sums, rows, [1.0, 1.0]);
        assert_eq!(sums, [256.0 + 1023.0, 256.0]);
    }

    #[test]
    fn mixtures() {
        let paint = Paint {
            codes: vec![10, 10, 10, 255],
            opacities: vec![0, 256, 128, 256],
        };
        let mut row = [255, 255, 20, 0];
        blend_row(BYTE, &mut row, &paint);
        assert_eq!(row, [255, 10, 15, 255]);
        let paint = Paint {
            codes: vec![1023, 1023, 0],
            opacities: vec![0, 256, 128],
        };
        let mut row = [0x12, 0x34, 0x00, 0x15, 0xff, 0xff];
        blend_row(P010_BE, &mut row, &paint);
        assert_eq!(row, [0x12, 0x34, 0xff, 0xd5, 0x80, 0x3f]);
    }

    #[test]
    fn written_codes_are_rounded_and_clipped() {
        let mut row = [9; 6];
        write_row(BYTE, &mut row, (1, 2), &[-3.0, 99.5, 300.0]);
        assert_eq!(row, [9, 0, 9, 100, 9, 255]);
        let mut row = [0, 1, 0, 2, 0, 3];
        write_row(P010_BE, &mut row, (0, 2), &[2000.0, 1.4]);
        assert_eq!(row, [0xff, 0xc1, 0, 2, 0, 0x43]);
    }
}
