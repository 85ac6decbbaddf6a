//! Colours for a frame: chroma brought up to its size and put beside its own luma.

mod bilateral;

use ndarray::ArrayRef3;

use super::colour::{Encode, Luma};
use super::format::{ColourModel, Layout, PixelFormat};
use super::frame::FrameMut;
use super::samples::{add_rows, write_row};
use bilateral::{Gap, Near, Token, add_row, codes_of_row, means, mix_row};

/// Why a frame cannot be given colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColorizeError {
    /// A frame in a format that cannot hold colours.
    #[error("a {0} frame holds no colours")]
    Grey(PixelFormat),
    /// An array that is no chroma map.
    #[error("array of shape {0:?} as chroma: 2 planes of tokens are needed")]
    Chroma([usize; 3]),
}

/// Colours frames, keeping its buffers, so that nothing is allocated after the first frame of a size.
///
/// Each sample takes the mean chroma of the four tokens around it, weighted by how near they are and by how alike their
/// luma is to the sample's own, so that colours end where things do (joint bilateral upsampling: Kopf, Cohen, Lischinski,
/// Uyttendaele, SIGGRAPH 2007). Chroma that cannot be shown at a sample's luma is paled until it can.
#[derive(Clone, Debug, Default)]
pub struct Colorizer {
    /// Luma of every pixel of the frame, and of every token.
    luma: Vec<f32>,
    tokens: Vec<f32>,
    /// How far each sample of a row is on the way from the token left of it to the one right of it.
    shares: Vec<f32>,
    gaps: Vec<Gap>,
    /// Of a row: sums over the rows of pixels it stands for, its samples' luma, chroma and codes.
    sums: Vec<f32>,
    means: Vec<f32>,
    chroma: [Vec<f32>; 2],
    codes: [Vec<f32>; 3],
    samples: Vec<f32>,
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

impl Colorizer {
    /// With empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `frame` the colours of `chroma`, a [`super::ChromaMap`], in place of its own. In Y'CbCr its luma stays as it is, bit by bit; in RGB it is
    /// the luma (BT.601) of what was there. Samples that belong to no component (opacity, filling) stay as they are.
    ///
    /// # Errors
    /// [`ColorizeError`] when the frame is grey, or `chroma` has no tokens or not two planes.
    pub fn draw(
        &mut self,
        frame: &mut FrameMut<'_>,
        chroma: &ArrayRef3<f32>,
    ) -> Result<(), ColorizeError> {
        let layout = frame.format.layout();
        if layout.model == ColourModel::Grey {
            return Err(ColorizeError::Grey(frame.format));
        }
        let (planes, down, across) = chroma.dim();
        if planes != 2 || chroma.is_empty() {
            return Err(ColorizeError::Chroma([planes, down, across]));
        }
        let encode = Encode::new(&layout, frame.colorimetry);
        // In RGB all three components are written, in Y'CbCr the last two.
        let written = match layout.model {
            ColourModel::Yuv => 1..3,
            _ => 0..3,
        };
        let span = layout.span_of(written.start);
        let (width, height) = (frame.width, frame.height);
        self.read_luma(frame, &layout);
        self.average(width, height, (across, down));
        self.place_columns(width.div_ceil(span.0), span.0, width, across);
        for y in 0..height.div_ceil(span.1) {
            let rows = y * span.1..((y + 1) * span.1).min(height);
            self.sum(rows.clone(), width);
            means(&self.sums, span.0, rows.len(), &mut self.means);
            self.mix(chroma, Place::of(y, span.1, height, down));
            codes_of_row(&encode, &self.means, &self.chroma, &mut self.codes);
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
                let row = frame.row(component.plane, y);
                if component.step == 1 {
                    add_rows(layout.sample, to, [row, row], [factor, 0.0]);
                    continue;
                }
                self.samples.clear();
                self.samples.resize(samples, 0.0);
                add_rows(layout.sample, &mut self.samples, [row, row], [factor, 0.0]);
                let own = self.samples.iter().skip(component.first);
                for (to, from) in to.iter_mut().zip(own.step_by(component.step)) {
                    *to += from;
                }
            }
        }
    }

    /// Adds rows of luma up, column by column.
    fn sum(&mut self, rows: std::ops::Range<usize>, width: usize) {
        self.sums.clear();
        self.sums.resize(width, 0.0);
        for row in self.luma[rows.start * width..rows.end * width].chunks_exact(width) {
            add_row(&mut self.sums, row);
        }
    }

    /// The mean luma under every token.
    fn average(&mut self, width: usize, height: usize, (across, down): (usize, usize)) {
        // A frame smaller than the map leaves tokens without a pixel of their own: they have that of the pixel they lie in.
        let pixels = |token: usize, tokens: usize, side: usize| {
            let first = token * side / tokens;
            first..((token + 1) * side / tokens).max(first + 1)
        };
        self.tokens.clear();
        for v in 0..down {
            let rows = pixels(v, down, height);
            self.sum(rows.clone(), width);
            for u in 0..across {
                let columns = pixels(u, across, width);
                let count = (rows.len() * columns.len()) as f32;
                let sum: f32 = self.sums[columns].iter().sum();
                self.tokens.push(sum / count);
            }
        }
    }

    /// Finds the columns of tokens that each of a row's samples, of `span` pixels, lies between.
    fn place_columns(&mut self, samples: usize, span: usize, width: usize, tokens: usize) {
        self.shares.clear();
        self.gaps.clear();
        for x in 0..samples {
            let place = Place::of(x, span, width, tokens);
            self.shares.push(place.share);
            match self.gaps.last_mut() {
                Some(gap) if gap.tokens == place.tokens => gap.samples.end = x + 1,
                _ => self.gaps.push(Gap {
                    samples: x..x + 1,
                    tokens: place.tokens,
                }),
            }
        }
    }

    /// The chroma of a row of samples, which lies `down` between two rows of tokens.
    fn mix(&mut self, chroma: &ArrayRef3<f32>, down: Place) {
        let token = |row: usize, column: usize| {
            let at = down.tokens[row];
            Token {
                luma: self.tokens[at * chroma.dim().2 + column],
                chroma: [0, 1].map(|c| chroma[[c, at, column]]),
                weight: down.weights()[row],
            }
        };
        let near = |gap: &Gap| Near {
            left: [0, 1].map(|row| token(row, gap.tokens[0])),
            right: [0, 1].map(|row| token(row, gap.tokens[1])),
        };
        mix_row(
            &self.means,
            &self.shares,
            &self.gaps,
            near,
            &mut self.chroma,
        );
    }
}

#[cfg(test)]
mod tests;
