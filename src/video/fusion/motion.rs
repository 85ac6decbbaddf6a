//! The motion from one frame to the next, as maps at stride 4 follow it.

use multiversion::multiversion;
use ndarray::{Array2, Array3, ArrayRef3};

use super::carry::{TOKEN, carry};
use super::reliability::reliability;
use crate::video::flow::{Flow, OpticalFlow, Plane, Pyramid};

/// Difference of luma, in steps of 8 bits, that leaves 1/e of the trust that two pixels show the same thing.
const TRUST: f32 = 12.0;
/// Half of the side of the square over which that difference is averaged.
const AROUND: usize = 3;

/// The motion from the frame before to the one that was seen last, for maps that have a token per 4x4 pixels.
#[derive(Clone, Debug, Default)]
pub struct Motion {
    search: OpticalFlow,
    /// The frame that was seen last.
    frame: Pyramid,
    /// Whether it is the one before the next.
    kept: bool,
    /// The one before it.
    before: Pyramid,
    has_before: bool,
    flow: Flow,
    /// The flow from the frame before to this one, at half the size.
    back: Flow,
    /// Differences of luma, then trust, of every pixel.
    trust: Vec<f32>,
    /// Memory for sums of differences.
    sums: Vec<f32>,
    /// For every token the place of its middle in the frame before, in tokens: across, down.
    places: Array2<[f32; 2]>,
    /// How far a token can be trusted to show what it showed there, from 0 to 1.
    tokens: Array2<f32>,
}

impl Motion {
    /// Forgets the frames: the next one follows none.
    pub fn clear(&mut self) {
        (self.has_before, self.kept) = (false, false);
    }

    /// Takes in a frame, RGB (height, width, 3), in place of one that was not kept. What lies beyond its last whole token
    /// does not count.
    pub fn see(&mut self, rgb: &ArrayRef3<u8>) {
        if std::mem::take(&mut self.kept) {
            std::mem::swap(&mut self.frame, &mut self.before);
            self.has_before = true;
        }
        self.frame.set(rgb);
    }

    /// Finds the motion from the frame that was kept last to the one that was seen last. Whether there is any: both have to
    /// be of one size.
    pub fn follow(&mut self) -> bool {
        let (height, width) = self.frame.dim();
        let tokens = (height / TOKEN, width / TOKEN);
        if self.tokens.dim() != tokens {
            self.tokens = Array2::zeros(tokens);
            self.places = Array2::from_elem(tokens, [0.0; 2]);
        }
        if self.kept {
            // It is the same one.
            self.tokens.fill(1.0);
            let places = self.places.indexed_iter_mut();
            places.for_each(|((v, u), place)| *place = [u as f32, v as f32]);
            return true;
        }
        if !self.has_before || self.before.dim() != self.frame.dim() {
            return false;
        }
        self.search
            .between(&self.frame, &self.before, &mut self.flow);
        self.search
            .between_halves(&self.before, &self.frame, &mut self.back);
        self.compare();
        self.gather();
        let reliability = reliability(&self.places, &self.back);
        self.tokens.mapv_inplace(|trust| trust * reliability);
        true
    }

    /// Has the frame that was seen last be the one before the next.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// How far every token can be trusted to show what it showed in the frame before, from 0 to 1: (height/4, width/4).
    pub fn trust(&self) -> &Array2<f32> {
        &self.tokens
    }

    /// Where the middle of every token was in the frame before, in tokens: across, down. It may lie outside.
    pub fn places(&self) -> &Array2<[f32; 2]> {
        &self.places
    }

    /// Carries maps (maps, height/4, width/4) of the frame before to the places of this one. Maps of another size are not.
    pub fn carry(&self, before: &Array3<f32>, carried: &mut Array3<f32>) -> bool {
        let (_, height, width) = before.dim();
        if self.places.dim() != (height, width) || before.is_empty() {
            return false;
        }
        if carried.dim() != before.dim() {
            *carried = Array3::zeros(before.dim());
        }
        let (from, places) = (before.as_slice(), self.places.as_slice());
        let (Some(from), Some(places), Some(to)) = (from, places, carried.as_slice_mut()) else {
            return false;
        };
        carry(from, (height, width), places, to);
        true
    }

