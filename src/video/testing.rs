//! Frames that own their bytes and exact arithmetic, for tests.

use super::colour::{Colorimetry, Matrix, Range, rgb_to_yuv};
use super::frame::{FrameMut, FrameRef, PixelFormat};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every matrix in both ranges.
pub const COLORIMETRIES: [Colorimetry; 6] = {
    const fn of(matrix: Matrix, range: Range) -> Colorimetry {
        Colorimetry { matrix, range }
    }
    [
        of(Matrix::Bt601, Range::Full),
        of(Matrix::Bt601, Range::Limited),
        of(Matrix::Bt709, Range::Full),
        of(Matrix::Bt709, Range::Limited),
        of(Matrix::Bt2020, Range::Full),
        of(Matrix::Bt2020, Range::Limited),
    ]
};

/// The textbook formulas, written out per matrix, clipped to 0..=255.
pub fn yuv_to_rgb_f64([y, u, v]: [u8; 3], c: Colorimetry) -> [f64; 3] {
    let (y, u, v) = match c.range {
        Range::Full => (
            f64::from(y) / 255.0,
            (f64::from(u) - 128.0) / 255.0,
            (f64::from(v) - 128.0) / 255.0,
        ),
        Range::Limited => (
            (f64::from(y) - 16.0) / 219.0,
            (f64::from(u) - 128.0) / 224.0,
            (f64::from(v) - 128.0) / 224.0,
        ),
    };
    let (r, g, b) = match c.matrix {
        Matrix::Bt601 => (
            y + 1.402 * v,
            y - 0.344_136_286 * u - 0.714_136_286 * v,
            y + 1.772 * u,
        ),
        Matrix::Bt709 => (
            y + 1.5748 * v,
            y - 0.187_324_273 * u - 0.468_124_273 * v,
            y + 1.8556 * u,
        ),
        Matrix::Bt2020 => (
            y + 1.4746 * v,
            y - 0.164_553_127 * u - 0.571_353_127 * v,
            y + 1.8814 * u,
        ),
    };
    [r, g, b].map(|p| (p * 255.0).clamp(0.0, 255.0))
}

/// A frame with its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    pub format: PixelFormat,
    pub width: usize,
    pub height: usize,
    pub colorimetry: Colorimetry,
    pub planes: Vec<(Vec<u8>, usize)>,
}

impl Owned {
    /// Random bytes, padding included; each row has `padding` bytes more than it needs. With `one_chroma` all chroma
    /// samples are the same.
    pub fn noise(
        format: PixelFormat,
        width: usize,
        height: usize,
        colorimetry: Colorimetry,
        padding: usize,
        one_chroma: bool,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64((width * 1000 + height) as u64);
        let planes = (0..format.planes())
            .map(|plane| {
                let (w, h) = format.plane_size(plane, width, height);
                let stride = w * format.pixel_bytes(plane) + padding;
                let mut bytes = vec![0; stride * h];
                rng.fill_bytes(&mut bytes);
                if one_chroma && plane > 0 {
                    for (i, byte) in bytes.iter_mut().enumerate() {
                        let v =
                            plane == 2 || (format == PixelFormat::Nv12 && (i % stride) % 2 == 1);
                        *byte = if v { 170 } else { 90 };
                    }
                }
                (bytes, stride)
            })
            .collect();
        Self {
            format,
            width,
            height,
            colorimetry,
            planes,
        }
    }

