//! The path of the virtual camera.

use std::f64::consts::TAU;
use std::ops::Range;

/// Frames until the camera is back at the same column, and at the same row. At three quarters of the picture's sides and
/// 480x360 pixels it moves by at most 3 pixels a frame. The two differ, so that the path covers more than a diagonal; it
/// closes after 360 frames.
const PERIODS: (f64, f64) = (120.0, 90.0);
/// Sides of a crop are multiples of this where there is room: the sizes that models run at, so that a crop of such a
/// size is not resampled.
const STEP: usize = 32;

/// Width and height of what the virtual camera sees of a picture: three quarters of either side, rounded up to a
/// multiple of 32 if that leaves an eighth of the side to move in. 480x360 gives 384x288.
pub fn pan_size(width: usize, height: usize) -> (usize, usize) {
    let side = |side: usize| {
        // Sides of pictures that fit into memory are far from overflowing.
        let part = side.saturating_mul(3).div_ceil(4).max(1);
        let rounded = part.next_multiple_of(STEP);
        if rounded <= side - side / 8 {
            rounded
        } else {
            part.min(side)
        }
    };
    (side(width), side(height))
}

/// The rows and columns that the virtual camera sees in frame `index` of a stream of pictures of this size: it starts in the middle and
/// swings slowly to all sides, by whole pixels. The path does not depend on the stills under it, so it goes on smoothly
/// from one to the next.
pub fn pan(index: usize, width: usize, height: usize) -> (Range<usize>, Range<usize>) {
    let (wide, high) = pan_size(width, height);
    let place = |of: usize, side: usize, period: f64| {
        let swing = (TAU * (index as f64 % period) / period).sin();
        let start = ((side - of) as f64 * (0.5 + 0.5 * swing)).round() as usize;
        start..start + of
    };
    (
        place(high, height, PERIODS.1),
        place(wide, width, PERIODS.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn crops_are_three_quarters_or_a_little_more() {
        assert_eq!(pan_size(480, 360), (384, 288));
        assert_eq!(pan_size(1920, 1080), (1440, 832));
        // Rounding up would leave nothing to move in.
        assert_eq!(pan_size(96, 80), (72, 64));
        assert_eq!(pan_size(1, 2), (1, 2));
    }

    #[test]
    fn the_path_is_slow_and_reaches_all_sides() {
        let corner = |i| {
            let (rows, columns) = pan(i, 480, 360);
            (columns.start, rows.start)
        };
        let path: Vec<(usize, usize)> = (0..721).map(corner).collect();
        assert_eq!(path[0], (48, 36));
        assert_eq!(path[..361], path[360..]);
        for pair in path.windows(2) {
            let (x, y) = (pair[0].0.abs_diff(pair[1].0), pair[0].1.abs_diff(pair[1].1));
            assert!(x <= 3 && y <= 3 && x + y > 0 || pair[0].0 % 96 == 0 || pair[0].1 % 72 == 0);
        }
        let (x, y): (Vec<_>, Vec<_>) = path.into_iter().unzip();
        for (places, most) in [(x, 96), (y, 72)] {
            assert_eq!(places.iter().min(), Some(&0));
            assert_eq!(places.iter().max(), Some(&most));
        }
    }

    proptest! {
        #[test]
        fn the_camera_stays_within_the_picture(index: usize, width in 1usize..5000, height in 1usize..5000) {
            let (rows, columns) = pan(index, width, height);
            prop_assert!(!columns.is_empty() && columns.end <= width);
            prop_assert!(!rows.is_empty() && rows.end <= height);
            prop_assert!(4 * columns.len() >= 3 * width && 4 * rows.len() >= 3 * height);
        }
    }
}
