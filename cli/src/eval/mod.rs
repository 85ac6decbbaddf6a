//! `tttseg eval`: adapting along a stream of stills, and scores.

mod colours;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use tttseg::adapt::{Learner, Method, Settings};
use tttseg::files::check_writable;
use tttseg::runtime::{Cancel, Options, Runtime};
use tttseg::video::Palette;
use tttseg::weights::{ModelFile, Task};
use tttseg_lab::eval::{
    Alignment, Column, ContactSheet, EvalError, EvalReport, EvaluatedFrame, RunConditions,
    TimesAndLosses, alignment, evaluate,
};

use crate::Outcome;
use crate::options::{RuntimeArguments, frame_bar};
use crate::settings::SettingsArguments;
use crate::streams::StreamOptions;

/// Adapt along a stream of stills and score the maps, or the colours.
///
/// Frames sorted by name are the stream; each is learned from, then predicted. Class scores are brought to the labels'
/// size before the highest is taken. The intersection over union is pooled over all pixels, and averaged per frame. Labels
/// that are coarser than the model's classes need --label-map.
///
/// With a model that colours, the frames are made grey, and what it makes of them is compared with what they were.
#[derive(Args)]
pub struct Arguments {
    /// The model file; the built-in model if not given.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder of frames (JPEG or PNG).
    #[arg(long)]
    frames: PathBuf,
    /// Folder of labels with the same names (PNG: grey values or palette indices are ids; RGB needs --label-colours).
    #[arg(long)]
    labels: Option<PathBuf>,
    #[command(flatten)]
    playback: StreamOptions,
    #[command(flatten)]
    settings: SettingsArguments<false>,
    /// Measure instead, on every labelled frame and with the weights of the file, whether reconstruction pulls the encoder
    /// where the main task wants it: the cosine between the gradients of both losses, overall and per stage.
    #[arg(long, requires = "labels")]
    alignment: bool,
    /// Write a contact sheet as well (PNG): five frames of the stream, one below the other; from left to right the frame,
    /// its map by the model as it is on disk, its map after learning, and its labels. Of a model that colours: the frame
    /// in grey, its colours without and with learning, and the true ones.
    #[arg(long, value_name = "FILE", conflicts_with = "alignment")]
    sheet: Option<PathBuf>,
    /// For a model that colours: a folder of colour pictures, those it was trained on as a rule. The mean chroma that every
    /// luma has in them is scored as well: what can be had without looking.
    #[arg(long, value_name = "DIR", conflicts_with = "labels")]
    floor: Option<PathBuf>,
    /// For a model that colours: how much of the last frame's colours stays, carried along motion, as the elements'
    /// chroma-smoothing.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share, conflicts_with = "labels")]
    smoothing: f32,
    /// For a model that colours: the weights that `scripts/lpips.sh` makes. LPIPS and a distance like FID are measured as
    /// well.
    #[arg(long, value_name = "FILE", conflicts_with = "labels")]
    lpips: Option<PathBuf>,
    /// For a model that colours: a picture in colour, or a folder of them, that the model learns the colours of first.
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "labels")]
    reference: Option<PathBuf>,
    /// Print the result as one JSON object on the last line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runtime: RuntimeArguments,
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share from 0 to 1 is needed".into()),
    }
}

pub fn run(arguments: &Arguments) -> Outcome {
    let model = match &arguments.model {
        Some(path) => ModelFile::open(path)?,
        None => ModelFile::embedded()?,
    };
    let (model, settings) = (Arc::new(model), arguments.settings.settings()?);
    let colours = model.task == Task::Colorize;
    if colours && arguments.labels.is_some() {
        return Err("a model that colours is compared with its frames, not with --labels".into());
    }
    let of_colours = [
        ("--floor", &arguments.floor),
        ("--lpips", &arguments.lpips),
        ("--reference", &arguments.reference),
    ];
    if !colours && let Some((name, _)) = of_colours.iter().find(|(_, path)| path.is_some()) {
        return Err(format!("{name} is for models that colour").into());
    }
    if !colours && arguments.sheet.is_some() && arguments.labels.is_none() {
        return Err("--sheet needs --labels".into());
    }
    let (runtime, options) = arguments.runtime.load()?;
    if arguments.alignment {
        return align(arguments, &model, &settings, runtime, &options);
    }
    if let Some(path) = &arguments.sheet {
        check_writable(path)?;
    }
    if colours {
        return colours::run(arguments, &model, &settings, runtime, &options);
    }
    let stream = arguments
        .playback
        .open(&arguments.frames, arguments.labels.as_deref())?;
    let shift = arguments.playback.shift();
    let frames = shift.frames(stream.frames.len());
    let palette = Palette(match stream.groups(&model.classes)? {
        Some(groups) => groups.colours(&model.palette),
        None => model.palette.clone(),
    });
    let report = passes(arguments, &settings, frames, palette, |settings, pass| {
        let cancel = Cancel::new();
        let mut learner = Learner::new(model.clone(), settings, runtime, &options, &cancel)?;
        Ok(evaluate(&mut learner, &stream, shift, |frame| {
            pass.frame(&frame)
        })?)
    })?;
    show(arguments, &report, print)
}

/// A pass of a model along the stream: its progress, and its column of the contact sheet.
struct Pass<'a> {
    bar: ProgressBar,
    sheet: Option<&'a mut ContactSheet>,
    column: Column,
}

