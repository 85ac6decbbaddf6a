//! Classes, from labelled images.

use std::sync::Arc;

use tttseg::video::LabelIds;
use tttseg::weights::Task;
use tttseg_lab::data::{LabelledSet, PictureSet};
use tttseg_lab::train::{Augmentation, Batches, Sources, class_weights, weights_to_start_from};

use super::{Arguments, Prepared, trainer_options};

pub fn prepare(arguments: &Arguments) -> Result<Prepared, Box<dyn std::error::Error>> {
    if !(0.0..=1.0).contains(&arguments.temper) {
        return Err(format!("--temper is {}, possible is 0 to 1", arguments.temper).into());
    }
    if arguments.classes.is_empty() {
        return Err("--task segment needs --classes".into());
    }
    let augmentation = Augmentation {
        scale: (arguments.scale[0], arguments.scale[1]),
        rare: arguments.balance,
        ..Augmentation::default().in_light(arguments.light)
    };
    augmentation.validate()?;
    let ids = LabelIds::with_void_last(arguments.classes.len());
    let set = LabelledSet::open(&arguments.data, &ids)?;
    for left_out in set.left_out() {
        eprintln!("left out: {left_out}");
    }
    println!(
        "{} images, {} left out",
        set.samples().len(),
        set.left_out().len()
    );
    let pictures = PictureSet::open(&arguments.unlabelled)?;
    for left_out in pictures.left_out() {
        eprintln!("left out: {left_out}");
    }
    if !arguments.unlabelled.is_empty() {
        println!("{} pictures without labels", pictures.len());
    }
    let weights = class_weights(set.class_pixels(), arguments.temper);
    println!("{}", shares(arguments, &set, &weights));
    let options = trainer_options(arguments, weights, None);
    let init = arguments.init.as_deref();
    let init = init.map(|path| weights_to_start_from(path, &options, &arguments.classes));
    let set = Arc::new(set);
    let share = arguments.unlabelled_share;
    let sources = Sources {
        labelled: set.clone(),
        pictures: Arc::new(pictures),
        share,
    };
    let (size, seed) = (options.batch, options.seed);
    Ok(Prepared {
        options,
        init: init.transpose()?,
        supply: Box::new(move || {
            let batches = Batches::new(sources.clone(), augmentation.clone(), size, seed)?;
            Ok(Box::new(batches))
        }),
        stills: set,
        task: Task::Segment,
        recipe: serde_json::json!({
            "scale": arguments.scale,
            "balance": arguments.balance,
            "temper": arguments.temper,
            "unlabelled_share": if arguments.unlabelled.is_empty() { 0.0 } else { share },
        }),
    })
}

/// What the classes hold of the labelled pixels and what they weigh, one line.
fn shares(arguments: &Arguments, set: &LabelledSet, weights: &[f32]) -> String {
    let total = set.class_pixels().iter().sum::<u64>().max(1) as f64;
    let classes = arguments.classes.iter().zip(set.class_pixels());
    let each: Vec<String> = classes
        .zip(weights)
        .map(|((name, &n), w)| format!("{name} {:.1} % x {w:.2}", 100.0 * n as f64 / total))
        .collect();
    format!("share of pixels and weight: {}", each.join(", "))
}
