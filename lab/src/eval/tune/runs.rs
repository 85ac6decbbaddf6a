//! A file of runs: one JSON object a line, appended when its run is complete.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::eval::EvalReport;
use tttseg::adapt::{Error, Method, SETTINGS, Setting, Settings};

/// Why a file of runs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// The file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is no run.
    #[error("{path}, line {line}: {detail}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
}

/// What makes a run different from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Content hash of the model ([`tttseg::weights::ModelFile::content_hash`]).
    pub model: String,
    /// The stream, as it was named.
    pub stream: String,
    /// How it was played, if not as it is.
    pub playback: String,
    /// The settings, the seed among them.
    pub settings: Settings,
}

impl Trial {
    /// The run it is measured against: the same stream, seed and fusion, nothing learned.
    #[must_use]
    pub fn baseline(&self) -> Self {
        Self {
            settings: Settings {
                method: Method::MainTaskOnly,
                seed: self.settings.seed,
                fusion: self.settings.fusion,
                ..Settings::default()
            },
            ..self.clone()
        }
    }

    /// Whether it is such a run.
    pub fn is_baseline(&self) -> bool {
        self.settings.method == Method::MainTaskOnly
    }

    fn is(&self, other: &Self) -> bool {
        // Without a method all settings but these two are without effect.
        if self.is_baseline() && other.is_baseline() {
            self.baseline() == other.baseline()
        } else {
            self == other
        }
    }
}

/// A run and its scores. They are from 0 to 1, times in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What was run.
    pub trial: Trial,
    /// What it scored.
    pub scores: Scores,
}

/// The scores of a run, and its losses and times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Frames of the stream.
    pub frames: u64,
    /// Mean intersection over union of all pixels together.
    pub miou_pooled: Option<f64>,
    /// How much of that is more than without learning, on the same stream.
    pub gain: Option<f64>,
    /// Mean of the frames' mean intersection over union.
    pub miou_per_frame: Option<f64>,
    /// Share of labelled pixels that are right.
    pub pixel_accuracy: Option<f64>,
    /// Mean of the frames' reconstruction losses.
    pub loss_mean: Option<f64>,
    /// Reconstruction loss of the first step.
    pub loss_first: Option<f64>,
    /// Reconstruction loss of the last step.
    pub loss_last: Option<f64>,
    /// Median time of the steps of a frame.
    pub step_ms: Option<f64>,
    /// Median time of a prediction.
    pub predict_ms: Option<f64>,
}

impl Scores {
    /// That of an evaluation; `without` is the pooled score without learning.
    pub fn of(report: &EvalReport, without: Option<f64>) -> Self {
        let gain = report.miou_pooled.zip(without).map(|(with, w)| with - w);
        Self {
            frames: report.run.frames,
            miou_pooled: report.miou_pooled,
            gain,
            miou_per_frame: report.miou_per_frame,
            pixel_accuracy: report.pixel_accuracy,
            loss_mean: report.learning.loss_mean,
            loss_first: report.learning.loss_first,
            loss_last: report.learning.loss_last,
            step_ms: report.learning.step_ms,
            predict_ms: report.learning.predict_ms,
        }
    }
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    stream: String,
    #[serde(default)]
    playback: String,
    model: String,
    seed: u64,
    settings: BTreeMap<String, Value>,
    #[serde(flatten)]
    scores: Scores,
}

impl Line {
    fn of(run: &Run) -> Self {
        let trial = &run.trial;
        let others = SETTINGS.iter().filter(|setting| setting.name() != "seed");
        let settings = others.map(|setting| {
            (
                setting.name().to_owned(),
                value_of(setting.text(&trial.settings)),
            )
        });
        Self {
            stream: trial.stream.clone(),
            playback: trial.playback.clone(),
            model: trial.model.clone(),
            seed: trial.settings.seed,
            settings: settings.collect(),
            scores: run.scores.clone(),
        }
    }

    /// Settings that a line does not name are those of the default recipe.
    fn into_run(self) -> Result<Run, String> {
        let mut settings = Settings {
            seed: self.seed,
            // Lines that do not name it are older than it.
            fusion: 0.0,
            ..Settings::default()
        };
        for (name, value) in &self.settings {
            let setting = Setting::find(name).ok_or_else(|| format!("unknown setting {name}"))?;
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let set = setting.parse(&mut settings, &text);
            set.map_err(|e: Error| e.to_string())?;
        }
        Ok(Run {
            trial: Trial {
                model: self.model,
                stream: self.stream,
                playback: self.playback,
                settings,
            },
            scores: self.scores,
        })
    }
}

/// Numbers as numbers where reading gives the same one again, all else as strings.
fn value_of(text: String) -> Value {
    match serde_json::from_str::<Value>(&text) {
        Ok(value) if value.is_number() && value.as_f64() == text.parse().ok() => value,
        _ => Value::String(text),
    }
}

/// The runs of a file, and the file.
#[derive(Debug)]
pub struct RunFile {
    path: PathBuf,
    file: File,
    runs: Vec<Run>,
    /// Whether the end of a line was missing, as after a power cut; that line is gone.
    pub torn: bool,
}

