//! Colours along a stream.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use tttseg::adapt::{ColourTarget, Learner, Method, Settings};
use tttseg::files::check_writable;
use tttseg::runtime::{Cancel, Options, Runtime};
use tttseg::video::{Palette, Scaler, model_size, read_references, read_rgb, scaled};
use tttseg::weights::ModelFile;
use tttseg_lab::data::{PictureSet, Stream};
use tttseg_lab::eval::{
    ColourOptions, ColourReport, ColourScores, Column, ContactSheet, LumaColours, Perceptual,
    evaluate_colours,
};

use super::Arguments;
use crate::Outcome;
use crate::options::frame_bar;

pub fn run(
    arguments: &Arguments,
    model: &Arc<ModelFile>,
    settings: &Settings,
    runtime: &'static Runtime,
    options: &Options,
) -> Outcome {
    if let Some(path) = &arguments.sheet {
        check_writable(path)?;
    }
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
    let references = match &arguments.reference {
        Some(path) => directions(path, model, &stream)?,
        None => vec![],
    };
    let learner =
        |settings| Learner::new(model.clone(), settings, runtime, options, &Cancel::new());
    let mut sheet = None;
    if arguments.sheet.is_some() {
        let frozen = Settings {
            method: Method::MainTaskOnly,
            ..settings.clone()
        };
        let empty = sheet.insert(ContactSheet::new(frames, Palette(vec![])));
        let bar = frame_bar(frames)?;
        let plain = ColourOptions {
            smoothing: arguments.smoothing,
            ..ColourOptions::default()
        };
        evaluate_colours(&mut learner(frozen)?, &stream, shift, plain, |seen| {
            bar.inc(1);
            empty.add_colours(Column::Without, &seen)
        })?;
        bar.finish_and_clear();
    }
    let bar = frame_bar(frames)?;
    let mut learner = learner(settings.clone())?;
    learner.set_references(references)?;
    let judged = ColourOptions {
        luma_colours: luma_colours.as_ref(),
        perceptual: network.as_mut(),
        smoothing: arguments.smoothing,
    };
    let report = evaluate_colours(&mut learner, &stream, shift, judged, |seen| {
        if let Some(loss) = seen.report.loss {
            bar.set_message(format!("loss {loss:.4}"));
        }
        bar.inc(1);
        match &mut sheet {
            Some(sheet) => sheet.add_colours(Column::With, &seen),
            None => Ok(()),
        }
    })?;
    bar.finish_and_clear();
    if let (Some(sheet), Some(path)) = (sheet, &arguments.sheet) {
        sheet.write(path)?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(true)
}

/// The references at the size at which the model sees the stream.
fn directions(
    path: &Path,
    model: &ModelFile,
    stream: &Stream,
) -> Result<Vec<ColourTarget>, Box<dyn Error>> {
    let pictures = read_references(path)?;
    let first = read_rgb(&stream.frames[0].frame)?;
    let (height, width, _) = first.dim();
    let (width, height) = model_size(width, height, model.size.1, model.size.0)?;
    let mut scaler = Scaler::new();
    let directions = pictures.iter().map(|picture| {
        Ok(ColourTarget::of_picture(&scaled(
            picture,
            width,
            height,
            &mut scaler,
        )?)?)
    });
    directions.collect()
}

fn print(report: &ColourReport) {
    let number = |v: Option<f64>| v.map_or_else(|| "-".into(), |v| format!("{v:.4}"));
    println!(
        "method            {} over {} frames, learned from {}",
        report.method, report.frames, report.frames_learned
    );
    if let Some(corrupt) = &report.corrupt {
        println!("corruption        {corrupt}, seed {}", report.seed);
    }
    if let Some(pan) = report.pan {
        println!("virtual camera    {pan} frames of every still");
    }
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
    println!(
        "loss              {} first, {} last, {} on average",
        number(report.loss_first),
        number(report.loss_last),
        number(report.loss_mean)
    );
    println!(
        "step, prediction  {} ms, {} ms",
        number(report.step_ms),
        number(report.predict_ms)
    );
}
