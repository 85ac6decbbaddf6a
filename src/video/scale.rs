//! Scaling of frames to RGB images at model size, and of such images to frames.

use ndarray::ArrayRef3;

use super::colour::{Decode, Encode};
use super::format::{Layout, Sample};
use super::frame::{FrameError, FrameMut, FrameRef};
use super::resample::Resampler;
use super::samples::{add_rows, write_row};

/// Resampling across and down.
#[derive(Clone, Debug, Default)]
struct Grid {
    across: Resampler,
    down: Resampler,
}

/// Resizes and converts, keeping its buffers: for frames of one size nothing is allocated after the first.
///
/// The filter is a triangle as wide as the reduction (antialiased bilinear). Rows are summed first, so that a frame is
/// read once from top to bottom. Chroma is taken to lie in the middle of the pixels that share it; where it lies on the
/// left one, the shift is far below a pixel at model size.
#[derive(Clone, Debug, Default)]
pub struct Scaler {
    /// For the first component and for those that may be shared by pixels.
    smaller: [Grid; 2],
    larger: [Grid; 2],
    sums: Vec<f32>,
    line: Vec<f32>,
    /// A row of results for each component.
    results: [Vec<f32>; 3],
    /// An image for each component.
    images: [Vec<f32>; 3],
}

/// Which of two grids is that of a component.
fn grid(component: usize) -> usize {
    usize::from(component > 0)
}

impl Scaler {
    /// With empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `frame` to `out`, resized to its size, as full-range RGB (height, width, 3). Components are resized first
    /// and colours converted at the new size.
    ///
    /// # Errors
    /// [`FrameError`] when `out` is no RGB image.
    pub fn to_rgb(
        &mut self,
        frame: &FrameRef<'_>,
        out: &mut ArrayRef3<u8>,
    ) -> Result<(), FrameError> {
        let mut out = FrameMut::rgb(out)?;
        let width = out.width;
        let layout = frame.format.layout();
        let decode = Decode::new(&layout, frame.colorimetry);
        fit(&mut self.smaller, &layout, frame, (width, out.height));
        for results in &mut self.results {
            results.resize(width, 0.0);
        }
        for (y, to) in out.rows(0).enumerate() {
            for plane in 0..layout.planes() {
                self.plane_row(frame, &layout, plane, y);
            }
            let [a, b, c] = &self.results;
            decode.row([a, b, c], to);
        }
        Ok(())
    }

    /// Results of row `y` for the components in a plane.
    fn plane_row(&mut self, frame: &FrameRef<'_>, layout: &Layout, plane: usize, y: usize) {
        let samples = layout.row_samples(plane, frame.width);
        for (i, (c, component)) in layout.in_plane(plane).enumerate() {
            let Grid { across, down } = &self.smaller[grid(c)];
            if i == 0 {
                self.sums.clear();
                self.sums.resize(samples + across.padding(), 0.0);
                sum_rows(
                    layout.sample,
                    &mut self.sums[..samples],
                    down.taps(y),
                    |y| frame.row(plane, y),
                );
            }
            let line = if component.step == 1 {
                &self.sums
            } else {
                let apart = self.sums[..samples].iter().skip(component.first);
                self.line.clear();
                self.line.extend(apart.step_by(component.step));
                self.line.resize(self.line.len() + across.padding(), 0.0);
                &self.line
            };
            across.apply(line, &mut self.results[c]);
        }
    }

    /// Fills `frame` with an RGB image (height, width, 3), scaled to it, in the frame's own format and colorimetry.
    /// Samples that belong to no component (opacity, filling) stay as they are.
    ///
    /// # Errors
    /// [`FrameError`] when `rgb` is no RGB image.
    pub fn paint_rgb(
        &mut self,
        frame: &mut FrameMut<'_>,
        rgb: &ArrayRef3<u8>,
    ) -> Result<(), FrameError> {
        let picture = FrameRef::rgb(rgb)?;
        let (width, height) = (picture.width, picture.height);
        let layout = frame.format.layout();
        let encode = Encode::new(&layout, frame.colorimetry);
        for image in &mut self.images {
            image.resize(width * height, 0.0);
        }
        for (i, &pixel) in picture.planes[0].0.as_chunks::<3>().0.iter().enumerate() {
            for (image, code) in self.images.iter_mut().zip(encode.codes(pixel)) {
                image[i] = code;
            }
        }
        for (c, component) in layout.components().iter().enumerate() {
            let span = layout.span_of(c);
            let columns = frame.width.div_ceil(span.0);
            let rows = frame.height.div_ceil(span.1);
            let Grid { across, down } = &mut self.larger[grid(c)];
            // Part of the last sample may lie outside the frame, and so outside the image.
            let spread = |side: usize, samples: usize, span: usize, frame: usize| {
                (side * samples * span) as f64 / frame as f64
            };
            across.fit(width, spread(width, columns, span.0, frame.width), columns);
            down.fit(height, spread(height, rows, span.1, frame.height), rows);
            let image = &self.images[c];
            let results = &mut self.results[c];
            results.resize(columns, 0.0);
            for (y, row) in frame.rows(component.plane).enumerate() {
                self.sums.clear();
                self.sums.resize(width + across.padding(), 0.0);
                for (y, weight) in down.taps(y) {
                    let codes = &image[y * width..][..width];
                    for (sum, code) in self.sums.iter_mut().zip(codes) {
                        *sum += weight * code;
                    }
                }
                across.apply(&self.sums, results);
                let place = (component.first, component.step);
                write_row(layout.sample, row, place, results);
            }
        }
        Ok(())
    }
}

/// Weights that bring a frame's components to a size.
fn fit(grids: &mut [Grid; 2], layout: &Layout, frame: &FrameRef<'_>, to: (usize, usize)) {
    for c in 0..layout.components().len() {
        let (right, below) = layout.span_of(c);
        let (width, height) = (frame.width, frame.height);
        let Grid { across, down } = &mut grids[grid(c)];
        // Part of the last chroma sample lies outside a frame with an odd side.
        across.fit(width.div_ceil(right), width as f64 / right as f64, to.0);
        down.fit(height.div_ceil(below), height as f64 / below as f64, to.1);
    }
}

/// Adds weighted rows of samples, two at a time.
fn sum_rows<'a>(
    sample: Sample,
    sums: &mut [f32],
    mut weights: impl Iterator<Item = (usize, f32)>,
    row: impl Fn(usize) -> &'a [u8],
) {
    while let Some((y, weight)) = weights.next() {
        let (other, of_other) = weights.next().unwrap_or((y, 0.0));
        add_rows(sample, sums, [row(y), row(other)], [weight, of_other]);
    }
}

#[cfg(test)]
mod tests;
