//! Descriptions of pixel formats: the places of the components of a pixel, and the meaning of their codes.
//!
//! Reading ([`Scaler`](super::Scaler)) and drawing ([`Overlay`](super::Overlay)) follow from the description alone; no
//! format has code of its own.

/// The components of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColourModel {
    /// Red, green, blue.
    Rgb,
    /// Luma, blue and red difference.
    Yuv,
    /// Luma alone.
    Grey,
}

/// The storage of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// One byte.
    Byte,
    /// Two bytes, the less significant one first.
    LittleEndian,
    /// Two bytes, the more significant one first.
    BigEndian,
}

/// A sample of one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sample {
    /// Its bytes.
    pub storage: Storage,
    /// Bits of the code.
    pub depth: u32,
    /// Bits below the code, which have no meaning.
    pub shift: u32,
}

impl Sample {
    /// Bytes of a sample.
    pub const fn bytes(self) -> usize {
        match self.storage {
            Storage::Byte => 1,
            Storage::LittleEndian | Storage::BigEndian => 2,
        }
    }
}

/// The places of a component's samples in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Component {
    /// Index of the plane.
    pub plane: usize,
    /// Samples before the first one.
    pub first: usize,
    /// Samples from one to the next.
    pub step: usize,
}

/// A pixel format, described. Samples that belong to no component (opacity, filling) are left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The components.
    pub model: ColourModel,
    /// The storage of all samples.
    pub sample: Sample,
    /// Pixels that share a chroma sample, across and down.
    pub span: (usize, usize),
    components: [Component; 3],
}

const fn at(plane: usize, first: usize, step: usize) -> Component {
    Component { plane, first, step }
}

const BYTE: Sample = Sample {
    storage: Storage::Byte,
    depth: 8,
    shift: 0,
};

impl Layout {
    /// The components, in the order of the colour model.
    pub fn components(&self) -> &[Component] {
        match self.model {
            ColourModel::Grey => &self.components[..1],
            ColourModel::Rgb | ColourModel::Yuv => &self.components,
        }
    }

    /// Number of planes that hold components.
    pub fn planes(&self) -> usize {
        let last = self.components().iter().map(|c| c.plane).max();
        last.map_or(0, |plane| plane + 1)
    }

    /// Pixels that share a sample of a component, across and down.
    pub fn span_of(&self, component: usize) -> (usize, usize) {
        if component == 0 { (1, 1) } else { self.span }
    }

    /// Components that lie in a plane, with their indices. All of them have the same rows.
    pub(super) fn in_plane(&self, plane: usize) -> impl Iterator<Item = (usize, &Component)> {
        let all = self.components().iter().enumerate();
        all.filter(move |(_, component)| component.plane == plane)
    }

    /// Samples in a row of a plane.
    pub(super) fn row_samples(&self, plane: usize, width: usize) -> usize {
        let ends = self.in_plane(plane);
        ends.map(|(c, component)| width.div_ceil(self.span_of(c).0) * component.step)
            .max()
            .unwrap_or(0)
    }

    /// Bytes in a row of a plane, and rows.
    pub fn plane_size(&self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        let span = self.in_plane(plane).next();
        let down = span.map_or(1, |(c, _)| self.span_of(c).1);
        let row = self.row_samples(plane, width) * self.sample.bytes();
        (row, height.div_ceil(down))
    }

    const fn bytes(model: ColourModel, span: (usize, usize), components: [Component; 3]) -> Self {
        Self {
            model,
            sample: BYTE,
            span,
            components,
        }
    }

    /// One plane; `step` samples a pixel, components at the given places.
    const fn packed(model: ColourModel, step: usize, [a, b, c]: [usize; 3]) -> Self {
        let components = [at(0, a, step), at(0, b, step), at(0, c, step)];
        Self::bytes(model, (1, 1), components)
    }

    /// A plane for each component.
    const fn planar(model: ColourModel, [a, b, c]: [usize; 3]) -> Self {
        Self::bytes(model, (1, 1), [at(a, 0, 1), at(b, 0, 1), at(c, 0, 1)])
    }

    /// A plane of luma and one of chroma pairs, with U and V at the given places.
    const fn paired([u, v]: [usize; 2]) -> Self {
        let components = [at(0, 0, 1), at(1, u, 2), at(1, v, 2)];
        Self::bytes(ColourModel::Yuv, (1, 1), components)
    }

    /// One plane of two pixels with one pair of chroma in four samples, with Y, U and V at the given places.
    const fn alternating([y, u, v]: [usize; 3]) -> Self {
        let components = [at(0, y, 2), at(0, u, 4), at(0, v, 4)];
        Self::bytes(ColourModel::Yuv, (2, 1), components)
    }

    const fn grey() -> Self {
        Self::planar(ColourModel::Grey, [0, 0, 0])
    }

    const fn sharing(mut self, across: usize, down: usize) -> Self {
        self.span = (across, down);
        self
    }

