//! `tttseg train`: joint training on still images.

mod colorize;
mod folders;
mod segment;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tttseg::files::check_writable;
use tttseg::model::{ChromaConfig, HeadConfig, ModelConfig, Preset, Readout};
use tttseg::runtime::{Options, Runtime};
use tttseg::video::Palette;
use tttseg::weights::{ModelFile, Normalisation, Precision, Task, Weights};
use tttseg_lab::data::Stills;
use tttseg_lab::train::{
    BatchSize, Loader, LoaderError, Schedule, Supply, Trainer, TrainerOptions, unexplained,
};

use self::folders::Folder;
use crate::Outcome;
use crate::options::RuntimeArguments;

/// What h learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MainTask {
    /// A class for every pixel.
    Segment,
    /// Chroma for every pixel of a grey picture.
    Colorize,
}

/// Train f, g and h jointly on still images.
///
/// The main task learns from labels (cross-entropy and dice, query q is class q) or from the colours of photographs that
/// it sees in grey, the reconstruction head from masked images, both through the same encoder. Checkpoints are written on the way; the same command goes on from the last one.
#[derive(Args)]
pub struct Arguments {
    /// What h learns.
    #[arg(long, value_enum, default_value_t = MainTask::Segment)]
    task: MainTask,
    /// To segment: folders with `frames` and `labels` of the same names (labels: PNG whose grey values or palette indices are
    /// ids, counted from 0 in the order of the classes; the id after the last and 255 are ignored). To colorize: folders of
    /// colour pictures (or with a folder `frames` of them).
    ///
    /// Labels that are coarser than the model's classes need a map: camvid11 or idd7 (for the classes of Cityscapes), or a
    /// JSON file `{"name": ["class", …], …}` in the order of their ids; further ids are ignored. RGB labels need
    /// their colours: camvid11 (what a map of this name takes), camvid32, cityscapes or kitti-step (red is the id), or a JSON
    /// file `{"class": [[red, green, blue], …], …}` with `void` for what is no label. Pictures that were squeezed
    /// need the aspect that they are to be seen at. A share says how many of the crops come from a folder; those without
    /// share the rest by size.
    #[arg(
        long = "data",
        required = true,
        value_name = "DIR[,map=NAME|FILE][,colours=NAME|FILE][,aspect=W:H][,share=S]"
    )]
    data: Vec<Folder>,
    /// Folders of pictures without labels (or with a folder `frames` of them), which the reconstruction head learns
    /// from as well. Not for colours, which need no labels in the first place.
    #[arg(long, value_name = "DIR[,aspect=W:H]")]
    unlabelled: Vec<Folder>,
    /// Share of such pictures among what the reconstruction head learns from.
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    unlabelled_share: f32,
    /// Class names in the order of their ids, separated by commas. Needed to segment.
    #[arg(long, value_delimiter = ',')]
    classes: Vec<String>,
    /// The model file to write.
    #[arg(short, long)]
    output: PathBuf,
    /// Where the checkpoint is kept; the model file's name with `.checkpoint` if not given.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Start from the weights of a model file of the same sizes, with a fresh optimiser and schedule. Classes that it does not
    /// have start from the coarser class of the file that holds them, if the file's classes are those of a label map of
    /// the run or of a built-in one, and else at random. Colours can start from a model that segments as well: encoder and reconstruction head are
    /// taken over. A checkpoint goes before it.
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
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
    /// Images that the reconstruction head learns from, at most as many: some of the same, or pictures without labels.
    #[arg(long, default_value_t = 4)]
    masked: usize,
    /// Height of the crops.
    #[arg(long, default_value_t = 192)]
    crop_height: usize,
    /// Width of the crops.
    #[arg(long, default_value_t = 256)]
    crop_width: usize,
    /// Smallest and largest magnification of the images before cropping. For colours pictures fill the crop, at up to twice
    /// the size at which they just do.
    #[arg(long, num_args = 2, default_values_t = [0.5, 1.5])]
    scale: Vec<f32>,
    /// How often the light of a crop is changed (dusk, fog, shade, lamps, colours, noise, blur, JPEG), or grey made to look like old
    /// film (grain, blur, flicker, scratches, faded contrast), as a multiple of the usual; 0 for never.
    #[arg(long, default_value_t = 1.0, value_name = "OFTEN")]
    light: f32,
    /// Share of the crops chosen to show a class, the rarer the more often. Not for colours.
    #[arg(long, default_value_t = 0.6, value_name = "SHARE")]
    balance: f32,
    /// How much more rare classes weigh in the cross-entropy: their share of the pixels to the power of minus this; 0
    /// weighs all the same, 1 evens them out. Colours have --rebalance.
    #[arg(long, default_value_t = 0.5, value_name = "POWER")]
    temper: f64,
    /// How much more rare colours weigh in the cross-entropy: 0 weighs all the same, which leaves pictures pale, 1 evens
    /// them out.
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    rebalance: f64,
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
    /// Weight of the main-task loss on what h says before every query layer (deep supervision); without query layers it
    /// has no effect.
    #[arg(long, default_value_t = 1.0, value_name = "WEIGHT")]
    deep_supervision: f64,
    /// How much of the running average of the weights stays at every iteration, less at first. The average is what the
    /// model file gets; 0 gives it the weights of the last iteration.
    #[arg(long, default_value_t = 0.999)]
    ema: f64,
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

