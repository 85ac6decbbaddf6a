use super::{Size, images};
use crate::grad::gradients;
use crate::graph::{DType, Graph, Result};
use crate::model::{
    ENCODER_PREFIX, ModelConfig, chroma_shares, directed_loss, fully_visible, head, swin,
};
use crate::nn::Parameters;
use crate::optim::{AdamW, Layout, MomentInputs, Rates, adamw};
use crate::weights::Normalisation;

/// What a graph that learns given colours is built for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DirectOptions {
    /// Size of the pictures.
    pub size: Size,
    /// The optimiser.
    pub optimiser: AdamW,
}

/// One gradient step of a colour head towards colours that people have given for one picture. f stays as it is.
///
/// Inputs: the layout's buffers (those of f, which do not learn, and of h), `images` (bytes `(1, h, w, 3)`), `chroma` (float `(1, h/4 · w/4, 2)`:
/// Cb and Cr of every token, in steps of 8 bits), `weights` (float `(1, h/4 · w/4, 1)`: what each token counts, 0 for one
/// whose colour is open), scalar `learning_rate`, moments `first.…`, `second.…` and `step`.
///
/// Outputs: `new.…` per learning buffer, `new.first.…`, `new.second.…`, then `loss`, `gradient_norm` and `finite`, as
/// those of [`super::StepGraph`].
///
/// # Errors
/// A configuration that makes no sense, or one of a model that does not colour.
pub fn direct_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    options: DirectOptions,
) -> Result<Graph> {
    let mut graph = Graph::new("direct");
    let g = &mut graph;
    let Some(chroma) = &config.chroma else {
        return Err(g.config_error("a model that does not colour"));
    };
    let (rows, columns) = options.size.patches();
    let tokens = rows * columns;
    let mut p = Parameters::all_learned();
    let patches = images(g, 1, options.size, normalisation)?;
    let given = g.input("chroma", DType::F32, &[1, tokens, 2])?;
    let weights = g.input("weights", DType::F32, &[1, tokens, 1])?;
    let rate = g.input("learning_rate", DType::F32, &[])?;
    let rates = Rates {
        heads: rate,
        encoder: rate,
    };
    let input = fully_visible(g, patches)?;
    let stages = swin(
        g,
        &mut p,
        ENCODER_PREFIX,
        &config.encoder,
        input,
        (rows, columns),
        None,
    )?;
    let output = head(g, &mut p, config.main_prefix(), &config.main, &stages)?;
    let loss = g.layer("loss", |g| {
        let target = chroma_shares(g, chroma, given)?;
        directed_loss(g, &output, target, weights)
    })?;

    let parameters = p.into_learned();
    let learning = layout.learning();
    let learned: Vec<_> = parameters
        .iter()
        .filter(|p| learning.contains(&p.name))
        .collect();
    let wrt: Vec<_> = learned.iter().map(|p| p.value).collect();
    let found = gradients(g, loss, &wrt)?;
    let gradient_of = |name: &str| {
        let place = learned.iter().position(|p| p.name == name);
        place.and_then(|i| found[i])
    };
    let collected = learning.gather_gradients(g, gradient_of)?;
    let attached = layout.attach(g, &parameters)?;
    let attached = layout.buffers.iter().zip(attached);
    let buffers: Vec<_> = attached
        .filter(|(buffer, _)| buffer.learns)
        .map(|(_, value)| value)
        .collect();
    let moments = MomentInputs::declare(g, &learning)?;
    let update = g.layer("adamw", |g| {
        adamw(
            g,
            options.optimiser,
            &learning,
            rates,
            Some(&moments),
            &buffers,
            &collected,
            loss,
        )
    })?;
    for (buffer, &value) in learning.buffers.iter().zip(&update.buffers) {
        g.output(&format!("new.{}", buffer.name), value)?;
    }
    let (first, second) = update
        .moments
        .ok_or_else(|| g.config_error("given colours without moments"))?;
    for (kind, values) in [("first", first), ("second", second)] {
        for (buffer, value) in learning.buffers.iter().zip(values) {
            g.output(&format!("new.{kind}.{}", buffer.name), value)?;
        }
    }
    g.output("loss", loss)?;
    g.output("gradient_norm", update.norm)?;
    g.output("finite", update.finite)?;
    Ok(graph)
}
