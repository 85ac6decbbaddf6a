use super::*;
use tttseg::runtime::testing;
use tttseg::weights::Tensor as Values;

/// Numbers that look random, from −1 to 1.
fn numbers(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Weights of the network's shapes, so large that features stay of size one.
fn weights() -> Weights {
    let sides = [11, 5, 3, 3, 3];
    let mut inputs = 3;
    let mut weights = Weights::default();
    let mut next = numbers(1);
    for (layer, (side, outputs)) in sides.into_iter().zip(alexnet::CHANNELS).enumerate() {
        let mut put = |name: &str, shape: Vec<usize>, scale: f32, shift: f32| {
            let count = shape.iter().product();
            let data = (0..count).map(|_| scale * next() + shift).collect();
            weights.insert(format!("{name}{layer}"), Values::new(shape, data).unwrap());
        };
        let scale = (6.0 / (side * side * inputs) as f32).sqrt();
        put("conv.weight", vec![side, side, inputs, outputs], scale, 0.0);
        put("conv.bias", vec![outputs], 0.1, 0.0);
        put("linear.weight", vec![outputs], 0.5, 0.5);
        inputs = outputs;
    }
    let named = weights.iter().map(|(name, values)| {
        let (kind, rest) = name.split_once('.').unwrap();
        let (what, layer) = rest.split_at(rest.len() - 1);
        (format!("{kind}{layer}.{what}"), values.clone())
    });
    Weights(named.collect())
}

/// A map of rows, columns and channels.
struct Plain {
    high: usize,
    wide: usize,
    channels: usize,
    data: Vec<f32>,
}

impl Plain {
    fn at(&self, y: isize, x: isize, c: usize) -> f32 {
        let inside = |v: isize, n: usize| v >= 0 && (v as usize) < n;
        if inside(y, self.high) && inside(x, self.wide) {
            self.data[(y as usize * self.wide + x as usize) * self.channels + c]
        } else {
            0.0
        }
    }

    /// As the definition of a convolution has it, and what of it is above 0.
    fn convolved(&self, weights: &Weights, layer: usize, stride: usize, padding: usize) -> Self {
        let kernel = weights.get(&format!("conv{layer}.weight")).unwrap();
        let bias = weights.get(&format!("conv{layer}.bias")).unwrap();
        let [side, _, inputs, outputs] = kernel.shape[..] else {
            unreachable!()
        };
        let steps = |n: usize| (n + 2 * padding - side) / stride + 1;
        let (high, wide) = (steps(self.high), steps(self.wide));
        let mut data = vec![];
        for y in 0..high {
            for x in 0..wide {
                let mut sums = bias.data.clone();
                for (i, tap) in kernel.data.chunks(inputs * outputs).enumerate() {
                    let from = |n: usize, k: usize| (n * stride + k) as isize - padding as isize;
                    let (row, column) = (from(y, i / side), from(x, i % side));
                    for (c, weights) in tap.chunks(outputs).enumerate() {
                        let value = self.at(row, column, c);
                        for (sum, weight) in sums.iter_mut().zip(weights) {
                            *sum += value * weight;
                        }
                    }
                }
                data.extend(sums.iter().map(|v| v.max(0.0)));
            }
        }
        let channels = outputs;
        Self {
            high,
            wide,
            channels,
            data,
        }
    }

    fn pooled(&self) -> Self {
        let (high, wide) = ((self.high - 1) / 2, (self.wide - 1) / 2);
        let mut data = vec![];
        for i in 0..high * wide * self.channels {
            let (place, c) = (i / self.channels, i % self.channels);
            let (y, x) = (place / wide * 2, place % wide * 2);
            let all = (0..9).map(|k| self.at((y + k / 3) as isize, (x + k % 3) as isize, c));
            data.push(all.fold(f32::MIN, f32::max));
        }
        Self {
            high,
            wide,
            channels: self.channels,
            data,
        }
    }

    fn units(&self) -> Vec<f32> {
        let unit = |v: &[f32]| {
            let length = v.iter().map(|v| v * v).sum::<f32>().sqrt() + 1e-10;
            v.iter().map(|v| v / length).collect::<Vec<_>>()
        };
        self.data.chunks(self.channels).flat_map(unit).collect()
    }
}

fn layers(weights: &Weights, rgb: &Rgb) -> Vec<Plain> {
    let normal = |(i, &v): (usize, &u8)| {
        let (mean, deviation) = (
            [-0.030, -0.088, -0.188][i % 3],
            [0.458, 0.448, 0.450][i % 3],
        );
        (f32::from(v) / 127.5 - 1.0 - mean) / deviation
    };
    let picture = Plain {
        high: rgb.dim().0,
        wide: rgb.dim().1,
        channels: 3,
        data: rgb.iter().enumerate().map(normal).collect(),
    };
    let mut maps = vec![picture.convolved(weights, 0, 4, 2)];
    maps.push(maps[0].pooled().convolved(weights, 1, 1, 2));
    maps.push(maps[1].pooled().convolved(weights, 2, 1, 1));
    maps.push(maps[2].convolved(weights, 3, 1, 1));
    maps.push(maps[3].convolved(weights, 4, 1, 1));
    maps
}

fn network() -> Option<Perceptual> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("network.safetensors");
    weights().write_safetensors(&path).unwrap();
    let runtime = testing::runtime()?;
    Some(Perceptual::open(path, runtime, &testing::options()).unwrap())
}

