use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tttseg::adapt::graphs::Size;
use tttseg::model::{HeadConfig, ModelConfig, Preset, Readout};
use tttseg::train::{
    Augmentation, BatchSize, LabelledSet, Loader, Schedule, Trainer, TrainerOptions,
};
use tttseg::video::{LabelIds, Palette};
use tttseg::weights::{ModelFile, Normalisation, Precision, Task, Weights, check_writable};

use crate::Outcome;
use crate::options::RuntimeArguments;

/// Train f, g and h jointly on labelled still images.
///
/// The main task learns from labels (cross-entropy and dice, query q is class q), the reconstruction head from masked
/// images, both through the same encoder. Checkpoints are written on the way; the same command goes on from the last one.
#[derive(Args)]
pub struct Arguments {
    /// Folders with `frames` and `labels` of the same names (labels: one byte per pixel; the id after the last class and
    /// 255 are ignored).
    #[arg(long = "data", required = true)]
    data: Vec<PathBuf>,
    /// Class names in the order of their ids, separated by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    classes: Vec<String>,
    /// The model file to write.
    #[arg(short, long)]
    output: PathBuf,
    /// Where the checkpoint is kept; the model file's name with `.checkpoint` if not given.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Start from the weights of a model file.
    #[arg(long)]
    from: Option<PathBuf>,
    /// Sizes of the model: nano, tiny or small.
    #[arg(long, default_value = "nano")]
    preset: Preset,
    /// Query layers of both heads; 0 classifies each pixel's features, which small models learn best with.
    #[arg(long, default_value_t = 0)]
    query_layers: usize,
    /// Iterations in all.
    #[arg(long, default_value_t = 4000)]
    iterations: u64,
    /// Images per iteration.
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// How many of them the reconstruction head learns from.
    #[arg(long, default_value_t = 4)]
    masked: usize,
    /// Height of the crops.
    #[arg(long, default_value_t = 192)]
    crop_height: usize,
    /// Width of the crops.
    #[arg(long, default_value_t = 256)]
    crop_width: usize,
    /// Smallest and largest magnification of the images before cropping.
    #[arg(long, num_args = 2, default_values_t = [0.45, 1.2])]
    scale: Vec<f32>,
    /// Height the model will be used at.
    #[arg(long, default_value_t = 288)]
    height: usize,
    /// Width the model will be used at.
    #[arg(long, default_value_t = 384)]
    width: usize,
    /// Largest learning rate.
    #[arg(long, default_value_t = 1e-3)]
    learning_rate: f64,
    /// Learning rate of the encoder as a multiple of that of the heads.
    #[arg(long, default_value_t = 1.0)]
    encoder_multiplier: f64,
    /// Weight decay.
    #[arg(long, default_value_t = 0.05)]
    weight_decay: f64,
    /// Share of 16×16 patches hidden from the reconstruction head.
    #[arg(long, default_value_t = 0.8)]
    mask_ratio: f64,
    /// Weight of the reconstruction loss.
    #[arg(long, default_value_t = 1.0)]
    recon_weight: f64,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Iterations between two checkpoints.
    #[arg(long, default_value_t = 200)]
    save_every: u64,
    /// Free text on what the images may be used for.
    #[arg(long, default_value = "unknown")]
    licence: String,
    #[command(flatten)]
    runtime: RuntimeArguments,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let checkpoint = arguments
        .checkpoint
        .clone()
        .unwrap_or_else(|| arguments.output.with_extension("checkpoint"));
    // The first save comes after hundreds of iterations.
    for path in [&arguments.output, &checkpoint] {
        check_writable(path).map_err(|e| format!("{}: cannot be written: {e}", path.display()))?;
    }
    let (runtime, options) = arguments.runtime.load()?;
    let classes = arguments.classes.len();
    let set = LabelledSet::open(&arguments.data, &LabelIds::with_void_last(classes))?;
    for left_out in set.left_out() {
        eprintln!("left out: {left_out}");
    }
    println!(
        "{} images, {} left out",
        set.samples().len(),
        set.left_out().len()
    );
    let trainer_options = trainer_options(arguments, &set);
    let from = match &arguments.from {
        Some(path) => Some(ModelFile::open(path)?.weights),
        None => None,
    };
    let mut trainer = Trainer::new(trainer_options.clone(), from.as_ref(), runtime, &options)?;
    if checkpoint.exists() {
        trainer.load_checkpoint(&checkpoint)?;
        println!("going on from iteration {}", trainer.iteration());
    }
    let size = BatchSize {
        images: arguments.batch,
        height: arguments.crop_height,
        width: arguments.crop_width,
    };
    let knobs = Augmentation {
        scale: (arguments.scale[0], arguments.scale[1]),
        ..Augmentation::default()
    };
    let mut loader = Loader::new(
        Arc::new(set),
        knobs,
        size,
        arguments.seed,
        trainer.iteration(),
        1,
    )?;