impl Pass<'_> {
    fn frame(&mut self, frame: &EvaluatedFrame<'_>) -> Result<(), EvalError> {
        if let Some(loss) = frame.report.loss {
            self.bar.set_message(format!("loss {loss:.4}"));
        }
        self.bar.inc(1);
        let sheet = self.sheet.as_mut();
        sheet.map_or(Ok(()), |sheet| sheet.add(self.column, frame))
    }
}

/// Runs a pass with learning and, before it, one without if there is a contact sheet to be written.
fn passes<R>(
    arguments: &Arguments,
    settings: &Settings,
    frames: usize,
    palette: Palette,
    mut run: impl FnMut(Settings, &mut Pass<'_>) -> Result<R, Box<dyn Error>>,
) -> Result<R, Box<dyn Error>> {
    let mut sheet = arguments
        .sheet
        .as_ref()
        .map(|path| (ContactSheet::new(frames, palette), path));
    let mut pass = |settings, column, sheet: Option<&mut ContactSheet>| {
        let bar = frame_bar(frames)?;
        let mut pass = Pass { bar, sheet, column };
        let report = run(settings, &mut pass)?;
        pass.bar.finish_and_clear();
        Ok::<_, Box<dyn Error>>(report)
    };
    if let Some((sheet, _)) = &mut sheet {
        let frozen = Settings {
            method: Method::MainTaskOnly,
            ..settings.clone()
        };
        pass(frozen, Column::Without, Some(sheet))?;
    }
    let cells = sheet.as_mut().map(|(sheet, _)| sheet);
    let report = pass(settings.clone(), Column::With, cells)?;
    if let Some((sheet, path)) = sheet {
        sheet.write(path)?;
    }
    Ok(report)
}

/// Prints a report, as text or as one JSON object.
fn show<R: Serialize>(arguments: &Arguments, report: &R, print: impl Fn(&R)) -> Outcome {
    if arguments.json {
        println!("{}", serde_json::to_string(report)?);
    } else {
        print(report);
    }
    Ok(true)
}

fn align(
    arguments: &Arguments,
    model: &Arc<ModelFile>,
    settings: &Settings,
    runtime: &'static Runtime,
    options: &Options,
) -> Outcome {
    let stream = arguments
        .playback
        .open(&arguments.frames, arguments.labels.as_deref())?;
    let shift = arguments.playback.shift();
    let bar = frame_bar(shift.frames(stream.frames.len()))?;
    let found = alignment(model, settings, &stream, shift, runtime, options, || {
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    show(arguments, &found, print_alignment)
}

fn print_alignment(found: &Alignment) {
    println!(
        "{} frames, {} masked views of each (ratio {}, seed {})",
        found.frames, found.views, found.mask_ratio, found.seed
    );
    println!(
        "loss: main task {}, reconstruction {}",
        number(found.main_loss),
        number(found.recon_loss)
    );
    println!(
        "part          weights   cosine   spread  positive     step   spread  norm main  norm recon"
    );
    for part in std::iter::once(&found.overall).chain(&found.parts) {
        println!(
            "{:<10} {:>10}  {:>7}  {:>7}  {:>8}  {:>7}  {:>7}  {:>9}  {:>10}",
            part.part,
            part.weights,
            number(part.cosine),
            number(part.spread),
            part.positive
                .map_or_else(|| "-".into(), |v| format!("{:.0} %", 100.0 * v)),
            number(part.step_cosine),
            number(part.step_spread),
            number(part.main_norm),
            number(part.recon_norm),
        );
    }
    println!(
        "cosine: between both gradients; step: between the main gradient and the sign of the other, as in a step of AdamW"
    );
}

fn print(report: &EvalReport) {
    let percent = |v: Option<f64>| v.map_or_else(|| "-".into(), |v| format!("{:.2} %", 100.0 * v));
    print_run(
        &report.run,
        &format!(" ({} labelled)", report.frames_labelled),
        report.frames_learned,
    );
    if let Some(map) = &report.label_map {
        println!("label map         {map}");
    }
    println!("mIoU, pooled      {}", percent(report.miou_pooled));
    println!("mIoU, per frame   {}", percent(report.miou_per_frame));
    println!("pixel accuracy    {}", percent(report.pixel_accuracy));
    for (name, iou) in report.classes.iter().zip(&report.iou) {
        println!("  {name:<15} {}", percent(*iou));
    }
    print_learning(&report.learning);
}

/// The first lines of every report.
fn print_run(run: &RunConditions, labelled: &str, learned: u64) {
    println!(
        "method            {} over {} frames{labelled}, learned from {learned}",
        run.method, run.frames
    );
    if let Some(corrupt) = &run.corrupt {
        println!("corruption        {corrupt}, seed {}", run.seed);
    }
    if let Some(pan) = run.pan {
        println!("virtual camera    {pan} frames of every still");
    }
}

/// The last lines of every report.
fn print_learning(learning: &TimesAndLosses) {
    println!(
        "loss              {} first, {} last, {} on average",
        number(learning.loss_first),
        number(learning.loss_last),
        number(learning.loss_mean)
    );
    println!(
        "step, prediction  {} ms, {} ms",
        number(learning.step_ms),
        number(learning.predict_ms)
    );
}

/// A number with four decimals, `-` for none.
fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |v| format!("{v:.4}"))
}
