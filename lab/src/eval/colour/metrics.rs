//! Metrics of colours: how close they are to the true ones, and how strong.

use tttseg::video::{Rgb, bt601_chroma, pixels};

/// Peak signal-to-noise ratio of pictures that are the same, in decibels: above what any others have.
const SAME: f64 = 100.0;
/// The Gaussian window of SSIM: its radius and standard deviation in pixels.
const RADIUS: usize = 5;
const SIGMA: f64 = 1.5;

/// Peak signal-to-noise ratio in decibels for a mean squared error of values from 0 to 255; 100 at most.
pub(super) fn psnr(squared_error: f64) -> f64 {
    let ratio = 10.0 * (255.0 * 255.0 / squared_error).log10();
    // Without an error it is infinite.
    ratio.min(SAME)
}

/// Mean squared difference of two pictures.
pub(super) fn rgb_error(a: &Rgb, b: &Rgb) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2));
    squares.sum::<u64>() as f64 / a.len().max(1) as f64
}

/// Mean squared difference of the chroma of two pictures.
pub(super) fn chroma_error(a: &Rgb, b: &Rgb) -> f64 {
    let pixels = pixels(a).iter().zip(pixels(b));
    let squares = pixels.map(|(a, b)| {
        let [a, b] = [a, b].map(|p| bt601_chroma(p.map(f32::from)));
        f64::from((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2))
    });
    squares.sum::<f64>() / (a.len() / 3 * 2).max(1) as f64
}

/// Colourfulness of a picture (Hasler, Süsstrunk: *Measuring colourfulness in natural images*, 2003): 0 is
/// grey, 15 slight, 45 average, 80 strong.
pub(super) fn colourfulness(rgb: &Rgb) -> f64 {
    let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
    for &pixel in pixels(rgb) {
        let [r, g, b] = pixel.map(f64::from);
        for (i, opponent) in [r - g, 0.5 * (r + g) - b].into_iter().enumerate() {
            sums[i] += opponent;
            squares[i] += opponent * opponent;
        }
    }
    let count = (rgb.len() / 3).max(1) as f64;
    let mean = sums.map(|s| s / count);
    let variance = [0, 1].map(|i| (squares[i] / count - mean[i] * mean[i]).max(0.0));
    (variance[0] + variance[1]).sqrt() + 0.3 * mean[0].hypot(mean[1])
}

/// Structural similarity of two pictures: the mean over places and channels (Wang,
/// Bovik, Sheikh, Simoncelli 2004; Gaussian window of 11×11 with deviation 1.5, where it lies within the picture). None
/// where it never does.
pub(super) fn ssim(a: &Rgb, b: &Rgb) -> Option<f64> {
    let (height, width, channels) = a.dim();
    let row = width * channels;
    if width <= 2 * RADIUS || height <= 2 * RADIUS || b.dim() != a.dim() {
        return None;
    }
    let (a, b) = (a.as_slice()?, b.as_slice()?);
    let window = window();
    let [c1, c2] = [0.01_f64, 0.03].map(|k| (k * 255.0).powi(2));
    // Means, squares and products of a row of windows: summed across first, then down over the last eleven rows.
    let across = |y: usize| -> Vec<[f64; 5]> {
        let (a, b) = (&a[y * row..][..row], &b[y * row..][..row]);
        let places = 0..row - 2 * RADIUS * 3;
        let sum = |at: usize| {
            let mut sums = [0.0; 5];
            for (k, weight) in window.iter().enumerate() {
                let [a, b] = [a, b].map(|r| f64::from(r[at + 3 * k]));
                let values = [a, b, a * a, b * b, a * b];
                sums.iter_mut()
                    .zip(values)
                    .for_each(|(s, v)| *s += weight * v);
            }
            sums
        };
        places.map(sum).collect()
    };
    let mut rows: std::collections::VecDeque<Vec<[f64; 5]>> = (0..2 * RADIUS).map(across).collect();
    let (mut total, mut count) = (0.0, 0_u64);
    for y in 2 * RADIUS..height {
        rows.push_back(across(y));
        for x in 0..row - 2 * RADIUS * 3 {
            let mut sums = [0.0; 5];
            for (row, weight) in rows.iter().zip(&window) {
                let pairs = sums.iter_mut().zip(row[x]);
                pairs.for_each(|(s, v)| *s += weight * v);
            }
            let [a, b, aa, bb, ab] = sums;
            let (variances, covariance) = (aa - a * a + bb - b * b, ab - a * b);
            let above = (2.0 * a * b + c1) * (2.0 * covariance + c2);
            total += above / ((a * a + b * b + c1) * (variances + c2));
            count += 1;
        }
        rows.pop_front();
    }
    Some(total / count as f64)
}

fn window() -> [f64; 2 * RADIUS + 1] {
    let mut window: [f64; 2 * RADIUS + 1] = std::array::from_fn(|i| {
        (-(i as f64 - RADIUS as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp()
    });
    let sum: f64 = window.iter().sum();
    window.iter_mut().for_each(|w| *w /= sum);
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32, width: usize, height: usize) -> Rgb {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        Rgb::from_shape_fn((height, width, 3), next)
    }

    /// A row of pixels.
    fn row<const N: usize>(pixels: [[u8; 3]; N]) -> Rgb {
        Rgb::from_shape_fn((1, N, 3), |(_, x, c)| pixels[x][c])
    }

    #[test]
    fn errors_in_decibels() {
        assert_eq!(psnr(0.0), SAME);
        assert!(
            (psnr(rgb_error(&row([[10, 20, 30]]), &row([[11, 21, 29]]))) - 48.1308).abs() < 1e-3
        );
        assert_eq!(rgb_error(&row([[0; 3]]), &row([[255; 3]])), 65_025.0);
        // Grey beside grey differs in luma only.
        assert!(chroma_error(&row([[9; 3]; 2]), &row([[200; 3]; 2])) < 1e-6);
        // Pure red against grey of its luma: Cb -43, Cr 127.5.
        let error = chroma_error(&row([[255, 0, 0]]), &row([[76; 3]]));
        assert!(
            (error - (43.03 * 43.03 + 127.5 * 127.5) / 2.0).abs() < 10.0,
            "{error}"
        );
    }

    #[test]
    fn colourfulness_of_the_definition() {
        assert_eq!(colourfulness(&row([[7; 3], [90; 3]])), 0.0);
        // rg: 100 and -100, yb: 50 and 50: deviations 100 and 0, means 0 and 50.
        let found = colourfulness(&row([[100, 0, 0], [0, 100, 0]]));
        assert!((found - (100.0 + 0.3 * 50.0)).abs() < 1e-9, "{found}");
    }

    #[test]
    fn similarity_of_the_definition() {
        let a = noise(1, 20, 16);
        assert!((ssim(&a, &a).unwrap() - 1.0).abs() < 1e-9);
        let b = noise(2, 20, 16);
        assert!(ssim(&a, &b).unwrap().abs() < 0.2);
        // Flat pictures differ in their means only: (2ab + c1) / (a² + b² + c1).
        let (x, y) = (100.0_f64, 120.0_f64);
        let c1 = (0.01_f64 * 255.0).powi(2);
        let wanted = (2.0 * x * y + c1) / (x * x + y * y + c1);
        let flat = |level| Rgb::from_elem((12, 12, 3), level);
        let found = ssim(&flat(100), &flat(120)).unwrap();
        assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        for shape in [(12, 10, 3), (0, 0, 3)] {
            assert_eq!(ssim(&Rgb::zeros(shape), &Rgb::zeros(shape)), None);
        }
    }
}