fn picture(seed: u32, wide: usize, high: usize) -> Rgb {
    let mut next = numbers(seed);
    Rgb::from_shape_simple_fn((high, wide, 3), || (128.0 + 127.0 * next()) as u8)
}

#[test]
fn the_network_is_what_its_definition_says() {
    let Some(mut network) = network() else { return };
    // Sizes at which strides do and do not come out even.
    for (wide, high) in [(31, 31), (37, 46), (48, 35)] {
        let pictures = [1, 2, 3].map(|seed| picture(seed, wide, high));
        let found = network.compare(&pictures.each_ref()).unwrap().unwrap();
        let weights = weights();
        let maps = pictures.each_ref().map(|p| layers(&weights, p));
        for (i, distance) in found.distances.iter().enumerate() {
            let mut wanted = 0.0;
            for (layer, (a, b)) in maps[0].iter().zip(&maps[i + 1]).enumerate() {
                let linear = weights.get(&format!("linear{layer}.weight")).unwrap();
                let (a, b) = (a.units(), b.units());
                let places = a.len() / linear.data.len();
                let each = a.iter().zip(&b).zip(linear.data.iter().cycle());
                let sum: f32 = each.map(|((a, b), w)| w * (a - b).powi(2)).sum();
                wanted += sum / places as f32;
            }
            assert!(
                (distance - wanted).abs() < 1e-4 * wanted,
                "{distance} {wanted}"
            );
        }
        let last: Vec<f32> = maps.iter().flat_map(|m| m[4].data.clone()).collect();
        assert_eq!(found.features.len(), last.len());
        for (found, wanted) in found.features.iter().zip(&last) {
            assert!((found - wanted).abs() < 1e-3, "{found} {wanted}");
        }
        let same = network.compare(&[&pictures[0], &pictures[0]]);
        assert_eq!(same.unwrap().unwrap().distances, [0.0]);
    }
    let small = picture(1, 30, 40);
    assert!(network.compare(&[&small, &small]).unwrap().is_none());
}

#[test]
fn another_file_is_refused_by_name() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let options = testing::options();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.safetensors");
    let mut other = weights();
    other.0.remove("conv3.bias");
    other.write_safetensors(&path).unwrap();
    let error = Perceptual::open(&path, runtime, &options)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("other.safetensors") && error.contains("conv3.bias"),
        "{error}"
    );
    let missing = Perceptual::open(dir.path().join("none"), runtime, &options);
    assert!(missing.err().unwrap().to_string().contains("none"));
}
