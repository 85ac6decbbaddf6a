//! Class maps drawn into frames, in the frame's own format.

use std::ops::Range;

use ndarray::{ArrayRef2, ArrayView1};

use super::colour::Encode;
use super::format::{Component, PixelFormat};
use super::frame::FrameMut;
use super::samples::{Paint, blend_row};

/// A frame that class ids cannot be written to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("class ids cannot be written to a {0} frame, only to GRAY8")]
pub struct MapError(pub PixelFormat);

/// The look of classes.
#[derive(Clone, Copy, Debug)]
pub struct Style<'a> {
    /// The colour of each class, by its id. Classes without one are not drawn.
    pub colours: &'a [Option<[u8; 3]>],
    /// How much of the colour there is where a class is: 0 to 1, clamped, in steps of 1/256; the rest is the frame.
    pub opacity: f32,
    /// Width, in pixels of the frame, of the opaque line that every class has along the inside of its edges; 0 is none.
    /// The edge of the frame is none of a class.
    pub contours: usize,
}

/// Draws class maps (height, width), keeping its buffers, so that nothing is allocated after the first frame of a size.
///
/// A map has any size, and is spread over the whole frame; 255 is no class, and an empty map draws nothing. Each sample takes the class of the map's pixel under its centre. A map's row is spread out once and serves all rows of
/// the plane that look the same.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// For the first component and for those that may be shared by pixels.
    edges: [Vec<u32>; 2],
    /// Pixels of a row of the map with another class within reach above or below.
    mixed: Vec<bool>,
    paint: Paint,
}

impl Overlay {
    /// With empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Blends class colours into `frame`. Class 255 and classes without a colour leave it untouched, and samples that
    /// belong to no component (opacity, filling) stay as they are. Codes are blended in the frame's own format and
    /// colorimetry.
    pub fn draw(&mut self, frame: &mut FrameMut<'_>, map: &ArrayRef2<u8>, style: &Style<'_>) {
        self.draw_from(frame, 0, map, style);
    }

    /// The same over the part of `frame` that begins at column `left`. Samples with their centre left of it stay as they
    /// are, and nothing is drawn when `left` is beyond the frame.
    pub fn draw_from(
        &mut self,
        frame: &mut FrameMut<'_>,
        left: usize,
        map: &ArrayRef2<u8>,
        style: &Style<'_>,
    ) {
        // NaN becomes 0.
        let opacity = (style.opacity.clamp(0.0, 1.0) * 256.0).round() as u16;
        if (opacity == 0 && style.contours == 0) || left >= frame.width || map.is_empty() {
            return;
        }
        let layout = frame.format.layout();
        let encode = Encode::new(&layout, frame.colorimetry);
        let mut colours: Colours = [None; 256];
        // 255 is no class.
        for (code, colour) in colours.iter_mut().zip(style.colours).take(255) {
            *code = colour.map(|rgb| encode.nearest(rgb));
        }
        for c in 0..layout.components().len() {
            let (across, _) = layout.span_of(c);
            find_edges(
                &mut self.edges[group(c)],
                map.ncols(),
                left..frame.width,
                across,
            );
        }
        for plane in 0..layout.planes() {
            self.draw_plane(frame, plane, map, &colours, opacity, style.contours);
        }
    }

    /// Writes the ids themselves into a GRAY8 frame, each pixel that of the map's pixel under its centre.
    ///
    /// # Errors
    /// [`MapError`] when the frame is not GRAY8.
    pub fn class_map(
        &mut self,
        frame: &mut FrameMut<'_>,
        map: &ArrayRef2<u8>,
    ) -> Result<(), MapError> {
        if frame.format != PixelFormat::Gray8 {
            return Err(MapError(frame.format));
        }
        if map.is_empty() {
            return Ok(());
        }
        let (width, height) = (frame.width, frame.height);
        find_edges(&mut self.edges[0], map.ncols(), 0..width, 1);
        for (y, row) in frame.rows(0).enumerate() {
            let from = map.row(under(y, map.nrows(), 0..height, 1));
            for (edges, &class) in self.edges[0].windows(2).zip(from) {
                row[edges[0] as usize..edges[1] as usize].fill(class);
            }
        }
        Ok(())
    }

