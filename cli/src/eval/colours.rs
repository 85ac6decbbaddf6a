//! Colours along a stream.

use std::error::Error;
use std::mem::take;
use std::path::Path;
use std::sync::Arc;

use tttseg::adapt::{ColourTarget, Learner, Settings};
use tttseg::runtime::{Cancel, Options, Runtime};
use tttseg::video::{LabelIds, Palette, Scaler, model_size, read_references, scaled};
use tttseg::weights::ModelFile;
use tttseg_lab::data::{PictureSet, Stream};
use tttseg_lab::eval::{
    ColourOptions, ColourReport, ColourScores, Column, LumaColours, Perceptual, evaluate_colours,
};

use super::{Arguments, number, passes, print_learning, print_run, show};
use crate::Outcome;

pub fn run(
    arguments: &Arguments,
    model: &Arc<ModelFile>,
    settings: &Settings,
    runtime: &'static Runtime,
    options: &Options,
) -> Outcome {
    let stream = arguments.playback.open(&arguments.frames, None)?;
    let shift = arguments.playback.shift();
    let frames = shift.frames(stream.frames.len());
    let luma_colours = match &arguments.floor {
        Some(dir) => Some(LumaColours::of(&PictureSet::open(&[dir])?)?),
        None => None,
    };
    let mut network = match &arguments.lpips {
        Some(path) => Some(Perceptual::open(path, runtime, options)?),
        None => None,
    };
    let mut references = match &arguments.reference {
        Some(path) => targets(path, model, &stream)?,
        None => vec![],
    };
    let palette = Palette(vec![]);
    let report = passes(arguments, settings, frames, palette, |settings, pass| {
        let cancel = Cancel::new();
        let mut learner = Learner::new(model.clone(), settings, runtime, options, &cancel)?;
        let mut scored = ColourOptions {
            smoothing: arguments.smoothing,
            ..ColourOptions::default()
        };
        if pass.column == Column::With {
            learner.set_references(take(&mut references))?;
            scored.luma_colours = luma_colours.as_ref();
            scored.perceptual = network.as_mut();
        }
        let report = evaluate_colours(&mut learner, &stream, shift, scored, |frame| {
            pass.frame(&frame)
        });
        Ok(report?)
    })?;
    show(arguments, &report, print)
}

/// The references at the size at which the model sees the stream.
fn targets(
    path: &Path,
    model: &ModelFile,
    stream: &Stream,
) -> Result<Vec<ColourTarget>, Box<dyn Error>> {
    let pictures = read_references(path)?;
    let (first, _) = stream.read(&stream.frames[0], &LabelIds::with_void_last(0))?;
    let (height, width, _) = first.dim();
    let (width, height) = model_size(width, height, model.size.1, model.size.0)?;
    let mut scaler = Scaler::new();
    let targets = pictures.iter().map(|picture| {
        Ok(ColourTarget::of_picture(&scaled(
            picture,
            width,
            height,
            &mut scaler,
        )?)?)
    });
    targets.collect()
}

fn print(report: &ColourReport) {
    print_run(&report.run, "", report.frames_learned);
    println!(
        "                  PSNR      SSIM      chroma PSNR  colourfulness  flicker   LPIPS     Frechet"
    );
    let row = |name: &str, scores: &ColourScores| {
        println!(
            "{name:<17} {:<9} {:<9} {:<12} {:<14} {:<9} {:<9} {}",
            number(scores.psnr),
            number(scores.ssim),
            number(scores.chroma_psnr),
            number(scores.colourfulness),
            number(scores.flicker),
            number(scores.lpips),
            number(scores.frechet)
        );
    };
    row("model", &report.scores);
    row("grey", &report.grey);
    if let Some(scores) = &report.by_luma {
        row("mean per luma", scores);
    }
    row("true colours", &report.true_colours);
    print_learning(&report.learning);
}
