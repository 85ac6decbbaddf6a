//! Resampling of maps at the places where their tokens were.

use multiversion::multiversion;

/// Pixels of a frame under a token of a map, on a side.
pub(super) const TOKEN: usize = 4;
/// Sharpness of the cubic kernel: Catmull and Rom's. Carried from frame to frame, maps would be smeared by a linear one, and
/// what is thin would get lost first.
const SHARPNESS: f32 = 0.5;

/// Takes every token of all maps from its place, by cubic interpolation, clamped at the edges. What overshoots is cut off at
/// the extremes of the four tokens around the place.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn carry(
    from: &[f32],
    (height, width): (usize, usize),
    places: &[[f32; 2]],
    to: &mut [f32],
) {
    let tokens = height * width;
    let most = [(width - 1) as f32, (height - 1) as f32];
    for (at, place) in places.iter().enumerate() {
        let (x, y) = (place[0].clamp(0.0, most[0]), place[1].clamp(0.0, most[1]));
        let (left, top) = (x as usize, y as usize);
        let (across, down) = (kernel(x - left as f32), kernel(y - top as f32));
        let columns = four(left, width);
        let rows = four(top, height).map(|row| row * width);
        let maps = from.chunks_exact(tokens).zip(to.chunks_exact_mut(tokens));
        for (from, to) in maps {
            let row = |row: usize| {
                let row = &from[row..][..width];
                columns.map(|column| row[column])
            };
            let [a, b, c, d] = rows.map(row);
            let sum = down[0] * product(a, across)
                + down[1] * product(b, across)
                + down[2] * product(c, across)
                + down[3] * product(d, across);
            let (low, high) = (b[1].min(b[2]), b[1].max(b[2]));
            let (low, high) = (low.min(c[1]).min(c[2]), high.max(c[1]).max(c[2]));
            to[at] = sum.max(low).min(high);
        }
    }
}

/// The samples around a place, of which the second is the last before it.
#[inline(always)]
fn four(at: usize, side: usize) -> [usize; 4] {
    let last = side - 1;
    [
        at.saturating_sub(1),
        at,
        (at + 1).min(last),
        (at + 2).min(last),
    ]
}

/// Weights of the samples around a place, `share` of the way from the second to the third.
#[inline(always)]
fn kernel(share: f32) -> [f32; 4] {
    let inner = |t: f32| ((2.0 - SHARPNESS) * t - (3.0 - SHARPNESS)) * t * t + 1.0;
    let outer = |t: f32| -SHARPNESS * (((t - 5.0) * t + 8.0) * t - 4.0);
    [
        outer(1.0 + share),
        inner(share),
        inner(1.0 - share),
        outer(2.0 - share),
    ]
}

#[inline(always)]
fn product(a: [f32; 4], b: [f32; 4]) -> f32 {
    (a[0] * b[0] + a[1] * b[1]) + (a[2] * b[2] + a[3] * b[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_tokens_a_slope_goes_on_and_nothing_overshoots() {
        // A slope to the right and one down, of 6 by 4 tokens, as two maps.
        let slope = |at: usize, map: usize| [at % 6, at / 6][map] as f32;
        let from: Vec<f32> = (0..48).map(|i| slope(i % 24, i / 24)).collect();
        let mut places = vec![[0.0; 2]; 24];
        places[0] = [2.25, 1.5];
        places[1] = [-3.0, 7.0];
        let mut to = vec![9.0; 48];
        carry(&from, (4, 6), &places, &mut to);
        assert!((to[0] - 2.25).abs() < 1e-6 && (to[24] - 1.5).abs() < 1e-6);
        assert_eq!((to[1], to[25]), (0.0, 3.0));
        let step: Vec<f32> = (0..24).map(|at| f32::from(at % 6 > 2)).collect();
        let places: Vec<[f32; 2]> = (0..24).map(|i| [i as f32 * 0.21, 2.3]).collect();
        let mut to = vec![9.0; 24];
        carry(&step, (4, 6), &places, &mut to);
        assert!(to.iter().all(|v| (0.0..=1.0).contains(v)), "{to:?}");
        assert!(to.is_sorted());
    }
}
