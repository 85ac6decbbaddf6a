//! Labels: the cross-entropy of class scores with a class for every pixel, or none.

use crate::adapt::graphs::images;
use crate::adapt::size::Size;
use crate::graph::{Constant, DType, Graph, Result, Value};
use crate::model::{HeadOutput, ModelConfig, Readout, class_scores, main_pass};
use crate::nn::{Parameters, resize_planes};
use crate::weights::Normalisation;

/// Keeps scores of a query decoder above zero.
const LEAST_SCORE: f64 = 1e-6;
/// Keeps a picture without labels from dividing by zero.
const LEAST_MASS: f64 = 1e-3;

/// Inputs that say what the class of every pixel is: `labels` (bytes `(1, h, w)`; what is no class does not count) and
/// `class_weights` (float `(classes, 1)`: what a pixel of each class counts).
pub(super) struct Labels {
    labels: Value,
    weights: Value,
}

impl Labels {
    /// Declares the inputs.
    ///
    /// # Errors
    /// A model that colours.
    pub fn declare(g: &mut Graph, config: &ModelConfig, size: Size) -> Result<Self> {
        if config.chroma.is_some() {
            return Err(g.config_error("a model that colours has no classes"));
        }
        let labels = g.input("labels", DType::U8, &[1, size.height, size.width])?;
        let weights = g.input("class_weights", DType::F32, &[config.main.classes, 1])?;
        Ok(Self { labels, weights })
    }

    /// The loss of what h has made of the picture.
    pub fn loss(
        &self,
        g: &mut Graph,
        config: &ModelConfig,
        output: &HeadOutput,
        size: Size,
    ) -> Result<Value> {
        let logits = logits(g, config, output, size)?;
        cross_entropy(g, logits, self.labels, self.weights)
    }
}

/// Adds the loss of f and h on one picture with labels, with the input `images` and those of [`Labels`].
///
/// # Errors
/// A configuration that makes no sense, or one of a model that colours.
pub(in crate::adapt) fn label_loss(
    g: &mut Graph,
    p: &mut Parameters<'_>,
    config: &ModelConfig,
    normalisation: &Normalisation,
    size: Size,
) -> Result<Value> {
    let patches = images(g, 1, size, normalisation)?;
    let labels = Labels::declare(g, config, size)?;
    let output = main_pass(g, p, config, patches, size.patches())?;
    g.layer("loss", |g| labels.loss(g, config, &output, size))
}

/// Class logits of every pixel, class-major: `(classes, pixels)`. Those of a query decoder are the logarithms of its class
/// scores, which the softmax makes shares of their sum.
fn logits(g: &mut Graph, config: &ModelConfig, output: &HeadOutput, size: Size) -> Result<Value> {
    let (classes, pixels) = (config.main.classes, size.height * size.width);
    let (rows, columns) = output.features.mask.size;
    match config.main.readout {
        Readout::Fixed => {
            let queries = g.slice_axis(output.masks, 2, 0, classes)?;
            let planes = g.transpose(queries, &[0, 2, 1])?;
            let planes = g.reshape(planes, &[classes, rows, columns])?;
            let large = resize_planes(g, planes, (size.height, size.width))?;
            g.reshape(large, &[classes, pixels])
        }
        Readout::Queries => {
            let scores = class_scores(g, &config.main, output, (size.height, size.width))?;
            let scores = g.transpose(scores, &[0, 2, 1])?;
            let scores = g.reshape(scores, &[classes, pixels])?;
            let least = g.scalar(scores, LEAST_SCORE);
            let scores = g.add(scores, least)?;
            g.log(scores)
        }
    }
}

/// Mean cross-entropy of `logits`, `(classes, pixels)`, over the pixels of `labels`, `(1, h, w)`, that have a class, weighted by
/// class; 0 where none has.
fn cross_entropy(g: &mut Graph, logits: Value, labels: Value, weights: Value) -> Result<Value> {
    let [classes, pixels] = g.dims(logits, "logits")?;
    let ids = (0..classes).map(|class| class as f64);
    let ids = g.constant(Constant::real(DType::F32, &[classes, 1], ids));
    let labels = g.cast(labels, DType::F32)?;
    let labels = g.reshape(labels, &[1, pixels])?;
    let truth = g.equal(labels, ids)?;
    let truth = g.cast(truth, DType::F32)?;
    let truth = g.mul(truth, weights)?;
    let valid = g.reduce_sum(truth, &[0], true)?;

    let largest = g.reduce_max(logits, &[0], true)?;
    let largest = g.detach(largest)?;
    let shifted = g.sub(logits, largest)?;
    let powers = g.exp(shifted)?;
    let total = g.reduce_sum(powers, &[0], true)?;
    let log_total = g.log(total)?;
    let spread = g.mul(log_total, valid)?;
    let spread = g.reduce_sum(spread, &[0, 1], false)?;
    let picked = g.mul(truth, shifted)?;
    let picked = g.reduce_sum(picked, &[0, 1], false)?;
    let sum = g.sub(spread, picked)?;
    let count = g.reduce_sum(valid, &[0, 1], false)?;
    let least = g.scalar(count, LEAST_MASS);
    let count = g.max(count, least)?;
    g.div(sum, count)
}
