//! A patch of a frame, and its place in the frame before.

use super::pyramid::{Level, PATCH, Plane, REACH};

const AREA: usize = PATCH * PATCH;
/// Gauss-Newton steps per patch and level.
const STEPS: usize = 6;
/// A step shorter than this, in pixels, is the last.
const SHORT: f32 = 0.02;
/// What is added to the squared gradients of a patch: less of it than noise has is no reason to move.
const DAMPING: f32 = 16.0;

/// A way in pixels, to the right and down.
pub(super) type Way = [f32; 2];

/// A patch of a frame with what does not depend on where it is looked for.
pub(super) struct Patch {
    pub left: usize,
    pub top: usize,
    luma: [f32; AREA],
    gradients: [[f32; AREA]; 2],
    /// Means of the gradients.
    means: Way,
    /// Inverse of the matrix of squared gradients around their means: its diagonal, then the other element.
    inverse: [f32; 3],
    /// Farthest places of the upper left corner in the frame before.
    most: Way,
}

#[inline(always)]
fn sum(lanes: [f32; PATCH]) -> f32 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

impl Patch {
    #[inline(always)]
    pub fn of(level: &Level, left: usize, top: usize) -> Self {
        let width = level.luma.width;
        let (mut luma, mut gradients) = ([0.0; AREA], [[0.0; AREA]; 2]);
        let [right, down] = &mut gradients;
        let rows = luma.as_chunks_mut::<PATCH>().0.iter_mut();
        let rows = rows.zip(right.as_chunks_mut::<PATCH>().0);
        let rows = rows.zip(down.as_chunks_mut::<PATCH>().0);
        let mut sums = [[0.0; PATCH]; 5];
        for (y, ((luma, right), down)) in rows.enumerate() {
            let first = (top + y) * width + left;
            luma.copy_from_slice(&level.luma.row(top + y)[left..][..PATCH]);
            right.copy_from_slice(&level.gradients[0][first..][..PATCH]);
            down.copy_from_slice(&level.gradients[1][first..][..PATCH]);
            for x in 0..PATCH {
                sums[0][x] += right[x];
                sums[1][x] += down[x];
                sums[2][x] += right[x] * right[x];
                sums[3][x] += down[x] * down[x];
                sums[4][x] += right[x] * down[x];
            }
        }
        let [x, y, xx, yy, xy] = sums.map(sum);
        let means = [x / AREA as f32, y / AREA as f32];
        let xx = xx - x * means[0] + DAMPING;
        let yy = yy - y * means[1] + DAMPING;
        let xy = xy - x * means[1];
        let determinant = xx * yy - xy * xy;
        let most = |side: usize| (side + REACH - PATCH - 1) as f32;
        Self {
            left,
            top,
            luma,
            gradients,
            means,
            inverse: [yy, xx, -xy].map(|v| v / determinant),
            most: [most(level.luma.width), most(level.luma.height)],
        }
    }

    /// The nearest way that keeps the patch within reach of the frame before.
    #[inline(always)]
    fn within(&self, way: Way) -> Way {
        let least = -(REACH as f32);
        let [left, top] = [self.left as f32, self.top as f32];
        [
            (left + way[0]).clamp(least, self.most[0]) - left,
            (top + way[1]).clamp(least, self.most[1]) - top,
        ]
    }

    /// Luma of the frame before, `way` from the patch, less the patch's; the way lies within reach.
    #[inline(always)]
    pub fn differences(&self, before: &Plane, way: Way) -> [f32; AREA] {
        let border = Plane::BORDER as f32;
        let x = (self.left as f32 + way[0] + border).max(0.0);
        let y = (self.top as f32 + way[1] + border).max(0.0);
        let (column, row) = (x as usize, y as usize);
        let (right, down) = (x - column as f32, y - row as f32);
        let corners = [
            (1.0 - right) * (1.0 - down),
            right * (1.0 - down),
            (1.0 - right) * down,
            right * down,
        ];
        let stride = before.stride();
        let none = &[0.0; PATCH + 1];
        let line = |y: usize| {
            let values = before.values.get((row + y) * stride + column..);
            values.and_then(<[f32]>::first_chunk).unwrap_or(none)
        };
        let mut result = [0.0; AREA];
        let rows = result.as_chunks_mut::<PATCH>().0.iter_mut();
        let mut above: &[f32; PATCH + 1] = line(0);
        for (y, (result, luma)) in rows.zip(self.luma.as_chunks::<PATCH>().0).enumerate() {
            let below = line(y + 1);
            for x in 0..PATCH {
                result[x] = corners[0] * above[x]
                    + corners[1] * above[x + 1]
                    + corners[2] * below[x]
                    + corners[3] * below[x + 1]
                    - luma[x];
            }
            above = below;
        }
        result
    }

    /// How badly the patch fits: the sum of squared differences around their mean.
    #[inline(always)]
    pub fn cost(&self, before: &Plane, way: Way) -> f32 {
        let differences = self.differences(before, self.within(way));
        let mut sums = [[0.0; PATCH]; 2];
        for row in differences.as_chunks::<PATCH>().0 {
            for x in 0..PATCH {
                sums[0][x] += row[x];
                sums[1][x] += row[x] * row[x];
            }
        }
        let [sum, squares] = sums.map(sum);
        squares - sum * sum / AREA as f32
    }

    /// The way near `start` where the patch fits best, and how badly it fits there.
    #[inline(always)]
    pub fn search(&self, before: &Plane, start: Way) -> (Way, f32) {
        let start = self.within(start);
        let mut way = start;
        let mut best = (start, f32::INFINITY);
        for step in 0..=STEPS {
            let differences = self.differences(before, way);
            let mut sums = [[0.0; PATCH]; 4];
            let rows = differences.as_chunks::<PATCH>().0.iter();
            let gradients = self.gradients.each_ref().map(|g| g.as_chunks::<PATCH>().0);
            for ((row, right), down) in rows.zip(gradients[0]).zip(gradients[1]) {
                for x in 0..PATCH {
                    sums[0][x] += row[x];
                    sums[1][x] += row[x] * row[x];
                    sums[2][x] += row[x] * right[x];
                    sums[3][x] += row[x] * down[x];
                }
            }
            let [all, squares, x, y] = sums.map(sum);
            let cost = squares - all * all / AREA as f32;
            if cost >= best.1 {
                break;
            }
            best = (way, cost);
            let (x, y) = (x - all * self.means[0], y - all * self.means[1]);
            let [xx, yy, xy] = self.inverse;
            let move_by = [xx * x + xy * y, xy * x + yy * y];
            let next = self.within([way[0] - move_by[0], way[1] - move_by[1]]);
            let strays = (0..2).any(|i| (next[i] - start[i]).abs() > PATCH as f32);
            let short = (0..2).all(|i| (next[i] - way[i]).abs() < SHORT);
            if step == STEPS || strays || short {
                break;
            }
            way = next;
        }
        best
    }
}
