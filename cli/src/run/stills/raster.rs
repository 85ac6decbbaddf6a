//! A picture as files hold it: samples, and what they stand for.

/// What samples stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Made to be shown: video, sRGB.
    Display,
    /// Printing density of a negative, as Cineon has it: 0.002 a code of 10 bits, black at 95, white at 685.
    Density,
    /// Light: 1 is white.
    Linear,
}

/// Samples, the components of a pixel one behind the other, rows without gaps.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Codes of so many bits, 8 to 16.
    Codes { bits: u32, values: Vec<u16> },
    /// Numbers in floating point.
    Float(Vec<f32>),
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    pub width: usize,
    pub height: usize,
    /// 1 for grey, 3 for red, green and blue.
    pub components: usize,
    pub samples: Samples,
    pub encoding: Encoding,
}
