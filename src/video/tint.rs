//! Chroma brought up to a frame's size and put beside the frame's own luma.

use super::chroma::ChromaMap;
use super::colour::{Encode, Luma, chroma_to_rgb};
use super::format::{ColourModel, Layout, PixelFormat};
use super::frame::FrameMut;
use super::samples::{add_rows, write_row};

/// How much luma may differ, in steps of 8 bits, before a token's chroma counts little for a sample (the standard deviation
/// of a Gaussian).
const ALIKE: f32 = 20.0;
/// What a token counts at least, so that a sample unlike all of them has a colour.
const LEAST: f32 = 1e-3;

/// A frame that cannot hold colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {0} frame holds no colours")]
pub struct TintError(pub PixelFormat);

/// Colours frames; keeps its buffers, so that nothing is allocated after the first frame of a size.
///
/// Each sample takes the mean chroma of the four tokens around it, weighted by how near they are and by how alike their
/// luma is to the sample's own, so that colours end where things do (joint bilateral upsampling: Kopf, Cohen, Lischinski,
/// Uyttendaele, SIGGRAPH 2007). Chroma that cannot be shown at a sample's luma is paled until it can.
#[derive(Clone, Debug)]
pub struct Tint {
    /// Weights by difference of luma, in steps of 8 bits.
    alike: Vec<f32>,
    /// Luma of every pixel of the frame, and of every token.
    luma: Vec<f32>,
    tokens: Vec<f32>,
    across: Vec<Place>,
    samples: Vec<f32>,
    codes: [Vec<f32>; 3],
}

impl Default for Tint {
    fn default() -> Self {
        Self::new()
    }
}

/// Between which two tokens a sample lies, and how far on the way from the first to the second.
#[derive(Clone, Copy, Debug)]
struct Place {
    tokens: [usize; 2],
    share: f32,
}

impl Place {
    /// Of sample `i` of `span` pixels on a side of `pixels`, over which `tokens` are spread.
    fn of(i: usize, span: usize, pixels: usize, tokens: usize) -> Self {
        let centre = (i as f64 + 0.5) * span as f64;
        let at = (centre * tokens as f64 / pixels as f64 - 0.5).clamp(0.0, (tokens - 1) as f64);
        let first = at as usize;
        Self {
            tokens: [first, (first + 1).min(tokens - 1)],
            share: (at - first as f64) as f32,
        }
    }

    fn weights(&self) -> [f32; 2] {
        [1.0 - self.share, self.share]
    }
}

impl Tint {
    /// With empty buffers.
    pub fn new() -> Self {
        let gauss = |d: u16| (-f32::from(d).powi(2) / (2.0 * ALIKE * ALIKE)).exp() + LEAST;
        Self {
            alike: (0..256).map(gauss).collect(),
            luma: vec![],
            tokens: vec![],
            across: vec![],
            samples: vec![],
            codes: Default::default(),
        }
    }

    /// Gives `frame` the colours of `chroma` in place of its own. In Y'CbCr its luma stays as it is, bit by bit; in RGB it is
    /// the luma (BT.601) of what was there. Samples that belong to no component (opacity, filling) stay as they are.
    ///
    /// # Errors
    /// [`TintError`] when the frame is grey.
    pub fn draw(&mut self, frame: &mut FrameMut<'_>, chroma: &ChromaMap) -> Result<(), TintError> {
        let layout = frame.format.layout();
        if layout.model == ColourModel::Grey {
            return Err(TintError(frame.format));
        }
        let encode = Encode::new(&layout, frame.colorimetry);
        self.read_luma(frame, &layout);
        self.average(frame.width, frame.height, (chroma.width(), chroma.height()));
        // In RGB all three components are written, in Y'CbCr the last two.
        let written = match layout.model {
            ColourModel::Yuv => 1..3,
            _ => 0..3,
        };
        let span = layout.span_of(written.start);
        let (width, height) = (frame.width, frame.height);
        let columns = width.div_ceil(span.0);
        self.across.clear();
        let places = (0..columns).map(|x| Place::of(x, span.0, width, chroma.width()));
        self.across.extend(places);
        for c in written.clone() {
            self.codes[c].resize(columns, 0.0);
        }
        for y in 0..height.div_ceil(span.1) {
            let down = Place::of(y, span.1, height, chroma.height());
            self.codes_of_row(&encode, chroma, (width, height), span, (y, down));
            for c in written.clone() {
                let component = layout.components()[c];
                let place = (component.first, component.step);
                let row = frame.row_mut(component.plane, y);
                write_row(layout.sample, row, place, &self.codes[c]);
            }
        }
        Ok(())
    }

