//! The graph of both gradients, and what is summed of them.

use crate::train::{class_logits, dense_loss};
use tttseg::adapt::graphs::{Size, images, mask};
use tttseg::grad::gradients;
use tttseg::graph::{DType, Graph, Result, Value};
use tttseg::model::{
    ENCODER_PREFIX, LossOver, ModelConfig, main_pass, reconstruction_loss, reconstruction_pass,
};
use tttseg::nn::{Parameter, Parameters};
use tttseg::optim::Layout;
use tttseg::weights::Normalisation;

/// Sums per part of the encoder: `⟨m, r⟩`, `⟨m, sign r⟩`, `|m|²` and `|r|²` of the main gradient m and the
/// reconstruction gradient r.
pub(crate) const SUMS: usize = 4;

/// What the graph is built for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AlignmentOptions {
    /// Size of the frame.
    pub size: Size,
    /// Masked views of it.
    pub views: usize,
    /// Pixels the reconstruction loss counts.
    pub loss_over: LossOver,
    /// Whether the gradients (`main.NAME` and `recon.NAME`, of the encoder's parameters) are outputs, too.
    pub expose: bool,
}

/// Parts of the encoder: what makes patches, then the stages.
pub(crate) fn parts(config: &ModelConfig) -> Vec<String> {
    let stages = 1..=config.encoder.depths.len();
    let names = stages.map(|stage| format!("stage {stage}"));
    std::iter::once("embedding".to_owned())
        .chain(names)
        .collect()
}

/// The part that a parameter of the encoder belongs to: its place in [`parts`].
pub(crate) fn part_of(name: &str) -> usize {
    let number = |before: &str| {
        let rest = name.split_once(before)?.1;
        rest.split('.').next()?.parse::<usize>().ok()
    };
    // A block's own layer norms have no number.
    number("hidden_states_norms.stage").unwrap_or_else(|| {
        let layer = number("encoder.encoder.layers.");
        layer.map_or(0, |layer| layer + 1)
    })
}

/// Both gradients with respect to the encoder, on one frame.
///
/// Inputs: the layout's buffers (all parameters), `images` (bytes `(1, h, w, 3)`), `labels` (bytes
/// `(1, h, w)`; what is no class is ignored), `mask` (`(views, h/16, w/16)`, 1 = visible).
///
/// Outputs: `sums` `(parts, 4)` ([`SUMS`]), `main_loss` (cross-entropy with equal weights plus dice, frame
/// fully visible) and `recon_loss` (mean over the views); with `expose` the gradients.
///
/// # Errors
/// A configuration that makes no sense, or one without the fixed readout, which the main loss needs.
pub(crate) fn alignment_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    options: AlignmentOptions,
) -> Result<Graph> {
    let mut graph = Graph::new("alignment");
    let g = &mut graph;
    let size = options.size;
    let mut p = Parameters::all_learned();
    let frame = images(g, 1, size, normalisation)?;
    let labels = g.input("labels", DType::U8, &[1, size.height, size.width])?;
    let mask = mask(g, options.views, size)?;

    // Two passes: one for both would have each gradient carry the other's zeros back.
    let main = main_pass(g, &mut p, config, frame, size.patches())?;
    let main_loss = g.layer("main_loss", |g| {
        let equal = vec![1.0; config.main.classes];
        let logits = class_logits(g, config, &main, labels)?;
        dense_loss(g, logits, labels, &equal, 1.0)
    })?;

    let target = g.concat(&vec![frame; options.views], 0)?;
    let recon = reconstruction_pass(g, &mut p, config, target, mask, size.patches(), None)?;
    let recon_loss = g.layer("recon_loss", |g| {
        reconstruction_loss(g, recon.pixels, target, recon.visible, options.loss_over)
    })?;

    let all = p.into_learned();
    let of_encoder = all.iter().filter(|p| p.name.starts_with(ENCODER_PREFIX));
    let encoder: Vec<&Parameter> = of_encoder.collect();
    let wrt: Vec<Value> = encoder.iter().map(|p| p.value).collect();
    let of_main = gradients(g, main_loss, &wrt)?;
    let of_recon = gradients(g, recon_loss, &wrt)?;
    let mut sums = vec![vec![]; parts(config).len()];
    for (parameter, pair) in encoder.iter().zip(of_main.iter().zip(&of_recon)) {
        let (Some(m), Some(r)) = pair else {
            let detail = format!("{} is without effect on a loss", parameter.name);
            return Err(g.config_error(detail));
        };
        let row = g.layer("sums", |g| products(g, *m, *r))?;
        sums[part_of(&parameter.name)].push(row);
        if options.expose {
            g.output(&format!("main.{}", parameter.name), *m)?;
            g.output(&format!("recon.{}", parameter.name), *r)?;
        }
    }
    let mut rows = vec![];
    for part in sums {
        let each = g.concat(&part, 0)?;
        rows.push(g.reduce_sum(each, &[0], true)?);
    }
    let sums = g.concat(&rows, 0)?;
    layout.attach(g, &all)?;
    g.output("sums", sums)?;
    g.output("main_loss", main_loss)?;
    g.output("recon_loss", recon_loss)?;
    Ok(graph)
}

/// [`SUMS`] of one parameter, `(1, 4)`.
fn products(g: &mut Graph, m: Value, r: Value) -> Result<Value> {
    let axes: Vec<usize> = (0..g.shape(m).len()).collect();
    let both = g.mul(m, r)?;
    let sign = g.sign(r)?;
    let signed = g.mul(m, sign)?;
    let sums = [
        g.reduce_sum(both, &axes, false)?,
        g.reduce_sum(signed, &axes, false)?,
        g.sum_square(m)?,
        g.sum_square(r)?,
    ];
    let mut row = vec![];
    for sum in sums {
        row.push(g.reshape(sum, &[1, 1])?);
    }
    g.concat(&row, 1)
}
