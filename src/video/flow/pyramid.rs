//! The luma of a frame at several sizes, smoothed, with its gradients.

use multiversion::multiversion;
use ndarray::ArrayRef3;

use crate::video::colour::pixels;

/// Side of the patches that are looked for.
pub(super) const PATCH: usize = 8;
/// How far a patch may reach beyond the edges of the frame before.
pub(super) const REACH: usize = 16;
/// Half of a Gaussian of deviation 1, from the middle on.
const GAUSS: [f32; 4] = [0.399_05, 0.242_036, 0.054_005, 0.004_433];

/// The luma of a frame, smoothed by a Gaussian of one pixel, at its size and at halves of it.
#[derive(Clone, Debug, Default)]
pub struct Pyramid {
    /// Height and width of the frame.
    size: (usize, usize),
    levels: Vec<Level>,
    /// Rows being smoothed.
    rows: Vec<f32>,
}

/// One size of a frame. Both sides hold a patch at least.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub luma: Plane,
    /// Change of luma to the right and down, per pixel.
    pub gradients: [Vec<f32>; 2],
}

/// A plane with a border that repeats its edges.
#[derive(Clone, Debug, Default)]
pub(in crate::video) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Plane {
    /// Width of the border.
    pub const BORDER: usize = REACH;

    /// Length of a row, border included.
    pub fn stride(&self) -> usize {
        self.width + 2 * Self::BORDER
    }

    fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        let values = self.stride() * (height + 2 * Self::BORDER);
        self.values.resize(values, 0.0);
    }

    /// A row without its border.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.values[(y + Self::BORDER) * self.stride() + Self::BORDER..][..self.width]
    }

    fn row_mut(&mut self, y: usize) -> &mut [f32] {
        let first = (y + Self::BORDER) * self.stride() + Self::BORDER;
        &mut self.values[first..][..self.width]
    }

    /// Repeats the edges in the border.
    fn extend(&mut self) {
        let (stride, border) = (self.stride(), Self::BORDER);
        for row in self.values.chunks_exact_mut(stride) {
            let (first, last) = (row[border], row[stride - border - 1]);
            row[..border].fill(first);
            row[stride - border..].fill(last);
        }
        let last = (self.height + border - 1) * stride;
        for y in 0..border {
            self.values
                .copy_within(border * stride..(border + 1) * stride, y * stride);
            let below = (self.height + border + y) * stride;
            self.values.copy_within(last..last + stride, below);
        }
    }
}

impl Pyramid {
    /// Height and width of the frame.
    pub fn dim(&self) -> (usize, usize) {
        self.size
    }

    /// The luma, smoothed, at the frame's size, which is a patch's at least.
    pub(in crate::video) fn luma(&self) -> Option<&Plane> {
        self.levels.first().map(|level| &level.luma)
    }

    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Takes in a frame, RGB (height, width, 3).
    pub fn set(&mut self, rgb: &ArrayRef3<u8>) {
        let rgb = rgb.as_standard_layout();
        let (height, width, _) = rgb.dim();
        self.size = (height, width);
        if rgb.is_empty() {
            self.levels.clear();
            return;
        }
        let (wide, high) = (width.max(PATCH), height.max(PATCH));
        let sizes = std::iter::successors(Some((wide, high)), |(w, h)| {
            let half = (w / 2, h / 2);
            (half.0.min(half.1) >= 2 * PATCH).then_some(half)
        });
        let sizes: Vec<_> = sizes.collect();
        self.levels.resize_with(sizes.len(), Level::default);
        for (level, (w, h)) in self.levels.iter_mut().zip(sizes) {
            level.luma.resize(w, h);
            for gradients in &mut level.gradients {
                gradients.resize(w * h, 0.0);
            }
        }
        let luma = &mut self.levels[0].luma;
        for (y, pixels) in pixels(&rgb).chunks_exact(width).enumerate() {
            luma_of(pixels, &mut luma.row_mut(y)[..width]);
            let last = luma.row(y)[width - 1];
            luma.row_mut(y)[width..].fill(last);
        }
        for y in height..high {
            let row = luma.row(height - 1).to_vec();
            luma.row_mut(y).copy_from_slice(&row);
        }
        luma.extend();
        smooth(luma, &mut self.rows);
        luma.extend();
        for at in 1..self.levels.len() {
            let (finer, coarser) = self.levels.split_at_mut(at);
            let (finer, coarser) = (&finer[at - 1].luma, &mut coarser[0].luma);
            for y in 0..coarser.height {
                halve([finer.row(2 * y), finer.row(2 * y + 1)], coarser.row_mut(y));
            }
            coarser.extend();
        }
        for level in &mut self.levels {
            gradients(&level.luma, &mut level.gradients);
        }
    }
}

fn luma_of(pixels: &[[u8; 3]], luma: &mut [f32]) {
    for (luma, pixel) in luma.iter_mut().zip(pixels) {
        let [red, green, blue] = pixel.map(f32::from);
        *luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    }
}

