//! Class maps drawn into frames, in the frame's own format.

use std::ops::Range;

use super::colour::Encode;
use super::format::{Component, PixelFormat};
use super::frame::FrameMut;
use super::palette::Palette;
use super::samples::{Paint, blend_row};

/// Why a class map cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The map is not as large as its sides say.
    #[error("class map of {width}x{height} pixels has {given} bytes")]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes there were.
        given: usize,
    },
    /// Class ids go into GRAY8 frames only.
    #[error("class ids cannot be written to a {0} frame, only to GRAY8")]
    Format(PixelFormat),
}

/// Draws class maps; keeps its buffers, so that nothing is allocated after the first frame of a size.
///
/// Each sample takes the class of the map's pixel under its centre. A map's row is spread out once and serves all rows of
/// the plane that fall on it.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// For the first component and for those that may be shared by pixels.
    edges: [Vec<u32>; 2],
    paint: Paint,
}

impl Overlay {
    /// With empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Blends class colours into `frame`: `opacity` (0 to 1, clamped, in steps of 1/256) of the palette's colour, the rest
    /// of the frame. `classes` is a map of `height` rows of `width` class ids; class 255 and classes without a colour
    /// leave the frame untouched. Samples that belong to no component (opacity, filling) stay as they are. Codes are
    /// blended in the frame's own format and colorimetry.
    ///
    /// # Errors
    /// [`MapError::Size`] when `classes` does not have `width` · `height` bytes.
    pub fn draw(
        &mut self,
        frame: &mut FrameMut<'_>,
        classes: &[u8],
        width: usize,
        height: usize,
        palette: &Palette,
        opacity: f32,
    ) -> Result<(), MapError> {
        let map = Map::new(classes, width, height)?;
        // NaN becomes 0.
        let opacity = (opacity.clamp(0.0, 1.0) * 256.0).round() as u16;
        if opacity == 0 {
            return Ok(());
        }
        let layout = frame.format.layout();
        let encode = Encode::new(&layout, frame.colorimetry);
        let colours: Colours = std::array::from_fn(|class| {
            let rgb = palette.get(class as u8)?;
            Some(encode.nearest(rgb))
        });
        for c in 0..layout.components().len() {
            let (across, _) = layout.span_of(c);
            find_edges(&mut self.edges[group(c)], map.width, frame.width, across);
        }
        for plane in 0..layout.planes() {
            self.draw_plane(frame, plane, &map, &colours, opacity);
        }
        Ok(())
    }

    /// Writes the ids themselves into a GRAY8 frame, each pixel that of the map's pixel under its centre.
    ///
    /// # Errors
    /// [`MapError`] when the frame is not GRAY8 or `classes` does not have `width` · `height` bytes.
    pub fn class_map(
        &mut self,
        frame: &mut FrameMut<'_>,
        classes: &[u8],
        width: usize,
        height: usize,
    ) -> Result<(), MapError> {
        if frame.format != PixelFormat::Gray8 {
            return Err(MapError::Format(frame.format));
        }
        let map = Map::new(classes, width, height)?;
        let (width, height) = (frame.width, frame.height);
        find_edges(&mut self.edges[0], map.width, width, 1);
        for (y, row) in frame.rows(0).enumerate() {
            let from = map.row(under(y, map.height, height, 1));
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
        map: &Map<'_>,
        colours: &Colours,
        opacity: u16,
    ) {
        let layout = frame.format.layout();
        let height = frame.height;
        let samples = layout.row_samples(plane, frame.width);
        let Self { edges, paint } = self;
        // Samples of no component keep opacity 0 for all rows.
        for values in [&mut paint.codes, &mut paint.opacities] {
            values.clear();
            values.resize(samples, 0);
        }
        let down = layout.in_plane(plane).next();
        let down = down.map_or(1, |(c, _)| layout.span_of(c).1);
        let mut spread = None;
        for (y, row) in frame.rows(plane).enumerate() {
            let from = under(y, map.height, height, down);
            if spread != Some(from) {
                for (c, component) in layout.in_plane(plane) {
                    spread_row(&edges[group(c)], map.row(from), |samples, class| {
                        let (code, opacity) = match colours[usize::from(class)] {
                            Some(colour) => (colour[c], opacity),
                            None => (0, 0),
                        };
                        fill(&mut paint.codes, component, samples.clone(), code);
                        fill(&mut paint.opacities, component, samples, opacity);
                    });
                }
                spread = Some(from);
            }
            blend_row(layout.sample, row, paint);
        }
    }
}

/// Which edges are those of a component.
fn group(component: usize) -> usize {
    usize::from(component > 0)
}

/// Calls `each` with the runs of equal classes in a map's row: samples and class.
fn spread_row(edges: &[u32], classes: &[u8], mut each: impl FnMut(Range<usize>, u8)) {
    let mut start = 0;
    for run in classes.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        each(edges[start] as usize..edges[end] as usize, run[0]);
        start = end;
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

/// A class map with its size checked.
struct Map<'a> {
    classes: &'a [u8],
    width: usize,
    height: usize,
}

impl<'a> Map<'a> {
    fn new(classes: &'a [u8], width: usize, height: usize) -> Result<Self, MapError> {
        if classes.is_empty() || width.checked_mul(height) != Some(classes.len()) {
            return Err(MapError::Size {
                width,
                height,
                given: classes.len(),
            });
        }
        Ok(Self {
            classes,
            width,
            height,
        })
    }

    fn row(&self, y: usize) -> &'a [u8] {
        &self.classes[y * self.width..][..self.width]
    }
}

/// The codes of each class, where it has a colour.
type Colours = [Option<[u16; 3]>; 256];

/// Which of `map` pixels lies under the centre of sample `i` of a component, whose samples span `span` of the frame's
/// `frame` pixels.
fn under(i: usize, map: usize, frame: usize, span: usize) -> usize {
    ((2 * i + 1) * span * map / (2 * frame)).min(map - 1)
}

/// Where the samples that lie on each pixel of the map begin, and where the last ones end.
fn find_edges(edges: &mut Vec<u32>, map: usize, frame: usize, span: usize) {
    let samples = frame.div_ceil(span);
    edges.clear();
    for sample in 0..samples {
        let on = under(sample, map, frame, span);
        while edges.len() <= on {
            edges.push(sample as u32);
        }
    }
    edges.resize(map + 1, samples as u32);
}

#[cfg(test)]
mod tests;
