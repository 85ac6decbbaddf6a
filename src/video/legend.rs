//! Names of classes with their colours, drawn into frames in the frame's own format.

use std::ops::Range;

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::colour::{Colorimetry, Encode};
use super::format::{Component, Layout, PixelFormat};
use super::frame::FrameMut;
use super::samples::{Paint, blend_row};

/// Lines of text in the height of a frame, about.
const LINES: usize = 28;

/// Opacity of the black behind the text, of 256.
const GROUND: u32 = 150;

const SIZES: [RasterHeight; 4] = [
    RasterHeight::Size32,
    RasterHeight::Size24,
    RasterHeight::Size20,
    RasterHeight::Size16,
];

/// Draws legends, keeping the last one, so that a frame like the one before costs no more than blending.
///
/// A legend stands in the upper left corner, on black that lets some of the frame through. Its text grows with the frame's
/// height, from 16 pixels on. It takes as many columns as it needs; what does not fit is left out and replaced by three dots.
#[derive(Clone, Debug, Default)]
pub struct Legend {
    of: Option<Key>,
    /// For each plane the first of its rows that there is paint for, and the paint.
    planes: Vec<(usize, Vec<Paint>)>,
}

/// Everything that the look of a legend depends on.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    format: PixelFormat,
    colorimetry: Colorimetry,
    over: (Range<usize>, usize),
    names: Vec<String>,
    colours: Vec<Option<[u8; 3]>>,
}

impl Legend {
    /// With no legend yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws a line for each class that has a name and a colour, both by its id, into the part of `frame` that begins at
    /// column `left`. Letters beyond those of Latin scripts become question marks.
    pub fn draw(
        &mut self,
        frame: &mut FrameMut<'_>,
        left: usize,
        names: &[String],
        colours: &[Option<[u8; 3]>],
    ) {
        if left >= frame.width {
            return;
        }
        let over = (left..frame.width, frame.height);
        let same = self.of.as_ref().is_some_and(|key| {
            key.format == frame.format
                && key.colorimetry == frame.colorimetry
                && key.over == over
                && key.names == names
                && key.colours == colours
        });
        if !same {
            let key = Key {
                format: frame.format,
                colorimetry: frame.colorimetry,
                over,
                names: names.to_vec(),
                colours: colours.to_vec(),
            };
            self.planes = Card::new(&key).map_or_else(Vec::new, |card| card.paint(&key));
            self.of = Some(key);
        }
        let sample = frame.format.layout().sample;
        for (plane, (first, paints)) in self.planes.iter().enumerate() {
            for (row, paint) in frame.rows(plane).skip(*first).zip(paints) {
                blend_row(sample, row, paint);
            }
        }
    }
}

/// A picture with opacities from 0 to 256, and where it lies in the frame.
struct Card {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    pixels: Vec<([u8; 3], u32)>,
}

impl Card {
    /// None when there is nothing to list.
    fn new(key: &Key) -> Option<Self> {
        let classes = key.names.iter().zip(&key.colours);
        let mut entries: Vec<(&str, Option<[u8; 3]>)> = classes
            .filter_map(|(name, colour)| Some((name.as_str(), Some((*colour)?))))
            .collect();
        if entries.is_empty() {
            return None;
        }
        let (over, frame_height) = &key.over;
        let font = Font::for_height(*frame_height);
        let line = font.line();
        let margin = line / 2;
        let longest = entries.iter().map(|(name, _)| name.chars().count()).max();
        // The square takes a line's height, and half of one is between columns.
        let column = line + longest.unwrap_or(0) * font.advance() + line / 2;
        let lines = (frame_height.saturating_sub(3 * margin) / line).max(1);
        let columns = (over.len().saturating_sub(2 * margin) / column).max(1);
        if entries.len() > lines * columns {
            entries.truncate(lines * columns);
            if let Some(last) = entries.last_mut() {
                *last = ("...", None);
            }
        }
        let columns = entries.len().div_ceil(lines);
        let lines = entries.len().div_ceil(columns);
        let (left, top) = (over.start + margin, margin.min(frame_height / 2));
        let (width, height) = (columns * column, lines * line + margin);
        let mut card = Self {
            left,
            top,
            width: width.min(over.end.saturating_sub(left)),
            height: height.min(frame_height - top),
            pixels: vec![],
        };
        card.pixels = vec![([0; 3], GROUND); card.width * card.height];
        for (i, (name, colour)) in entries.into_iter().enumerate() {
            let (x, y) = (i / lines * column, margin / 2 + i % lines * line);
            if let Some(colour) = colour {
                let side = line / 2;
                card.square(x + line / 4, y + (line - side) / 2, side, colour);
            }
            card.text(x + line, y, name, &font);
        }
        Some(card)
    }

