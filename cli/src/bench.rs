//! `tttseg bench`: the time of a gradient step and of a prediction, and the properties of the element that keep a frame rate.

use std::path::PathBuf;

use clap::Args;
use tttseg::adapt::graphs::Size;
use tttseg::model::Preset;
use tttseg::optim::Layout;
use tttseg::runtime::{Options, Runtime};
use tttseg_lab::eval::bench::{BenchOptions, bench};
use tttseg_lab::eval::fit::{FitOptions, fit};

use crate::Outcome;
use crate::options::{RuntimeArguments, complete_model};

/// Time one gradient step and one prediction; with --fit, find the properties that keep a frame rate on this machine.
#[derive(Args)]
pub struct Arguments {
    /// Frames a second that are to be kept, as in 25fps or 30000/1001: prints the properties of the element that do so, with all
    /// of the learning that there is time for. Ends with 1 where none do.
    #[arg(long, value_name = "RATE", value_parser = rate, conflicts_with_all = ["preset", "height", "width", "batch", "classes", "runs", "pack_below"])]
    fit: Option<f64>,
    /// Model to use with --fit (.safetensors), in place of the built-in one.
    #[arg(long, requires = "fit")]
    model: Option<PathBuf>,
    /// Width and height of the frames with --fit.
    #[arg(long, value_name = "WxH", value_parser = size, default_value = "1280x720", requires = "fit")]
    frame_size: (usize, usize),
    /// Sizes of the model: nano, tiny or small.
    #[arg(long, default_value = "nano")]
    preset: Preset,
    /// Height of the frame, a multiple of 16.
    #[arg(long, default_value_t = 224)]
    height: usize,
    /// Width of the frame, a multiple of 16.
    #[arg(long, default_value_t = 448)]
    width: usize,
    /// Masked views per step.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Classes of the main task.
    #[arg(long, default_value_t = 19)]
    classes: usize,
    /// Timed runs of each.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Parameters of fewer elements than this travel packed.
    #[arg(long, default_value_t = Layout::PACK_BELOW)]
    pack_below: usize,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runtime: RuntimeArguments,
}

/// Frames a second: a number or a fraction, which `fps` may follow.
fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("fps").unwrap_or(text).trim();
    let rate = match number.split_once('/') {
        Some((n, d)) => n
            .parse::<f64>()
            .ok()
            .zip(d.parse::<f64>().ok())
            .map(|(n, d)| n / d),
        None => number.parse().ok(),
    };
    let possible = rate.filter(|rate| (0.1..=1000.0).contains(rate));
    possible.ok_or_else(|| format!("`{text}` is no frame rate: from 0.1 to 1000, as in 25fps"))
}

/// `WxH` in pixels.
fn size(text: &str) -> Result<(usize, usize), String> {
    let sides = text
        .split_once('x')
        .and_then(|(w, h)| w.parse().ok().zip(h.parse().ok()));
    let possible = sides.filter(|(w, h)| (16..=16384).contains(w) && (16..=16384).contains(h));
    possible.ok_or_else(|| format!("`{text}` is no size: from 16x16 to 16384x16384"))
}

pub fn run(arguments: &Arguments) -> Outcome {
    let (runtime, options) = arguments.runtime.load()?;
    if let Some(rate) = arguments.fit {
        return find(arguments, rate, runtime, &options);
    }
    let what = BenchOptions {
        config: arguments.preset.config(arguments.classes),
        size: Size {
            height: arguments.height,
            width: arguments.width,
        },
        batch: arguments.batch,
        runs: arguments.runs,
        pack_below: arguments.pack_below,
    };
    let t = bench(&what, runtime, &options)?;
    if arguments.json {
        println!("{}", serde_json::to_string(&t)?);
        return Ok(true);
    }
    println!(
        "step     {:>9.2} ms   ({} nodes, session built in {:.0} ms)",
        t.step_ms, t.step_nodes, t.step_session_ms
    );
    println!(
        "predict  {:>9.2} ms   ({} nodes, session built in {:.0} ms)",
        t.predict_ms, t.predict_nodes, t.predict_session_ms
    );
    println!("{:.1} M learning parameters, on {}", t.params_m, t.provider);
    Ok(true)
}

/// Prints the properties that keep the rate, and on standard error what was measured.
fn find(arguments: &Arguments, rate: f64, runtime: &'static Runtime, options: &Options) -> Outcome {
    let model = complete_model(arguments.model.as_deref())?;
    let size = arguments.frame_size;
    let found = fit(model, FitOptions { rate, size }, runtime, options)?;
    let chosen = found.chosen();
    if arguments.json {
        println!("{}", serde_json::to_string(&found)?);
        return Ok(chosen.is_some());
    }
    for candidate in &found.candidates {
        eprintln!(
            "{:<24} {:>7.1} ms a frame, {:.1} ms of them to learn ({:.1} ms there are)",
            candidate.properties, candidate.frame_ms, candidate.learning_ms, found.budget_ms
        );
    }
    match (chosen, found.candidates.last()) {
        (Some(chosen), _) => println!("{}", chosen.properties),
        (None, Some(least)) => eprintln!(
            "this machine does {:.1} frames a second; with pace=auto all go out, and those that come too late are shown with the \
             last classes",
            1e3 / least.frame_ms
        ),
        (None, None) => {}
    }
    Ok(chosen.is_some())
}
