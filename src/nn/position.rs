//! Position codes.

use crate::graph::Constant;

/// Sine position code of a map, `(height · width, channels)`: half of the channels for the row,
/// half for the column, sine and cosine interleaved (`docs/method.md#position-codes`).
pub fn sine_positions((height, width): (usize, usize), channels: usize) -> Constant {
    let half = channels / 2;
    let code = |position: usize, size: usize, k: usize| {
        let angle = (position as f64 + 1.0) / (size as f64 + 1e-6) * std::f64::consts::TAU;
        let scaled = angle / 10_000f64.powf((2 * (k / 2)) as f64 / half as f64);
        if k.is_multiple_of(2) {
            scaled.sin()
        } else {
            scaled.cos()
        }
    };
    let mut data = Vec::with_capacity(height * width * channels);
    for y in 0..height {
        for x in 0..width {
            data.extend((0..half).map(|k| code(y, height, k) as f32));
            data.extend((0..half).map(|k| code(x, width, k) as f32));
        }
    }
    Constant::f32(&[height * width, 2 * half], &data)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::FRAC_1_SQRT_2;

    use super::*;

    #[test]
    fn matches_the_check_values_of_the_method() {
        let code = sine_positions((4, 8), 256).as_real().expect("real");
        let at = |y: usize, x: usize, c: usize| code[(y * 8 + x) * 256 + c];
        for (value, expected) in [
            (at(0, 0, 0), 1.0),
            (at(0, 0, 1), 0.0),
            (at(0, 0, 2), 0.977_918),
            (at(0, 0, 3), 0.208_991),
            (at(0, 0, 128), FRAC_1_SQRT_2),
            (at(0, 0, 131), 0.777_493),
            (at(3, 7, 1), 1.0),
            (at(3, 7, 2), -0.746_091),
            (at(3, 7, 3), 0.665_844),
        ] {
            approx::assert_abs_diff_eq!(value, expected, epsilon = 1e-5);
        }
    }
}
