//! Colours, from photographs.

use std::path::Path;
use std::sync::Arc;

use tttseg::weights::Task;
use tttseg_lab::train::{
    ColourBatches, ColourSet, FilmDegradation, colours_to_start_from, weights_for_colours,
};

use super::{Arguments, Prepared, trainer_options};

pub fn prepare(arguments: &Arguments) -> Result<Prepared, Box<dyn std::error::Error>> {
    if !(0.0..=1.0).contains(&arguments.rebalance) {
        let rebalance = arguments.rebalance;
        return Err(format!("--rebalance is {rebalance}, possible is 0 to 1").into());
    }
    if arguments.light.is_nan() || arguments.light < 0.0 {
        return Err(format!("--light is {}, possible is 0 and more", arguments.light).into());
    }
    if !arguments.classes.is_empty() || !arguments.unlabelled.is_empty() {
        return Err("--task colorize takes neither --classes nor --unlabelled".into());
    }
    if let Some(folder) = arguments.data.iter().find(|d| !d.options().is_empty()) {
        let options = folder.options();
        return Err(format!("--task colorize takes folders without options (`{options}`)").into());
    }
    let init = arguments.init.as_deref();
    // Weights of a colour head mean the bins they were trained for.
    let bins = init.map(colours_to_start_from).transpose()?.flatten();
    let folders: Vec<&Path> = arguments.data.iter().map(|d| d.path.as_path()).collect();
    let set = ColourSet::open(&folders, bins)?;
    for left_out in set.left_out() {
        eprintln!("left out: {left_out}");
    }
    let weights = set.weights(arguments.rebalance);
    println!(
        "{} pictures, {} left out; {} colours of weight {:.2} to {:.2}",
        set.pictures().len(),
        set.left_out().len(),
        weights.len(),
        weights.iter().copied().fold(f32::INFINITY, f32::min),
        weights.iter().copied().fold(0.0, f32::max),
    );
    let options = trainer_options(arguments, weights, Some(set.chroma().clone()));
    let init = init.map(|path| weights_for_colours(path, &options));
    let stills = Arc::new(set.pictures().clone());
    let set = Arc::new(set);
    let film = FilmDegradation::default().often(arguments.light);
    let (size, seed) = (options.batch, options.seed);
    Ok(Prepared {
        options,
        init: init.transpose()?,
        supply: Box::new(move || {
            let batches = ColourBatches::new(set.clone(), film.clone(), size, seed)?;
            Ok(Box::new(batches))
        }),
        stills,
        task: Task::Colorize,
        recipe: serde_json::json!({ "rebalance": arguments.rebalance }),
    })
}
