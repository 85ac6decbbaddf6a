//! The prediction of a frame in two graphs, so that class probabilities can be mixed between them.

use super::{Size, images};
use crate::graph::{DType, Graph, Result, Value};
use crate::model::{ModelConfig, Readout, class_scores, main_pass};
use crate::nn::{Parameters, resize_planes};
use crate::optim::Layout;
use crate::weights::{Normalisation, Weights};

/// Least sum of scores that are divided by their sum: where no mask covers a pixel, there is nothing to divide.
const LEAST_SUM: f64 = 1e-6;

/// Class probabilities of one frame: f with weights handed in, h with those of `weights` built in unless it is in the
/// layout.
///
/// Inputs: as of [`super::predict_graph`]. Output: `probabilities` (float `(classes, h/4, w/4)`). They are the softmax of
/// class logits, or of Mask2Former's readout its scores over their sum (`docs/method.md#class-scores`).
pub fn probabilities_graph(
    config: &ModelConfig,
    normalisation: &Normalisation,
    layout: &Layout,
    weights: &Weights,
    size: Size,
) -> Result<Graph> {
    let mut graph = Graph::new("probabilities");
    let g = &mut graph;
    let mut p = Parameters::new(weights, |name| layout.contains(name));
    let patches = images(g, 1, size, normalisation)?;
    let output = main_pass(g, &mut p, config, patches, size.patches())?;
    let (rows, columns) = size.patches();
    let scores = class_scores(g, &config.main, &output, (rows, columns))?;
    let shares = match config.main.readout {
        Readout::Fixed => g.softmax(scores, 2)?,
        Readout::Queries => {
            let sum = g.reduce_sum(scores, &[2], true)?;
            let least = g.scalar(sum, LEAST_SUM);
            let sum = g.max(sum, least)?;
            g.div(scores, sum)?
        }
    };
    let planes = planes_of(g, shares, config.main.classes, (rows, columns))?;
    layout.predicting().attach(g, p.learned())?;
    g.output("probabilities", planes)?;
    Ok(graph)
}

/// The classes of a frame by their probabilities.
///
/// Input: `probabilities` (float `(classes, h/4, w/4)`). Outputs: `classes` (bytes `(h, w)`, arg-max at model size); with
/// `scores` also `scores` (float `(classes, h, w)`), the probabilities at model size.
pub fn classify_graph(config: &ModelConfig, size: Size, scores: bool) -> Result<Graph> {
    let mut graph = Graph::new("classify");
    let g = &mut graph;
    size.check().map_err(|detail| g.config_error(detail))?;
    let (rows, columns) = size.patches();
    let classes = config.main.classes;
    let shares = g.input("probabilities", DType::F32, &[classes, rows, columns])?;
    let large = resize_planes(g, shares, (size.height, size.width))?;
    let flat = g.reshape(large, &[classes, size.height * size.width])?;
    let by_pixel = g.transpose(flat, &[1, 0])?;
    let best = g.arg_max(by_pixel, 1)?;
    let best = g.cast(best, DType::U8)?;
    let best = g.reshape(best, &[size.height, size.width])?;
    g.output("classes", best)?;
    if scores {
        g.output("scores", large)?;
    }
    Ok(graph)
}

/// `(1, pixels, classes)` as planes `(classes, h, w)`.
pub(super) fn planes_of(
    g: &mut Graph,
    by_pixel: Value,
    classes: usize,
    (height, width): (usize, usize),
) -> Result<Value> {
    let planes = g.transpose(by_pixel, &[0, 2, 1])?;
    g.reshape(planes, &[classes, height, width])
}