    fn square(&mut self, x: usize, y: usize, side: usize, colour: [u8; 3]) {
        for y in y..y + side {
            for x in x..x + side {
                self.put(x, y, (colour, 256));
            }
        }
    }

    fn text(&mut self, x: usize, y: usize, text: &str, font: &Font) {
        for (i, letter) in text.chars().enumerate() {
            font.draw(letter, |at, row, coverage| {
                let covered = u32::from(coverage);
                // White over the black that is there.
                let opacity = covered * 256 + (255 - covered) * GROUND;
                let grey = (255 * 256 * covered / opacity.max(1)) as u8;
                self.put(
                    x + i * font.advance() + at,
                    y + row,
                    ([grey; 3], opacity / 255),
                );
            });
        }
    }

    /// Sets a pixel, if it is there.
    fn put(&mut self, x: usize, y: usize, pixel: ([u8; 3], u32)) {
        if x < self.width
            && let Some(to) = self.pixels.get_mut(y * self.width + x)
        {
            *to = pixel;
        }
    }

    /// The same for the samples of each plane.
    fn paint(&self, key: &Key) -> Vec<(usize, Vec<Paint>)> {
        let layout = key.format.layout();
        let encode = Encode::new(&layout, key.colorimetry);
        (0..layout.planes())
            .map(|plane| {
                let mut in_plane = layout.in_plane(plane);
                let down = in_plane.next().map_or(1, |(c, _)| layout.span_of(c).1);
                let rows = self.top / down..(self.top + self.height).div_ceil(down);
                let paints = rows.clone().map(|y| self.row(&layout, plane, y, &encode));
                (rows.start, paints.collect())
            })
            .collect()
    }

    fn row(&self, layout: &Layout, plane: usize, y: usize, encode: &Encode) -> Paint {
        let samples = layout.row_samples(plane, self.left + self.width);
        let mut paint = Paint {
            codes: vec![0; samples],
            opacities: vec![0; samples],
        };
        for (c, component) in layout.in_plane(plane) {
            let (across, down) = layout.span_of(c);
            let Component { first, step, .. } = component;
            for x in self.left / across..(self.left + self.width).div_ceil(across) {
                let (rgb, opacity) =
                    self.mean(x * across..(x + 1) * across, y * down..(y + 1) * down);
                paint.codes[first + x * step] = encode.nearest(rgb)[c];
                paint.opacities[first + x * step] = opacity;
            }
        }
        paint
    }

    /// What is on pixels of the frame, on average; beside the card there is nothing.
    fn mean(&self, across: Range<usize>, down: Range<usize>) -> ([u8; 3], u16) {
        let shared = (across.len() * down.len()) as u32;
        let mut sums = [0; 3];
        let mut opacities = 0;
        for y in down {
            for x in across.clone() {
                let at = (x.checked_sub(self.left), y.checked_sub(self.top));
                let (Some(x), Some(y)) = at else { continue };
                if x < self.width && y < self.height {
                    let (rgb, opacity) = self.pixels[y * self.width + x];
                    opacities += opacity;
                    for (sum, part) in sums.iter_mut().zip(rgb) {
                        *sum += u32::from(part) * opacity;
                    }
                }
            }
        }
        let rgb = sums.map(|sum| (sum / opacities.max(1)) as u8);
        (rgb, (opacities / shared) as u16)
    }
}

/// Letters of one size: those of a bitmap font, enlarged by a whole number.
struct Font {
    size: RasterHeight,
    times: usize,
}

impl Font {
    fn for_height(height: usize) -> Self {
        let wanted = height / LINES;
        let fits = SIZES.into_iter().find(|size| size.val() <= wanted);
        Self {
            size: fits.unwrap_or(RasterHeight::Size16),
            times: (wanted / RasterHeight::Size32.val()).max(1),
        }
    }

    fn line(&self) -> usize {
        self.size.val() * self.times
    }

    /// From one letter to the next.
    fn advance(&self) -> usize {
        get_raster_width(FontWeight::Regular, self.size) * self.times
    }

