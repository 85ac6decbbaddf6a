use std::sync::Arc;

use super::Error;
use super::graphs::Size;
use crate::nn::PATCH;
use crate::video::{ChromaMap, bt601_chroma, grey, has_colour, is_grey};

/// Colours that people have given for a picture: what a colour head is to find there. Clones share it.
///
/// The picture is grey, at model size. Its colours are told per token of 4×4 pixels, and so is how much each token counts:
/// 0 where the colour is left open.
#[derive(Clone, PartialEq)]
pub struct Direction(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    rgb: Arc<[u8]>,
    size: Size,
    /// Cb and Cr of every token, side by side.
    chroma: Vec<f32>,
    weights: Vec<f32>,
}

impl Direction {
    /// A picture in colour, all of which counts alike: interleaved RGB at a size that [`super::Adapter::model_size`] gives.
    ///
    /// # Errors
    /// [`Error::FrameBytes`] when the bytes do not fill the size, [`Error::Direction`] when the sides are no multiples of
    /// 16 or the picture has no colour.
    pub fn of_picture(rgb: &[u8], width: usize, height: usize) -> Result<Self, Error> {
        check(rgb, width, height)?;
        if !has_colour(rgb) {
            return Err(Error::Direction("the picture has no colour".into()));
        }
        let across = width / PATCH;
        let mut sums = vec![[0.0_f32; 3]; across * (height / PATCH)];
        for (at, pixel) in rgb.as_chunks::<3>().0.iter().enumerate() {
            let (x, y) = (at % width, at / width);
            let sum = &mut sums[y / PATCH * across + x / PATCH];
            sum.iter_mut()
                .zip(pixel)
                .for_each(|(s, &v)| *s += f32::from(v));
        }
        let area = (PATCH * PATCH) as f32;
        let chroma: Vec<[f32; 2]> = sums
            .into_iter()
            .map(|sum| bt601_chroma(sum.map(|s| s / area)))
            .collect();
        Ok(Self(Arc::new(Inner {
            rgb: grey(rgb).into(),
            size: Size { height, width },
            weights: vec![1.0; chroma.len()],
            chroma: chroma.into_flattened(),
        })))
    }

    /// A picture of which the colours `chroma` are known where `weights` is above 0, one value a token, row by row. Its own
    /// colours, if it has any, do not count. See [`Direction::of_picture`] for `rgb` and its size.
    ///
    /// # Errors
    /// Likewise; [`Error::Direction`] also when chroma or weights are of another size or not finite, and when no weight is
    /// above 0.
    pub fn of_tokens(
        rgb: &[u8],
        width: usize,
        height: usize,
        chroma: &ChromaMap,
        weights: Vec<f32>,
    ) -> Result<Self, Error> {
        check(rgb, width, height)?;
        let (across, down) = (width / PATCH, height / PATCH);
        if (chroma.width(), chroma.height()) != (across, down) || weights.len() != across * down {
            return Err(Error::Direction(format!(
                "{}×{} tokens of chroma and {} weights for {across}×{down} tokens",
                chroma.width(),
                chroma.height(),
                weights.len()
            )));
        }
        let [cb, cr] = chroma.planes();
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        let counts = weights.iter().all(|&w| w >= 0.0) && weights.iter().any(|&w| w > 0.0);
        if !(finite(cb) && finite(cr) && finite(&weights) && counts) {
            return Err(Error::Direction(
                "chroma or weights are not finite, or no token counts".into(),
            ));
        }
        let pairs = cb.iter().zip(cr).flat_map(|(&cb, &cr)| [cb, cr]);
        Ok(Self(Arc::new(Inner {
            rgb: if is_grey(rgb) {
                rgb.into()
            } else {
                grey(rgb).into()
            },
            size: Size { height, width },
            chroma: pairs.collect(),
            weights,
        })))
    }

    /// A grey frame and the colours that a model found in it, planes of Cb and Cr with a value for every token.
    pub(super) fn of_planes(rgb: Arc<[u8]>, size: Size, planes: &[f32]) -> Self {
        let (cb, cr) = planes.split_at(planes.len() / 2);
        let pairs = cb.iter().zip(cr).flat_map(|(&cb, &cr)| [cb, cr]);
        Self(Arc::new(Inner {
            rgb,
            size,
            chroma: pairs.collect(),
            weights: vec![1.0; cb.len()],
        }))
    }

    /// Size of the picture.
    pub fn size(&self) -> Size {
        self.0.size
    }

    /// The picture in grey, interleaved RGB.
    pub(super) fn rgb(&self) -> &[u8] {
        &self.0.rgb
    }

    /// Cb and Cr of every token, side by side.
    pub(super) fn chroma(&self) -> &[f32] {
        &self.0.chroma
    }

    /// What every token counts.
    pub(super) fn weights(&self) -> &[f32] {
        &self.0.weights
    }
}

impl std::fmt::Debug for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counted = self.0.weights.iter().filter(|w| **w > 0.0).count();
        f.debug_struct("Direction")
            .field("size", &self.0.size)
            .field("tokens", &counted)
            .finish_non_exhaustive()
    }
}

fn check(rgb: &[u8], width: usize, height: usize) -> Result<(), Error> {
    let side = crate::model::MASK_PATCH;
    let fits = |n: usize| n > 0 && n.is_multiple_of(side);
    if !fits(width) || !fits(height) {
        let detail = format!("{width}×{height} is no multiple of {side}×{side} pixels");
        return Err(Error::Direction(detail));
    }
    super::learner::check_bytes(rgb, Size { height, width })
}