/// Smooths a plane whose border is filled; afterwards the border is not.
#[multiversion(targets("x86_64+avx2"))]
fn smooth(plane: &mut Plane, rows: &mut Vec<f32>) {
    let (width, height, stride) = (plane.width, plane.height, plane.stride());
    let border = Plane::BORDER;
    rows.resize(height * stride, 0.0);
    for (y, row) in rows.chunks_exact_mut(stride).enumerate() {
        let line = |offset: usize| &plane.values[(y + border + offset - 3) * stride..][..stride];
        let lines: [&[f32]; 7] = [0, 1, 2, 3, 4, 5, 6].map(line);
        for (x, value) in row.iter_mut().enumerate() {
            *value = GAUSS[0] * lines[3][x]
                + GAUSS[1] * (lines[2][x] + lines[4][x])
                + GAUSS[2] * (lines[1][x] + lines[5][x])
                + GAUSS[3] * (lines[0][x] + lines[6][x]);
        }
    }
    for (y, row) in rows.chunks_exact(stride).enumerate() {
        let line = |offset: usize| &row[border + offset - 3..][..width];
        let lines: [&[f32]; 7] = [0, 1, 2, 3, 4, 5, 6].map(line);
        for (x, value) in plane.row_mut(y).iter_mut().enumerate() {
            *value = GAUSS[0] * lines[3][x]
                + GAUSS[1] * (lines[2][x] + lines[4][x])
                + GAUSS[2] * (lines[1][x] + lines[5][x])
                + GAUSS[3] * (lines[0][x] + lines[6][x]);
        }
    }
}

/// Means of four pixels.
#[multiversion(targets("x86_64+avx2"))]
fn halve(rows: [&[f32]; 2], half: &mut [f32]) {
    let [above, below] = rows.map(|row| row.as_chunks::<2>().0);
    for ((half, a), b) in half.iter_mut().zip(above).zip(below) {
        *half = (a[0] + a[1] + b[0] + b[1]) / 4.0;
    }
}

/// Central differences.
#[multiversion(targets("x86_64+avx2"))]
fn gradients(luma: &Plane, gradients: &mut [Vec<f32>; 2]) {
    let (width, stride, border) = (luma.width, luma.stride(), Plane::BORDER);
    let [right, down] = gradients;
    let rows = right.chunks_exact_mut(width);
    for (y, (right, down)) in rows.zip(down.chunks_exact_mut(width)).enumerate() {
        let line = |dx: usize, dy: usize| {
            let first = (y + border + dy - 1) * stride + border + dx - 1;
            &luma.values[first..][..width]
        };
        let (left, other) = (line(0, 1), line(2, 1));
        for ((right, a), b) in right.iter_mut().zip(left).zip(other) {
            *right = (b - a) / 2.0;
        }
        let (above, below) = (line(1, 0), line(1, 2));
        for ((down, a), b) in down.iter_mut().zip(above).zip(below) {
            *down = (b - a) / 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::Rgb;

    #[test]
    fn every_level_is_half_of_the_one_before_and_keeps_the_mean() {
        let rgb = Rgb::from_shape_fn((70, 101, 3), |(y, x, _)| (x + y) as u8);
        let mut pyramid = Pyramid::default();
        pyramid.set(&rgb);
        let sizes = pyramid
            .levels()
            .iter()
            .map(|l| (l.luma.width, l.luma.height));
        assert_eq!(sizes.collect::<Vec<_>>(), [(101, 70), (50, 35), (25, 17)]);
        for (n, level) in pyramid.levels().iter().enumerate() {
            let side = 2f32.powi(n as i32);
            // A pixel of a level covers `side` pixels of the frame.
            let wanted = |at: usize| (at as f32 + 0.5) * side - 0.5;
            let found = level.luma.row(6)[8];
            assert!((found - wanted(8) - wanted(6)).abs() < 0.05, "{found}");
            for gradients in &level.gradients {
                let found = gradients[6 * level.luma.width + 8];
                assert!((found - side).abs() < 0.05, "{found}");
            }
        }
    }

    #[test]
    fn small_frames_have_one_level_as_large_as_a_patch() {
        let mut pyramid = Pyramid::default();
        for (height, width) in [(1, 1), (3, 20), (9, 2)] {
            pyramid.set(&Rgb::from_elem((height, width, 3), 80));
            assert_eq!(pyramid.dim(), (height, width));
            let [level] = pyramid.levels() else {
                panic!("{} levels", pyramid.levels().len());
            };
            let size = (level.luma.width, level.luma.height);
            assert_eq!(size, (width.max(PATCH), height.max(PATCH)));
            assert!(level.luma.values.iter().all(|v| (v - 80.0).abs() < 0.1));
        }
        pyramid.set(&Rgb::zeros((0, 4, 3)));
        assert!(pyramid.luma().is_none());
    }
}