    let bar = ProgressBar::new(arguments.iterations).with_position(trainer.iteration());
    bar.set_style(ProgressStyle::with_template(
        "{pos}/{len} {wide_bar} {eta} {msg}",
    )?);
    let started = Instant::now();
    let mut smooth: Option<[f32; 2]> = None;
    while trainer.iteration() < arguments.iterations {
        let report = trainer.step(&loader.next_batch()?)?;
        let now = [report.main_loss, report.recon_loss];
        let mean = smooth.get_or_insert(now);
        if report.finite {
            mean.iter_mut()
                .zip(now)
                .for_each(|(m, n)| *m += 0.02 * (n - *m));
        }
        let message = format!(
            "main {:.3} reconstruction {:.3} gradient {:.2}",
            mean[0], mean[1], report.gradient_norm
        );
        bar.set_message(message.clone());
        bar.inc(1);
        let done = trainer.iteration();
        if done.is_multiple_of(arguments.save_every) || done == arguments.iterations {
            trainer.save_checkpoint(&checkpoint)?;
            save(
                arguments,
                &trainer_options.config,
                trainer.weights()?,
                done,
                &arguments.output,
            )?;
            if bar.is_hidden() {
                println!(
                    "{done}/{} {:.0} s  {message}",
                    arguments.iterations,
                    started.elapsed().as_secs_f64()
                );
            }
        }
    }
    bar.finish();
    println!("wrote {}", arguments.output.display());
    Ok(true)
}

fn trainer_options(arguments: &Arguments, set: &LabelledSet) -> TrainerOptions {
    let classes = arguments.classes.len();
    let base = arguments.preset.config(classes);
    let head = |queries| HeadConfig {
        decoder_layers: arguments.query_layers,
        queries,
        readout: Readout::Fixed,
        ..base.main.clone()
    };
    let config = ModelConfig {
        encoder: base.encoder.clone(),
        main: head(classes),
        recon: HeadConfig {
            classes: 1,
            ..head(base.recon.queries)
        },
    };
    TrainerOptions {
        config,
        normalisation: Normalisation::default(),
        batch: arguments.batch,
        masked: arguments.masked,
        size: Size {
            height: arguments.crop_height,
            width: arguments.crop_width,
        },
        schedule: Schedule {
            peak: arguments.learning_rate,
            warm_up: (arguments.iterations / 20).max(1),
            iterations: arguments.iterations,
        },
        encoder_multiplier: arguments.encoder_multiplier,
        weight_decay: arguments.weight_decay,
        clip_norm: 1.0,
        mask_ratio: arguments.mask_ratio,
        recon_weight: arguments.recon_weight,
        dice_weight: 1.0,
        class_weights: class_weights(set.class_pixels()),
        seed: arguments.seed,
    }
}

/// Rare classes count more: the inverse fourth root of their share, the mean over pixels being 1.
fn class_weights(pixels: &[u64]) -> Vec<f32> {
    let total = pixels.iter().sum::<u64>().max(1) as f64;
    let raw: Vec<f64> = pixels
        .iter()
        .map(|&n| (n.max(1) as f64 / total).powf(-0.25))
        .collect();
    let mean: f64 = raw
        .iter()
        .zip(pixels)
        .map(|(w, &n)| w * n as f64 / total)
        .sum();
    raw.iter().map(|w| (w / mean) as f32).collect()
}

fn save(
    arguments: &Arguments,
    config: &ModelConfig,
    weights: Weights,
    iteration: u64,
    path: &Path,
) -> Outcome {
    let name = path
        .file_stem()
        .map_or_else(|| "model".into(), |n| n.to_string_lossy().into_owned());
    let folders: Vec<String> = arguments
        .data
        .iter()
        .filter_map(|d| d.file_name())
        .map(|n| n.to_string_lossy().into_owned())
        .collect();
    let model = ModelFile {
        name,
        config: config.clone(),
        task: Task::Segment,
        classes: arguments.classes.clone(),
        palette: Palette::for_classes(arguments.classes.len()).0,
        normalisation: Normalisation::default(),
        size: (arguments.height, arguments.width),
        licence: arguments.licence.clone(),
        trained_on: folders.join(", "),
        recipe: serde_json::json!({
            "iterations": iteration,
            "batch": arguments.batch,
            "crop": [arguments.crop_height, arguments.crop_width],
            "scale": arguments.scale,
            "learning_rate": arguments.learning_rate,
            "mask_ratio": arguments.mask_ratio,
            "seed": arguments.seed,
        }),
        weights,
    };
    model.save(path, Precision::Half)?;
    Ok(true)
}
