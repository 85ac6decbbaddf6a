//! The flicker of colours along optical flow.

use tttseg::ndarray::Array2;
use tttseg::video::{Flow, Rgb, bt601_chroma, grey};

/// Largest difference of luma between a pixel and where it was, beyond which it was not there.
const FOUND: f32 = 10.0;

/// Mean difference of chroma, in steps of 8 bits, between the pixels of a frame and where they were in the frame before,
/// over those that are found again by the luma of the true pictures. `frames` are the pictures whose colours are judged,
/// `truth` the true ones: each the one before, then this one, all of one size. None where nothing is found again.
pub(super) fn flicker(flow: &Flow, frames: [&Rgb; 2], truth: [&Rgb; 2]) -> Option<f64> {
    let chroma = frames.map(|frame| planes(frame, bt601_chroma));
    let luma = truth.map(|frame| planes(&grey(frame), |[luma, ..]| [luma]));
    let (height, width, _) = frames[1].dim();
    let (mut sum, mut count) = (0.0, 0_u64);
    for y in 0..height {
        for x in 0..width {
            let place = [x as f32 + flow[[0, y, x]], y as f32 + flow[[1, y, x]]];
            let Some(there) = Between::of(place, (height, width)) else {
                continue;
            };
            let change = luma[1][0][[y, x]] - there.sample(&luma[0][0]);
            if change.abs() > FOUND {
                continue;
            }
            let [b, r] = [0, 1].map(|c| chroma[1][c][[y, x]] - there.sample(&chroma[0][c]));
            sum += f64::from(b.hypot(r));
            count += 1;
        }
    }
    (count > 0).then(|| sum / count as f64)
}

/// What a function makes of every pixel.
fn planes<const N: usize>(frame: &Rgb, of: impl Fn([f32; 3]) -> [f32; N]) -> [Array2<f32>; N] {
    let (height, width, _) = frame.dim();
    let mut planes = [(); N].map(|()| Array2::zeros((height, width)));
    for y in 0..height {
        for x in 0..width {
            let values = of([0, 1, 2].map(|c| f32::from(frame[[y, x, c]])));
            for (plane, value) in planes.iter_mut().zip(values) {
                plane[[y, x]] = value;
            }
        }
    }
    planes
}

/// A place between pixels.
struct Between {
    row: usize,
    column: usize,
    right: f32,
    down: f32,
}

impl Between {
    /// None outside of a frame of this height and width.
    fn of([x, y]: [f32; 2], (height, width): (usize, usize)) -> Option<Self> {
        let inside =
            (0.0..=(width - 1) as f32).contains(&x) && (0.0..=(height - 1) as f32).contains(&y);
        inside.then(|| Self {
            row: y as usize,
            column: x as usize,
            right: x.fract(),
            down: y.fract(),
        })
    }

    fn sample(&self, plane: &Array2<f32>) -> f32 {
        let (height, width) = plane.dim();
        let (below, beside) = (
            (self.row + 1).min(height - 1),
            (self.column + 1).min(width - 1),
        );
        let row = |row: usize| {
            let (a, b) = (plane[[row, self.column]], plane[[row, beside]]);
            a + self.right * (b - a)
        };
        let (above, below) = (row(self.row), row(below));
        above + self.down * (below - above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tttseg::video::flow_between;

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
