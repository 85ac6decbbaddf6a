//! Flow between two frames by matching of blocks, and the flicker of colours along it.

use tttseg::ndarray::{Array2, Zip, s};
use tttseg::video::{Rgb, bt601_chroma, grey};

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

/// Luma of every pixel: (height, width).
type Luma = Array2<u8>;

/// For each block of a frame, (down, across), the way to where it was in the frame before, right and down in pixels.
pub(super) type Flow = Array2<(isize, isize)>;

fn luma(picture: &Rgb) -> Luma {
    grey(picture).slice(s![.., .., 0]).to_owned()
}

/// Half as large on both sides: means of four.
fn halved(luma: &Luma) -> Luma {
    let (height, width) = luma.dim();
    Luma::from_shape_fn((height / 2, width / 2), |(y, x)| {
        let four = luma.slice(s![2 * y..2 * y + 2, 2 * x..2 * x + 2]);
        ((four.iter().copied().map(u16::from).sum::<u16>() + 2) / 4) as u8
    })
}

/// Sum of the differences between a block of a frame and the place `way` from it in the one before, if it lies within.
fn cost(
    frame: &Luma,
    before: &Luma,
    (left, top): (usize, usize),
    way: (isize, isize),
) -> Option<u32> {
    let (height, width) = frame.dim();
    let (wide, high) = (BLOCK.min(width - left), BLOCK.min(height - top));
    let column = left.checked_add_signed(way.0)?;
    let line = top.checked_add_signed(way.1)?;
    if column + wide > width || line + high > height {
        return None;
    }
    let here = frame.slice(s![top..top + high, left..left + wide]);
    let there = before.slice(s![line..line + high, column..column + wide]);
    Some(
        Zip::from(here)
            .and(there)
            .fold(0, |sum, a, b| sum + u32::from(a.abs_diff(*b))),
    )
}

/// From `frame` back to `before`, of the same size: blocks are matched by their luma, from coarse to fine.
pub(super) fn flow_between(frame: &Rgb, before: &Rgb) -> Flow {
    let mut levels = vec![(luma(frame), luma(before))];
    while let Some((frame, before)) = levels.last()
        && frame.nrows().min(frame.ncols()) >= 2 * SHORTEST
    {
        let next = (halved(frame), halved(before));
        levels.push(next);
    }
    let mut flow = Flow::default((1, 1));
    for (number, (frame, before)) in levels.iter().enumerate().rev() {
        let coarsest = number + 1 == levels.len();
        flow = refined(&flow, frame, before, coarsest);
    }
    flow
}

fn refined(flow: &Flow, frame: &Luma, before: &Luma, coarsest: bool) -> Flow {
    let blocks = (frame.nrows().div_ceil(BLOCK), frame.ncols().div_ceil(BLOCK));
    // At the coarsest level there is nothing to start from, and everything within reach of a large motion is tried.
    let reach = if coarsest { 4 * REACH } else { REACH };
    Flow::from_shape_fn(blocks, |(v, u)| {
        let (down, across) = flow.dim();
        let (x, y) = flow[[(v / 2).min(down - 1), (u / 2).min(across - 1)]];
        let start = (2 * x, 2 * y);
        let place = (u * BLOCK, v * BLOCK);
        let steps = (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| (x, y)));
        let tried = steps.filter_map(|(x, y)| {
            let way = (start.0 + x, start.1 + y);
            let cost = cost(frame, before, place, way)?;
            let stray = (x.unsigned_abs() + y.unsigned_abs()) as u32;
            Some((cost + stray * STRAY * (BLOCK * BLOCK) as u32 / 4, way))
        });
        tried.min().map_or((0, 0), |(_, way)| way)
    })
}

/// Mean difference of chroma, in steps of 8 bits, between the pixels of a frame and where they were in the frame before,
/// over those that are found again by the luma of the true pictures. `frames` are the pictures whose colours are judged,
/// `truth` the true ones: each the one before, then this one, all of one size. None where nothing is found again.
pub(super) fn flicker(flow: &Flow, frames: [&Rgb; 2], truth: [&Rgb; 2]) -> Option<f64> {
    let [before, frame] = frames;
    let lumas = truth.map(luma);
    let (height, width, _) = frame.dim();
    let (mut sum, mut count) = (0.0, 0_u64);
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = flow[[y / BLOCK, x / BLOCK]];
            let (Some(u), Some(v)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) else {
                continue;
            };
            if u >= width || v >= height || lumas[1][[y, x]].abs_diff(lumas[0][[v, u]]) > FOUND {
                continue;
            }
            let [a, b] = [(frame, y, x), (before, v, u)]
                .map(|(of, y, x)| bt601_chroma([0, 1, 2].map(|c| f32::from(of[[y, x, c]]))));
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
    fn picture(left: usize, top: usize, tint: [u8; 3]) -> Rgb {
        let level = |x: usize, y: usize| {
            let (x, y) = ((x + left) as f32, (y + top) as f32);
            100.0 + 50.0 * (x / 5.0 + (y / 11.0).sin()).sin() + 40.0 * (y / 6.0 + x / 17.0).cos()
        };
        Rgb::from_shape_fn((HEIGHT, WIDTH, 3), |(y, x, c)| {
            (level(x, y) as u8).saturating_add(tint[c])
        })
    }

    #[test]
    fn blocks_are_found_where_they_were() {
        for (dx, dy) in [(0, 0), (3, -2), (-7, 5), (11, 0)] {
            let before = picture(20, 20, [0; 3]);
            let left = 20_usize.checked_add_signed(dx).unwrap();
            let now = picture(left, 20_usize.checked_add_signed(dy).unwrap(), [0; 3]);
            let flow = flow_between(&now, &before);
            let inside = flow.slice(s![1..HEIGHT / BLOCK - 1, 2..WIDTH / BLOCK - 2]);
            let found = inside.iter().filter(|way| **way == (dx, dy)).count();
            let all = inside.len();
            assert!(found * 10 >= all * 8, "{found} of {all} moved by {dx} {dy}");
        }
    }

    #[test]
    fn flicker_is_what_changes_along_the_way() {
        let truth = [picture(20, 20, [0; 3]), picture(23, 19, [0; 3])];
        let flow = flow_between(&truth[1], &truth[0]);
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
