//! Y'CbCr and R'G'B': the three matrices in use, in both ranges, 8 bits.

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
}

impl Matrix {
    /// Weights of red and blue in luma; that of green is what they leave of 1.
    pub fn weights(self) -> (f64, f64) {
        match self {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        }
    }
}

/// Which code values stand for black and white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Range {
    /// 0 to 255 in luma and chroma.
    Full,
    /// 16 to 235 in luma, 16 to 240 in chroma.
    #[default]
    Limited,
}

impl Range {
    /// Luma code of black, code steps from black to white, code steps over the whole of chroma.
    pub fn excursion(self) -> (f64, f64, f64) {
        match self {
            Range::Full => (0.0, 255.0, 255.0),
            Range::Limited => (16.0, 219.0, 224.0),
        }
    }
}

/// How the code values of a frame are to be read. Frames in RGB are always full range and have no matrix; grey frames
/// have a range only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Colorimetry {
    /// Luma weights.
    pub matrix: Matrix,
    /// Black and white.
    pub range: Range,
}

/// Bits behind the binary point of the conversion's constants.
const BITS: u32 = 16;

/// Y'CbCr to R'G'B' in integers, within one code value of exact arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct YuvToRgb {
    black: i32,
    luma: i32,
    red_v: i32,
    green_u: i32,
    green_v: i32,
    blue_u: i32,
}

impl YuvToRgb {
    /// Constants for one colorimetry.
    pub fn new(colorimetry: Colorimetry) -> Self {
        let (kr, kb) = colorimetry.matrix.weights();
        let kg = 1.0 - kr - kb;
        let (black, luma, chroma) = colorimetry.range.excursion();
        let fixed = |value: f64| (value * f64::from(1 << BITS)).round() as i32;
        let chroma = 255.0 / chroma;
        Self {
            black: black as i32,
            luma: fixed(255.0 / luma),
            red_v: fixed(2.0 * (1.0 - kr) * chroma),
            green_u: fixed(-2.0 * (1.0 - kb) * kb / kg * chroma),
            green_v: fixed(-2.0 * (1.0 - kr) * kr / kg * chroma),
            blue_u: fixed(2.0 * (1.0 - kb) * chroma),
        }
    }

    /// One pixel.
    #[inline(always)]
    pub fn convert(&self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let y = (i32::from(y) - self.black) * self.luma + (1 << (BITS - 1));
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let byte = |value: i32| (value >> BITS).clamp(0, 255) as u8;
        [
            byte(y + self.red_v * v),
            byte(y + self.green_u * u + self.green_v * v),
            byte(y + self.blue_u * u),
        ]
    }

    /// A grey pixel: luma without chroma.
    #[inline(always)]
    pub fn grey(&self, y: u8) -> u8 {
        let y = (i32::from(y) - self.black) * self.luma + (1 << (BITS - 1));
        (y >> BITS).clamp(0, 255) as u8
    }
}

/// R'G'B' (full range) to the nearest Y'CbCr codes.
pub fn rgb_to_yuv(rgb: [u8; 3], colorimetry: Colorimetry) -> [u8; 3] {
    let (kr, kb) = colorimetry.matrix.weights();
    let (black, luma, chroma) = colorimetry.range.excursion();
    let [r, g, b] = rgb.map(|c| f64::from(c) / 255.0);
    let y = kr * r + (1.0 - kr - kb) * g + kb * b;
    let u = (b - y) / (2.0 * (1.0 - kb));
    let v = (r - y) / (2.0 * (1.0 - kr));
    let byte = |value: f64| value.round().clamp(0.0, 255.0) as u8;
    [
        byte(black + luma * y),
        byte(128.0 + chroma * u),
        byte(128.0 + chroma * v),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::testing::{COLORIMETRIES, yuv_to_rgb_f64};

    #[test]
    fn integers_are_within_one_code_of_exact_arithmetic() {
        for colorimetry in COLORIMETRIES {
            let table = YuvToRgb::new(colorimetry);
            for y in (0..=255u8).step_by(3) {
                for u in (0..=255u8).step_by(5) {
                    for v in (0..=255u8).step_by(5) {
                        let exact = yuv_to_rgb_f64([y, u, v], colorimetry);
                        for (a, b) in table.convert(y, u, v).iter().zip(exact) {
                            assert!(
                                (f64::from(*a) - b).abs() <= 1.0,
                                "{colorimetry:?} {y} {u} {v}: {a} instead of {b}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn black_white_and_primaries() {
        let limited = Colorimetry {
            matrix: Matrix::Bt601,
            range: Range::Limited,
        };
        let table = YuvToRgb::new(limited);
        assert_eq!(table.convert(16, 128, 128), [0, 0, 0]);
        assert_eq!(table.convert(235, 128, 128), [255, 255, 255]);
        assert_eq!(table.grey(235), 255);
        assert_eq!(table.grey(0), 0);
        // The well-known codes of saturated red in BT.601 and BT.709.
        assert_eq!(rgb_to_yuv([255, 0, 0], limited), [81, 90, 240]);
        let hd = Colorimetry {
            matrix: Matrix::Bt709,
            range: Range::Limited,
        };
        assert_eq!(rgb_to_yuv([255, 0, 0], hd), [63, 102, 240]);
        let full = Colorimetry {
            matrix: Matrix::Bt709,
            range: Range::Full,
        };
        assert_eq!(rgb_to_yuv([255, 255, 255], full), [255, 128, 128]);
        assert_eq!(YuvToRgb::new(full).grey(77), 77);
    }

    #[test]
    fn there_and_back() {
        for colorimetry in COLORIMETRIES {
            let table = YuvToRgb::new(colorimetry);
            for rgb in [[0, 0, 0], [255, 255, 255], [12, 200, 90], [128, 64, 128]] {
                let [y, u, v] = rgb_to_yuv(rgb, colorimetry);
                for (a, b) in table.convert(y, u, v).iter().zip(rgb) {
                    assert!(a.abs_diff(b) <= 3, "{colorimetry:?} {rgb:?}");
                }
            }
        }
    }
}
