//! The light of a video: what its colours are like, class by class, and its noise. Frames that were remembered are learned in
//! it.
//!
//! Colours are measured in an opponent space, lightness (r + g + b) / 3, r − g and (r + g) / 2 − b, in which means and deviations
//! of the three axes say most of what a change of light does (Reinhard et al., *Color Transfer between Images*, 2001).

use std::collections::BTreeMap;

use ndarray::{ArrayView3, Axis};

use super::View;
use crate::adapt::random::Draws;
use crate::nn::PATCH;
use crate::video::Rgb;

/// What measurements so far count in their running means.
const KEPT: f32 = 0.9;
/// Share of the tokens that a class has to have to be measured, and the confidence in it that is needed on average.
const LEAST_SHARE: f32 = 0.01;
const LEAST_CONFIDENCE: f32 = 0.6;
/// Pixels of a view that a class has to have to be brought into its own light.
const LEAST_PIXELS: usize = 50;
/// How far deviations are stretched or squeezed.
const STRETCH: (f32, f32) = (0.33, 3.0);
/// Keeps what has one colour from being stretched.
const LEAST_DEVIATION: f32 = 1e-3;
/// How often a view stays as it is.
const PLAIN: f64 = 0.2;
/// How far a view goes towards the light, at least.
const LEAST_STRENGTH: f64 = 0.5;

/// Mean and standard deviation along the three axes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    mean: [f32; 3],
    deviation: [f32; 3],
}

/// Sums towards a [`Spread`].
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: usize,
    sum: [f64; 3],
    square: [f64; 3],
}

/// The light of a video.
#[derive(Clone, Debug, Default)]
pub(in crate::adapt) struct Style {
    whole: Option<Spread>,
    classes: BTreeMap<u8, Spread>,
    /// Standard deviation of the noise in the last frame, of pixels from 0 to 1.
    noise: f32,
}

fn opponent([r, g, b]: [f32; 3]) -> [f32; 3] {
    [(r + g + b) / 3.0, r - g, (r + g) / 2.0 - b]
}

fn rgb([light, red_green, yellow_blue]: [f32; 3]) -> [f32; 3] {
    let b = light - 2.0 * yellow_blue / 3.0;
    let sum = 2.0 * (yellow_blue + b);
    [(sum + red_green) / 2.0, (sum - red_green) / 2.0, b]
}

impl Sums {
    fn add(&mut self, pixel: [f32; 3]) {
        self.count += 1;
        for (axis, value) in opponent(pixel).map(f64::from).into_iter().enumerate() {
            self.sum[axis] += value;
            self.square[axis] += value * value;
        }
    }

    fn spread(&self) -> Spread {
        let count = self.count.max(1) as f64;
        let mean = self.sum.map(|sum| sum / count);
        let around = |axis: usize| self.square[axis] - count * mean[axis] * mean[axis];
        let deviation =
            [0, 1, 2].map(|axis| (around(axis).max(0.0) / (count - 1.0).max(1.0)).sqrt());
        Spread {
            mean: mean.map(|v| v as f32),
            deviation: deviation.map(|v| v as f32),
        }
    }
}

impl Spread {
    /// Moves a running mean on.
    fn follow(into: &mut Option<Self>, seen: Self) {
        let Some(so_far) = into else {
            *into = Some(seen);
            return;
        };
        let mix = |old: [f32; 3], new: [f32; 3]| {
            [0, 1, 2].map(|axis| KEPT * old[axis] + (1.0 - KEPT) * new[axis])
        };
        so_far.mean = mix(so_far.mean, seen.mean);
        so_far.deviation = mix(so_far.deviation, seen.deviation);
    }

    /// A colour, in the opponent space, that is to this spread what `colour` is to the spread `of`.
    fn transfer(&self, colour: [f32; 3], of: &Self) -> [f32; 3] {
        [0, 1, 2].map(|axis| {
            let stretch = self.deviation[axis] / (of.deviation[axis] + LEAST_DEVIATION);
            (colour[axis] - of.mean[axis]) * stretch.clamp(STRETCH.0, STRETCH.1) + self.mean[axis]
        })
    }
}