    /// The luma of every pixel, from 0 to 255; codes beyond black and white are beyond these as well.
    fn read_luma(&mut self, frame: &FrameMut<'_>, layout: &Layout) {
        let frame = frame.as_ref();
        let luma = Luma::new(layout, frame.colorimetry);
        let (width, height) = (frame.width, frame.height);
        self.luma.clear();
        self.luma.resize(width * height, luma.offset);
        for (c, component) in layout.components().iter().enumerate() {
            let factor = luma.factors[c];
            if factor == 0.0 {
                continue;
            }
            let samples = layout.row_samples(component.plane, width);
            for (y, to) in self.luma.chunks_exact_mut(width).enumerate() {
                self.samples.clear();
                self.samples.resize(samples, 0.0);
                let row = frame.row(component.plane, y);
                add_rows(layout.sample, &mut self.samples, [row, row], [factor, 0.0]);
                let own = self.samples.iter().skip(component.first);
                for (to, from) in to.iter_mut().zip(own.step_by(component.step)) {
                    *to += from;
                }
            }
        }
    }

    /// The mean luma under every token.
    fn average(&mut self, width: usize, height: usize, (across, down): (usize, usize)) {
        self.tokens.clear();
        self.tokens.resize(across * down, 0.0);
        // A frame smaller than the map leaves tokens without a pixel of their own: they have that of the pixel they lie in.
        let pixels = |token: usize, tokens: usize, side: usize| {
            let first = token * side / tokens;
            first..((token + 1) * side / tokens).max(first + 1)
        };
        for (v, row) in self.tokens.chunks_exact_mut(across).enumerate() {
            let rows = pixels(v, down, height);
            for (u, mean) in row.iter_mut().enumerate() {
                let columns = pixels(u, across, width);
                let count = (rows.len() * columns.len()) as f32;
                let sums = rows.clone().map(|y| {
                    let row = &self.luma[y * width..][..width];
                    row[columns.clone()].iter().sum::<f32>()
                });
                *mean = sums.sum::<f32>() / count;
            }
        }
    }

    /// The codes of a row of samples.
    fn codes_of_row(
        &mut self,
        encode: &Encode,
        chroma: &ChromaMap,
        (width, height): (usize, usize),
        span: (usize, usize),
        (y, down): (usize, Place),
    ) {
        let across = chroma.width();
        let [cb, cr] = chroma.planes();
        let rows = y * span.1..((y + 1) * span.1).min(height);
        for (x, place) in self.across.iter().enumerate() {
            let columns = x * span.0..((x + 1) * span.0).min(width);
            let count = (rows.len() * columns.len()) as f32;
            let sums = rows
                .clone()
                .map(|y| self.luma[y * width..][columns.clone()].iter().sum::<f32>());
            let luma = sums.sum::<f32>() / count;
            let (mut sum, mut mass) = ([0.0; 2], 0.0);
            for (v, of_row) in down.tokens.into_iter().zip(down.weights()) {
                for (u, of_column) in place.tokens.into_iter().zip(place.weights()) {
                    let token = v * across + u;
                    // The cast saturates, and the table ends where it does.
                    let apart = (luma - self.tokens[token]).abs() as u8;
                    let weight = of_row * of_column * self.alike[usize::from(apart)];
                    mass += weight;
                    sum[0] += weight * cb[token];
                    sum[1] += weight * cr[token];
                }
            }
            let rgb = shown(luma, chroma_to_rgb(sum.map(|s| s / mass)));
            for (codes, code) in self.codes.iter_mut().zip(encode.real_codes(rgb)) {
                if let Some(to) = codes.get_mut(x) {
                    *to = code;
                }
            }
        }
    }
}

/// The colour of a luma with differences from it, these made smaller until no channel is below black or above white.
fn shown(luma: f32, differences: [f32; 3]) -> [f32; 3] {
    let room = |d: f32| {
        let room = if d > 0.0 { 255.0 - luma } else { luma };
        // Nothing needs room for nothing.
        if d == 0.0 { 1.0 } else { room / d.abs() }
    };
    let share = differences
        .map(room)
        .into_iter()
        .fold(1.0, f32::min)
        .max(0.0);
    differences.map(|d| luma + share * d)
}

#[cfg(test)]
mod tests;
