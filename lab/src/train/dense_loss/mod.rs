//! The loss of dense classification: every pixel has a class of the model's, or one of a coarser scheme.

mod grouped;
#[cfg(test)]
mod tests;

pub use grouped::Scheme;
pub(crate) use grouped::grouped_loss;

use tttseg::graph::{Constant, DType, Graph, Result, Value};
use tttseg::model::{HeadOutput, ModelConfig, Readout};
use tttseg::nn::resize_planes;

/// Class logits of a head at the size of the labels `(batch, h, w)`: `(batch, classes, h · w)`.
///
/// # Errors
/// A head that is trained in another way, or labels of another shape.
pub(crate) fn class_logits(
    g: &mut Graph,
    config: &ModelConfig,
    output: &HeadOutput,
    labels: Value,
) -> Result<Value> {
    if config.main.readout != Readout::Fixed {
        return Err(g.config_error("training needs the fixed readout: query q is class q"));
    }
    let [batch, height, width] = *g.shape(labels) else {
        return Err(g.config_error(format!("labels {:?}", g.shape(labels))));
    };
    let classes = config.main.classes;
    let (rows, columns) = output.features.mask.size;
    let queries = g.slice_axis(output.masks, 2, 0, classes)?;
    let planes = g.transpose(queries, &[0, 2, 1])?;
    let planes = g.reshape(planes, &[batch * classes, rows, columns])?;
    let large = resize_planes(g, planes, (height, width))?;
    g.reshape(large, &[batch, classes, height * width])
}

/// Cross-entropy plus dice on class logits `(batch, classes, pixels)` (`docs/method.md#dense-classification`). `labels` are
/// bytes, a batch of as many pixels; what is no class is ignored. `class_weights` are for the cross-entropy, `dice_weight`
/// is for what is added to it.
pub(crate) fn dense_loss(
    g: &mut Graph,
    logits: Value,
    labels: Value,
    class_weights: &[f32],
    dice_weight: f64,
) -> Result<Value> {
    let [batch, classes, pixels] = *g.shape(logits) else {
        return Err(g.config_error(format!("logits {:?}", g.shape(logits))));
    };
    let ids: Vec<f64> = (0..classes).map(|c| c as f64).collect();
    let ids = g.constant(Constant::real(DType::F32, &[1, classes, 1], ids));
    let labels = g.cast(labels, DType::F32)?;
    let labels = g.reshape(labels, &[batch, 1, pixels])?;
    let truth = g.equal(labels, ids)?;
    let truth = g.cast(truth, DType::F32)?;
    let valid = g.reduce_sum(truth, &[1], true)?;

    let Powers {
        shifted,
        powers,
        total,
    } = powers(g, logits)?;
    if class_weights.len() != classes {
        return Err(g.config_error(format!(
            "{} class weights for {classes} classes",
            class_weights.len()
        )));
    }
    let weights = g.constant(Constant::f32(&[1, classes, 1], class_weights));
    let weighted = g.mul(truth, weights)?;
    let weight = g.reduce_sum(weighted, &[1], false)?;
    let picked = g.mul(weighted, shifted)?;
    let picked = g.reduce_sum(picked, &[0, 1, 2], false)?;
    let log_total = g.log(total)?;
    let log_total = g.reshape(log_total, &[batch, pixels])?;
    let spread = g.mul(log_total, weight)?;
    let spread = g.reduce_sum(spread, &[0, 1], false)?;
    let surprise = g.sub(spread, picked)?;
    let entropy = per_weight(g, surprise, weight)?;

    let scale = g.div(valid, total)?;
    let probability = g.mul(powers, scale)?;
    let overlap = g.mul(probability, truth)?;
    let overlap = g.reduce_sum(overlap, &[0, 2], false)?;
    let predicted = g.reduce_sum(probability, &[0, 2], false)?;
    let actual = g.reduce_sum(truth, &[0, 2], false)?;
    let dice = dice(g, overlap, predicted, actual)?;
    let dice = g.reduce_mean(dice, &[0], false)?;
    let one = g.scalar(dice, 1.0);
    let dice = g.sub(one, dice)?;
    let weight = g.scalar(dice, dice_weight);
    let dice = g.mul(dice, weight)?;
    g.add(entropy, dice)
}

/// A softmax over the classes before it is divided.
struct Powers {
    /// Logits less the largest of each pixel.
    shifted: Value,
    /// Their exponentials.
    powers: Value,
    /// The sum of these, `(batch, 1, pixels)`.
    total: Value,
}

fn powers(g: &mut Graph, logits: Value) -> Result<Powers> {
    let largest = g.reduce_max(logits, &[1], true)?;
    let largest = g.detach(largest)?;
    let shifted = g.sub(logits, largest)?;
    let powers = g.exp(shifted)?;
    let total = g.reduce_sum(powers, &[1], true)?;
    Ok(Powers {
        shifted,
        powers,
        total,
    })
}

/// A sum over pixels as a mean by their weights `(batch, pixels)`.
fn per_weight(g: &mut Graph, sum: Value, weight: Value) -> Result<Value> {
    let mass = g.reduce_sum(weight, &[0, 1], false)?;
    let one = g.scalar(mass, 1.0);
    let mass = g.max(mass, one)?;
    g.div(sum, mass)
}

/// Soft dice coefficients from sums over pixels; where there are none, 1.
fn dice(g: &mut Graph, overlap: Value, predicted: Value, actual: Value) -> Result<Value> {
    let one = g.scalar(overlap, 1.0);
    let both = g.add(predicted, actual)?;
    let two = g.scalar(overlap, 2.0);
    let doubled = g.mul(overlap, two)?;
    let above = g.add(doubled, one)?;
    let below = g.add(both, one)?;
    g.div(above, below)
}
