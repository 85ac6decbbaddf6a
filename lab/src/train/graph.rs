//! The joint training step: main-task loss through h on visible frames, reconstruction loss through
//! g on masked ones, one pass of the encoder for both.

use super::dense_loss::dense_loss;
use tttseg::adapt::graphs::{Size, images, mask};
use tttseg::graph::{DType, Graph, Result, Value};
use tttseg::model::{
    ENCODER_PREFIX, Feature, HeadOutput, LossOver, ModelConfig, RECON_PREFIX, chroma_loss,
    chroma_target, fully_visible, head, masked_patches, reconstruction_loss, swin,
};
use tttseg::nn::Parameters;
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
    /// Weight of the same loss on what the queries of h give before every query layer (deep supervision), on average over
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

/// The loss of the output of h and, for deep supervision, of its output before every query layer.
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
