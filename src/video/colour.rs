//! Conversions between codes and colours: R'G'B', Y'CbCr with the matrices in use, and grey, of any depth and in both
//! ranges.

use ndarray::ArrayRef3;

use super::Rgb;
use super::format::{ColourModel, Layout};

/// Luma weights of a Y'CbCr encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// ITU-R BT.601, standard definition and JPEG.
    Bt601,
    /// ITU-R BT.709, high definition.
    #[default]
    Bt709,
    /// ITU-R BT.2020 with non-constant luminance.
    Bt2020,
    /// SMPTE 240M, early high definition.
    Smpte240m,
    /// FCC, early American colour.
    Fcc,
}

impl Matrix {
    /// Weights of red and blue in luma; that of green is what they leave of 1.
    pub fn weights(self) -> (f64, f64) {
        match self {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
            Matrix::Smpte240m => (0.212, 0.087),
            Matrix::Fcc => (0.30, 0.11),
        }
    }
}

/// Chroma (Cb, Cr) of a colour in the terms of the colour heads: BT.601, full range, in steps of 8 bits, 0 for grey.
pub fn bt601_chroma([red, green, blue]: [f32; 3]) -> [f32; 2] {
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    [(blue - luma) / 1.772, (red - luma) / 1.402]
}

/// The differences of red, green and blue from luma that such chroma stands for.
#[inline(always)]
pub(super) fn chroma_to_rgb([cb, cr]: [f32; 2]) -> [f32; 3] {
    let (red, blue) = (1.402 * cr, 1.772 * cb);
    [red, -(0.299 * red + 0.114 * blue) / 0.587, blue]
}

/// An RGB picture (height, width, 3) with every pixel's luma (BT.601) in all three.
pub fn grey(rgb: &ArrayRef3<u8>) -> Rgb {
    let mut grey = rgb.as_standard_layout().into_owned();
    let bytes = grey.as_slice_mut().unwrap_or_default();
    for pixel in bytes.as_chunks_mut::<3>().0 {
        let [red, green, blue] = pixel.map(u32::from);
        *pixel = [((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8; 3];
    }
    grey
}

/// Whether no pixel of an RGB picture (height, width, 3) has a colour.
pub fn is_grey(rgb: &ArrayRef3<u8>) -> bool {
    let rgb = rgb.as_standard_layout();
    let mut pixels = pixels(&rgb).iter();
    pixels.all(|[red, green, blue]| red == green && green == blue)
}

/// The pixels of an RGB picture (height, width, 3), row by row; none of an array that is not in standard layout.
pub fn pixels(rgb: &ArrayRef3<u8>) -> &[[u8; 3]] {
    rgb.as_slice().unwrap_or_default().as_chunks().0
}

/// The codes of black and white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Range {
    /// All codes, from the lowest to the highest.
    Full,
    /// In 8 bits 16 to 235, and 16 to 240 in chroma; in more bits the same with zeros behind.
    #[default]
    Limited,
}

/// The meaning of a frame's codes. In RGB the matrix has none, and in grey only the range matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Colorimetry {
    /// Luma weights.
    pub matrix: Matrix,
    /// Black and white.
    pub range: Range,
}

impl Colorimetry {
    /// RGB as images have it: all codes.
    pub const RGB: Self = Self {
        matrix: Matrix::Bt709,
        range: Range::Full,
    };
}

/// Code of black, steps from black to white, code of no colour difference, steps over all colour differences.
struct Scale {
    black: f64,
    luma: f64,
    middle: f64,
    chroma: f64,
}

impl Scale {
    fn new(depth: u32, range: Range) -> Self {
        let of_8_bits = f64::from(1u32 << (depth - 8));
        let (black, luma, chroma) = match range {
            Range::Full => {
                let all = f64::from((1u32 << depth) - 1);
                (0.0, all, all)
            }
            Range::Limited => (16.0 * of_8_bits, 219.0 * of_8_bits, 224.0 * of_8_bits),
        };
        Self {
            black,
            luma,
            middle: 128.0 * of_8_bits,
            chroma,
        }
    }
}

/// A linear map of three numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Linear {
    factors: [[f32; 3]; 3],
    offsets: [f32; 3],
}

