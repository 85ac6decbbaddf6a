//! Class maps drawn into frames, in the frame's own format.

use super::colour::{Colorimetry, rgb_to_yuv};
use super::frame::{FrameMut, PixelFormat};
use super::palette::Palette;

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
    #[error("class ids cannot be written to a {0:?} frame, only to GRAY8")]
    Format(PixelFormat),
}

/// What a component of a pixel becomes: `(old · keep + add) >> 8`.
#[derive(Clone, Copy, Debug, Default)]
struct Blend {
    keep: u16,
    add: u16,
}

/// Leaves a component as it is, exactly.
const UNTOUCHED: Blend = Blend {
    keep: 256,
    add: 128,
};

/// Draws class maps; keeps its buffers, so that nothing grows after the first frame of a size.
///
/// Each plane's pixel takes the class of the map's pixel under its centre. A map's row is expanded once and serves all
/// rows of the plane that fall on it.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    columns: Vec<u32>,
    keep: Vec<u16>,
    add: Vec<u16>,
}

impl Overlay {
    /// With empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Blends class colours into `frame`: `opacity` (0 to 1, clamped, in steps of 1/256) of the palette's colour, the rest
    /// of the frame. `classes` is a map of `height` rows of `width` class ids; class 255 and classes without a colour
    /// leave the frame untouched. YUV frames are blended in YUV, grey ones in luma.
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
        let colours: Colours = std::array::from_fn(|class| {
            let rgb = palette.get(class as u8)?;
            Some(components(rgb, frame.format, frame.colorimetry))
        });
        let blend = |component: u8| Blend {
            keep: 256 - opacity,
            add: u16::from(component) * opacity + 128,
        };
        match frame.format {
            PixelFormat::Rgb => self.plane(frame, 0, &map, table(&colours, |c| c.map(blend))),
            PixelFormat::Rgbx | PixelFormat::Bgrx => {
                let four = |c: [u8; 3]| [blend(c[0]), blend(c[1]), blend(c[2]), UNTOUCHED];
                self.plane(frame, 0, &map, table(&colours, four));
            }
            PixelFormat::Gray8 => self.plane(frame, 0, &map, table(&colours, |c| [blend(c[0])])),
            PixelFormat::I420 => {
                for plane in 0..3 {
                    let table = table(&colours, |c| [blend(c[plane])]);
                    self.plane(frame, plane, &map, table);
                }
            }
            PixelFormat::Nv12 => {
                self.plane(frame, 0, &map, table(&colours, |c| [blend(c[0])]));
                let chroma = table(&colours, |c| [blend(c[1]), blend(c[2])]);
                self.plane(frame, 1, &map, chroma);
            }
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
        let size = (frame.width, frame.height);
        nearest(&mut self.columns, map.width, size.0, size.0, 1);
        for (y, row) in frame.rows(0).enumerate() {
            let from = map.row(under(y, map.height, size.1, 1));
            for (to, &x) in row.iter_mut().zip(&self.columns) {
                *to = from[x as usize];
            }
        }
        Ok(())
    }