impl Style {
    /// Takes in a frame and the class probabilities that the model on disk finds in it, (classes, height / 4, width / 4). Classes are
    /// measured in means of 4×4 pixels: noise is added on its own.
    pub fn see(&mut self, frame: &Rgb, probabilities: ArrayView3<'_, f32>) {
        let mut whole = Sums::default();
        let pixels = frame.as_slice().unwrap_or_default().as_chunks::<3>().0;
        for pixel in pixels {
            whole.add(pixel.map(|byte| f32::from(byte) / 255.0));
        }
        Spread::follow(&mut self.whole, whole.spread());
        self.noise = noise(frame);

        let mut classes = BTreeMap::<u8, (Sums, f32)>::new();
        let (_, rows, columns) = probabilities.dim();
        let tokens = frame.exact_chunks((PATCH, PATCH, 3));
        let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
        for ((y, x), token) in places.zip(tokens) {
            let mut best = (0_u8, f32::NEG_INFINITY);
            for (class, plane) in (0_u8..).zip(probabilities.outer_iter()) {
                if plane[[y, x]] > best.1 {
                    best = (class, plane[[y, x]]);
                }
            }
            let mean = [0, 1, 2].map(|c| {
                let sum: u32 = token
                    .index_axis(Axis(2), c)
                    .iter()
                    .map(|&b| u32::from(b))
                    .sum();
                sum as f32 / (255 * PATCH * PATCH) as f32
            });
            let (sums, confidence) = classes.entry(best.0).or_default();
            sums.add(mean);
            *confidence += best.1;
        }
        let least = LEAST_SHARE * (rows * columns) as f32;
        for (class, (sums, confidence)) in classes {
            let count = sums.count as f32;
            if count > least && confidence > LEAST_CONFIDENCE * count {
                let mut so_far = self.classes.get(&class).copied();
                Spread::follow(&mut so_far, sums.spread());
                self.classes.extend(so_far.map(|spread| (class, spread)));
            }
        }
    }

    /// Brings a view into this light, by a strength that is drawn, unless it is to stay as it is.
    pub fn restyle(&self, view: &mut View, draws: &mut Draws) {
        if draws.chance(PLAIN) {
            return;
        }
        let strength = draws.between(LEAST_STRENGTH, 1.0) as f32;
        self.bring(view, strength);
        if let Some(pixels) = view.rgb.as_slice_mut() {
            draws.add_noise(pixels, self.noise);
        }
        view.rgb.mapv_inplace(|value| value.clamp(0.0, 1.0));
    }

    /// Moves the colours of a view towards this light, those of every class that is known here and there by themselves.
    fn bring(&self, view: &mut View, strength: f32) {
        let Some(to) = self.whole else {
            return;
        };
        let mut whole = Sums::default();
        let mut classes = BTreeMap::<u8, Sums>::new();
        let labels = view.labels.as_slice().unwrap_or_default();
        let Some(pixels) = view.rgb.as_slice_mut() else {
            return;
        };
        let pixels = pixels.as_chunks_mut::<3>().0;
        for (pixel, &label) in pixels.iter().zip(labels) {
            whole.add(*pixel);
            if self.classes.contains_key(&label) {
                classes.entry(label).or_default().add(*pixel);
            }
        }
        classes.retain(|_, sums| sums.count > LEAST_PIXELS);
        // From where to where, by class.
        let mut ways = [(whole.spread(), to); 256];
        for (class, sums) in classes {
            if let Some(to) = self.classes.get(&class) {
                ways[usize::from(class)] = (sums.spread(), *to);
            }
        }
        for (pixel, &label) in pixels.iter_mut().zip(labels) {
            let (from, to) = &ways[usize::from(label)];
            let colour = opponent(*pixel);
            let there = to.transfer(colour, from);
            *pixel =
                rgb([0, 1, 2].map(|axis| colour[axis] + strength * (there[axis] - colour[axis])));
        }
    }
}