    /// Codes of `depth` bits in words, `shift` bits above the lowest.
    const fn words(mut self, storage: Storage, depth: u32, shift: u32) -> Self {
        self.sample = Sample {
            storage,
            depth,
            shift,
        };
        self
    }
}

macro_rules! formats {
    ($($variant:ident $name:literal $doc:literal $layout:expr;)*) => {
        /// A pixel format, as GStreamer's of the same name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PixelFormat {
            $(#[doc = $doc] $variant,)*
        }

        impl PixelFormat {
            /// Every format, those that are read and drawn at least cost first.
            pub const ALL: &'static [PixelFormat] = &[$(PixelFormat::$variant),*];

            /// GStreamer's name of the format.
            pub const fn name(self) -> &'static str {
                match self {
                    $(PixelFormat::$variant => $name,)*
                }
            }

            /// The places of its components.
            pub const fn layout(self) -> Layout {
                match self {
                    $(PixelFormat::$variant => $layout,)*
                }
            }
        }
    };
}

use ColourModel::{Rgb, Yuv};
use Storage::{BigEndian, LittleEndian};

formats! {
    I420 "I420" "Planes Y, U, V; 4:2:0."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 2);
    Yv12 "YV12" "Planes Y, V, U; 4:2:0."
        Layout::planar(Yuv, [0, 2, 1]).sharing(2, 2);
    Nv12 "NV12" "Planes Y and U, V interleaved; 4:2:0."
        Layout::paired([0, 1]).sharing(2, 2);
    Nv21 "NV21" "Planes Y and V, U interleaved; 4:2:0."
        Layout::paired([1, 0]).sharing(2, 2);
    Y42b "Y42B" "Planes Y, U, V; 4:2:2."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 1);
    Nv16 "NV16" "Planes Y and U, V interleaved; 4:2:2."
        Layout::paired([0, 1]).sharing(2, 1);
    Nv61 "NV61" "Planes Y and V, U interleaved; 4:2:2."
        Layout::paired([1, 0]).sharing(2, 1);
    Yuy2 "YUY2" "Y, U, Y, V interleaved; 4:2:2."
        Layout::alternating([0, 1, 3]);
    Uyvy "UYVY" "U, Y, V, Y interleaved; 4:2:2."
        Layout::alternating([1, 0, 2]);
    Yvyu "YVYU" "Y, V, Y, U interleaved; 4:2:2."
        Layout::alternating([0, 3, 1]);
    Y41b "Y41B" "Planes Y, U, V; 4:1:1."
        Layout::planar(Yuv, [0, 1, 2]).sharing(4, 1);
    Y444 "Y444" "Planes Y, U, V; 4:4:4."
        Layout::planar(Yuv, [0, 1, 2]);
    Nv24 "NV24" "Planes Y and U, V interleaved; 4:4:4."
        Layout::paired([0, 1]);
    A420 "A420" "Planes Y, U, V and opacity; 4:2:0."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 2);
    Rgb "RGB" "Red, green, blue interleaved."
        Layout::packed(Rgb, 3, [0, 1, 2]);
    Bgr "BGR" "Blue, green, red interleaved."
        Layout::packed(Rgb, 3, [2, 1, 0]);
    Rgbx "RGBx" "Red, green, blue, filling interleaved."
        Layout::packed(Rgb, 4, [0, 1, 2]);
    Bgrx "BGRx" "Blue, green, red, filling interleaved."
        Layout::packed(Rgb, 4, [2, 1, 0]);
    Xrgb "xRGB" "Filling, red, green, blue interleaved."
        Layout::packed(Rgb, 4, [1, 2, 3]);
    Xbgr "xBGR" "Filling, blue, green, red interleaved."
        Layout::packed(Rgb, 4, [3, 2, 1]);
    Rgba "RGBA" "Red, green, blue, opacity interleaved."
        Layout::packed(Rgb, 4, [0, 1, 2]);
    Bgra "BGRA" "Blue, green, red, opacity interleaved."
        Layout::packed(Rgb, 4, [2, 1, 0]);
    Argb "ARGB" "Opacity, red, green, blue interleaved."
        Layout::packed(Rgb, 4, [1, 2, 3]);
    Abgr "ABGR" "Opacity, blue, green, red interleaved."
        Layout::packed(Rgb, 4, [3, 2, 1]);
    Gbr "GBR" "Planes green, blue, red."
        Layout::planar(Rgb, [2, 0, 1]);
    Ayuv "AYUV" "Opacity, Y, U, V interleaved; 4:4:4."
        Layout::packed(Yuv, 4, [1, 2, 3]);
    Vuya "VUYA" "V, U, Y, opacity interleaved; 4:4:4."
        Layout::packed(Yuv, 4, [2, 1, 0]);
    Gray8 "GRAY8" "Luma."
        Layout::grey();
    Gray16Le "GRAY16_LE" "Luma of 16 bits, little endian."
        Layout::grey().words(LittleEndian, 16, 0);
    Gray16Be "GRAY16_BE" "Luma of 16 bits, big endian."
        Layout::grey().words(BigEndian, 16, 0);
    I420P10Le "I420_10LE" "Planes Y, U, V of 10 bits, little endian; 4:2:0."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 2).words(LittleEndian, 10, 0);
    P010Le "P010_10LE" "Planes Y and U, V interleaved, 10 bits at the top of words, little endian; 4:2:0."
        Layout::paired([0, 1]).sharing(2, 2).words(LittleEndian, 10, 6);
    I422P10Le "I422_10LE" "Planes Y, U, V of 10 bits, little endian; 4:2:2."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 1).words(LittleEndian, 10, 0);
    Y444P10Le "Y444_10LE" "Planes Y, U, V of 10 bits, little endian; 4:4:4."
        Layout::planar(Yuv, [0, 1, 2]).words(LittleEndian, 10, 0);
    GbrP10Le "GBR_10LE" "Planes green, blue, red of 10 bits, little endian."
        Layout::planar(Rgb, [2, 0, 1]).words(LittleEndian, 10, 0);
    I420P10Be "I420_10BE" "Planes Y, U, V of 10 bits, big endian; 4:2:0."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 2).words(BigEndian, 10, 0);
    P010Be "P010_10BE" "Planes Y and U, V interleaved, 10 bits at the top of words, big endian; 4:2:0."
        Layout::paired([0, 1]).sharing(2, 2).words(BigEndian, 10, 6);
    I422P10Be "I422_10BE" "Planes Y, U, V of 10 bits, big endian; 4:2:2."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 1).words(BigEndian, 10, 0);
    Y444P10Be "Y444_10BE" "Planes Y, U, V of 10 bits, big endian; 4:4:4."
        Layout::planar(Yuv, [0, 1, 2]).words(BigEndian, 10, 0);
    I420P12Le "I420_12LE" "Planes Y, U, V of 12 bits, little endian; 4:2:0."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 2).words(LittleEndian, 12, 0);
    P012Le "P012_LE" "Planes Y and U, V interleaved, 12 bits at the top of words, little endian; 4:2:0."
        Layout::paired([0, 1]).sharing(2, 2).words(LittleEndian, 12, 4);
    I422P12Le "I422_12LE" "Planes Y, U, V of 12 bits, little endian; 4:2:2."
        Layout::planar(Yuv, [0, 1, 2]).sharing(2, 1).words(LittleEndian, 12, 0);
    Y444P12Le "Y444_12LE" "Planes Y, U, V of 12 bits, little endian; 4:4:4."
        Layout::planar(Yuv, [0, 1, 2]).words(LittleEndian, 12, 0);
    Y444P16Le "Y444_16LE" "Planes Y, U, V of 16 bits, little endian; 4:4:4."
        Layout::planar(Yuv, [0, 1, 2]).words(LittleEndian, 16, 0);
    Y444P16Be "Y444_16BE" "Planes Y, U, V of 16 bits, big endian; 4:4:4."
        Layout::planar(Yuv, [0, 1, 2]).words(BigEndian, 16, 0);
    P016Le "P016_LE" "Planes Y and U, V interleaved, 16 bits, little endian; 4:2:0."
        Layout::paired([0, 1]).sharing(2, 2).words(LittleEndian, 16, 0);
}

