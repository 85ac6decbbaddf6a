use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tttseg::adapt::{Learner, Method, Recipe, Settings};
use tttseg::eval::{EvalReport, Shift, Stream, evaluate};
use tttseg::runtime::Cancel;
use tttseg::video::Corruption;
use tttseg::weights::ModelFile;

use crate::Outcome;
use crate::options::{RuntimeArguments, frame_bar};

/// Adapt along a stream of stills and score the maps.
///
/// Frames sorted by name are the stream; each is learned from, then predicted. Class scores are brought to the labels'
/// size before the highest is taken. The intersection over union is pooled over all pixels, and averaged per frame.
#[derive(Args)]
pub struct Arguments {
    /// The model file; the built-in model if not given.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder of frames (JPEG or PNG).
    #[arg(long)]
    frames: PathBuf,
    /// Folder of labels with the same names (PNG, one byte per pixel).
    #[arg(long)]
    labels: Option<PathBuf>,
    /// none, online, no-memory, implicit or explicit.
    #[arg(long, default_value = "online")]
    method: Method,
    /// default, paper or code; what follows overrides it.
    #[arg(long, default_value = "default")]
    recipe: Recipe,
    /// Frames in the window; 0 for all.
    #[arg(long)]
    window: Option<usize>,
    /// Masked views per step.
    #[arg(long)]
    batch: Option<usize>,
    /// Steps per frame.
    #[arg(long)]
    steps: Option<usize>,
    /// Share of hidden patches.
    #[arg(long)]
    mask_ratio: Option<f64>,
    /// Learning rate of the reconstruction head.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Learning rate of the encoder as a multiple of that.
    #[arg(long)]
    encoder_multiplier: Option<f64>,
    /// Corrupt the stream: dusk, fog, rain, noise, blur, jpeg or cast, up to this strength (above 0, at most 2; 1 if not
    /// given). It grows from nothing in the first frame to its full strength in the middle, and stays there.
    #[arg(long, value_name = "KIND[:STRENGTH]")]
    corrupt: Option<Corruption>,
    /// Take this many frames of every still with a virtual camera that sees about three quarters of either side and moves
    /// smoothly, labels along with it.
    #[arg(long, value_name = "N")]
    pan: Option<NonZeroUsize>,
    /// Seed of masks, sampling, grain and rain.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the result as one JSON object on the last line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runtime: RuntimeArguments,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let (runtime, options) = arguments.runtime.load()?;
    let model = match &arguments.model {
        Some(path) => ModelFile::open(path)?,
        None => ModelFile::embedded()?,
    };
    let mut learner = Learner::new(
        Arc::new(model),
        settings(arguments),
        runtime,
        &options,
        &Cancel::new(),
    )?;
    let stream = Stream::open(&arguments.frames, arguments.labels.as_deref())?;
    for left_out in &stream.left_out {
        eprintln!("left out: {left_out}");
    }
    let shift = Shift {
        corrupt: arguments.corrupt,
        pan: arguments.pan,
    };
    let bar = frame_bar(shift.frames(stream.frames.len()))?;
    let report = evaluate(&mut learner, &stream, shift, |report| {
        if let Some(loss) = report.loss {
            bar.set_message(format!("loss {loss:.4}"));
        }
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(true)
}

fn settings(arguments: &Arguments) -> Settings {
    let recipe = Settings::recipe(arguments.recipe);
    Settings {
        method: arguments.method,
        window: arguments.window.unwrap_or(recipe.window),
        batch_size: arguments.batch.unwrap_or(recipe.batch_size),
        steps: arguments.steps.unwrap_or(recipe.steps),
        mask_ratio: arguments.mask_ratio.unwrap_or(recipe.mask_ratio),
        learning_rate: arguments.learning_rate.unwrap_or(recipe.learning_rate),
        encoder_multiplier: arguments
            .encoder_multiplier
            .unwrap_or(recipe.encoder_multiplier),
        seed: arguments.seed,
        ..recipe
    }
}

fn print(report: &EvalReport) {
    let percent = |v: Option<f64>| v.map_or_else(|| "-".into(), |v| format!("{:.2} %", 100.0 * v));
    let number = |v: Option<f64>| v.map_or_else(|| "-".into(), |v| format!("{v:.4}"));
    println!(
        "method            {} over {} frames ({} labelled)",
        report.method, report.frames, report.frames_labelled
    );
    if let Some(corrupt) = &report.corrupt {
        println!("corruption        {corrupt}, seed {}", report.seed);
    }
    if let Some(pan) = report.pan {
        println!("virtual camera    {pan} frames of every still");
    }
    println!("mIoU, pooled      {}", percent(report.miou_pooled));
    println!("mIoU, per frame   {}", percent(report.miou_per_frame));
    println!("pixel accuracy    {}", percent(report.pixel_accuracy));
    for (name, iou) in report.classes.iter().zip(&report.iou) {
        println!("  {name:<15} {}", percent(*iou));
    }
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
