//! Frames that own their bytes and exact arithmetic, for tests.

use super::colour::{Colorimetry, Matrix, Range};
use super::format::{ColourModel, Layout, PixelFormat, Storage};
use super::frame::{FrameMut, FrameRef};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every matrix in both ranges.
pub const COLORIMETRIES: [Colorimetry; 10] = {
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
        of(Matrix::Smpte240m, Range::Full),
        of(Matrix::Smpte240m, Range::Limited),
        of(Matrix::Fcc, Range::Full),
        of(Matrix::Fcc, Range::Limited),
    ]
};

/// The textbook formulas, written out per matrix, clipped to 0..=255.
pub fn decode_f64(layout: &Layout, codes: [u16; 3], c: Colorimetry) -> [f64; 3] {
    let depth = layout.sample.depth;
    let most = f64::from((1u32 << depth) - 1);
    let of_8_bits = f64::from(1u32 << (depth - 8));
    let codes = codes.map(f64::from);
    let light = |code: f64| match c.range {
        Range::Full => code / most,
        Range::Limited => (code / of_8_bits - 16.0) / 219.0,
    };
    let difference = |code: f64| match c.range {
        Range::Full => (code - 128.0 * of_8_bits) / most,
        Range::Limited => (code / of_8_bits - 128.0) / 224.0,
    };
    let (y, u, v) = (light(codes[0]), difference(codes[1]), difference(codes[2]));
    let rgb = match (layout.model, c.matrix) {
        (ColourModel::Rgb, _) => codes.map(light),
        (ColourModel::Grey, _) => [y; 3],
        (_, Matrix::Bt601) => [
            y + 1.402 * v,
            y - 0.344_136_286 * u - 0.714_136_286 * v,
            y + 1.772 * u,
        ],
        (_, Matrix::Bt709) => [
            y + 1.5748 * v,
            y - 0.187_324_273 * u - 0.468_124_273 * v,
            y + 1.8556 * u,
        ],
        (_, Matrix::Bt2020) => [
            y + 1.4746 * v,
            y - 0.164_553_127 * u - 0.571_353_127 * v,
            y + 1.8814 * u,
        ],
        (_, Matrix::Smpte240m) => [
            y + 1.576 * v,
            y - 0.226_621_969 * u - 0.476_621_969 * v,
            y + 1.826 * u,
        ],
        (_, Matrix::Fcc) => [
            y + 1.4 * v,
            y - 0.331_864_407 * u - 0.711_864_407 * v,
            y + 1.78 * u,
        ],
    };
    rgb.map(|p| (p * 255.0).clamp(0.0, 255.0))
}

