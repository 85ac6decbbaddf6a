//! A random view of a frame with labels: a part of it, mirrored or not, at the size of a step.

use std::ops::RangeInclusive;

use ndarray::Array3;

use crate::adapt::random::Draws;
use crate::adapt::size::Size;
use crate::video::{ClassMap, Rgb};

/// How much larger things are in a view than in the frame. What lies outside of the frame cannot be seen, so a frame of the
/// view's size is never made smaller, but may be stretched.
const SCALES: RangeInclusive<f64> = 0.8..=1.3;
/// How much wider.
const ASPECTS: RangeInclusive<f64> = 0.9..=1.1;

/// A part of a frame and its labels, in memory that is used again for the next one.
#[derive(Default)]
pub(in crate::adapt) struct View {
    /// RGB from 0 to 1: (height, width, 3).
    pub rgb: Array3<f32>,
    pub labels: ClassMap,
    /// The picture in bytes.
    bytes: Vec<u8>,
    /// Between which samples of the frame every column lies.
    columns: Vec<(usize, usize, f32)>,
}

/// A part of one axis: where it begins, and its length.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    length: usize,
}

impl Part {
    fn draw(whole: usize, length: f64, draws: &mut Draws) -> Self {
        let length = (length.round() as usize).clamp(1, whole.max(1));
        let places = (whole - length + 1) as f64;
        let start = (draws.between(0.0, places) as usize).min(whole - length);
        Self { start, length }
    }

    /// The two samples between which result `i` of `count` lies, and what the second counts.
    fn between(self, i: usize, count: usize) -> (usize, usize, f32) {
        let at = (i as f64 + 0.5) * self.length as f64 / count as f64 - 0.5;
        let at = at.clamp(0.0, (self.length - 1) as f64);
        let low = at as usize;
        let high = (low + 1).min(self.length - 1);
        (
            self.start + low,
            self.start + high,
            (at - low as f64) as f32,
        )
    }

    fn nearest(self, i: usize, count: usize) -> usize {
        self.start + i * self.length / count
    }
}

impl View {
    /// Becomes a view of this size of another frame.
    pub fn draw(&mut self, rgb: &Rgb, labels: &ClassMap, size: Size, draws: &mut Draws) {
        let logarithmic = |draws: &mut Draws, of: RangeInclusive<f64>| {
            draws.between(of.start().ln(), of.end().ln()).exp()
        };
        let scale = logarithmic(draws, SCALES);
        let aspect = logarithmic(draws, ASPECTS);
        let (height, width, _) = rgb.dim();
        let down = Part::draw(height, size.height as f64 / scale, draws);
        let across = Part::draw(width, size.width as f64 / scale * aspect, draws);
        let mirrored = draws.chance(0.5);
        let column = |x: usize| if mirrored { size.width - 1 - x } else { x };

        self.columns.clear();
        let columns = (0..size.width).map(|x| across.between(column(x), size.width));
        self.columns.extend(columns);
        if self.labels.dim() != (size.height, size.width) {
            self.rgb = Array3::zeros((size.height, size.width, 3));
            self.labels = ClassMap::zeros((size.height, size.width));
        }
        for (y, mut row) in self.rgb.outer_iter_mut().enumerate() {
            let (above, below, share) = down.between(y, size.height);
            let (above, below) = (
                rgb.index_axis(ndarray::Axis(0), above),
                rgb.index_axis(ndarray::Axis(0), below),
            );
            for (mut pixel, &(left, right, of_right)) in row.outer_iter_mut().zip(&self.columns) {
                for (c, value) in pixel.iter_mut().enumerate() {
                    let mix = |row: &ndarray::ArrayView2<'_, u8>| {
                        let (left, right) = (f32::from(row[[left, c]]), f32::from(row[[right, c]]));
                        left + (right - left) * of_right
                    };
                    let (above, below) = (mix(&above), mix(&below));
                    *value = (above + (below - above) * share) / 255.0;
                }
            }
        }
        for ((y, x), label) in self.labels.indexed_iter_mut() {
            *label = labels[[
                down.nearest(y, size.height),
                across.nearest(column(x), size.width),
            ]];
        }
    }

    /// The picture in bytes, and its labels.
    pub fn as_given(&mut self) -> (&[u8], &ClassMap) {
        let byte = |value: &f32| (value * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
        self.bytes.clear();
        self.bytes.extend(self.rgb.iter().map(byte));
        (&self.bytes, &self.labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        height: 32,
        width: 48,
    };

    /// A picture that says in red and green where a pixel is, and labels that do as well.
    fn ramp() -> (Rgb, ClassMap) {
        let rgb = Rgb::from_shape_fn((SIZE.height, SIZE.width, 3), |(y, x, c)| {
            [4 * x as u8, 4 * y as u8, 7][c]
        });
        let labels = ClassMap::from_shape_fn((SIZE.height, SIZE.width), |(y, x)| {
            u8::from(x >= SIZE.width / 2) + 2 * u8::from(y >= SIZE.height / 2)
        });
        (rgb, labels)
    }

    #[test]
    fn labels_and_pixels_are_of_the_same_place() {
        let (rgb, labels) = ramp();
        let (mut mirrored, mut enlarged) = (0, 0);
        let mut view = View::default();
        for frame in 0..200 {
            view.draw(&rgb, &labels, SIZE, &mut Draws::new(1, frame));
            assert_eq!(view.rgb.dim(), (SIZE.height, SIZE.width, 3));
            for ((y, x), &label) in view.labels.indexed_iter() {
                let (across, down) = (
                    view.rgb[[y, x, 0]] * 255.0 / 4.0,
                    view.rgb[[y, x, 1]] * 255.0 / 4.0,
                );
                let (middle, half) = (SIZE.width as f32 / 2.0, SIZE.height as f32 / 2.0);
                // Next to the border between two classes either may be right.
                if (across - middle).abs() > 1.0 && (down - half).abs() > 1.0 {
                    let expected = u8::from(across > middle) + 2 * u8::from(down > half);
                    assert_eq!(
                        label, expected,
                        "frame {frame} at {x}, {y}: {across}, {down}"
                    );
                }
            }
            let first = view.rgb[[0, 0, 0]];
            let last = view.rgb[[0, SIZE.width - 1, 0]];
            mirrored += usize::from(first > last);
            enlarged += usize::from((first - last).abs() * 255.0 / 4.0 < 0.9 * SIZE.width as f32);
        }
        assert!((60..140).contains(&mirrored), "{mirrored}");
        assert!((40..160).contains(&enlarged), "{enlarged}");
    }

    #[test]
    fn a_frame_of_another_size_is_brought_to_the_view() {
        let rgb = Rgb::from_elem((20, 90, 3), 51);
        let labels = ClassMap::from_elem((20, 90), 3);
        let mut view = View::default();
        view.draw(&rgb, &labels, SIZE, &mut Draws::new(0, 0));
        let (bytes, labels) = view.as_given();
        assert!(labels.iter().all(|&l| l == 3));
        assert!(bytes.iter().all(|&b| b == 51));
        assert_eq!(bytes.len(), 3 * SIZE.height * SIZE.width);
    }
}
