//! Classes, from labelled images.

use std::path::Path;
use std::sync::Arc;

use tttseg::weights::Task;
use tttseg_lab::data::{ClassGroups, LabelMap, LabelledSet, PictureSet, label_ids};
use tttseg_lab::train::{
    Augmentation, Batches, LabelledSource, Scheme, Sources, class_weights, weights_to_start_from,
};

use super::folders::Folder;
use crate::streams::colours;

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
    let Labelled { sources, schemes } = labelled(arguments)?;
    let pictures = unlabelled(&arguments.unlabelled)?;
    let (own, coarser) = match &schemes[..] {
        [only] if only.groups.is_own() => (only.weights.clone(), vec![]),
        _ => (vec![1.0; arguments.classes.len()], schemes),
    };
    let mut options = trainer_options(arguments, own, None);
    options.schemes = coarser;
    let init = arguments.init.as_deref();
    let init = init.map(|path| weights_to_start_from(path, &options, &arguments.classes));
    let share = arguments.unlabelled_share;
    let stills: Vec<_> = sources.iter().map(|source| source.set.clone()).collect();
    let sources = Sources {
        labelled: sources,
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
        stills: Arc::new(stills),
        task: Task::Segment,
        recipe: serde_json::json!({
            "scale": arguments.scale,
            "balance": arguments.balance,
            "temper": arguments.temper,
            "unlabelled_share": if arguments.unlabelled.is_empty() { 0.0 } else { share },
        }),
    })
}

/// Labelled sets, and what their labels mean.
struct Labelled {
    sources: Vec<LabelledSource>,
    schemes: Vec<Scheme>,
}

/// Reads the folders with labels. Those that differ in nothing are one set, and sets of one map have one scheme.
fn labelled(arguments: &Arguments) -> Result<Labelled, Box<dyn std::error::Error>> {
    let mut sets: Vec<(&Folder, Vec<&Path>)> = vec![];
    for folder in &arguments.data {
        let same = sets.iter_mut().find(|(first, _)| {
            let alike = first.map == folder.map
                && first.colours == folder.colours
                && first.aspect == folder.aspect;
            alike && first.share.is_none() && folder.share.is_none()
        });
        match same {
            Some((_, dirs)) => dirs.push(&folder.path),
            None => sets.push((folder, vec![&folder.path])),
        }
    }
    let mut maps: Maps<'_> = vec![];
    let mut sources = vec![];
    for (folder, dirs) in &sets {
        let map = folder.map.as_deref();
        let map_groups = map.map(|map| LabelMap::open(map)?.groups(&arguments.classes));
        let map_groups = map_groups.transpose()?;
        let colours = colours(folder.colours.as_deref(), map)?;
        let ids = label_ids(&arguments.classes, map_groups.as_ref(), colours.as_ref())?;
        let groups = map_groups.unwrap_or_else(|| ClassGroups::own(&arguments.classes));
        let set = LabelledSet::open(dirs, &ids)?.with_aspect(folder.aspect);
        for left_out in set.left_out() {
            eprintln!("left out: {left_out}");
        }
        println!(
            "{} images, {} left out{}",
            set.samples().len(),
            set.left_out().len(),
            map.map_or_else(String::new, |map| format!(" ({map})"))
        );
        let known = maps.iter().position(|(map, ..)| **map == folder.map);
        let scheme = known.unwrap_or_else(|| {
            let none = vec![0; groups.names().len()];
            maps.push((&folder.map, groups, none));
            maps.len() - 1
        });
        let pixels = maps[scheme].2.iter_mut();
        pixels
            .zip(set.class_pixels())
            .for_each(|(n, more)| *n += more);
        sources.push(LabelledSource {
            set: Arc::new(set),
            share: folder.share,
            scheme: u8::try_from(scheme)?,
        });
    }
    let schemes = maps.iter().map(|(_, groups, pixels)| {
        let weights = class_weights(pixels, arguments.temper);
        println!("{}", shares(groups.names(), pixels, &weights));
        Scheme {
            groups: groups.clone(),
            weights,
        }
    });
    let schemes = schemes.collect();
    check_shown(arguments, &maps)?;
    Ok(Labelled { sources, schemes })
}

/// Label maps with what they mean, and the pixels of each of their groups in all folders that they are for.
type Maps<'a> = Vec<(&'a Option<String>, ClassGroups, Vec<u64>)>;

/// Checks that something is there to learn each class from: pixels of it, or of a group that it belongs to.
fn check_shown(arguments: &Arguments, maps: &Maps<'_>) -> Result<(), String> {
    let group = |groups: &ClassGroups, class: usize| groups.groups().get(class).copied().flatten();
    let is_shown = |class: usize| {
        maps.iter().any(|(_, groups, pixels)| {
            let pixels = group(groups, class).and_then(|id| pixels.get(usize::from(id)));
            pixels.is_some_and(|&n| n > 0)
        })
    };
    let missing = (0..arguments.classes.len()).filter(|class| !is_shown(*class));
    let missing: Vec<usize> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    // Of folders whose labels could show one of them, or else of all.
    let could = |folder: &&Folder| {
        let scheme = maps.iter().find(|(map, ..)| **map == folder.map);
        scheme.is_some_and(|(_, groups, _)| missing.iter().any(|&c| group(groups, c).is_some()))
    };
    let mut folders: Vec<&Folder> = arguments.data.iter().filter(could).collect();
    if folders.is_empty() {
        folders = arguments.data.iter().collect();
    }
    let folders: Vec<_> = folders
        .iter()
        .map(|f| f.path.display().to_string())
        .collect();
    let names = missing.iter().filter_map(|&c| arguments.classes.get(c));
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    Err(format!(
        "no labelled pixel of {} is {}: the ids of its labels mean something else, or --classes names what is not there",
        folders.join(", "),
        names.join(", "),
    ))
}

fn unlabelled(folders: &[Folder]) -> Result<PictureSet, Box<dyn std::error::Error>> {
    let mut pictures = PictureSet::default();
    for folder in folders {
        if folder.map.is_some() || folder.colours.is_some() || folder.share.is_some() {
            let options = folder.options();
            return Err(format!("--unlabelled takes an aspect only (`{options}`)").into());
        }
        pictures.append(PictureSet::open(&[&folder.path])?.with_aspect(folder.aspect));
    }
    for left_out in pictures.left_out() {
        eprintln!("left out: {left_out}");
    }
    if !folders.is_empty() {
        println!("{} pictures without labels", pictures.len());
    }
    Ok(pictures)
}

/// What the classes hold of the labelled pixels and what they weigh, one line.
fn shares(names: &[String], pixels: &[u64], weights: &[f32]) -> String {
    let total = pixels.iter().sum::<u64>().max(1) as f64;
    let each: Vec<String> = names
        .iter()
        .zip(pixels)
        .zip(weights)
        .map(|((name, &n), w)| format!("{name} {:.1} % x {w:.2}", 100.0 * n as f64 / total))
        .collect();
    format!("share of pixels and weight: {}", each.join(", "))
}
