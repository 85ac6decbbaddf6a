//! The search for the patches of a level, and the ways of its pixels.

use multiversion::multiversion;

use super::patch::{Patch, Way};
use super::pyramid::{Level, PATCH, Plane};

/// Distance between neighbouring patches.
const GRID: usize = 4;

/// What has been found at a level, for the next finer one.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    width: usize,
    height: usize,
    /// Ways of all pixels of the level, to the right and down.
    ways: [Vec<f32>; 2],
    /// Sums of the weights of patches over each pixel.
    weights: Vec<f32>,
    /// Patches of the level, row by row, with how badly they fit.
    patches: Vec<(Way, f32)>,
}

/// Places along a side at which patches begin, the last one at the end.
fn places(side: usize) -> usize {
    (side - PATCH).div_ceil(GRID) + 1
}

fn place(number: usize, side: usize) -> usize {
    (number * GRID).min(side - PATCH)
}

impl Search {
    /// Ways of all pixels, to the right and down, in rows of [`Search::width`].
    pub fn ways(&self) -> [&[f32]; 2] {
        self.ways.each_ref().map(Vec::as_slice)
    }

    /// Width of the level.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Finds the ways of a level, `coarsest` first.
    pub fn level(&mut self, frame: &Level, before: &Level, coarsest: bool, finest: bool) {
        let Plane { width, height, .. } = frame.luma;
        let (across, down) = (places(width), places(height));
        self.patches.clear();
        for v in 0..down {
            for u in 0..across {
                let (left, top) = (place(u, width), place(v, height));
                let start = if coarsest {
                    [0.0; 2]
                } else {
                    self.coarser(left, top)
                };
                self.patches.push((start, f32::INFINITY));
            }
        }
        find(
            frame,
            &before.luma,
            &mut self.patches,
            (across, down),
            !finest,
        );
        (self.width, self.height) = (width, height);
        for plane in self.ways.iter_mut().chain([&mut self.weights]) {
            plane.clear();
            plane.resize(width * height, 0.0);
        }
        spread(
            frame,
            &before.luma,
            &self.patches,
            across,
            &mut self.ways,
            &mut self.weights,
        );
    }

    /// What the coarser level, which is still in place, has found for the middle of a patch.
    fn coarser(&self, left: usize, top: usize) -> Way {
        let x = ((left + PATCH / 2) / 2).min(self.width - 1);
        let y = ((top + PATCH / 2) / 2).min(self.height - 1);
        self.ways
            .each_ref()
            .map(|ways| 2.0 * ways[y * self.width + x])
    }
}

/// Searches for all patches, each from the best of where it starts and what its neighbours have found: from the upper left
/// to the lower right and, if `twice`, back again.
#[multiversion(targets("x86_64+avx2"))]
fn find(
    frame: &Level,
    before: &Plane,
    patches: &mut [(Way, f32)],
    (across, down): (usize, usize),
    twice: bool,
) {
    let Plane { width, height, .. } = frame.luma;
    for v in 0..down {
        for u in 0..across {
            let at = v * across + u;
            let patch = Patch::of(frame, place(u, width), place(v, height));
            let mut start = patches[at].0;
            let mut cost = patch.cost(before, start);
            let left = (u > 0).then(|| at - 1);
            let above = (v > 0).then(|| at - across);
            for neighbour in [left, above].into_iter().flatten() {
                let other = patches[neighbour].0;
                if is_near(other, start) {
                    continue;
                }
                let found = patch.cost(before, other);
                if found < cost {
                    (start, cost) = (other, found);
                }
            }
            patches[at] = patch.search(before, start);
        }
    }
    if !twice {
        return;
    }
    for v in (0..down).rev() {
        for u in (0..across).rev() {
            let at = v * across + u;
            let patch = Patch::of(frame, place(u, width), place(v, height));
            let right = (u + 1 < across).then(|| at + 1);
            let below = (v + 1 < down).then(|| at + across);
            let mut better = None;
            for neighbour in [right, below].into_iter().flatten() {
                let other = patches[neighbour].0;
                if is_near(other, patches[at].0) {
                    continue;
                }
                let found = patch.cost(before, other);
                if found < better.map_or(patches[at].1, |(_, cost)| cost) {
                    better = Some((other, found));
                }
            }
            if let Some((other, _)) = better {
                patches[at] = patch.search(before, other);
            }
        }
    }
}

/// Whether two ways are the same but for what a search makes up.
#[inline(always)]
fn is_near(a: Way, b: Way) -> bool {
    (a[0] - b[0]).abs() < 0.25 && (a[1] - b[1]).abs() < 0.25
}

/// Gives every pixel the mean way of the patches over it. A patch counts for a pixel as it fits there.
#[multiversion(targets("x86_64+avx2"))]
fn spread(
    frame: &Level,
    before: &Plane,
    patches: &[(Way, f32)],
    across: usize,
    ways: &mut [Vec<f32>; 2],
    weights: &mut [f32],
) {
    let Plane { width, height, .. } = frame.luma;
    let [right, down] = ways;
    for (at, (way, _)) in patches.iter().enumerate() {
        let (left, top) = (place(at % across, width), place(at / across, height));
        let patch = Patch::of(frame, left, top);
        let differences = patch.differences(before, *way);
        for (y, row) in differences.as_chunks::<PATCH>().0.iter().enumerate() {
            let first = (top + y) * width + left;
            let right = &mut right[first..][..PATCH];
            let down = &mut down[first..][..PATCH];
            let weights = &mut weights[first..][..PATCH];
            for x in 0..PATCH {
                let weight = 1.0 / (row[x] * row[x]).max(1.0);
                right[x] += weight * way[0];
                down[x] += weight * way[1];
                weights[x] += weight;
            }
        }
    }
    for ((right, down), weight) in right.iter_mut().zip(down).zip(weights) {
        *right /= *weight;
        *down /= *weight;
    }
}
