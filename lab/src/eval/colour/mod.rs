//! Colours along a stream: pictures are made grey, coloured by a model that learns from the grey ones, and compared with
//! what they were.

mod flicker;
mod frechet;
mod luma_colours;
mod metrics;
mod perceptual;
mod report;
#[cfg(test)]
mod tests;

pub use luma_colours::LumaColours;
pub use perceptual::Perceptual;
pub use report::{ColourReport, ColourScores};

use flicker::flicker;
use luma_colours::tinted;
use report::Scored;

use super::protocol::check_task;
use super::run_summary::RunSummary;
use super::{EvalError, EvaluatedFrame, Predicted};
use crate::data::{Playback, Shift, Stream, at_model_size};
use tttseg::adapt::{Learner, Request, Settings};
use tttseg::video::{ChromaFilter, Colorizer, LabelIds, Rgb, Scaler, flow_between, grey, scaled};
use tttseg::weights::Task;

/// Longest side of the pictures whose flicker is measured, in pixels.
const SMALL: usize = 320;

/// What is done with the colours, what they are compared with, and how.
#[derive(Default)]
pub struct ColourOptions<'a> {
    /// The mean chroma of every luma, to be scored as well.
    pub luma_colours: Option<&'a LumaColours>,
    /// For LPIPS and the Fréchet distance.
    pub perceptual: Option<&'a mut Perceptual>,
    /// How much of the last frame's colours stays, carried along motion, from 0 to 1 ([`ChromaFilter::smooth`]).
    pub smoothing: f32,
}

/// Runs a learner whose model colours over a stream in order and scores every frame: learn, then predict. `shift` is what
/// happens to the stills before they are made grey; what corrupts them spoils what the model sees, but the pictures they
/// are compared with are the ones without. `options` are what else is scored, and how. `progress` is called after every
/// frame.
///
/// # Errors
/// A model that does not colour, files that are missing or unreadable, errors in adapting, and what `progress` returns.
pub fn evaluate_colours(
    learner: &mut Learner,
    stream: &Stream,
    shift: Shift,
    options: ColourOptions<'_>,
    mut progress: impl FnMut(EvaluatedFrame<'_>) -> Result<(), EvalError>,
) -> Result<ColourReport, EvalError> {
    let model = learner.model().clone();
    check_task(&model, Task::Colorize)?;
    let ColourOptions {
        luma_colours,
        mut perceptual,
        smoothing,
    } = options;
    let seed = learner.settings().seed;
    let settings = learner.settings();
    let settings = Settings {
        method: settings.method.for_task(model.task),
        ..settings.clone()
    };
    let mut summary = RunSummary::new(&settings, shift);
    let (mut scaler, mut tint) = (Scaler::new(), Colorizer::new());
    let (mut filter, mut smoothed) = (ChromaFilter::default(), None);
    let mut scored = [(); 3].map(|()| Scored::default());
    let mut true_colours = Scored::default();
    let mut last: Option<Vec<Rgb>> = None;
    let ids = || LabelIds::with_void_last(0);
    let whole = Shift {
        corrupt: None,
        ..shift
    };
    let played = Playback::new(stream, shift, seed, ids());
    for (shown, frame) in played.zip(Playback::new(stream, whole, seed, ids())) {
        let (shown, frame) = (grey(&shown?.picture), frame?);
        let truth = &frame.picture;
        let rgb = at_model_size(&model, &shown, &mut scaler)?;
        if filter.is_cut(&rgb) {
            smoothed = None;
        }
        let adapted = learner.frame(rgb.into(), Request::default())?;
        summary.frame(&adapted.report);
        let chroma = adapted.chroma.ok_or_else(|| {
            tttseg::adapt::Error::Worker("a prediction without chroma".to_owned())
        })?;
        let chroma = filter.smooth(chroma, smoothed.as_ref(), smoothing);
        let predicted = tinted(&mut tint, &shown, &chroma)?;
        smoothed = Some(chroma);
        let by_luma =
            luma_colours.map(|colours| tinted(&mut tint, &shown, &colours.chroma(&shown)));
        let by_luma = by_luma.transpose()?;

        let all = [Some(&predicted), Some(&shown), by_luma.as_ref()];
        let mut small = vec![smaller(&mut scaler, truth)?];
        for (scored, picture) in scored.iter_mut().zip(all) {
            let Some(picture) = picture else { continue };
            scored.picture(picture, truth);
            small.push(smaller(&mut scaler, picture)?);
        }
        true_colours.picture(truth, truth);
        if let Some(network) = &mut perceptual {
            let judged = scored.iter_mut().zip(all);
            let mut judged: Vec<_> = judged.filter_map(|(s, p)| Some((s, p?))).collect();
            let pictures: Vec<&Rgb> = std::iter::once(truth)
                .chain(judged.iter().map(|(_, picture)| *picture))
                .collect();
            if let Some(compared) = network.compare(&pictures)? {
                let each = compared.features.len() / pictures.len();
                let mut features = compared.features.chunks_exact(each.max(1));
                true_colours.perceived(Some(0.0), features.next().unwrap_or_default());
                let others = judged.iter_mut().zip(compared.distances).zip(features);
                others.for_each(|(((scored, _), d), f)| scored.perceived(Some(d), f));
            }
        }
        if let Some(last) = last.filter(|l| l[0].dim() == small[0].dim()) {
            let flow = flow_between(&small[0], &last[0]);
            let truth = [&last[0], &small[0]];
            let judged = std::iter::once(&mut true_colours).chain(&mut scored);
            for (scored, (before, now)) in judged.zip(last.iter().zip(&small)) {
                scored.flicker(flicker(&flow, [before, now], truth));
            }
        }
        last = Some(small);
        progress(EvaluatedFrame {
            report: &adapted.report,
            frame: &frame,
            shown: &shown,
            predicted: Some(Predicted::Colours(&predicted)),
        })?;
    }
    let [scores, grey, by_luma] = scored.map(|s| s.scores(&true_colours));
    Ok(ColourReport {
        run: summary.conditions(),
        frames_learned: summary.frames_learned(),
        scores,
        true_colours: true_colours.scores(&true_colours),
        grey,
        by_luma: luma_colours.map(|_| by_luma),
        learning: summary.times_and_losses(),
    })
}

/// A picture of no more than [`SMALL`] pixels a side.
fn smaller(scaler: &mut Scaler, picture: &Rgb) -> Result<Rgb, EvalError> {
    let (height, width, _) = picture.dim();
    let longest = width.max(height).max(1);
    let side = |side: usize| {
        if longest > SMALL {
            (side * SMALL / longest).max(1)
        } else {
            side
        }
    };
    Ok(scaled(picture, side(width), side(height), scaler)?)
}