    fn plane<const N: usize>(
        &mut self,
        frame: &mut FrameMut<'_>,
        plane: usize,
        map: &Map<'_>,
        table: [[Blend; N]; 256],
    ) {
        let (width, height) = (frame.width, frame.height);
        let (columns, _) = frame.format.plane_size(plane, width, height);
        // How many pixels of the frame one of the plane spans.
        let span = if frame.format.planes() > 1 && plane > 0 {
            2
        } else {
            1
        };
        nearest(&mut self.columns, map.width, columns, width, span);
        self.keep.resize(columns * N, 0);
        self.add.resize(columns * N, 0);
        let mut expanded = None;
        for (y, row) in frame.rows(plane).enumerate() {
            let from = under(y, map.height, height, span);
            if expanded != Some(from) {
                let classes = map.row(from);
                let keep = self.keep.chunks_exact_mut(N);
                let pixels = keep.zip(self.add.chunks_exact_mut(N));
                for ((keep, add), &x) in pixels.zip(&self.columns) {
                    let blend = &table[usize::from(classes[x as usize])];
                    for c in 0..N {
                        (keep[c], add[c]) = (blend[c].keep, blend[c].add);
                    }
                }
                expanded = Some(from);
            }
            for ((byte, keep), add) in row.iter_mut().zip(&self.keep).zip(&self.add) {
                // At most 255 · 256 + 128: never more than 16 bits.
                *byte = ((u16::from(*byte) * keep + add) >> 8) as u8;
            }
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

type Colours = [Option<[u8; 3]>; 256];

/// A colour in the order of a format's components.
fn components(rgb: [u8; 3], format: PixelFormat, colorimetry: Colorimetry) -> [u8; 3] {
    let [r, g, b] = rgb;
    match format {
        PixelFormat::Rgb | PixelFormat::Rgbx => rgb,
        PixelFormat::Bgrx => [b, g, r],
        _ => rgb_to_yuv(rgb, colorimetry),
    }
}

fn table<const N: usize>(
    colours: &Colours,
    blend: impl Fn([u8; 3]) -> [Blend; N],
) -> [[Blend; N]; 256] {
    colours.map(|colour| colour.map_or([UNTOUCHED; N], &blend))
}

/// Which of `map` pixels lies under the centre of pixel `i` of a plane, whose pixels span `span` of the frame's `frame`.
fn under(i: usize, map: usize, frame: usize, span: usize) -> usize {
    ((2 * i + 1) * span * map / (2 * frame)).min(map - 1)
}

fn nearest(columns: &mut Vec<u32>, map: usize, plane: usize, frame: usize, span: usize) {
    columns.clear();
    columns.extend((0..plane).map(|x| under(x, map, frame, span) as u32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::testing::{COLORIMETRIES, Owned};
    use proptest::prelude::*;

    fn draw(frame: &mut Owned, classes: &[u8], w: usize, h: usize, palette: &Palette, o: f32) {
        let mut overlay = Overlay::new();
        overlay
            .draw(&mut frame.as_mut(), classes, w, h, palette, o)
            .unwrap();
    }

    #[test]
    fn opacity_0_and_unlabelled_leave_every_byte() {
        for format in PixelFormat::ALL {
            let frame = Owned::noise(format, 63, 47, COLORIMETRIES[3], 5, false);
            let mut drawn = frame.clone();
            draw(&mut drawn, &[0, 1, 2, 3], 2, 2, &Palette::camvid(), 0.0);
            assert_eq!(drawn, frame);
            draw(&mut drawn, &[0, 1], 2, 1, &Palette::camvid(), f32::NAN);
            assert_eq!(drawn, frame);
            // 255 is no label; 11 has no colour.
            draw(&mut drawn, &[255, 11, 255], 3, 1, &Palette::camvid(), 1.0);
            assert_eq!(drawn, frame);
        }
    }

    #[test]
    fn opacity_1_gives_the_colour_and_keeps_padding() {
        let palette = Palette::camvid();
        for format in PixelFormat::ALL {
            for colorimetry in COLORIMETRIES {
                for (w, h) in [(63, 47), (1, 1), (2, 5)] {
                    let before = Owned::noise(format, w, h, colorimetry, 3, false);
                    let mut frame = before.clone();
                    draw(&mut frame, &[4; 6], 3, 2, &palette, 1.0);
                    let want = match format {
                        PixelFormat::Gray8 => rgb_to_yuv(palette.0[4], colorimetry)[..1].to_vec(),
                        PixelFormat::I420 | PixelFormat::Nv12 => {
                            rgb_to_yuv(palette.0[4], colorimetry).to_vec()
                        }
                        _ => palette.0[4].to_vec(),
                    };
                    for y in 0..h {
                        for x in 0..w {
                            assert_eq!(frame.components(x, y), want, "{format:?}");
                        }
                    }
                    assert_eq!(frame.padding(), before.padding());
                }
            }
        }
    }

    #[test]
    fn edges_lie_where_the_map_says() {
        let mut frame = Owned::noise(PixelFormat::Rgb, 8, 4, COLORIMETRIES[0], 0, false);
        let palette = Palette(vec![[1, 2, 3], [9, 8, 7]]);
        draw(&mut frame, &[0, 1, 1, 0], 2, 2, &palette, 1.0);
        for y in 0..4 {
            for x in 0..8 {
                let class = usize::from((x < 4) != (y < 2));
                assert_eq!(frame.components(x, y), palette.0[class], "{x},{y}");
            }
        }
    }

    #[test]
    fn ids_go_into_grey_frames_only() {
        let mut grey = Owned::noise(PixelFormat::Gray8, 5, 3, COLORIMETRIES[0], 2, false);
        let padding = grey.padding();
        let mut overlay = Overlay::new();
        overlay
            .class_map(&mut grey.as_mut(), &[3, 255], 2, 1)
            .unwrap();
        for y in 0..3 {
            let row: Vec<u8> = (0..5).flat_map(|x| grey.components(x, y)).collect();
            assert_eq!(row, [3, 3, 255, 255, 255]);
        }
        assert_eq!(grey.padding(), padding);
        let mut rgb = Owned::noise(PixelFormat::Rgb, 5, 3, COLORIMETRIES[0], 2, false);
        let refused = overlay.class_map(&mut rgb.as_mut(), &[3, 255], 2, 1);
        assert_eq!(refused, Err(MapError::Format(PixelFormat::Rgb)));
    }

    #[test]
    fn maps_of_the_wrong_size_are_errors() {
        let mut frame = Owned::noise(PixelFormat::Rgb, 5, 3, COLORIMETRIES[0], 2, false);
        let before = frame.clone();
        let mut overlay = Overlay::new();
        for (w, h, classes) in [(2, 2, 3), (0, 0, 0), (usize::MAX, 2, 4)] {
            let map = vec![0; classes];
            let palette = Palette::camvid();
            let drawn = overlay.draw(&mut frame.as_mut(), &map, w, h, &palette, 1.0);
            assert!(matches!(drawn, Err(MapError::Size { .. })));
        }
        assert_eq!(frame, before);
    }

    /// The same, pixel by pixel and in floating point.
    fn reference(frame: &mut Owned, classes: &[u8], mw: usize, mh: usize, p: &Palette, o: f32) {
        let before = frame.clone();
        let class = |x: f64, y: f64| {
            let x = (x * mw as f64 / frame.width as f64) as usize;
            let y = (y * mh as f64 / frame.height as f64) as usize;
            classes[y.min(mh - 1) * mw + x.min(mw - 1)]
        };
        let chroma = matches!(frame.format, PixelFormat::I420 | PixelFormat::Nv12);
        let grey = frame.format == PixelFormat::Gray8;
        for y in 0..before.height {
            for x in 0..before.width {
                for (c, (plane, at)) in before.places(x, y).into_iter().enumerate() {
                    let (cx, cy) = if chroma && c > 0 {
                        ((x / 2 * 2 + 1) as f64, (y / 2 * 2 + 1) as f64)
                    } else {
                        (x as f64 + 0.5, y as f64 + 0.5)
                    };
                    let Some(rgb) = p.get(class(cx, cy)) else {
                        continue;
                    };
                    let colour = match chroma || grey {
                        true => rgb_to_yuv(rgb, before.colorimetry),
                        false => rgb,
                    };
                    let old = f64::from(before.planes[plane].0[at]);
                    let new = old + f64::from(o) * (f64::from(colour[c]) - old);
                    frame.planes[plane].0[at] = new.round() as u8;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn as_the_reference_does(
            which in 0usize..6, w in 1usize..70, h in 1usize..50, mw in 1usize..40, mh in 1usize..40,
            padding in 0usize..6, seed in any::<u64>(), steps in 0u16..=256,
        ) {
            let format = PixelFormat::ALL[which];
            let opacity = f32::from(steps) / 256.0;
            let classes: Vec<u8> = (0..mw * mh)
                .map(|i| {
                    let v = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed) >> 60;
                    if v == 15 { 255 } else { v as u8 }
                })
                .collect();
            let mut fast = Owned::noise(format, w, h, COLORIMETRIES[(seed % 6) as usize], padding, false);
            let mut slow = fast.clone();
            draw(&mut fast, &classes, mw, mh, &Palette::camvid(), opacity);
            reference(&mut slow, &classes, mw, mh, &Palette::camvid(), opacity);
            for ((a, _), (b, _)) in fast.planes.iter().zip(&slow.planes) {
                for (a, b) in a.iter().zip(b) {
                    prop_assert!(a.abs_diff(*b) <= 1, "{a} instead of {b}");
                }
            }
        }
    }
}
