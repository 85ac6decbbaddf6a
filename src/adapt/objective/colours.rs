//! Given colours: the target of a colour head, and its loss.

use std::sync::Arc;

use ndarray::{Array2, Array3, ArrayRef3, Axis, aview1};

use crate::adapt::Error;
use crate::adapt::graphs::images;
use crate::adapt::size::Size;
use crate::graph::{DType, Graph, Result as GraphResult, Value};
use crate::model::{ModelConfig, chroma_shares, directed_loss, main_pass};
use crate::nn::{PATCH, Parameters};
use crate::video::{ChromaMap, Rgb, bt601_chroma, grey, has_colour, is_grey};
use crate::weights::Normalisation;

/// A grey picture with the colours that a colour head is to find in it. Clones share it.
///
/// The picture is at model size. Its colours are given per token of 4×4 pixels, and so is how much each token counts: 0
/// where the colour is left open.
#[derive(Clone, PartialEq)]
pub struct ColourTarget(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    rgb: Arc<Rgb>,
    size: Size,
    /// (tokens down, tokens across, 2): Cb and Cr of every token, side by side.
    chroma: Array3<f32>,
    weights: Array2<f32>,
}

impl ColourTarget {
    /// A picture in colour, all of which counts alike: RGB (height, width, 3) at a size that
    /// [`crate::adapt::Adapter::model_size`] gives.
    ///
    /// # Errors
    /// [`Error::Frame`] for an array of another shape or layout, [`Error::ColourTarget`] when the sides are no multiples of
    /// 16 or the picture has no colour.
    pub fn of_picture(rgb: &ArrayRef3<u8>) -> Result<Self, Error> {
        let size = checked(rgb)?;
        if !has_colour(rgb) {
            return Err(Error::ColourTarget("the picture has no colour".into()));
        }
        let (down, across) = size.patches();
        let mut chroma = Array3::zeros((down, across, 2));
        let tokens = rgb.exact_chunks((PATCH, PATCH, 3));
        for (mut chroma, token) in chroma.rows_mut().into_iter().zip(tokens) {
            let mean = [0, 1, 2].map(|c| {
                let channel = token.index_axis(Axis(2), c);
                channel.iter().copied().map(f32::from).sum::<f32>() / channel.len() as f32
            });
            chroma.assign(&aview1(&bt601_chroma(mean)));
        }
        Ok(Self(Arc::new(Inner {
            rgb: Arc::new(grey(rgb)),
            size,
            chroma,
            weights: Array2::ones((down, across)),
        })))
    }

    /// A picture of which the colours `chroma` are known where `weights`, (tokens down, tokens across), is above 0. Its own
    /// colours, if it has any, do not count. See [`ColourTarget::of_picture`] for `rgb` and its size.
    ///
    /// # Errors
    /// Likewise; [`Error::ColourTarget`] also when chroma or weights are of another size or not finite, and when no weight is
    /// above 0.
    pub fn of_tokens(
        rgb: &ArrayRef3<u8>,
        chroma: &ChromaMap,
        weights: Array2<f32>,
    ) -> Result<Self, Error> {
        let size = checked(rgb)?;
        let (down, across) = size.patches();
        if chroma.dim() != (2, down, across) || weights.dim() != (down, across) {
            return Err(Error::ColourTarget(format!(
                "chroma of shape {:?} and weights of shape {:?} for {across}×{down} tokens",
                chroma.shape(),
                weights.shape()
            )));
        }
        let counts = weights.iter().all(|&w| w >= 0.0) && weights.iter().any(|&w| w > 0.0);
        if !(chroma.iter().chain(&weights).all(|v| v.is_finite()) && counts) {
            return Err(Error::ColourTarget(
                "chroma or weights are not finite, or no token counts".into(),
            ));
        }
        let rgb = if is_grey(rgb) {
            rgb.to_owned()
        } else {
            grey(rgb)
        };
        Ok(Self(Arc::new(Inner {
            rgb: Arc::new(rgb),
            size,
            chroma: side_by_side(chroma),
            weights,
        })))
    }

    /// A grey frame and the colours that a model found in it.
    pub(in crate::adapt) fn of_frame(rgb: Arc<Rgb>, size: Size, chroma: &ChromaMap) -> Self {
        Self(Arc::new(Inner {
            rgb,
            size,
            chroma: side_by_side(chroma),
            weights: Array2::ones(size.patches()),
        }))
    }

    /// Size of the picture.
    pub fn size(&self) -> Size {
        self.0.size
    }

    /// The picture in grey.
    pub(in crate::adapt) fn rgb(&self) -> &Rgb {
        &self.0.rgb
    }

    /// Cb and Cr of every token, side by side: (tokens down, tokens across, 2).
    pub(in crate::adapt) fn chroma(&self) -> &Array3<f32> {
        &self.0.chroma
    }

    /// What every token counts: (tokens down, tokens across).
    pub(in crate::adapt) fn weights(&self) -> &Array2<f32> {
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
fn checked(rgb: &ArrayRef3<u8>) -> Result<Size, Error> {
    let size = Size::of(rgb)?;
    size.check().map_err(Error::ColourTarget)?;
    Ok(size)
}

/// Planes of Cb and Cr as (tokens down, tokens across, 2).
fn side_by_side(chroma: &ChromaMap) -> Array3<f32> {
    let pairs = chroma.view().permuted_axes([1, 2, 0]);
    pairs.as_standard_layout().into_owned()
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