    /// Trust of every pixel.
    fn compare(&mut self) {
        let (height, width) = self.frame.dim();
        self.trust.resize(height * width, 0.0);
        let (Some(frame), Some(before)) = (self.frame.luma(), self.before.luma()) else {
            return;
        };
        let flow = self.flow.as_slice().unwrap_or_default();
        let (right, down) = flow.split_at(flow.len() / 2);
        differences(
            frame,
            before,
            (width, height),
            [right, down],
            &mut self.trust,
        );
        // Trust comes into the place of differences, but not where the way leads out of the frame.
        box_means(&mut self.trust, width, AROUND, &mut self.sums);
        let (last_column, last_row) = ((width - 1) as f32, (height - 1) as f32);
        let rows = self.trust.chunks_exact_mut(width);
        let ways = right.chunks_exact(width).zip(down.chunks_exact(width));
        for (y, (row, (right, down))) in rows.zip(ways).enumerate() {
            for (x, (trust, (right, down))) in
                row.iter_mut().zip(right.iter().zip(down)).enumerate()
            {
                let (x, y) = (x as f32 + right, y as f32 + down);
                let inside = (0.0..=last_column).contains(&x) && (0.0..=last_row).contains(&y);
                *trust = if inside { (-*trust / TRUST).exp() } else { 0.0 };
            }
        }
    }

    /// Places and trust of tokens: the mean of the ways of their middle pixels, and of the trust of all of theirs.
    fn gather(&mut self) {
        let width = self.frame.dim().1;
        let flow = &self.flow;
        for ((v, u), place) in self.places.indexed_iter_mut() {
            let (y, x) = (v * TOKEN + TOKEN / 2, u * TOKEN + TOKEN / 2);
            let way = |axis: usize| {
                let middle = [(y - 1, x - 1), (y - 1, x), (y, x - 1), (y, x)];
                middle.iter().map(|&(y, x)| flow[[axis, y, x]]).sum::<f32>() / 4.0
            };
            let scale = 1.0 / TOKEN as f32;
            *place = [u as f32 + scale * way(0), v as f32 + scale * way(1)];
        }
        for ((v, u), token) in self.tokens.indexed_iter_mut() {
            let rows = (v * TOKEN..(v + 1) * TOKEN).map(|y| {
                let row = &self.trust[y * width + u * TOKEN..][..TOKEN];
                row.iter().sum::<f32>()
            });
            *token = rows.sum::<f32>() / (TOKEN * TOKEN) as f32;
        }
    }
}

/// Luma of every pixel less that of where it was, without sign; beyond the edges the frame before is black.
#[multiversion(targets("x86_64+avx2"))]
fn differences(
    frame: &Plane,
    before: &Plane,
    (width, height): (usize, usize),
    [right, down]: [&[f32]; 2],
    differences: &mut [f32],
) {
    let border = Plane::BORDER as f32;
    let stride = before.stride();
    let values = &before.values[..];
    // The border repeats the edges, and a pixel that comes from there is not trusted in any case.
    let most_x = (width + Plane::BORDER) as f32;
    let most_y = (height + Plane::BORDER) as f32;
    let rows = differences.chunks_exact_mut(width);
    let ways = right.chunks_exact(width).zip(down.chunks_exact(width));
    for (y, (row, (right, down))) in rows.zip(ways).enumerate() {
        let luma = &frame.row(y)[..width];
        for x in 0..width {
            let column = (x as f32 + right[x] + border).clamp(0.0, most_x);
            let line = (y as f32 + down[x] + border).clamp(0.0, most_y);
            let (left, top) = (column as usize, line as usize);
            let (a, b) = (column - left as f32, line - top as f32);
            let at = top * stride + left;
            let four = values.get(at..at + stride + 2).unwrap_or(&[]);
            let [Some(p), Some(q)] = [four.first_chunk::<2>(), four.last_chunk::<2>()] else {
                row[x] = f32::MAX;
                continue;
            };
            let above = p[0] + a * (p[1] - p[0]);
            let below = q[0] + a * (q[1] - q[0]);
            row[x] = (above + b * (below - above) - luma[x]).abs();
        }
    }
}

/// Replaces every value by the mean over a square that reaches `around` to every side, as far as it lies inside.
#[multiversion(targets("x86_64+avx2"))]
fn box_means(values: &mut [f32], width: usize, around: usize, sums: &mut Vec<f32>) {
    let height = values.len() / width.max(1);
    sums.clear();
    sums.resize(values.len(), 0.0);
    // Down the columns, from the rows as they are.
    for y in 0..height {
        let (first, last) = (y.saturating_sub(around), (y + around).min(height - 1));
        let to = &mut sums[y * width..][..width];
        let scale = 1.0 / (last - first + 1) as f32;
        for from in values[first * width..(last + 1) * width].chunks_exact(width) {
            for (to, from) in to.iter_mut().zip(from) {
                *to += scale * from;
            }
        }
    }
    for (to, from) in values.chunks_exact_mut(width).zip(sums.chunks_exact(width)) {
        for (x, to) in to.iter_mut().enumerate() {
            let (first, last) = (x.saturating_sub(around), (x + around).min(width - 1));
            *to = from[first..=last].iter().sum::<f32>() / (last - first + 1) as f32;
        }
    }
}
