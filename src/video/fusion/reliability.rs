//! The reliability of the motion between two frames.
//!
//! Where a second or a cut lies between two frames, the search still finds something of the same brightness everywhere, and in
//! dim or plain pictures that looks like a match. But the way there and the way back do not meet. Single tokens cannot be
//! judged by that, since noise moves ways by pixels; their share in the frame can (`docs/method.md#fusion`).

use ndarray::Array2;

use super::carry::TOKEN;
use crate::video::flow::Flow;

/// Distance in pixels at which the ways there and back still meet.
const NEAR: f32 = 8.0;
/// Shares of tokens whose ways meet at which motion is not to be relied on at all, and fully. In video of 15 frames a second 0.67
/// is the least under heavy noise, at dusk or in rain; in stills of one a second the median is 0.4 to 0.55.
const SHARES: [f32; 2] = [0.5, 0.65];

/// How far the motion between two frames can be relied on, from 0 to 1: by the share of tokens, of those whose `places` (in
/// tokens) lie inside the other frame, that come from there `back` to where they are. That is a flow in pixels of half the
/// frame; where it has none, nothing is doubted.
pub(super) fn reliability(places: &Array2<[f32; 2]>, back: &Flow) -> f32 {
    let (_, height, width) = back.dim();
    if back.is_empty() {
        return 1.0;
    }
    let (mut inside, mut near) = (0_usize, 0_usize);
    for ((v, u), place) in places.indexed_iter() {
        let half = TOKEN as f32 / 2.0;
        let (x, y) = ((place[0] + 0.5) * half, (place[1] + 0.5) * half);
        if !(0.0..width as f32).contains(&x) || !(0.0..height as f32).contains(&y) {
            continue;
        }
        inside += 1;
        let (x, y) = (x as usize, y as usize);
        let right = TOKEN as f32 * (place[0] - u as f32) + 2.0 * back[[0, y, x]];
        let down = TOKEN as f32 * (place[1] - v as f32) + 2.0 * back[[1, y, x]];
        near += usize::from(right * right + down * down < NEAR * NEAR);
    }
    let share = near as f32 / inside.max(1) as f32;
    ((share - SHARES[0]) / (SHARES[1] - SHARES[0])).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens that were six pixels to the right.
    fn places() -> Array2<[f32; 2]> {
        Array2::from_shape_fn((24, 32), |(v, u)| [u as f32 + 1.5, v as f32])
    }

    #[test]
    fn ways_that_lead_back_are_relied_on() {
        let mut back = Flow::zeros((2, 48, 64));
        back.index_axis_mut(ndarray::Axis(0), 0).fill(-3.0);
        assert_eq!(reliability(&places(), &back), 1.0);
        // Noise of a few pixels is no reason to doubt.
        back.indexed_iter_mut()
            .for_each(|((_, y, x), way)| *way += [2.0, -1.5, 0.5][(x + y) % 3]);
        assert_eq!(reliability(&places(), &back), 1.0);
    }

    #[test]
    fn ways_that_lead_elsewhere_are_not() {
        let scattered = Flow::from_shape_fn((2, 48, 64), |(axis, y, x)| {
            ((x * 7 + y * 13 + axis * 5) % 31) as f32 - 15.0
        });
        assert_eq!(reliability(&places(), &scattered), 0.0);
    }

    #[test]
    fn nothing_to_judge_by_doubts_nothing_and_nothing_inside_all() {
        assert_eq!(reliability(&places(), &Flow::zeros((2, 0, 0))), 1.0);
        let outside = Array2::from_elem((4, 4), [99.0, 0.0]);
        assert_eq!(reliability(&outside, &Flow::zeros((2, 8, 8))), 0.0);
    }
}
