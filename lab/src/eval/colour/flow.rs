//! Flow between two frames by matching of blocks, and the flicker of colours along it.

use tttseg::video::bt601_chroma;

/// Side of the blocks that move as one, in pixels.
const BLOCK: usize = 8;
/// Steps to every side that are tried at each level.
const REACH: isize = 2;
/// Shortest side at which a coarser level is still made.
const SHORTEST: usize = 24;
/// Cost of every pixel away from the way of the coarser level, in levels of grey per pixel of the block: where all places
/// look the same, blocks stay together.
const STRAY: u32 = 1;
/// Largest difference of luma between a pixel and where it was, beyond which it was not there.
const FOUND: u8 = 10;

/// A small picture, interleaved RGB.
#[derive(Clone, Debug)]
pub(super) struct Small {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Grey {
    width: usize,
    height: usize,
    levels: Vec<u8>,
}

/// For each block of a frame the way to where it was in the frame before, in pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flow {
    across: usize,
    ways: Vec<(isize, isize)>,
}

impl Grey {
    fn of(picture: &Small) -> Self {
        let pixels = tttseg::video::grey(&picture.rgb);
        Self {
            width: picture.width,
            height: picture.height,
            levels: pixels.into_iter().step_by(3).collect(),
        }
    }

    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let level = |i: usize| {
            let at = i / width * 2 * self.width + i % width * 2;
            let four = [0, 1, self.width, self.width + 1].map(|d| u16::from(self.levels[at + d]));
            ((four.iter().sum::<u16>() + 2) / 4) as u8
        };
        Self {
            width,
            height,
            levels: (0..width * height).map(level).collect(),
        }
    }

    /// Sum of the differences between a block of this frame and the place `way` from it in another.
    fn cost(&self, before: &Self, (left, top): (usize, usize), way: (isize, isize)) -> Option<u32> {
        let (right, bottom) = (
            (left + BLOCK).min(self.width),
            (top + BLOCK).min(self.height),
        );
        let column = left.checked_add_signed(way.0)?;
        let line = top.checked_add_signed(way.1)?;
        let wide = right - left;
        if column + wide > self.width || line + bottom - top > self.height {
            return None;
        }
        let rows = (top..bottom).zip(line..);
        let sums = rows.map(|(y, from)| {
            let here = &self.levels[y * self.width + left..][..wide];
            let there = &before.levels[from * self.width + column..][..wide];
            let apart = here
                .iter()
                .zip(there)
                .map(|(a, b)| u32::from(a.abs_diff(*b)));
            apart.sum::<u32>()
        });
        Some(sums.sum())
    }
}

impl Flow {
    /// From `frame` back to `before`, of the same size: blocks are matched by their luma, from coarse to fine.
    pub fn between(frame: &Small, before: &Small) -> Self {
        let mut levels = vec![(Grey::of(frame), Grey::of(before))];
        while let Some((frame, before)) = levels.last()
            && frame.width.min(frame.height) >= 2 * SHORTEST
        {
            let next = (frame.halved(), before.halved());
            levels.push(next);
        }
        let mut flow = Self {
            across: 1,
            ways: vec![(0, 0)],
        };
        for (number, (frame, before)) in levels.iter().enumerate().rev() {
            let coarsest = number + 1 == levels.len();
            flow = flow.refined(frame, before, coarsest);
        }
        flow
    }

    fn refined(&self, frame: &Grey, before: &Grey, coarsest: bool) -> Self {
        let across = frame.width.div_ceil(BLOCK);
        let down = frame.height.div_ceil(BLOCK);
        let above = self.ways.len() / self.across;
        let mut ways = Vec::with_capacity(across * down);
        // At the coarsest level there is nothing to start from, and everything within reach of a large motion is tried.
        let reach = if coarsest { 4 * REACH } else { REACH };
        for v in 0..down {
            for u in 0..across {
                let at = (v / 2).min(above - 1) * self.across + (u / 2).min(self.across - 1);
                let (x, y) = self.ways[at];
                let start = (2 * x, 2 * y);
                let place = (u * BLOCK, v * BLOCK);
                let steps = (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| (x, y)));
                let tried = steps.filter_map(|(x, y)| {
                    let way = (start.0 + x, start.1 + y);
                    let cost = frame.cost(before, place, way)?;
                    let stray = (x.unsigned_abs() + y.unsigned_abs()) as u32;
                    Some((cost + stray * STRAY * (BLOCK * BLOCK) as u32 / 4, way))
                });
                ways.push(tried.min().map_or((0, 0), |(_, way)| way));
            }
        }
        Self { across, ways }
    }
}

