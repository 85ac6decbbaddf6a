use super::{Size, images};
use crate::graph::{DType, Graph, Result};
use crate::model::{ModelConfig, chroma_shares, directed_loss, main_pass};
use crate::nn::Parameters;
use crate::optim::{AdamW, Layout, Rates, descend};
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
/// whose colour is open), scalars `sharpness` ([`chroma_shares`]) and `learning_rate`; with moments `first.…`, `second.…` and `step`; `mean.…` per learning buffer
/// and scalar `share` ([`Descent::output_means`](crate::optim::Descent::output_means)).
///
/// Outputs: `new.…` per learning buffer, with moments `new.first.…` and `new.second.…`, `new.mean.…`, then `loss`,
/// `gradient_norm` and `finite`, as those of [`super::StepGraph`].
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
    let sharpness = g.input("sharpness", DType::F32, &[])?;
    let rate = g.input("learning_rate", DType::F32, &[])?;
    let rates = Rates {
        heads: rate,
        encoder: rate,
    };
    let output = main_pass(g, &mut p, config, patches, options.size.patches())?;
    let loss = g.layer("loss", |g| {
        let target = chroma_shares(g, chroma, given, Some(sharpness))?;
        directed_loss(g, &output, target, weights)
    })?;

    let optimiser = options.optimiser;
    let descent = descend(g, optimiser, rates, layout, p.learned(), loss)?;
    descent.output_state(g)?;
    descent.output_means(g)?;
    g.output("loss", loss)?;
    descent.output_report(g)?;
    Ok(graph)
}