    fn draw_plane(
        &mut self,
        frame: &mut FrameMut<'_>,
        plane: usize,
        map: &ArrayRef2<u8>,
        colours: &Colours,
        opacity: u16,
        contours: usize,
    ) {
        let layout = frame.format.layout();
        let height = frame.height;
        let samples = layout.row_samples(plane, frame.width);
        let Self {
            edges,
            mixed,
            paint,
        } = self;
        // Samples of no component keep opacity 0 for all rows, as do those left of the map.
        for values in [&mut paint.codes, &mut paint.opacities] {
            values.clear();
            values.resize(samples, 0);
        }
        let down = layout.in_plane(plane).next();
        let down = down.map_or(1, |(c, _)| layout.span_of(c).1);
        // A line that is drawn has its colour, so shared samples round its width up.
        let reach = contours.div_ceil(down);
        let rows = height.div_ceil(down);
        let on = |y: usize| under(y, map.nrows(), 0..height, down);
        let mut spread = None;
        for (y, row) in frame.rows(plane).enumerate() {
            let (above, below) = (y.saturating_sub(reach), (y + reach).min(rows - 1));
            let like = (on(above), on(y), on(below));
            if spread != Some(like) {
                find_mixed(mixed, map, on(y), (above..=below).map(on));
                for (c, component) in layout.in_plane(plane) {
                    let reach = contours.div_ceil(layout.span_of(c).0);
                    let row = Row {
                        edges: &edges[group(c)],
                        classes: map.row(on(y)),
                        mixed,
                    };
                    row.spread(reach, |samples, class, line| {
                        let opacity = if line { 256 } else { opacity };
                        let (code, opacity) = match colours[usize::from(class)] {
                            Some(colour) => (colour[c], opacity),
                            None => (0, 0),
                        };
                        fill(&mut paint.codes, component, samples.clone(), code);
                        fill(&mut paint.opacities, component, samples, opacity);
                    });
                }
                spread = Some(like);
            }
            blend_row(layout.sample, row, paint);
        }
    }
}

/// Which edges are those of a component.
fn group(component: usize) -> usize {
    usize::from(component > 0)
}

/// Marks where rows of the map within reach have another class than the row itself.
fn find_mixed(
    mixed: &mut Vec<bool>,
    map: &ArrayRef2<u8>,
    row: usize,
    within_reach: impl Iterator<Item = usize>,
) {
    mixed.clear();
    mixed.resize(map.ncols(), false);
    let own = map.row(row);
    let mut last = row;
    for other in within_reach {
        // They come in order.
        if other == row || other == last {
            continue;
        }
        last = other;
        for (mixed, (a, b)) in mixed.iter_mut().zip(own.iter().zip(&map.row(other))) {
            *mixed |= a != b;
        }
    }
}

/// A row of the map above the samples of a component.
struct Row<'a> {
    edges: &'a [u32],
    classes: ArrayView1<'a, u8>,
    mixed: &'a [bool],
}

impl Row<'_> {
    /// Calls `each` with runs of samples, their class, and whether they belong to a line `reach` samples wide.
    fn spread(&self, reach: usize, mut each: impl FnMut(Range<usize>, u8, bool)) {
        let (first, end) = (
            self.edges[0] as usize,
            self.edges[self.classes.len()] as usize,
        );
        let mut run = |samples: Range<usize>, class, mixed| {
            if mixed {
                return each(samples, class, true);
            }
            // What is beside the first and the last sample is no other class.
            let left = if samples.start > first { reach } else { 0 };
            let right = if samples.end < end { reach } else { 0 };
            let from = (samples.start + left).min(samples.end);
            let to = samples.end.saturating_sub(right).max(from);
            for (samples, line) in [
                (samples.start..from, true),
                (from..to, false),
                (to..samples.end, true),
            ] {
                if !samples.is_empty() {
                    each(samples, class, line);
                }
            }
        };
        let (mut start, mut of) = (first, None);
        for (i, now) in self.classes.iter().zip(self.mixed).enumerate() {
            let at = self.edges[i] as usize;
            // Pixels of the map that no sample lies on are not there.
            if at == self.edges[i + 1] as usize || of == Some(now) {
                continue;
            }
            if let Some((class, mixed)) = of.replace(now) {
                run(start..at, *class, *mixed);
            }
            start = at;
        }
        if let Some((class, mixed)) = of {
            run(start..end, *class, *mixed);
        }
    }
}

/// Gives some of a component's samples a value.
fn fill(values: &mut [u16], component: &Component, samples: Range<usize>, value: u16) {
    if component.step == 1 {
        values[samples].fill(value);
    } else {
        let from = component.first + samples.start * component.step;
        let apart = values.iter_mut().skip(from).step_by(component.step);
        for to in apart.take(samples.len()) {
            *to = value;
        }
    }
}

/// The codes of each class, where it has a colour.
type Colours = [Option<[u16; 3]>; 256];

/// Which of `map` pixels, spread over the pixels `over` of the frame, lies under the centre of sample `i` of a component,
/// whose samples span `span` pixels.
fn under(i: usize, map: usize, over: Range<usize>, span: usize) -> usize {
    // In half pixels.
    let centre = ((2 * i + 1) * span).saturating_sub(2 * over.start);
    (centre * map / (2 * over.len())).min(map - 1)
}

/// Where the samples that lie on each pixel of the map begin, and where the last ones end.
fn find_edges(edges: &mut Vec<u32>, map: usize, over: Range<usize>, span: usize) {
    let samples = over.end.div_ceil(span);
    // The first with its centre on the map.
    let first = (2 * over.start).saturating_sub(span).div_ceil(2 * span);
    edges.clear();
    for sample in first..samples {
        let on = under(sample, map, over.clone(), span);
        while edges.len() <= on {
            edges.push(sample as u32);
        }
    }
    edges.resize(map + 1, samples as u32);
}

#[cfg(test)]
mod tests;
