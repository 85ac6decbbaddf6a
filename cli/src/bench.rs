//! `tttseg bench`: the time of a gradient step and of a prediction.

use clap::Args;
use tttseg::adapt::graphs::Size;
use tttseg::model::Preset;
use tttseg::optim::Layout;
use tttseg_lab::eval::bench::{BenchOptions, bench};

use crate::Outcome;
use crate::options::RuntimeArguments;

/// Time one gradient step and one prediction.
#[derive(Args)]
pub struct Arguments {
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

pub fn run(arguments: &Arguments) -> Outcome {
    let (runtime, options) = arguments.runtime.load()?;
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
