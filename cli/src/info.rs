//! `tttseg info`: the runtime in use, and the contents of model files and saved states.

use std::path::{Path, PathBuf};

use clap::Args;
use tttseg::adapt::remembered_frames;
use tttseg::model::{HeadConfig, Readout, SwinConfig};
use tttseg::runtime::{self, Provider};
use tttseg::weights::naming::{self, Network};
use tttseg::weights::{ModelFile, State, WeightsError};

use crate::options::{RuntimeArguments, complete_built_in, complete_model};
use crate::{Outcome, one_line};

/// Say which ONNX Runtime is used, and what is in a model file or in a state that was saved.
///
/// Files can be looked at without ONNX Runtime. That it could not be loaded is an error only when a library or a provider
/// was named.
#[derive(Args)]
pub struct Arguments {
    /// A model file, or a state saved by an element; the built-in models if not given.
    model: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArguments,
}

pub fn run(arguments: &Arguments) -> Outcome {
    // Before anything is printed, so that a broken file gives one line and no half of a report.
    if let Some(path) = &arguments.model
        && let Some(state) = saved_state(path)?
    {
        print_runtime(&arguments.runtime)?;
        println!();
        print_state(path, &state);
        return Ok(true);
    }
    let (origin, models) = match &arguments.model {
        Some(path) => (
            path.display().to_string(),
            vec![complete_model(Some(path))?],
        ),
        None => ("built in".to_owned(), complete_built_in()?),
    };
    print_runtime(&arguments.runtime)?;
    for model in &models {
        println!();
        print_model(&origin, model);
    }
    if let Err(none @ WeightsError::NoneEmbedded { .. }) = ModelFile::embedded()
        && models.is_empty()
    {
        println!("\nmodel             {none}");
    }
    Ok(true)
}

/// The state in a file; `None` when it holds something else or cannot be read, which reading it as a model reports.
fn saved_state(path: &Path) -> Result<Option<State>, WeightsError> {
    match ModelFile::open(path) {
        Err(WeightsError::Kind { found, .. }) if found == "state" => State::load(path).map(Some),
        _ => Ok(None),
    }
}

fn print_runtime(arguments: &RuntimeArguments) -> Result<(), runtime::Error> {
    let options = arguments.options();
    let runtime = match runtime::load(&options) {
        Ok(runtime) => runtime,
        Err(e) if options.library.is_some() || options.provider != Provider::Auto => return Err(e),
        Err(e) => {
            println!("ONNX Runtime      not available");
            println!("  why             {}", one_line(&e.to_string()));
            return Ok(());
        }
    };
    let place = runtime.in_use(&options)?;
    println!("ONNX Runtime      {}", runtime.version());
    println!("  library         {}", runtime.library().display());
    println!("  provider        {place}");
    if let Some(note) = place.note() {
        println!("  note            {}", one_line(note));
    }
    println!("  threads         {}", options.thread_count());
    Ok(())
}

fn print_model(origin: &str, model: &ModelFile) {
    let count = |which: Network| -> usize {
        let of = model
            .weights
            .iter()
            .filter(|(n, _)| naming::network_of(n) == which);
        of.map(|(_, t)| t.len()).sum()
    };
    let [f, h, g] = [Network::Encoder, Network::Main, Network::Recon].map(count);
    println!("model             {} ({origin})", model.name);
    println!("  task            {}", model.task.name());
    println!(
        "  encoder f       {}: {f} parameters",
        encoder(&model.config.encoder)
    );
    println!(
        "  main head h     {}: {h} parameters",
        head(&model.config.main)
    );
    println!(
        "  recon. head g   {}: {g} parameters",
        head(&model.config.recon)
    );
    println!(
        "  parameters      {}, of which f and g learn {}",
        f + g + h,
        f + g
    );
    println!(
        "  trained size    {}x{} (height x width)",
        model.size.0, model.size.1
    );
    println!(
        "  normalisation   mean {:?}, deviation {:?}",
        model.normalisation.mean, model.normalisation.std
    );
    println!("  licence         {}", one_line(&model.licence));
    println!("  trained on      {}", one_line(&model.trained_on));
    if let Some(share) = model.unexplained {
        println!(
            "  unexplained     {:.1} % of the training pictures, by reconstruction",
            100.0 * share
        );
    }
    println!("  recipe          {}", model.recipe);
    println!("  content hash    {}", model.content_hash());
    if let Some(chroma) = &model.config.chroma {
        println!(
            "  colours         {}, {} apart, at temperature {}",
            chroma.bins.len(),
            chroma.step,
            chroma.temperature
        );
        return;
    }
    println!("  classes         {}", model.classes.len());
    for (id, (name, [r, g, b])) in model.classes.iter().zip(&model.palette).enumerate() {
        println!("    {id:>3}  #{r:02x}{g:02x}{b:02x}  {name}");
    }
}

fn print_state(path: &Path, state: &State) {
    let origin = &state.origin;
    let built_in = ModelFile::all_embedded().is_ok_and(|models| {
        models
            .iter()
            .any(|model| model.content_hash() == origin.base)
    });
    let which = if built_in { "built in" } else { "not built in" };
    let moving = |part| {
        let of = state
            .weights
            .iter()
            .filter(|(n, _)| naming::network_of(n) == part);
        of.map(|(_, t)| t.len()).sum::<usize>()
    };
    println!("state             {}", path.display());
    println!("  model           {} ({which})", origin.model);
    println!("  its hash        {}", origin.base);
    println!("  frames          {} seen since", origin.frames);
    println!("  steps           {} taken since", origin.steps);
    let remembered = remembered_frames(&state.pictures);
    if remembered > 0 {
        println!("  remembered      {remembered} frames, to be learned again");
    }
    if origin.directed_steps > 0 {
        println!(
            "  given colours   {} steps towards those of {} references and {} frames with hints",
            origin.directed_steps, origin.references, origin.hints
        );
    }
    println!(
        "  parameters      {} of encoder f, {} of recon. head g, {} of main head h",
        moving(Network::Encoder),
        moving(Network::Recon),
        moving(Network::Main)
    );
    println!("  content hash    {}", state.weights.content_hash());
    println!(
        "  saved           {}, by tttseg {}",
        origin.saved, origin.version
    );
    println!("  settings");
    for (name, value) in &origin.settings {
        println!("    {name:<18} {value}");
    }
}

fn encoder(c: &SwinConfig) -> String {
    let list = |l: &[usize]| l.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
    format!(
        "Swin, embed {}, depths {}, heads {}, window {}",
        c.embed,
        list(&c.depths),
        list(&c.heads),
        c.window
    )
}

fn head(c: &HeadConfig) -> String {
    let readout = match c.readout {
        Readout::Queries => "read out by query",
        Readout::Fixed => "query = class",
    };
    format!(
        "hidden {}, {} pixel and {} query layers, {} heads, {} queries, {readout}",
        c.hidden, c.encoder_layers, c.decoder_layers, c.heads, c.queries
    )
}
