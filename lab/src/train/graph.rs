//! The joint training step: main-task loss through h on visible frames, reconstruction loss through
//! g on masked ones, one pass of the encoder for both.

use tttseg::adapt::graphs::{Size, images, mask};
use tttseg::graph::{Constant, DType, Graph, Result, Value};
use tttseg::model::{
    ENCODER_PREFIX, Feature, HeadOutput, LossOver, ModelConfig, RECON_PREFIX, Readout, chroma_loss,
    chroma_target, fully_visible, head, masked_patches, reconstruction_loss, swin,
};
use tttseg::nn::{Parameters, resize_planes};
use tttseg::optim::{AdamW, Layout, Rates, descend};
use tttseg::weights::Normalisation;

/// What a training graph is built for.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// Images per step.
    pub batch: usize,
    /// Images that g reconstructs, at most as many; they are given beside those.
    pub masked: usize,
    /// Size of the crops.
    pub size: Size,
    /// Weight of the reconstruction loss; that of the main task is 1.
    pub recon_weight: f64,
    /// Weight of the dice term of the main-task loss, that of cross-entropy being 1; colours have none.
    pub dice_weight: f64,
    /// Weight of every class, or of every bin of chroma, in the cross-entropy.
    pub class_weights: Vec<f32>,
    /// Weight of the same loss on what the queries of h say before every query layer (deep supervision), on average over
    /// the layers; 0 for none. Without query layers it has no effect.
    pub deep_supervision: f64,
    /// The optimiser.
    pub optimiser: AdamW,
    /// Whether an average of the weights is kept.
    pub average: bool,
}

/// One step of joint training of f, g and h.
///
/// Inputs: the layout's buffers, `images` (bytes `(batch + masked, h, w, 3)`, those with labels first), `labels` (bytes `(batch, h, w)`; what is no
/// class is ignored) or, for a colour head, `colours` (bytes `(batch, h, w, 3)`), `mask` (`(masked, h/16, w/16)`, 1 = visible), scalars `learning_rate` and
/// `encoder_learning_rate`; with moments `first.…`, `second.…` and `step`; with an average, the buffers `average.…` and the
/// scalar `average_share`, by which it moves towards the new weights.
///
/// Outputs: `new.…` per buffer, moment and average (in the order of their inputs), then `main_loss`, `recon_loss`,
/// `gradient_norm` and `finite`.
///
/// # Errors
/// A configuration that makes no sense, or one without the fixed readout, which this loss needs.
pub fn train_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    options: &TrainOptions,
) -> Result<Graph> {
    let mut graph = Graph::new("train");
    let g = &mut graph;
    let (batch, size) = (options.batch, options.size);
    let mut p = Parameters::all_learned();
    let all = images(g, batch + options.masked, size, normalisation)?;
    let mask = mask(g, options.masked, size)?;
    let rates = Rates::declare(g)?;

    if options.masked == 0 || options.masked > batch {
        return Err(g.config_error(format!("{} of {batch} images masked", options.masked)));
    }
    let labelled = g.slice_axis(all, 0, 0, batch)?;
    let visible = fully_visible(g, labelled)?;
    let hidden = g.slice_axis(all, 0, batch, batch + options.masked)?;
    let masked = masked_patches(g, hidden, mask)?;
    let both = g.concat(&[visible, masked.patches], 0)?;
    let stages = swin(
        g,
        &mut p,
        ENCODER_PREFIX,
        &config.encoder,
        both,
        size.patches(),
        None,
    )?;
    let for_main = part(g, &stages, 0, batch)?;
    let main = head(g, &mut p, config.main_prefix(), &config.main, &for_main)?;
    let for_recon = part(g, &stages, batch, batch + options.masked)?;
    let recon = head(g, &mut p, RECON_PREFIX, &config.recon, &for_recon)?;
    let main_loss = main_loss(g, config, options, &main)?;
    let recon_loss = g.layer("recon_loss", |g| {
        reconstruction_loss(g, recon.masks, hidden, masked.visible, LossOver::Masked)
    })?;
    let weight = g.scalar(recon_loss, options.recon_weight);
    let weighted = g.mul(recon_loss, weight)?;
    let loss = g.add(main_loss, weighted)?;

    let descent = descend(g, options.optimiser, rates, layout, p.learned(), loss)?;
    descent.output_state(g)?;
    if options.average {
        g.layer("average", |g| descent.output_averages(g))?;
    }
    descent.output_report(g, &[("main_loss", main_loss), ("recon_loss", recon_loss)])?;
    Ok(graph)
}

fn part(g: &mut Graph, stages: &[Feature], start: usize, end: usize) -> Result<Vec<Feature>> {
    stages
        .iter()
        .map(|f| {
            Ok(Feature {
                tokens: g.slice_axis(f.tokens, 0, start, end)?,
                ..*f
            })
        })
        .collect()
}

/// The loss of the main task, with an input for what it is to find.
fn main_loss(
    g: &mut Graph,
    config: &ModelConfig,
    options: &TrainOptions,
    main: &HeadOutput,
) -> Result<Value> {
    let shape = [options.batch, options.size.height, options.size.width];
    match &config.chroma {
        None => {
            let labels = g.input("labels", DType::U8, &shape)?;
            g.layer("main_loss", |g| {
                supervised(g, options, main, |g, output| {
                    let (weights, dice) = (&options.class_weights, options.dice_weight);
                    dense_loss(g, config, output, labels, weights, dice)
                })
            })
        }
        Some(chroma) => {
            let [batch, height, width] = shape;
            let colours = g.input("colours", DType::U8, &[batch, height, width, 3])?;
            g.layer("main_loss", |g| {
                let target = chroma_target(g, chroma, colours)?;
                supervised(g, options, main, |g, output| {
                    chroma_loss(g, chroma, output, target, &options.class_weights)
                })
            })
        }
    }
}

/// The loss of what h says in the end and, for deep supervision, of what it says before.
fn supervised(
    g: &mut Graph,
    options: &TrainOptions,
    output: &HeadOutput,
    loss_of: impl Fn(&mut Graph, &HeadOutput) -> Result<Value>,
) -> Result<Value> {
    let mut loss = loss_of(g, output)?;
    if options.deep_supervision > 0.0 {
        let weight = options.deep_supervision / output.earlier_masks.len().max(1) as f64;
        for &masks in &output.earlier_masks {
            let before = HeadOutput {
                masks,
                ..output.clone()
            };
            let before = loss_of(g, &before)?;
            let weight = g.scalar(before, weight);
            let weighted = g.mul(before, weight)?;
            loss = g.add(loss, weighted)?;
        }
    }
    Ok(loss)
}

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