/// Standard deviation of the noise in a frame, of pixels from 0 to 1: by the median of the Laplacian's size, which edges hardly
/// change (Immerkær, *Fast Noise Variance Estimation*, 1996; Donoho's median for the mean).
fn noise(frame: &Rgb) -> f32 {
    /// Median size of a normal variable of deviation 1.
    const MEDIAN: f32 = 0.6745;
    /// Sum of the squares of the Laplacian's weights.
    const SQUARES: f32 = 20.0;
    let (height, width, channels) = frame.dim();
    let bytes = frame.as_slice().unwrap_or_default();
    if height < 3 || width < 3 {
        return 0.0;
    }
    let mut histogram = [0_usize; 4 * 255 + 1];
    let row = width * channels;
    for y in 1..height - 1 {
        let centre = y * row;
        for at in centre + channels..centre + row - channels {
            let around = [at - row, at + row, at - channels, at + channels];
            let sum: i32 = around.map(|at| i32::from(bytes[at])).iter().sum();
            histogram[(4 * i32::from(bytes[at]) - sum).unsigned_abs() as usize] += 1;
        }
    }
    let half = (histogram.iter().sum::<usize>()).div_ceil(2);
    let mut below = 0;
    let median = histogram.iter().position(|count| {
        below += count;
        below >= half
    });
    median.unwrap_or(0) as f32 / 255.0 / MEDIAN / SQUARES.sqrt()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, s};

    use super::*;
    use crate::video::ClassMap;

    const SIDE: usize = 64;

    /// Class 0 above, class 1 below, as sure as `confidence`.
    fn halves(confidence: f32) -> Array3<f32> {
        let tokens = SIDE / PATCH;
        Array3::from_shape_fn((2, tokens, tokens), |(class, y, _)| {
            let here = usize::from(y >= tokens / 2) == class;
            if here { confidence } else { 1.0 - confidence }
        })
    }

    /// One colour above, another below, with some texture in blocks of 16×16 pixels.
    fn frame(above: [u8; 3], below: [u8; 3]) -> Rgb {
        Rgb::from_shape_fn((SIDE, SIDE, 3), |(y, x, c)| {
            let base = if y < SIDE / 2 { above[c] } else { below[c] };
            base + 8 * ((x / 16 + y / 16) % 2) as u8
        })
    }

    fn view_of(frame: &Rgb, labels: [u8; 2]) -> View {
        let mut view = View::default();
        (view.rgb, view.labels) = (
            frame.mapv(|byte| f32::from(byte) / 255.0),
            ClassMap::from_shape_fn((SIDE, SIDE), |(y, _)| labels[usize::from(y >= SIDE / 2)]),
        );
        view
    }

    fn means(rgb: &Array3<f32>) -> [[f32; 3]; 2] {
        let half = |rows: ndarray::ArrayView3<'_, f32>| {
            [0, 1, 2].map(|c| rows.index_axis(Axis(2), c).mean().unwrap_or_default() * 255.0)
        };
        [
            half(rgb.slice(s![..SIDE / 2, .., ..])),
            half(rgb.slice(s![SIDE / 2.., .., ..])),
        ]
    }

    const DAY: ([u8; 3], [u8; 3]) = ([180, 200, 230], [120, 110, 100]);
    const DUSK: ([u8; 3], [u8; 3]) = ([60, 70, 110], [30, 32, 40]);

    #[test]
    fn the_opponent_space_goes_back() {
        for pixel in [[0.1, 0.5, 0.9], [1.0, 0.0, 0.25], [0.3, 0.3, 0.3]] {
            let back = rgb(opponent(pixel));
            for (a, b) in back.iter().zip(pixel) {
                assert!((a - b).abs() < 1e-6, "{back:?} {pixel:?}");
            }
        }
    }

    #[test]
    fn every_class_comes_into_its_own_light() {
        let mut style = Style::default();
        style.see(&frame(DUSK.0, DUSK.1), halves(0.9).view());
        let mut view = view_of(&frame(DAY.0, DAY.1), [0, 1]);
        style.bring(&mut view, 1.0);
        let wanted = means(&view_of(&frame(DUSK.0, DUSK.1), [0, 1]).rgb);
        for (found, wanted) in means(&view.rgb)
            .iter()
            .flatten()
            .zip(wanted.iter().flatten())
        {
            assert!((found - wanted).abs() < 0.1, "{found} {wanted}");
        }
        // Half of the way.
        let mut view = view_of(&frame(DAY.0, DAY.1), [0, 1]);
        let before = means(&view.rgb);
        style.bring(&mut view, 0.5);
        let ends = before.iter().flatten().zip(wanted.iter().flatten());
        for (found, (day, dusk)) in means(&view.rgb).iter().flatten().zip(ends) {
            assert!(
                (found - f32::midpoint(*day, *dusk)).abs() < 0.1,
                "{found} {day} {dusk}"
            );
        }
    }

    #[test]
    fn what_has_no_class_of_its_own_comes_into_the_light_of_the_whole() {
        // Nothing is known of a class that the model is not sure of.
        for (confidence, labels) in [(0.55, [0, 1]), (0.9, [255, 255])] {
            let mut style = Style::default();
            style.see(&frame(DUSK.0, DUSK.1), halves(confidence).view());
            let mut view = view_of(&frame(DAY.0, DAY.1), labels);
            style.bring(&mut view, 1.0);
            let [above, below] = means(&view.rgb);
            let [dusk_above, dusk_below] = means(&view_of(&frame(DUSK.0, DUSK.1), labels).rgb);
            for c in 0..3 {
                let found = above[c] + below[c];
                let wanted = dusk_above[c] + dusk_below[c];
                assert!((found - wanted).abs() < 0.5, "{found} {wanted}");
                assert!(
                    (above[c] - dusk_above[c]).abs() > 0.01
                        || (below[c] - dusk_below[c]).abs() > 0.01
                );
            }
        }
    }

    #[test]
    fn light_is_followed_slowly() {
        let mut style = Style::default();
        let grey = |level| Rgb::from_elem((SIDE, SIDE, 3), level);
        style.see(&grey(100), halves(0.9).view());
        style.see(&grey(200), halves(0.9).view());
        let light = style.whole.unwrap().mean[0] * 255.0;
        assert!((light - 110.0).abs() < 0.01, "{light}");
        let of_class = style.classes[&1].mean[0] * 255.0;
        assert!((of_class - 110.0).abs() < 0.01, "{of_class}");
    }

    #[test]
    fn noise_is_measured_beside_texture() {
        let mut noisy = frame(DAY.0, DAY.1).mapv(f32::from);
        assert_eq!(noise(&frame(DAY.0, DAY.1)), 0.0);
        Draws::new(1, 1).add_noise(noisy.as_slice_mut().unwrap(), 12.0);
        let noisy = noisy.mapv(|value| (value + 0.5).clamp(0.0, 255.0) as u8);
        let found = noise(&noisy) * 255.0;
        assert!((found - 12.0).abs() < 2.0, "{found}");
        assert_eq!(noise(&Rgb::zeros((2, 2, 3))), 0.0);
    }

    #[test]
    fn a_view_stays_as_it_is_now_and_then() {
        let mut style = Style::default();
        style.see(&frame(DUSK.0, DUSK.1), halves(0.9).view());
        let plain = view_of(&frame(DAY.0, DAY.1), [0, 1]).rgb;
        let stayed = (0..400)
            .filter(|&at| {
                let mut view = view_of(&frame(DAY.0, DAY.1), [0, 1]);
                style.restyle(&mut view, &mut Draws::new(3, at));
                assert!(view.rgb.iter().all(|v| (0.0..=1.0).contains(v)));
                view.rgb == plain
            })
            .count();
        assert!((50..110).contains(&stayed), "{stayed}");
    }
}
