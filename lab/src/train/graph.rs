//! The joint training step: main-task loss through h on visible frames, reconstruction loss through
//! g on masked ones, one pass of the encoder for both.

use super::dense_loss::{class_logits, dense_loss, grouped_loss};
use super::options::TrainerOptions;
use tttseg::adapt::graphs::{images, mask};
use tttseg::graph::{DType, Graph, Result, Value};
use tttseg::model::{
    ENCODER_PREFIX, Feature, HeadOutput, LossOver, RECON_PREFIX, chroma_loss, chroma_target,
    fully_visible, head, masked_patches, reconstruction_loss, swin,
};
use tttseg::nn::Parameters;
use tttseg::optim::{AdamW, Layout, Rates, descend};

/// One step of joint training of f, g and h.
///
/// Inputs: the layout's buffers, `images` (bytes `(batch + masked, h, w, 3)`, those with labels first), `labels` (bytes `(batch, h, w)`; what is no
/// class is ignored) or, for a colour head, `colours` (bytes `(batch, h, w, 3)`), with schemes `scheme` (bytes `(batch)`: which of them), `mask` (`(masked, h/16, w/16)`, 1 = visible), scalars `learning_rate` and
/// `encoder_learning_rate`; with moments `first.…`, `second.…` and `step`; with an average, the buffers `average.…` and the
/// scalar `average_share`, by which it moves towards the new weights.
///
/// Outputs: `new.…` per buffer, moment and average (in the order of their inputs), then `main_loss`, `recon_loss`,
/// `gradient_norm` and `finite`.
///
/// # Errors
/// A configuration that makes no sense, or one without the fixed readout, which this loss needs.
pub fn train_graph(layout: &Layout, options: &TrainerOptions) -> Result<Graph> {
    let mut graph = Graph::new("train");
    let g = &mut graph;
    let config = &options.config;
    let (batch, masked, size) = (
        options.batch.images,
        options.batch.masked,
        options.batch.frame(),
    );
    let mut p = Parameters::all_learned();
    let all = images(g, batch + masked, size, &options.normalisation)?;
    let mask = mask(g, masked, size)?;
    let rates = Rates::declare(g)?;

    if masked == 0 || masked > batch {
        return Err(g.config_error(format!("{} of {batch} images masked", masked)));
    }
    let labelled = g.slice_axis(all, 0, 0, batch)?;
    let visible = fully_visible(g, labelled)?;
    let hidden = g.slice_axis(all, 0, batch, batch + masked)?;
    let hidden_patches = masked_patches(g, hidden, mask)?;
    let both = g.concat(&[visible, hidden_patches.patches], 0)?;
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
    let for_recon = part(g, &stages, batch, batch + masked)?;
    let recon = head(g, &mut p, RECON_PREFIX, &config.recon, &for_recon)?;
    let main_loss = main_loss(g, options, &main)?;
    let recon_loss = g.layer("recon_loss", |g| {
        reconstruction_loss(
            g,
            recon.masks,
            hidden,
            hidden_patches.visible,
            LossOver::Masked,
        )
    })?;
    let weight = g.scalar(recon_loss, options.recon_weight);
    let weighted = g.mul(recon_loss, weight)?;
    let loss = g.add(main_loss, weighted)?;

    let optimiser = AdamW {
        weight_decay: options.weight_decay,
        clip_norm: options.clip_norm,
        moments: true,
        betas: AdamW::BETAS,
    };
    let descent = descend(g, optimiser, rates, layout, p.learned(), loss)?;
    descent.output_state(g)?;
    if options.ema > 0.0 {
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
fn main_loss(g: &mut Graph, options: &TrainerOptions, main: &HeadOutput) -> Result<Value> {
    let config = &options.config;
    let size = options.batch;
    let shape = [size.images, size.height, size.width];
    match &config.chroma {
        None => {
            let labels = g.input("labels", DType::U8, &shape)?;
            let scheme = match options.schemes.len() {
                0 => None,
                _ => Some(g.input("scheme", DType::U8, &[size.images])?),
            };
            g.layer("main_loss", |g| {
                supervised(g, options, main, |g, output| {
                    let logits = class_logits(g, config, output, labels)?;
                    let dice = options.dice_weight;
                    match scheme {
                        None => dense_loss(g, logits, labels, &options.class_weights, dice),
                        Some(scheme) => {
                            grouped_loss(g, logits, labels, scheme, &options.schemes, dice)
                        }
                    }
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
    options: &TrainerOptions,
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