/// Mean difference of chroma, in steps of 8 bits, between the pixels of a frame and where they were in the frame before,
/// over those that are found again by the luma of the true pictures. `frames` are the pictures whose colours are judged,
/// `truth` the true ones: each the one before, then this one, all of one size. None where nothing is found again.
pub(super) fn flicker(flow: &Flow, frames: [&Small; 2], truth: [&Small; 2]) -> Option<f64> {
    let [before, frame] = frames;
    let lumas = truth.map(|picture| Grey::of(picture).levels);
    let (width, height) = (frame.width, frame.height);
    let (mut sum, mut count) = (0.0, 0_u64);
    let [old_colours, colours] = [before, frame].map(|picture| picture.rgb.as_chunks::<3>().0);
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = flow.ways[y / BLOCK * flow.across + x / BLOCK];
            let (Some(u), Some(v)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) else {
                continue;
            };
            let (here, there) = (y * width + x, v * width + u);
            if u >= width || v >= height || lumas[1][here].abs_diff(lumas[0][there]) > FOUND {
                continue;
            }
            let [a, b] =
                [colours[here], old_colours[there]].map(|p| bt601_chroma(p.map(f32::from)));
            sum += f64::from((a[0] - b[0]).hypot(a[1] - b[1]));
            count += 1;
        }
    }
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 96;
    const HEIGHT: usize = 64;

    /// A picture of blobs seen from a place, in a colour.
    fn picture(left: usize, top: usize, tint: [u8; 3]) -> Small {
        let level = |x: usize, y: usize| {
            let (x, y) = ((x + left) as f32, (y + top) as f32);
            100.0 + 50.0 * (x / 5.0 + (y / 11.0).sin()).sin() + 40.0 * (y / 6.0 + x / 17.0).cos()
        };
        let rgb = (0..WIDTH * HEIGHT)
            .flat_map(|i| tint.map(|t| (level(i % WIDTH, i / WIDTH) as u8).saturating_add(t)));
        Small {
            width: WIDTH,
            height: HEIGHT,
            rgb: rgb.collect(),
        }
    }

    #[test]
    fn blocks_are_found_where_they_were() {
        for (dx, dy) in [(0, 0), (3, -2), (-7, 5), (11, 0)] {
            let before = picture(20, 20, [0; 3]);
            let left = 20_usize.checked_add_signed(dx).unwrap();
            let now = picture(left, 20_usize.checked_add_signed(dy).unwrap(), [0; 3]);
            let flow = Flow::between(&now, &before);
            let inside = flow.ways.iter().enumerate().filter(|(i, _)| {
                let (u, v) = (i % flow.across, i / flow.across);
                (2..flow.across - 2).contains(&u) && (1..HEIGHT / BLOCK - 1).contains(&v)
            });
            let (found, all) = inside.fold((0, 0), |(found, all), (_, way)| {
                (found + usize::from(*way == (dx, dy)), all + 1)
            });
            assert!(found * 10 >= all * 8, "{found} of {all} moved by {dx} {dy}");
        }
    }

    #[test]
    fn flicker_is_what_changes_along_the_way() {
        let truth = [picture(20, 20, [0; 3]), picture(23, 19, [0; 3])];
        let flow = Flow::between(&truth[1], &truth[0]);
        let truth = [&truth[0], &truth[1]];
        let still = flicker(&flow, truth, truth).unwrap();
        assert!(still < 0.5, "{still}");
        // Moving colours are no flicker, changing ones are.
        let [red, same, blue] = [
            picture(20, 20, [40, 0, 0]),
            picture(23, 19, [40, 0, 0]),
            picture(23, 19, [0, 0, 40]),
        ];
        let moved = flicker(&flow, [&red, &same], truth).unwrap();
        assert!(moved < 1.0, "{moved}");
        let changed = flicker(&flow, [&red, &blue], truth).unwrap();
        assert!((30.0..45.0).contains(&changed), "{changed}");
    }
}