impl Linear {
    fn new(factors: [[f64; 3]; 3], offsets: [f64; 3]) -> Self {
        Self {
            factors: factors.map(|row| row.map(|f| f as f32)),
            offsets: offsets.map(|o| o as f32),
        }
    }

    #[inline(always)]
    fn apply(&self, [a, b, c]: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|i| {
            let [fa, fb, fc] = self.factors[i];
            self.offsets[i] + fa * a + fb * b + fc * c
        })
    }
}

/// Codes of a format to luma from 0 to 255: what each component counts, and what is added. That of RGB is BT.601's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Luma {
    pub factors: [f32; 3],
    pub offset: f32,
}

impl Luma {
    pub fn new(layout: &Layout, colorimetry: Colorimetry) -> Self {
        let Scale { black, luma, .. } = Scale::new(layout.sample.depth, colorimetry.range);
        let step = 255.0 / luma;
        let weights = match layout.model {
            ColourModel::Rgb => [0.299, 0.587, 0.114],
            ColourModel::Grey | ColourModel::Yuv => [1.0, 0.0, 0.0],
        };
        Self {
            factors: weights.map(|w| (w * step) as f32),
            offset: (-black * step) as f32,
        }
    }
}

/// Codes of a format to R'G'B' from 0 to 255.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decode(Linear);

impl Decode {
    pub fn new(layout: &Layout, colorimetry: Colorimetry) -> Self {
        let Scale {
            black,
            luma,
            middle,
            chroma,
        } = Scale::new(layout.sample.depth, colorimetry.range);
        let l = 255.0 / luma;
        let c = 255.0 / chroma;
        let grey = -black * l;
        Self(match layout.model {
            ColourModel::Rgb => Linear::new(
                [[l, 0.0, 0.0], [0.0, l, 0.0], [0.0, 0.0, l]],
                [grey, grey, grey],
            ),
            ColourModel::Grey => Linear::new([[l, 0.0, 0.0]; 3], [grey; 3]),
            ColourModel::Yuv => {
                let (kr, kb) = colorimetry.matrix.weights();
                let kg = 1.0 - kr - kb;
                let red_v = 2.0 * (1.0 - kr) * c;
                let blue_u = 2.0 * (1.0 - kb) * c;
                let green_u = -blue_u * kb / kg;
                let green_v = -red_v * kr / kg;
                Linear::new(
                    [[l, 0.0, red_v], [l, green_u, green_v], [l, blue_u, 0.0]],
                    [
                        grey - middle * red_v,
                        grey - middle * (green_u + green_v),
                        grey - middle * blue_u,
                    ],
                )
            }
        })
    }

    /// A row of pixels; `codes` are a row for each component.
    pub fn row(&self, codes: [&[f32]; 3], rgb: &mut [u8]) {
        let [a, b, c] = codes;
        let pixels = rgb.as_chunks_mut::<3>().0.iter_mut();
        for (((to, &a), &b), &c) in pixels.zip(a).zip(b).zip(c) {
            *to = self.0.apply([a, b, c]).map(nearest);
        }
    }
}

/// The nearest byte; the cast saturates.
#[inline(always)]
fn nearest(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// R'G'B' from 0 to 255 to codes of a format, not rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encode {
    linear: Linear,
    most: f32,
}

impl Encode {
    pub fn new(layout: &Layout, colorimetry: Colorimetry) -> Self {
        let Scale {
            black,
            luma,
            middle,
            chroma,
        } = Scale::new(layout.sample.depth, colorimetry.range);
        let (l, c) = (luma / 255.0, chroma / 255.0);
        let (kr, kb) = colorimetry.matrix.weights();
        let kg = 1.0 - kr - kb;
        let y = [kr * l, kg * l, kb * l];
        // Differences from luma, scaled to half of their range to either side.
        let u = [-kr, -kg, 1.0 - kb].map(|k| k * c / (2.0 * (1.0 - kb)));
        let v = [1.0 - kr, -kg, -kb].map(|k| k * c / (2.0 * (1.0 - kr)));
        let linear = match layout.model {
            ColourModel::Rgb => {
                Linear::new([[l, 0.0, 0.0], [0.0, l, 0.0], [0.0, 0.0, l]], [black; 3])
            }
            // The second and third are not there.
            ColourModel::Grey => Linear::new([y, [0.0; 3], [0.0; 3]], [black, 0.0, 0.0]),
            ColourModel::Yuv => Linear::new([y, u, v], [black, middle, middle]),
        };
        Self {
            linear,
            most: ((1u32 << layout.sample.depth) - 1) as f32,
        }
    }