/// What a task brings to a run.
struct Prepared {
    options: TrainerOptions,
    init: Option<Weights>,
    supply: Box<dyn Fn() -> Result<Box<dyn Supply>, LoaderError>>,
    /// The pictures trained on, to see how well they are reconstructed in the end.
    stills: Arc<dyn Stills>,
    task: Task,
    /// What is particular to the task, for the model file.
    recipe: serde_json::Value,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let checkpoint = arguments
        .checkpoint
        .clone()
        .unwrap_or_else(|| arguments.output.with_extension("checkpoint"));
    // The first save comes after hundreds of iterations.
    for path in [&arguments.output, &checkpoint] {
        check_writable(path)?;
    }
    let (runtime, options) = arguments.runtime.load()?;
    let prepared = match arguments.task {
        MainTask::Segment => segment::prepare(arguments)?,
        MainTask::Colorize => colorize::prepare(arguments)?,
    };
    let mut trainer = Trainer::new(
        prepared.options.clone(),
        prepared.init.clone(),
        runtime,
        &options,
    )?;
    if checkpoint.exists() {
        trainer.load_checkpoint(&checkpoint)?;
        println!("going on from iteration {}", trainer.iteration());
    }
    let mut loader = Loader::new(&prepared.supply, trainer.iteration(), 1)?;

    let bar = ProgressBar::new(arguments.iterations).with_position(trainer.iteration());
    bar.set_style(ProgressStyle::with_template(
        "{pos}/{len} {wide_bar} {eta} {msg}",
    )?);
    let started = Instant::now();
    let mut smooth: Option<[f32; 2]> = None;
    if trainer.iteration() >= arguments.iterations {
        // Nothing left to do, but perhaps with another --ema than before.
        let model = model_file(arguments, &prepared, &trainer)?;
        save_measured(model, arguments, &prepared, runtime, &options)?;
    }
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
            let model = model_file(arguments, &prepared, &trainer)?;
            if done == arguments.iterations {
                save_measured(model, arguments, &prepared, runtime, &options)?;
            } else {
                model.save(&arguments.output, Precision::Half)?;
            }
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

/// Options of a run whose main task has so many classes, of these weights, which stand for colours where `chroma` is given.
fn trainer_options(
    arguments: &Arguments,
    class_weights: Vec<f32>,
    chroma: Option<ChromaConfig>,
) -> TrainerOptions {
    let classes = class_weights.len();
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
        chroma,
    };
    TrainerOptions {
        config,
        normalisation: Normalisation::default(),
        batch: BatchSize {
            images: arguments.batch,
            masked: arguments.masked,
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
        deep_supervision: arguments.deep_supervision,
        class_weights,
        schemes: vec![],
        ema: arguments.ema,
        seed: arguments.seed,
    }
}

fn model_file(
    arguments: &Arguments,
    prepared: &Prepared,
    trainer: &Trainer,
) -> Result<ModelFile, Box<dyn std::error::Error>> {
    let path = &arguments.output;
    let name = path
        .file_stem()
        .map_or_else(|| "model".into(), |n| n.to_string_lossy().into_owned());
    let folders = arguments.data.iter().chain(&arguments.unlabelled);
    let folders: Vec<String> = folders.map(Folder::shown).collect();
    let mut recipe = serde_json::json!({
        "iterations": trainer.iteration(),
        "init": arguments.init.as_deref().and_then(Path::file_name).map(|n| n.to_string_lossy()),
        "batch": arguments.batch,
        "crop": [arguments.crop_height, arguments.crop_width],
        "light": arguments.light,
        "learning_rate": arguments.learning_rate,
        "mask_ratio": arguments.mask_ratio,
        "ema": arguments.ema,
        "seed": arguments.seed,
    });
    if let (Some(all), Some(own)) = (recipe.as_object_mut(), prepared.recipe.as_object()) {
        all.extend(own.clone());
    }
    Ok(ModelFile {
        name,
        config: prepared.options.config.clone(),
        task: prepared.task,
        classes: arguments.classes.clone(),
        palette: Palette::for_classes(arguments.classes.len()).0,
        normalisation: Normalisation::default(),
        size: (arguments.height, arguments.width),
        licence: arguments.licence.clone(),
        trained_on: folders.join(", "),
        unexplained: None,
        recipe,
        weights: trainer.averaged_weights()?,
    })
}

/// Writes the finished model, with how well it reconstructs the training pictures.
fn save_measured(
    model: ModelFile,
    arguments: &Arguments,
    prepared: &Prepared,
    runtime: &'static Runtime,
    options: &Options,
) -> Outcome {
    let model = Arc::new(model);
    let stills = &*prepared.stills;
    let unexplained = unexplained(&model, stills, arguments.mask_ratio, runtime, options)?;
    println!(
        "reconstruction leaves {:.1} % of the training pictures unexplained",
        100.0 * unexplained
    );
    let model = ModelFile {
        unexplained: Some(unexplained),
        ..Arc::unwrap_or_clone(model)
    };
    model.save(&arguments.output, Precision::Half)?;
    Ok(true)
}