impl RunFile {
    /// Opens a file, or begins one. A last line without an end is cut off.
    ///
    /// # Errors
    /// [`TuneError`] when the file cannot be read or written, or holds something else than runs; it is left
    /// as it was then.
    pub fn open(path: &Path) -> Result<Self, TuneError> {
        let io = |source| TuneError::Io {
            path: path.to_owned(),
            source,
        };
        let mut open = OpenOptions::new();
        let file = open.read(true).append(true).create(true).open(path);
        let file = file.map_err(io)?;
        let text = std::fs::read_to_string(path).map_err(io)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut runs = vec![];
        for (index, line) in text[..whole].lines().enumerate() {
            let parsed = serde_json::from_str::<Line>(line).map_err(|e| e.to_string());
            let run = parsed.and_then(Line::into_run);
            runs.push(run.map_err(|detail| TuneError::Line {
                path: path.to_owned(),
                line: index + 1,
                detail,
            })?);
        }
        let torn = whole < text.len();
        if torn {
            file.set_len(whole as u64).map_err(io)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            runs,
            torn,
        })
    }

    /// The runs, in the order of the file.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The scores of a run, if it is there.
    pub fn find(&self, trial: &Trial) -> Option<&Scores> {
        let run = self.runs.iter().find(|run| run.trial.is(trial));
        run.map(|run| &run.scores)
    }

    /// Appends a run: the whole line or, if that fails, at most a torn one.
    ///
    /// # Errors
    /// [`TuneError::Io`] when it cannot be written.
    pub fn append(&mut self, run: Run) -> Result<(), TuneError> {
        let io = |source| TuneError::Io {
            path: self.path.clone(),
            source,
        };
        let mut line = serde_json::to_string(&Line::of(&run)).map_err(|e| io(e.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(io)?;
        self.file.sync_data().map_err(io)?;
        self.runs.push(run);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tttseg::adapt::Trainable;

    fn run(steps: usize, seed: u64) -> Run {
        Run {
            trial: Trial {
                model: "abc".into(),
                stream: "a:b".into(),
                playback: "--every 2".into(),
                settings: Settings {
                    steps,
                    seed,
                    learning_rate: 0.1 + 0.2,
                    learn: Trainable::LastStages,
                    ..Settings::default()
                },
            },
            scores: Scores {
                frames: 3,
                miou_pooled: Some(0.5),
                gain: Some(-0.25),
                ..Scores::default()
            },
        }
    }

    #[test]
    fn runs_are_there_when_the_file_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs.jsonl");
        let mut file = RunFile::open(&path).unwrap();
        file.append(run(1, u64::MAX)).unwrap();
        drop(file);
        let mut file = RunFile::open(&path).unwrap();
        file.append(run(2, 0)).unwrap();
        assert_eq!(file.find(&run(2, 0).trial), Some(&run(2, 0).scores));
        for other in [run(2, 1), run(3, 0)] {
            assert_eq!(file.find(&other.trial), None);
        }
        let elsewhere = Trial {
            playback: String::new(),
            ..run(2, 0).trial
        };
        assert_eq!(file.find(&elsewhere), None);
        let file = RunFile::open(&path).unwrap();
        assert_eq!(file.runs(), [run(1, u64::MAX), run(2, 0)]);

        let text = std::fs::read_to_string(&path).unwrap();
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(first["settings"]["steps"], 1);
        assert_eq!(first["settings"]["learn"], "last-stages");
        assert_eq!(
            (&first["gain"], &first["stream"]),
            (&(-0.25).into(), &"a:b".into())
        );
        assert_eq!(first["seed"], u64::MAX);
    }

    #[test]
    fn a_torn_line_is_cut_off_and_another_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs.jsonl");
        for steps in 1..=3 {
            RunFile::open(&path).unwrap().append(run(steps, 0)).unwrap();
        }
        let whole = std::fs::read_to_string(&path).unwrap();
        for cut in [1, 2, 40] {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let mut file = RunFile::open(&path).unwrap();
            assert!(file.torn);
            assert_eq!(file.runs(), [run(1, 0), run(2, 0)]);
            file.append(run(3, 0)).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
            assert!(!RunFile::open(&path).unwrap().torn);
        }
        for (text, wanted) in [
            ("{\"frames\": 1}\n", "line 1"),
            ("# notes\n", "line 1"),
            (
                &*whole.replacen("\"steps\":2", "\"stops\":2", 1),
                "line 2: unknown setting stops",
            ),
            (&*whole.replacen("last-stages", "some", 1), "line 1"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = RunFile::open(&path).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let error = RunFile::open(dir.path()).unwrap_err();
        assert!(matches!(error, TuneError::Io { .. }));
    }

    #[test]
    fn one_baseline_serves_all_settings() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = RunFile::open(&dir.path().join("runs.jsonl")).unwrap();
        let baseline = run(1, 5).trial.baseline();
        assert!(baseline.is_baseline() && !run(1, 5).trial.is_baseline());
        let scores = run(1, 5).scores;
        let trial = baseline.clone();
        file.append(Run { trial, scores }).unwrap();
        assert!(file.find(&run(2, 5).trial.baseline()).is_some());
        assert!(file.find(&run(2, 6).trial.baseline()).is_none());
        assert!(file.find(&run(1, 5).trial).is_none());
    }
}
