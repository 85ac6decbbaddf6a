//! `tttseg export`: graphs as ONNX files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tttseg::adapt::graphs::{Size, StepOptions, learning_layout, predict_graph, step_graph};
use tttseg::adapt::{Recipe, Settings};
use tttseg::files;
use tttseg::graph::{self, Graph};
use tttseg::optim::Layout;
use tttseg::weights::ModelFile;

use crate::Outcome;
use crate::options::complete_model;

/// Write the ONNX graph of a gradient step or of a prediction.
///
/// These are the graphs that the elements run, for one frame size. Weights that learn are inputs, and in a step outputs, too;
/// small ones are packed into vectors. The main head is part of the prediction's file. ONNX Runtime is not needed to write them.
///
/// Everything is a standard operator of opset 18, but for the CPU deformable attention is written with operators that this
/// program brings along (tttseg.MixRows, ScatterRows and DotRows): the standard ScatterND loses updates there with more than
/// one thread, and the rest is slower. A prediction is therefore written for any ONNX Runtime unless asked otherwise.
#[derive(Args)]
pub struct Arguments {
    /// What the graph does.
    what: What,
    /// The model file; the built-in model if not given.
    model: Option<PathBuf>,
    /// The file to write.
    #[arg(short, long)]
    output: PathBuf,
    /// Height of the frame, a multiple of 16; what the model was trained for if not given.
    #[arg(long)]
    height: Option<usize>,
    /// Width of the frame, a multiple of 16; what the model was trained for if not given.
    #[arg(long)]
    width: Option<usize>,
    /// Masked views per step; the recipe's if not given.
    #[arg(long)]
    batch: Option<usize>,
    /// default, paper or code: loss, optimiser and stochastic depth of a step.
    #[arg(long, default_value = "default")]
    recipe: Recipe,
    /// What the graph is written for; cpu for a step and any for a prediction if not given.
    #[arg(long, value_enum)]
    target: Option<Target>,
    /// Let a prediction give class scores as well as the map.
    #[arg(long)]
    scores: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Loss, gradients, clipping and AdamW on masked frames.
    Step,
    /// The class map of one frame.
    Predict,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// This program's sessions on the CPU, with its operators on rows.
    Cpu,
    /// Standard operators alone. A step holds ScatterND, which is right on CUDA, and on a CPU with one thread.
    #[value(alias = "cuda")]
    Any,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let model = complete_model(arguments.model.as_deref())?;
    let layout = learning_layout(&model.config, Layout::PACK_BELOW)?;
    let size = Size {
        height: arguments.height.unwrap_or(model.size.0),
        width: arguments.width.unwrap_or(model.size.1),
    };
    let graph = match arguments.what {
        What::Step => step(arguments, &model, &layout, size)?,
        What::Predict => predict_graph(
            &model.config,
            &model.normalisation,
            &layout,
            &model.weights,
            size,
            arguments.scores,
        )?,
    };
    let inputs: Vec<String> = graph
        .inputs()
        .map(|(name, v)| format!("{name} {:?} {:?}", graph.dtype(v), graph.shape(v)))
        .collect();
    let outputs: Vec<String> = graph
        .outputs()
        .iter()
        .map(|(name, v)| format!("{name} {:?} {:?}", graph.dtype(*v), graph.shape(*v)))
        .collect();
    let usual = match arguments.what {
        What::Step => Target::Cpu,
        What::Predict => Target::Any,
    };
    let written = graph.finish(match arguments.target.unwrap_or(usual) {
        Target::Cpu => graph::Target::Cpu,
        Target::Any => graph::Target::Cuda,
    })?;
    let path = &arguments.output;
    files::write(path, &written.encode())?;
    println!(
        "{}: {} nodes, opset {}",
        path.display(),
        written.node_count(),
        graph::OPSET
    );
    for (kind, list) in [("input", inputs), ("output", outputs)] {
        for line in list {
            println!("  {kind:<7} {line}");
        }
    }
    Ok(true)
}

fn step(
    arguments: &Arguments,
    model: &ModelFile,
    layout: &Layout,
    size: Size,
) -> Result<Graph, Box<dyn std::error::Error>> {
    let recipe = Settings::recipe(arguments.recipe);
    let settings = Settings {
        batch_size: arguments.batch.unwrap_or(recipe.batch_size),
        ..recipe
    };
    settings.check()?;
    let options = StepOptions::new(&settings, size, settings.batch_size);
    Ok(step_graph(
        &model.config,
        &model.normalisation,
        layout,
        options,
    )?)
}