    pub fn as_ref(&self) -> FrameRef<'_> {
        let planes = self.planes.iter().map(|(b, s)| (&b[..], *s));
        FrameRef::new(
            self.format,
            self.width,
            self.height,
            self.colorimetry,
            planes,
        )
        .unwrap()
    }

    pub fn as_mut(&mut self) -> FrameMut<'_> {
        let planes = self.planes.iter_mut().map(|(b, s)| (&mut b[..], *s));
        FrameMut::new(
            self.format,
            self.width,
            self.height,
            self.colorimetry,
            planes,
        )
        .unwrap()
    }

    /// Where the components of a pixel lie: plane and byte, in the order R, G, B or Y, U, V.
    pub fn places(&self, x: usize, y: usize) -> Vec<(usize, usize)> {
        let stride = |plane: usize| self.planes[plane].1;
        let at = y * stride(0);
        match self.format {
            PixelFormat::Rgb => (0..3).map(|c| (0, at + 3 * x + c)).collect(),
            PixelFormat::Rgbx => (0..3).map(|c| (0, at + 4 * x + c)).collect(),
            PixelFormat::Bgrx => (0..3).map(|c| (0, at + 4 * x + 2 - c)).collect(),
            PixelFormat::Gray8 => vec![(0, at + x)],
            PixelFormat::I420 => vec![
                (0, at + x),
                (1, y / 2 * stride(1) + x / 2),
                (2, y / 2 * stride(2) + x / 2),
            ],
            PixelFormat::Nv12 => {
                let uv = y / 2 * stride(1) + x / 2 * 2;
                vec![(0, at + x), (1, uv), (1, uv + 1)]
            }
        }
    }

    /// The components of a pixel.
    pub fn components(&self, x: usize, y: usize) -> Vec<u8> {
        let places = self.places(x, y).into_iter();
        places.map(|(p, i)| self.planes[p].0[i]).collect()
    }

    /// The colour of a pixel in exact arithmetic.
    pub fn rgb_f64(&self, x: usize, y: usize) -> [f64; 3] {
        match (self.format, &self.components(x, y)[..]) {
            (PixelFormat::Gray8, &[y]) => yuv_to_rgb_f64([y, 128, 128], self.colorimetry),
            (PixelFormat::I420 | PixelFormat::Nv12, &[y, u, v]) => {
                yuv_to_rgb_f64([y, u, v], self.colorimetry)
            }
            (_, &[r, g, b]) => [r, g, b].map(f64::from),
            _ => unreachable!("three components or one"),
        }
    }

    /// Paints a pixel.
    pub fn set_rgb(&mut self, x: usize, y: usize, rgb: [u8; 3]) {
        let components = match self.format {
            PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Gray8 => {
                rgb_to_yuv(rgb, self.colorimetry)
            }
            _ => rgb,
        };
        for ((plane, at), value) in self.places(x, y).into_iter().zip(components) {
            self.planes[plane].0[at] = value;
        }
    }

    /// Whether each byte is one that no pixel uses (the fourth byte of padded pixels included).
    fn unused(&self) -> Vec<Vec<bool>> {
        let mut unused: Vec<Vec<bool>> = self
            .planes
            .iter()
            .map(|(b, _)| vec![true; b.len()])
            .collect();
        for y in 0..self.height {
            for x in 0..self.width {
                for (plane, at) in self.places(x, y) {
                    unused[plane][at] = false;
                }
            }
        }
        unused
    }

    /// Every byte no pixel uses.
    pub fn padding(&self) -> Vec<u8> {
        let unused = self.unused();
        let planes = self.planes.iter().zip(&unused);
        planes
            .flat_map(|((b, _), u)| b.iter().zip(u).filter(|(_, u)| **u).map(|(b, _)| *b))
            .collect()
    }

    /// Overwrites every byte no pixel uses.
    pub fn fill_padding(&mut self, value: u8) {
        let unused = self.unused();
        for ((bytes, _), unused) in self.planes.iter_mut().zip(&unused) {
            for (byte, _) in bytes.iter_mut().zip(unused).filter(|(_, u)| **u) {
                *byte = value;
            }
        }
    }

    /// Ends each plane with the last pixel of its last row.
    pub fn drop_last_padding(&mut self) {
        for (plane, (bytes, stride)) in self.planes.iter_mut().enumerate() {
            let (w, h) = self.format.plane_size(plane, self.width, self.height);
            bytes.truncate(*stride * (h - 1) + w * self.format.pixel_bytes(plane));
        }
    }
}
