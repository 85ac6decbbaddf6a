//! Random views of a labelled image: crops, resized and mirrored, in another light.

use super::light;
use super::{Augmentation, BEST_JPEG};
use crate::data::{Sample, jpeg_coded};
use crate::train::random::{chance, uniform};
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tttseg::video::ClassMap;

/// What images are padded with: ImageNet's mean, nothing once normalised.
pub(in crate::train) const PADDING: [u8; 3] = [124, 116, 104];

/// Buffers for views, reused from one to the next.
#[derive(Debug, Default)]
pub(in crate::train) struct Viewer {
    resizer: Resizer,
    part: Vec<u8>,
    work: [Vec<f32>; 2],
}

/// One axis of a view: where it starts in the image and how far apart its pixels are, both in the image's pixels.
#[derive(Clone, Copy, Debug)]
struct Axis {
    start: f64,
    step: f64,
    length: usize,
    extent: usize,
}

impl Axis {
    /// Places a view of `length` pixels at random over `extent` pixels of the image, `point` inside if there is one. What
    /// is shorter than the other lies within it.
    fn place(
        rng: &mut ChaCha8Rng,
        length: usize,
        extent: usize,
        magnification: f32,
        point: Option<usize>,
    ) -> Self {
        let step = 1.0 / f64::from(magnification);
        let span = length as f64 * step;
        let slack = extent as f64 - span;
        let (mut low, mut high) = (slack.min(0.0), slack.max(0.0));
        if let Some(point) = point {
            let point = point as f64 + 0.5;
            low = (point - span * 0.9).clamp(low, high);
            high = (point - span * 0.1).clamp(low, high);
        }
        let start = low + (high - low) * rng.random::<f64>();
        Self {
            start,
            step,
            length,
            extent,
        }
    }

    /// Pixels of the view that lie wholly inside the image.
    fn inside(&self) -> std::ops::Range<usize> {
        let first = (-self.start / self.step - 1e-6).ceil().max(0.0) as usize;
        let last = ((self.extent as f64 - self.start) / self.step + 1e-6).floor();
        let last = (last.max(0.0) as usize).min(self.length);
        first.min(last)..last
    }

    /// The part of the image under a range of the view's pixels: start and length.
    fn under(&self, range: &std::ops::Range<usize>) -> (f64, f64) {
        let extent = self.extent as f64;
        let start = (self.start + range.start as f64 * self.step).clamp(0.0, extent);
        let end = (self.start + range.end as f64 * self.step).clamp(start, extent);
        (start, end - start)
    }

    /// The image's pixel under the centre of one of the view's.
    fn nearest(&self, i: usize) -> usize {
        let at = self.start + (i as f64 + 0.5) * self.step;
        (at.max(0.0) as usize).min(self.extent - 1)
    }
}

impl Viewer {
    /// Writes a random view of `sample`, `height` × `width` pixels, to `image` (RGB) and `labels`. With a `class`, the
    /// view contains a pixel of it if the sample does. Outside the sample the image is [`PADDING`], the label 255.
    #[expect(
        clippy::too_many_arguments,
        reason = "two outputs, their size, and three inputs"
    )]
    pub(in crate::train) fn view(
        &mut self,
        sample: &Sample,
        augmentation: &Augmentation,
        class: Option<u8>,
        rng: &mut ChaCha8Rng,
        (width, height): (usize, usize),
        image: &mut [u8],
        labels: &mut [u8],
    ) -> Result<(), String> {
        let point = class.and_then(|class| pick(&sample.labels, class, rng));
        let size = sample.size();
        let (low, high) = augmentation.scale;
        let scale = uniform(rng, low.ln(), high.ln());
        let stretch = uniform(rng, -0.5, 0.5) * augmentation.stretch.ln();
        let across = Axis::place(
            rng,
            width,
            size.0,
            (scale + stretch).exp() * sample.pixel_aspect,
            point.map(|p| p.1),
        );
        let down = Axis::place(
            rng,
            height,
            size.1,
            (scale - stretch).exp(),
            point.map(|p| p.0),
        );
        let flip = chance(rng, augmentation.flip);
        let (columns, rows) = (across.inside(), down.inside());

        image
            .chunks_exact_mut(3)
            .for_each(|p| p.copy_from_slice(&PADDING));
        labels.fill(255);
        if !columns.is_empty() && !rows.is_empty() {
            self.cut(sample, (&across, &down), (&columns, &rows))?;
            let part = columns.len() * 3;
            for (y, from) in rows.clone().zip(self.part.chunks_exact(part)) {
                image[(y * width + columns.start) * 3..][..part].copy_from_slice(from);
                let from = sample.labels.row(down.nearest(y));
                for x in columns.clone() {
                    labels[y * width + x] = from[across.nearest(x)];
                }
            }
        }
        light::apply(image, width, augmentation, rng, &mut self.work);
        if chance(rng, augmentation.jpeg) {
            let quality = uniform(rng, augmentation.jpeg_quality, BEST_JPEG).round() as u8;
            let coded = jpeg_coded(image, (width, height), quality);
            image.copy_from_slice(&coded.map_err(|e| format!("{}: {e}", sample.name))?);
        }
        for (y, row) in image.chunks_exact_mut(width * 3).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                if !rows.contains(&y) || !columns.contains(&x) {
                    pixel.copy_from_slice(&PADDING);
                }
            }
            if flip {
                let mut pixels = row.chunks_exact_mut(3);
                while let (Some(left), Some(right)) = (pixels.next(), pixels.next_back()) {
                    left.swap_with_slice(right);
                }
            }
        }
        if flip {
            labels.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        Ok(())
    }

    /// Resizes the part of the sample under `columns` and `rows` into `self.part`, antialiased.
    fn cut(
        &mut self,
        sample: &Sample,
        (across, down): (&Axis, &Axis),
        (columns, rows): (&std::ops::Range<usize>, &std::ops::Range<usize>),
    ) -> Result<(), String> {
        let (left, wide) = across.under(columns);
        let (top, high) = down.under(rows);
        self.part.resize(columns.len() * rows.len() * 3, 0);
        let text = |e: &dyn std::fmt::Display| format!("{}: {e}", sample.name);
        let (width, height) = sample.size();
        let (w, h) = (width as u32, height as u32);
        let rgb = sample.rgb.as_slice().unwrap_or_default();
        let whole = TypedImageRef::<U8x3>::from_buffer(w, h, rgb).map_err(|e| text(&e))?;
        let (w, h) = (columns.len() as u32, rows.len() as u32);
        let mut part =
            TypedImage::<U8x3>::from_buffer(w, h, &mut self.part).map_err(|e| text(&e))?;
        // The sum of start and length may exceed the image by a rounding error.
        let wide = wide.min(width as f64 - left - 1e-9).max(1e-9);
        let high = high.min(height as f64 - top - 1e-9).max(1e-9);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(left, top, wide, high);
        self.resizer
            .resize_typed(&whole, &mut part, &options)
            .map_err(|e| text(&e))
    }
}

/// The row and column of a random pixel of a class.
fn pick(labels: &ClassMap, class: u8, rng: &mut ChaCha8Rng) -> Option<(usize, usize)> {
    let count = labels.iter().filter(|&&l| l == class).count();
    if count == 0 {
        return None;
    }
    let nth = rng.random_range(0..count as u64) as usize;
    let mut places = labels.indexed_iter().filter(|(_, l)| **l == class);
    places.nth(nth).map(|(place, _)| place)
}