    #[inline(always)]
    pub fn codes(&self, rgb: [u8; 3]) -> [f32; 3] {
        self.real_codes(rgb.map(f32::from))
    }

    /// Of a colour between those of 8 bits.
    #[inline(always)]
    pub fn real_codes(&self, rgb: [f32; 3]) -> [f32; 3] {
        self.linear.apply(rgb)
    }

    /// The nearest codes there are.
    pub fn nearest(&self, rgb: [u8; 3]) -> [u16; 3] {
        self.codes(rgb)
            .map(|code| (code + 0.5).clamp(0.0, self.most) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::format::PixelFormat;
    use crate::video::testing::{COLORIMETRIES, decode_f64};
    use proptest::prelude::*;

    fn encode(format: PixelFormat, matrix: Matrix, range: Range, rgb: [u8; 3]) -> [u16; 3] {
        Encode::new(&format.layout(), Colorimetry { matrix, range }).nearest(rgb)
    }

    #[test]
    fn well_known_codes() {
        use Matrix::{Bt601, Bt709, Bt2020};
        use PixelFormat::{Gray16Le, I420, I420P10Le, P016Le};
        use Range::{Full, Limited};
        let (red, white) = ([255, 0, 0], [255, 255, 255]);
        assert_eq!(encode(I420, Bt601, Limited, red), [81, 90, 240]);
        assert_eq!(encode(I420, Bt709, Limited, red), [63, 102, 240]);
        assert_eq!(encode(I420, Bt709, Full, white), [255, 128, 128]);
        assert_eq!(encode(I420P10Le, Bt709, Limited, red), [250, 409, 960]);
        assert_eq!(encode(I420P10Le, Bt2020, Limited, white), [940, 512, 512]);
        assert_eq!(encode(I420P10Le, Bt2020, Full, white), [1023, 512, 512]);
        assert_eq!(encode(P016Le, Bt601, Limited, [0; 3]), [4096, 32768, 32768]);
        assert_eq!(encode(Gray16Le, Bt601, Full, white)[0], 65535);
        assert_eq!(
            encode(PixelFormat::Bgrx, Bt709, Limited, red),
            [235, 16, 16]
        );
    }

    proptest! {
        #[test]
        fn decoding_is_within_half_a_step_of_exact_arithmetic(
            which in 0..PixelFormat::ALL.len(), colorimetry in 0..COLORIMETRIES.len(), codes: [u16; 3],
        ) {
            let layout = PixelFormat::ALL[which].layout();
            let colorimetry = COLORIMETRIES[colorimetry];
            let codes = codes.map(|c| c >> (16 - layout.sample.depth));
            let mut rgb = [0; 3];
            let [a, b, c] = codes.map(|c| [f32::from(c)]);
            Decode::new(&layout, colorimetry).row([&a, &b, &c], &mut rgb);
            let exact = decode_f64(&layout, codes, colorimetry);
            for (got, exact) in rgb.into_iter().zip(exact) {
                prop_assert!((f64::from(got) - exact).abs() < 0.502, "{got} instead of {exact}");
            }
        }

        #[test]
        fn there_and_back(
            which in 0..PixelFormat::ALL.len(), colorimetry in 0..COLORIMETRIES.len(), rgb: [u8; 3],
        ) {
            let layout = PixelFormat::ALL[which].layout();
            let colorimetry = COLORIMETRIES[colorimetry];
            let codes = Encode::new(&layout, colorimetry).nearest(rgb);
            let back = decode_f64(&layout, codes, colorimetry);
            if layout.model != ColourModel::Grey {
                // In 8 bits luma and chroma are rounded, each by half of up to 2.2 steps.
                let most = if layout.sample.depth == 8 { 2.0 } else { 0.6 };
                for (from, to) in rgb.into_iter().zip(back) {
                    prop_assert!((f64::from(from) - to).abs() <= most, "{rgb:?} to {back:?}");
                }
            }
        }
    }
}
