//! The loss of dense classification: every pixel has a class.

use tttseg::graph::{Constant, DType, Graph, Result, Value};
use tttseg::model::{HeadOutput, ModelConfig, Readout};
use tttseg::nn::resize_planes;

/// Cross-entropy plus dice on class logits at full size (`docs/method.md#dense-classification`). `labels` are bytes
/// `(batch, h, w)`; what is no class is ignored. `class_weights` are for the cross-entropy, `dice_weight` is for what is
/// added to it.
pub(crate) fn dense_loss(
    g: &mut Graph,
    config: &ModelConfig,
    output: &HeadOutput,
    labels: Value,
    class_weights: &[f32],
    dice_weight: f64,
) -> Result<Value> {
    if config.main.readout != Readout::Fixed {
        return Err(g.config_error("training needs the fixed readout: query q is class q"));
    }
    let [batch, height, width] = *g.shape(labels) else {
        return Err(g.config_error(format!("labels {:?}", g.shape(labels))));
    };
    let (classes, pixels) = (config.main.classes, height * width);
    let (rows, columns) = output.features.mask.size;
    let queries = g.slice_axis(output.masks, 2, 0, classes)?;
    let planes = g.transpose(queries, &[0, 2, 1])?;
    let planes = g.reshape(planes, &[batch * classes, rows, columns])?;
    let large = resize_planes(g, planes, (height, width))?;
    let logits = g.reshape(large, &[batch, classes, pixels])?;

    let ids: Vec<f64> = (0..classes).map(|c| c as f64).collect();
    let ids = g.constant(Constant::real(DType::F32, &[1, classes, 1], ids));
    let labels = g.cast(labels, DType::F32)?;
    let labels = g.reshape(labels, &[batch, 1, pixels])?;
    let truth = g.equal(labels, ids)?;
    let truth = g.cast(truth, DType::F32)?;
    let valid = g.reduce_sum(truth, &[1], true)?;

    let largest = g.reduce_max(logits, &[1], true)?;
    let largest = g.detach(largest)?;
    let shifted = g.sub(logits, largest)?;
    let powers = g.exp(shifted)?;
    let total = g.reduce_sum(powers, &[1], true)?;

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
    let mass = g.reduce_sum(weight, &[0, 1], false)?;
    let one = g.scalar(mass, 1.0);
    let mass = g.max(mass, one)?;
    let entropy = g.div(surprise, mass)?;

    let scale = g.div(valid, total)?;
    let probability = g.mul(powers, scale)?;
    let overlap = g.mul(probability, truth)?;
    let overlap = g.reduce_sum(overlap, &[0, 2], false)?;
    let predicted = g.reduce_sum(probability, &[0, 2], false)?;
    let actual = g.reduce_sum(truth, &[0, 2], false)?;
    let both = g.add(predicted, actual)?;
    let two = g.scalar(overlap, 2.0);
    let doubled = g.mul(overlap, two)?;
    let above = g.add(doubled, one)?;
    let below = g.add(both, one)?;
    let dice = g.div(above, below)?;
    let dice = g.reduce_mean(dice, &[0], false)?;
    let dice = g.sub(one, dice)?;
    let weight = g.scalar(dice, dice_weight);
    let dice = g.mul(dice, weight)?;
    g.add(entropy, dice)
}
