//! The motion from one frame to the next, as maps at stride 4 follow it.

use multiversion::multiversion;
use ndarray::{Array2, Array3, ArrayRef3};

use crate::video::flow::{Flow, OpticalFlow, Plane, Pyramid};

/// Pixels of a frame under a token of a map, on a side.
const TOKEN: usize = 4;
/// Difference of luma, in steps of 8 bits, that leaves 1/e of the trust that two pixels show the same thing.
const TRUST: f32 = 12.0;
/// Half of the side of the square over which that difference is averaged.
const AROUND: usize = 3;

/// The motion from the frame before to the one that was seen last, for maps with a token per 4x4 pixels.
#[derive(Clone, Debug, Default)]
pub struct Motion {
    search: OpticalFlow,
    /// The frame, and the one before.
    frame: Pyramid,
    before: Pyramid,
    /// Whether there has been one before.
    follows: bool,
    flow: Flow,
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
        self.follows = false;
    }

    /// Takes in a frame, RGB (height, width, 3). What lies beyond its last whole token does not count.
    pub fn advance(&mut self, rgb: &ArrayRef3<u8>) {
        std::mem::swap(&mut self.frame, &mut self.before);
        self.frame.set(rgb);
        let (height, width) = self.frame.dim();
        let tokens = (height / TOKEN, width / TOKEN);
        if self.tokens.dim() != tokens {
            self.tokens = Array2::zeros(tokens);
            self.places = Array2::from_elem(tokens, [0.0; 2]);
        }
        let follows = std::mem::replace(&mut self.follows, true);
        if !follows || self.before.dim() != self.frame.dim() {
            self.tokens.fill(0.0);
            return;
        }
        self.search
            .between(&self.frame, &self.before, &mut self.flow);
        self.compare();
        self.gather();
    }

    /// The flow of the last two frames' pixels, if one has followed the other.
    pub fn flow(&self) -> Option<&Flow> {
        self.follows.then_some(&self.flow)
    }

    /// How far every token can be trusted to show what it showed in the frame before, from 0 to 1: (height/4, width/4).
    pub fn trust(&self) -> &Array2<f32> {
        &self.tokens
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

    /// Mixes maps (maps, height/4, width/4) of the frame with those `before`, carried along; they count `most` times the
    /// trust. Maps of another size stay as they are. `moved` is memory.
    pub fn mix(
        &self,
        before: &Array3<f32>,
        maps: &mut Array3<f32>,
        most: f32,
        moved: &mut Array3<f32>,
    ) {
        let (count, height, width) = maps.dim();
        if before.dim() != maps.dim() || self.tokens.dim() != (height, width) || maps.is_empty() {
            return;
        }
        if moved.dim() != maps.dim() {
            *moved = Array3::zeros((count, height, width));
        }
        let (from, places) = (before.as_slice(), self.places.as_slice());
        if let (Some(from), Some(places), Some(to)) = (from, places, moved.as_slice_mut()) {
            carry(from, (height, width), places, to);
        }
        for (mut map, moved) in maps.outer_iter_mut().zip(moved.outer_iter()) {
            ndarray::Zip::from(&mut map)
                .and(&moved)
                .and(&self.tokens)
                .for_each(|now, moved, trust| *now += most * trust * (moved - *now));
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

/// Takes every token of all maps from its place, between tokens, clamped at the edges.
#[multiversion(targets("x86_64+avx2"))]
fn carry(from: &[f32], (height, width): (usize, usize), places: &[[f32; 2]], to: &mut [f32]) {
    let tokens = height * width;
    let (most_x, most_y) = ((width - 1) as f32, (height - 1) as f32);
    for (at, place) in places.iter().enumerate() {
        let (x, y) = (place[0].clamp(0.0, most_x), place[1].clamp(0.0, most_y));
        let (left, top) = (x as usize, y as usize);
        let (a, b) = (x - left as f32, y - top as f32);
        let (right, below) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
        let corners = [
            (top * width + left, (1.0 - a) * (1.0 - b)),
            (top * width + right, a * (1.0 - b)),
            (below * width + left, (1.0 - a) * b),
            (below * width + right, a * b),
        ];
        let maps = from.chunks_exact(tokens).zip(to.chunks_exact_mut(tokens));
        for (from, to) in maps {
            to[at] = corners.iter().map(|&(at, share)| share * from[at]).sum();
        }
    }
}
