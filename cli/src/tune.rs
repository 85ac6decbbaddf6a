//! `tttseg tune`: a search over settings on labelled streams.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tttseg::adapt::{Learner, Setting, Settings};
use tttseg::runtime::{Cancel, Options, Runtime};
use tttseg::weights::ModelFile;
use tttseg_lab::data::Stream;
use tttseg_lab::eval::tune::{Run, RunFile, Scores, Search, Space, Trial, ranking};
use tttseg_lab::eval::{EvalReport, check_classes, evaluate};

use crate::Outcome;
use crate::options::{RuntimeArguments, complete_model, frame_bar};
use crate::settings::SettingsArguments;
use crate::streams::{LabelledStream, StreamOptions};

/// Settings shown at the end.
const SHOWN: usize = 10;

/// Search the settings of adaptation on labelled streams.
///
/// Every option that `eval` has for a setting takes several values here, separated by commas; together they are the space
/// that is searched. Every choice of settings adapts along every stream with every seed, as `eval` does, and is compared with
/// the model that does not learn. Search on validation streams only: what was searched on says nothing about a test.
///
/// The file gets one JSON object a line for every run, when it is complete. Runs that are there are not run again: the same
/// command goes on after an interruption, and with more runs or values it makes the search longer.
#[derive(Args)]
pub struct Arguments {
    /// The model file; the built-in model if not given.
    #[arg(long)]
    model: Option<PathBuf>,
    /// A stream: folder of frames and folder of labels. Can be given more than once.
    #[arg(long = "stream", value_name = "FRAMES:LABELS", required = true, num_args = 1..)]
    streams: Vec<LabelledStream>,
    /// random (different points of the space) or grid (all in their order).
    #[arg(long, default_value = "random")]
    search: Search,
    /// Choices of settings to run; all there are if not given.
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
    /// Seed of the random search.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    search_seed: u64,
    /// The file of runs, JSON lines; created if it is not there.
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    playback: StreamOptions,
    #[command(flatten)]
    space: SettingsArguments<true>,
    #[command(flatten)]
    runtime: RuntimeArguments,
}

/// What runs have in common.
struct Runner<'a> {
    model: Arc<ModelFile>,
    runtime: &'static Runtime,
    options: Options,
    runs: RunFile,
    playback: &'a StreamOptions,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let (space, seeds) = space(&arguments.space)?;
    let count = arguments.runs.unwrap_or(u64::MAX);
    if arguments.runs.is_none() && space.size() > 10_000 {
        let size = space.size();
        return Err(format!("a space of {size} points: --runs says how many to run").into());
    }
    let points = space.points(arguments.search, count, arguments.search_seed)?;
    let mut streams = vec![];
    for place in &arguments.streams {
        let stream = arguments
            .playback
            .open(&place.frames, Some(&place.labels))?;
        streams.push((place.to_string(), stream));
    }
    let model = complete_model(arguments.model.as_deref())?;
    check_classes(&model)?;
    let (runtime, options) = arguments.runtime.load()?;
    let mut runner = Runner {
        model: Arc::new(model),
        runtime,
        options,
        runs: RunFile::open(&arguments.output)?,
        playback: &arguments.playback,
    };
    if runner.runs.torn {
        let file = arguments.output.display();
        eprintln!("{file}: the last line was not complete; it is run again");
    }
    eprintln!(
        "{} of {} points, {} streams, {} seeds; {} runs in the file",
        points.len(),
        space.size(),
        streams.len(),
        seeds.len(),
        runner.runs.runs().len()
    );
    let total = points.len() * streams.len() * seeds.len();
    let mut all = vec![];
    for point in &points {
        for &seed in &seeds {
            for (name, stream) in &streams {
                let settings = Settings {
                    seed,
                    ..point.clone()
                };
                let trial = runner.trial(name, settings);
                let number = all.len() + 1;
                let scores = runner.scores(&trial, stream, &format!("{number}/{total}"))?;
                all.push(Run { trial, scores });
            }
        }
    }
    print(&all, &space.varied());
    Ok(true)
}

/// The space without the seeds, and the seeds: every point is run with each of them.
fn space(given: &SettingsArguments<true>) -> Result<(Space, Vec<u64>), Box<dyn std::error::Error>> {
    let (seeds, others): (Vec<_>, Vec<_>) = given
        .given()
        .iter()
        .cloned()
        .partition(|(setting, _)| setting.name() == "seed");
    let mut numbers = vec![];
    for text in seeds.iter().flat_map(|(_, texts)| texts) {
        let seed = text.parse().map_err(|e| format!("seed {text}: {e}"))?;
        if !numbers.contains(&seed) {
            numbers.push(seed);
        }
    }
    if numbers.is_empty() {
        numbers.push(given.recipe().seed);
    }
    Ok((Space::new(given.recipe(), &others)?, numbers))
}

impl Runner<'_> {
    fn trial(&self, stream: &str, settings: Settings) -> Trial {
        Trial {
            model: self.model.content_hash(),
            stream: stream.to_owned(),
            playback: self.playback.describe(),
            settings,
        }
    }

    /// What comes out of a trial: out of the file, or of running it and, before, what it is compared with.
    fn scores(
        &mut self,
        trial: &Trial,
        stream: &Stream,
        progress: &str,
    ) -> Result<Scores, Box<dyn std::error::Error>> {
        if let Some(found) = self.runs.find(trial) {
            return Ok(found.clone());
        }
        let baseline = trial.baseline();
        let without = match self.runs.find(&baseline) {
            Some(found) => found.miou_pooled,
            None => {
                let report =
                    self.evaluate(&baseline, stream, &format!("{progress} not learning"))?;
                let scores = Scores::of(&report, report.miou_pooled);
                self.runs.append(Run {
                    trial: baseline,
                    scores,
                })?;
                report.miou_pooled
            }
        };
        if trial.is_baseline() {
            return self.scores(trial, stream, progress);
        }
        let report = self.evaluate(trial, stream, progress)?;
        let scores = Scores::of(&report, without);
        self.runs.append(Run {
            trial: trial.clone(),
            scores: scores.clone(),
        })?;
        Ok(scores)
    }

    fn evaluate(
        &self,
        trial: &Trial,
        stream: &Stream,
        progress: &str,
    ) -> Result<EvalReport, Box<dyn std::error::Error>> {
        let mut learner = Learner::new(
            self.model.clone(),
            trial.settings.clone(),
            self.runtime,
            &self.options,
            &Cancel::new(),
        )?;
        let shift = self.playback.shift();
        let bar = frame_bar(shift.frames(stream.frames.len()))?;
        bar.set_message(progress.to_owned());
        let report = evaluate(&mut learner, stream, shift, |_| {
            bar.inc(1);
            Ok(())
        })?;
        bar.finish_and_clear();
        Ok(report)
    }
}

/// The best settings, by those that were varied.
fn print(runs: &[Run], varied: &[&str]) {
    println!("   gain     worst  runs   step ms  settings");
    for ranked in ranking(runs).iter().take(SHOWN) {
        let settings: Vec<String> = varied
            .iter()
            .filter_map(|name| Some((name, Setting::find(name)?)))
            .map(|(name, setting)| format!("--{name} {}", setting.text(&ranked.settings)))
            .collect();
        let step = ranked.step_ms.map_or("-".into(), |ms| format!("{ms:.1}"));
        println!(
            "{:+7.2} % {:+7.2} % {:4} {step:>9}  {}",
            100.0 * ranked.gain,
            100.0 * ranked.worst,
            ranked.runs,
            settings.join(" ")
        );
    }
}