impl PixelFormat {
    /// The format of a name, as [`PixelFormat::name`] gives it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.name() == name)
    }
}

impl std::fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_their_own() {
        for &format in PixelFormat::ALL {
            assert_eq!(PixelFormat::from_name(format.name()), Some(format));
        }
        assert_eq!(PixelFormat::from_name("v210"), None);
    }

    #[test]
    fn no_two_components_share_a_sample() {
        for &format in PixelFormat::ALL {
            let layout = format.layout();
            for plane in 0..layout.planes() {
                let mut owner = vec![None; layout.row_samples(plane, 8)];
                for (c, component) in layout.in_plane(plane) {
                    for x in 0..8usize.div_ceil(layout.span_of(c).0) {
                        let place = component.first + x * component.step;
                        assert_eq!(owner[place].replace(c), None, "{format}");
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_of_planes() {
        let size = |format: PixelFormat, plane| format.layout().plane_size(plane, 63, 47);
        assert_eq!(size(PixelFormat::I420, 0), (63, 47));
        assert_eq!(size(PixelFormat::I420, 2), (32, 24));
        assert_eq!(size(PixelFormat::Nv21, 1), (64, 24));
        assert_eq!(size(PixelFormat::Y42b, 1), (32, 47));
        assert_eq!(size(PixelFormat::Y41b, 1), (16, 47));
        assert_eq!(size(PixelFormat::Yuy2, 0), (128, 47));
        assert_eq!(size(PixelFormat::Xrgb, 0), (252, 47));
        assert_eq!(size(PixelFormat::P010Le, 1), (128, 24));
    }
}
