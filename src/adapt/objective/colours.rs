//! Given colours: the target of a colour head, and its loss.

use std::sync::Arc;

use crate::adapt::Error;
use crate::adapt::graphs::images;
use crate::adapt::size::Size;
use crate::graph::{DType, Graph, Result as GraphResult, Value};
use crate::model::{ModelConfig, chroma_shares, directed_loss, main_pass};
use crate::nn::{PATCH, Parameters};
use crate::video::{ChromaMap, bt601_chroma, grey, has_colour, is_grey};
use crate::weights::Normalisation;

/// A grey picture with the colours that a colour head is to find in it. Clones share it.
///
/// The picture is at model size. Its colours are given per token of 4×4 pixels, and so is how much each token counts: 0
/// where the colour is left open.
#[derive(Clone, PartialEq)]
pub struct ColourTarget(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    rgb: Arc<[u8]>,
    size: Size,
    /// Cb and Cr of every token, side by side.
    chroma: Vec<f32>,
    weights: Vec<f32>,
}

impl ColourTarget {
    /// A picture in colour, all of which counts alike: interleaved RGB at a size that
    /// [`crate::adapt::Adapter::model_size`] gives.
    ///
    /// # Errors
    /// [`Error::FrameBytes`] when the bytes do not fill the size, [`Error::ColourTarget`] when the sides are no multiples of
    /// 16 or the picture has no colour.
    pub fn of_picture(rgb: &[u8], width: usize, height: usize) -> Result<Self, Error> {
        let size = checked(rgb, width, height)?;
        if !has_colour(rgb) {
            return Err(Error::ColourTarget("the picture has no colour".into()));
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
            size,
            weights: vec![1.0; chroma.len()],
            chroma: chroma.into_flattened(),
        })))
    }

    /// A picture of which the colours `chroma` are known where `weights` is above 0, one value a token, row by row. Its own
    /// colours, if it has any, do not count. See [`ColourTarget::of_picture`] for `rgb` and its size.
    ///
    /// # Errors
    /// Likewise; [`Error::ColourTarget`] also when chroma or weights are of another size or not finite, and when no weight is
    /// above 0.
    pub fn of_tokens(
        rgb: &[u8],
        width: usize,
        height: usize,
        chroma: &ChromaMap,
        weights: Vec<f32>,
    ) -> Result<Self, Error> {
        let size = checked(rgb, width, height)?;
        let (across, down) = (width / PATCH, height / PATCH);
        if (chroma.width(), chroma.height()) != (across, down) || weights.len() != across * down {
            return Err(Error::ColourTarget(format!(
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
            return Err(Error::ColourTarget(
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
            size,
            chroma: pairs.collect(),
            weights,
        })))
    }

    /// A grey frame and the colours that a model found in it, planes of Cb and Cr with a value for every token.
    pub(in crate::adapt) fn of_planes(rgb: Arc<[u8]>, size: Size, planes: &[f32]) -> Self {
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
    pub(in crate::adapt) fn rgb(&self) -> &[u8] {
        &self.0.rgb
    }

    /// Cb and Cr of every token, side by side.
    pub(in crate::adapt) fn chroma(&self) -> &[f32] {
        &self.0.chroma
    }

    /// What every token counts.
    pub(in crate::adapt) fn weights(&self) -> &[f32] {
        &self.0.weights
    }
}

impl std::fmt::Debug for ColourTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counted = self.0.weights.iter().filter(|w| **w > 0.0).count();
        f.debug_struct("ColourTarget")
            .field("size", &self.0.size)
            .field("tokens", &counted)
            .finish_non_exhaustive()
    }
}

/// The size of a picture that can be learned from.
fn checked(rgb: &[u8], width: usize, height: usize) -> Result<Size, Error> {
    let size = Size { height, width };
    size.check().map_err(Error::ColourTarget)?;
    size.check_bytes(rgb)?;
    Ok(size)
}

/// Adds the loss of a colour head on one picture of which colours are given ([`directed_loss`]), with the inputs `images`,
/// `chroma`, `weights` and `sharpness` ([`crate::adapt::graphs::colour_step_graph`]).
///
/// # Errors
/// A configuration that makes no sense, or one of a model that does not colour.
pub(in crate::adapt) fn colour_loss(
    g: &mut Graph,
    p: &mut Parameters<'_>,
    config: &ModelConfig,
    normalisation: &Normalisation,
    size: Size,
) -> GraphResult<Value> {
    let Some(chroma) = &config.chroma else {
        return Err(g.config_error("a model that does not colour"));
    };
    let (rows, columns) = size.patches();
    let tokens = rows * columns;
    let patches = images(g, 1, size, normalisation)?;
    let given = g.input("chroma", DType::F32, &[1, tokens, 2])?;
    let weights = g.input("weights", DType::F32, &[1, tokens, 1])?;
    let sharpness = g.input("sharpness", DType::F32, &[])?;
    let output = main_pass(g, p, config, patches, (rows, columns))?;
    g.layer("loss", |g| {
        let target = chroma_shares(g, chroma, given, Some(sharpness))?;
        directed_loss(g, &output, target, weights)
    })
}