/// The inverse of those formulas, not rounded.
pub fn encode_f64(layout: &Layout, rgb: [u8; 3], c: Colorimetry) -> [f64; 3] {
    let depth = layout.sample.depth;
    let most = f64::from((1u32 << depth) - 1);
    let of_8_bits = f64::from(1u32 << (depth - 8));
    let [r, g, b] = rgb.map(|c| f64::from(c) / 255.0);
    let light = |value: f64| match c.range {
        Range::Full => value * most,
        Range::Limited => (value * 219.0 + 16.0) * of_8_bits,
    };
    let difference = |value: f64| match c.range {
        Range::Full => value * most + 128.0 * of_8_bits,
        Range::Limited => (value * 224.0 + 128.0) * of_8_bits,
    };
    if layout.model == ColourModel::Rgb {
        return [r, g, b].map(light);
    }
    let (kr, kb) = match c.matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt2020 => (0.2627, 0.0593),
        Matrix::Smpte240m => (0.212, 0.087),
        Matrix::Fcc => (0.3, 0.11),
    };
    let y = kr * r + kb * b + (1.0 - kr - kb) * g;
    let u = difference((b - y) / (2.0 - 2.0 * kb));
    let v = difference((r - y) / (2.0 - 2.0 * kr));
    [light(y), u, v]
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
        let layout = format.layout();
        let planes = (0..layout.planes())
            .map(|plane| {
                let (row, rows) = layout.plane_size(plane, width, height);
                let stride = row + padding;
                let mut bytes = vec![0; stride * rows];
                rng.fill_bytes(&mut bytes);
                (bytes, stride)
            })
            .collect();
        let mut frame = Self {
            format,
            width,
            height,
            colorimetry,
            planes,
        };
        for y in 0..height {
            for x in 0..width {
                let mut codes = frame.codes(x, y);
                if one_chroma && layout.model == ColourModel::Yuv {
                    codes[1] = 90 << (layout.sample.depth - 8);
                    codes[2] = 170 << (layout.sample.depth - 8);
                }
                // Words hold no more than the depth says.
                let most = ((1u32 << layout.sample.depth) - 1) as u16;
                let codes: Vec<u16> = codes.into_iter().map(|c| c & most).collect();
                frame.set_codes(x, y, &codes);
            }
        }
        frame
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

    /// Where the components of a pixel lie: plane and first byte.
    pub fn places(&self, x: usize, y: usize) -> Vec<(usize, usize)> {
        let layout = self.format.layout();
        let components = layout.components().iter().enumerate();
        components
            .map(|(c, component)| {
                let (across, down) = layout.span_of(c);
                let sample = component.first + x / across * component.step;
                let row = y / down * self.planes[component.plane].1;
                (component.plane, row + sample * layout.sample.bytes())
            })
            .collect()
    }

    fn word(&self, (plane, at): (usize, usize)) -> u16 {
        let bytes = &self.planes[plane].0[at..];
        match self.format.layout().sample.storage {
            Storage::Byte => bytes[0].into(),
            Storage::LittleEndian => u16::from_le_bytes([bytes[0], bytes[1]]),
            Storage::BigEndian => u16::from_be_bytes([bytes[0], bytes[1]]),
        }
    }

    /// The codes of a pixel.
    pub fn codes(&self, x: usize, y: usize) -> Vec<u16> {
        let shift = self.format.layout().sample.shift;
        let places = self.places(x, y).into_iter();
        places.map(|place| self.word(place) >> shift).collect()
    }

    /// Writes the codes of a pixel; bits below them stay.
    pub fn set_codes(&mut self, x: usize, y: usize, codes: &[u16]) {
        let sample = self.format.layout().sample;
        for ((plane, at), code) in self.places(x, y).into_iter().zip(codes) {
            let below = self.word((plane, at)) & ((1 << sample.shift) - 1);
            let word = (code << sample.shift) | below;
            let bytes = &mut self.planes[plane].0[at..];
            match sample.storage {
                Storage::Byte => bytes[0] = word as u8,
                Storage::LittleEndian => bytes[..2].copy_from_slice(&word.to_le_bytes()),
                Storage::BigEndian => bytes[..2].copy_from_slice(&word.to_be_bytes()),
            }
        }
    }

    /// The colour of a pixel in exact arithmetic.
    pub fn rgb_f64(&self, x: usize, y: usize) -> [f64; 3] {
        let mut codes = [0; 3];
        for (to, code) in codes.iter_mut().zip(self.codes(x, y)) {
            *to = code;
        }
        decode_f64(&self.format.layout(), codes, self.colorimetry)
    }

    /// Paints a pixel.
    pub fn set_rgb(&mut self, x: usize, y: usize, rgb: [u8; 3]) {
        let layout = self.format.layout();
        // Pure blue and red lie half a step beyond the highest code of full range.
        let most = f64::from((1u32 << layout.sample.depth) - 1);
        let codes = encode_f64(&layout, rgb, self.colorimetry);
        self.set_codes(x, y, &codes.map(|c| c.round().min(most) as u16));
    }

    /// Whether each byte is one that no pixel uses (opacity and filling included).
    fn unused(&self) -> Vec<Vec<bool>> {
        let mut unused: Vec<Vec<bool>> = self
            .planes
            .iter()
            .map(|(b, _)| vec![true; b.len()])
            .collect();
        for y in 0..self.height {
            for x in 0..self.width {
                for (plane, at) in self.places(x, y) {
                    unused[plane][at..][..self.format.layout().sample.bytes()].fill(false);
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
            let layout = self.format.layout();
            let (row, rows) = layout.plane_size(plane, self.width, self.height);
            bytes.truncate(*stride * (rows - 1) + row);
        }
    }
}

/// EXIF data that says nothing but an orientation, 1 to 8.
pub fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    exif.extend([0; 4]);
    exif
}
