//! The prediction of a frame.

use super::classify::planes_of;
use super::{Size, images};
use crate::graph::{DType, Graph, Result};
use crate::model::{ModelConfig, Readout, chroma_planes, class_scores, main_pass};
use crate::nn::Parameters;
use crate::optim::Layout;
use crate::weights::{Normalisation, Weights};

/// The main task on one frame: f with weights handed in, h with those of `weights` built in unless it is in the layout.
///
/// Inputs: what `layout` holds of f and h ([`Layout::predicting`]), `images` (bytes `(1, h, w, 3)`).
/// Outputs: `classes` (bytes `(h, w)`, arg-max at model size); with `scores` also `scores`
/// (float `(classes, h, w)`): with the fixed readout class probabilities, the softmax of the logits that the arg-max is
/// of; with Mask2Former's readout its scores. Of a colour head: `chroma` (float `(2, h/4, w/4)`, see [`chroma_planes`]) alone.
pub fn predict_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    weights: &Weights,
    size: Size,
    scores: bool,
) -> Result<Graph> {
    let mut graph = Graph::new("predict");
    let g = &mut graph;
    let mut p = Parameters::new(weights, |name| layout.contains(name));
    let patches = images(g, 1, size, normalisation)?;
    let output = main_pass(g, &mut p, config, patches, size.patches())?;
    if let Some(chroma) = &config.chroma {
        let planes = chroma_planes(g, chroma, &output)?;
        let (rows, columns) = size.patches();
        let planes = g.reshape(planes, &[2, rows, columns])?;
        layout.predicting().attach(g, p.learned())?;
        g.output("chroma", planes)?;
        return Ok(graph);
    }
    let by_pixel = class_scores(g, &config.main, &output, (size.height, size.width))?;
    let best = g.arg_max(by_pixel, 2)?;
    let best = g.cast(best, DType::U8)?;
    let classes = g.reshape(best, &[size.height, size.width])?;
    layout.predicting().attach(g, p.learned())?;
    g.output("classes", classes)?;
    if scores {
        let shares = match config.main.readout {
            Readout::Fixed => g.softmax(by_pixel, 2)?,
            Readout::Queries => by_pixel,
        };
        let planes = planes_of(g, shares, config.main.classes, (size.height, size.width))?;
        g.output("scores", planes)?;
    }
    Ok(graph)
}