    /// Calls `each` with column, row and coverage, up to 255, of a letter's pixels.
    fn draw(&self, letter: char, mut each: impl FnMut(usize, usize, u8)) {
        let known = |letter| get_raster(letter, FontWeight::Regular, self.size);
        let Some(letter) = known(letter).or_else(|| known('?')) else {
            return;
        };
        for (y, row) in letter.rows().enumerate() {
            for (x, &coverage) in row.iter().enumerate() {
                for n in (0..self.times * self.times).filter(|_| coverage > 0) {
                    let (across, down) = (n % self.times, n / self.times);
                    each(x * self.times + across, y * self.times + down, coverage);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::testing::{COLORIMETRIES, Owned};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    const RED_AND_GREEN: [Option<[u8; 3]>; 3] = [Some([255, 0, 0]), None, Some([0, 255, 0])];

    /// Pixels that have changed, as (x, y).
    fn changed(before: &Owned, after: &Owned) -> Vec<(usize, usize)> {
        let pixels = (0..before.height).flat_map(|y| (0..before.width).map(move |x| (x, y)));
        pixels
            .filter(|&(x, y)| before.codes(x, y) != after.codes(x, y))
            .collect()
    }

    #[test]
    fn a_square_of_each_colour_and_no_more() {
        let before = Owned::noise(PixelFormat::Rgb, 320, 240, Colorimetry::RGB, 5, false);
        let mut frame = before.clone();
        let names = names(&["red", "hidden", "green"]);
        Legend::new().draw(&mut frame.as_mut(), 0, &names, &RED_AND_GREEN);
        // Lines of 16 pixels, 8 from the border; the square begins 4 from both.
        for (line, colour) in [(0, [255, 0, 0]), (1, [0, 255, 0])] {
            for (x, y) in [(12, 16), (19, 23)] {
                assert_eq!(frame.codes(x, y + 16 * line), colour);
            }
        }
        let changed = changed(&before, &frame);
        let right = 8 + 16 + 5 * 9 + 8;
        let inside = |&(x, y): &(usize, usize)| (8..right).contains(&x) && (8..48).contains(&y);
        assert!(changed.iter().all(inside));
        let white = changed
            .iter()
            .filter(|(x, y)| frame.codes(*x, *y).iter().all(|c| *c > 230));
        assert!(white.count() > 30, "no text");
        assert_eq!(frame.padding(), before.padding());
    }

    #[test]
    fn the_same_picture_in_every_format() {
        let names = names(&["road", "Straße", "дом"]);
        for &format in PixelFormat::ALL {
            for (width, height) in [(161, 121), (64, 48), (7, 5), (1, 1)] {
                let colorimetry = COLORIMETRIES[3];
                let before = Owned::noise(format, width, height, colorimetry, 3, false);
                let mut frame = before.clone();
                let mut legend = Legend::new();
                legend.draw(&mut frame.as_mut(), 0, &names, &RED_AND_GREEN);
                assert_eq!(frame.padding(), before.padding(), "{format}");
                if width > 100 {
                    let encode = Encode::new(&format.layout(), colorimetry);
                    let wanted = encode.nearest([255, 0, 0]);
                    let components = format.layout().components().len();
                    assert_eq!(frame.codes(16, 20), wanted[..components], "{format}");
                }
                // Drawn again, the one that was kept is the same.
                let mut again = before.clone();
                legend.draw(&mut again.as_mut(), 0, &names, &RED_AND_GREEN);
                assert!(again == frame);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_text_grows() {
        let many: Vec<String> = (0..100).map(|i| format!("class {i}")).collect();
        let colours = vec![Some([9, 9, 9]); 100];
        for (width, height, lines) in [(1920, 1080, 32), (640, 360, 16), (3840, 2160, 64)] {
            assert_eq!(Font::for_height(height).line(), lines);
            let before = Owned::noise(
                PixelFormat::Gray8,
                width,
                height,
                Colorimetry::RGB,
                0,
                false,
            );
            let mut frame = before.clone();
            Legend::new().draw(&mut frame.as_mut(), 0, &many, &colours);
            assert!(changed(&before, &frame).len() > width * height / 4);
        }
        // The right part only.
        let before = Owned::noise(PixelFormat::Rgb, 300, 200, Colorimetry::RGB, 0, false);
        let mut frame = before.clone();
        let mut legend = Legend::new();
        legend.draw(&mut frame.as_mut(), 151, &many, &colours);
        let right = changed(&before, &frame);
        assert!(!right.is_empty() && right.iter().all(|(x, _)| *x >= 151));
        // Nothing to list, and nowhere to.
        let mut frame = before.clone();
        legend.draw(&mut frame.as_mut(), 0, &many, &[]);
        legend.draw(&mut frame.as_mut(), 300, &many, &colours);
        assert!(frame == before);
    }
}
