//! Recomputing tensors recorded from PyTorch: one directory is one case with `config.json`,
//! `weights.safetensors` (Hugging Face names) and `tensors.safetensors` (`in.*`, `out.*`, `grad.*`).

mod steps;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use tttseg::adapt::graphs::Size;
use tttseg::graph::{DType, Graph, GraphError};
use tttseg::model::{
    ENCODER_PREFIX, Feature, HeadConfig, MAIN_PREFIX, SwinConfig, class_scores, head, swin,
};
use tttseg::nn::{PATCH, Parameters, patchify_planes};
use tttseg::optim::LayoutError;
use tttseg::runtime::{Cancel, Options, Runtime, Session, Tensor};
use tttseg::weights::{Weights, WeightsError};

/// Why a case could not be recomputed.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// A file of the case cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// `config.json` is not what it should be.
    #[error("{}: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A tensor file is broken.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The model cannot be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The recorded weights do not fit the model.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A graph cannot be run.
    #[error(transparent)]
    Runtime(#[from] tttseg::runtime::Error),
    /// A recorded tensor is missing or has another shape than what was computed.
    #[error("{}: tensor {tensor}: {detail}", case.display())]
    Tensor {
        /// Directory of the case.
        case: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong.
        detail: String,
    },
}

type Result<T> = std::result::Result<T, RecordedError>;

/// A recomputed tensor beside the recorded one.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Name of the recorded tensor, or of a family of them.
    pub tensor: String,
    /// Largest deviation, in the unit of the tolerance.
    pub error: f64,
    /// What is allowed.
    pub tolerance: f64,
}

impl Comparison {
    /// Whether the deviation is allowed; not a number never is.
    pub fn passes(&self) -> bool {
        self.error <= self.tolerance
    }
}

/// A recomputed case.
#[derive(Clone, Debug, PartialEq)]
pub struct Recomputed {
    /// Every tensor compared.
    pub comparisons: Vec<Comparison>,
    /// SHA-256 of all recomputed bytes, hexadecimal: equal on every run with the same number of threads.
    pub digest: String,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Case {
    Swin {
        swin: SwinConfig,
        shape: [usize; 3],
    },
    Mask2former {
        swin: SwinConfig,
        head: HeadConfig,
        shape: [usize; 3],
    },
    Ttt {
        swin: SwinConfig,
        head: HeadConfig,
        shape: [usize; 3],
        steps: usize,
        hyper: Hyper,
    },
}

#[derive(Deserialize)]
struct Hyper {
    lr: f64,
    encoder_lr_multiplier: f64,
    weight_decay: f64,
    clip_norm: f64,
    loss_over: String,
    restart_optimizer: bool,
}

/// Recomputes one case.
///
/// # Errors
/// Files that are missing or broken, a model that cannot be built or run. A deviation is no error.
pub fn recompute(case: &Path, runtime: &'static Runtime, options: &Options) -> Result<Recomputed> {
    let path = case.join("config.json");
    let text = fs::read(&path).map_err(|source| RecordedError::Read {
        path: path.clone(),
        source,
    })?;
    let config: Case =
        serde_json::from_slice(&text).map_err(|source| RecordedError::Config { path, source })?;
    let recording = Recording {
        case,
        runtime,
        options,
        weights: Weights::read_safetensors(case.join("weights.safetensors"))?,
        recorded: Weights::read_recording(case.join("tensors.safetensors"))?,
    };
    let mut result = Collected::default();
    match config {
        Case::Swin { swin, shape } => recording.swin(&swin, shape, &mut result)?,
        Case::Mask2former { swin, head, shape } => {
            recording.mask2former(&swin, &head, shape, &mut result)?
        }
        Case::Ttt {
            swin,
            head,
            shape,
            steps,
            hyper,
        } => recording.ttt(swin, head, shape, steps, &hyper, &mut result)?,
    }
    let digest = result
        .digest
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    Ok(Recomputed {
        comparisons: result.comparisons,
        digest,
    })
}

#[derive(Default)]
struct Collected {
    comparisons: Vec<Comparison>,
    digest: Sha256,
}

impl Collected {
    fn add(&mut self, tensor: &str, error: f64, tolerance: f64) {
        self.comparisons.push(Comparison {
            tensor: tensor.to_owned(),
            error,
            tolerance,
        });
    }

    fn hash(&mut self, data: &[f32]) {
        for v in data {
            self.digest.update(v.to_le_bytes());
        }
    }
}

struct Recording<'a> {
    case: &'a Path,
    runtime: &'static Runtime,
    options: &'a Options,
    weights: Weights,
    recorded: Weights,
}

impl Recording<'_> {
    fn recorded(&self, name: &str) -> Result<&tttseg::weights::Tensor> {
        self.recorded
            .get(name)
            .ok_or_else(|| self.error(name, "missing".into()))
    }

    fn error(&self, tensor: &str, detail: String) -> RecordedError {
        RecordedError::Tensor {
            case: self.case.to_owned(),
            tensor: tensor.to_owned(),
            detail,
        }
    }

    fn session(&self, graph: Graph) -> Result<Session> {
        let target = self.runtime.in_use(self.options)?.target();
        Ok(Session::new(
            self.runtime,
            &graph.finish(target)?,
            self.options,
            &Cancel::new(),
        )?)
    }

    /// Largest deviation of a map, as a share of the largest recorded value.
    fn compare_map(&self, name: &str, computed: &[f32], to: &mut Collected) -> Result<()> {
        let expected = &self.recorded(name)?.data;
        if expected.len() != computed.len() {
            return Err(self.error(
                name,
                format!("{} recorded, {} computed", expected.len(), computed.len()),
            ));
        }
        to.hash(computed);
        to.add(
            name,
            deviation(expected, computed) / largest(expected),
            1e-4,
        );
        Ok(())
    }

    /// Runs a graph whose only input is the recorded `in.x`, and compares all of its outputs.
    fn forward(&self, graph: Graph, size: Size, to: &mut Collected) -> Result<()> {
        let x = self.recorded("in.x")?;
        let padded = pad_planes(x, size);
        let names: Vec<String> = graph
            .outputs()
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        let mut session = self.session(graph)?;
        let shape = [x.shape[0], x.shape[1], size.height, size.width];
        let input = Tensor::from_f32(&shape, &padded)?;
        for (name, output) in names.iter().zip(session.run(&[("x", &input)])?) {
            self.compare_map(name, &output.to_f32()?, to)?;
        }
        Ok(())
    }

    fn swin(
        &self,
        config: &SwinConfig,
        [batch, height, width]: [usize; 3],
        to: &mut Collected,
    ) -> Result<()> {
        let mut p = Parameters::new(&self.weights, |_| false);
        let (mut g, stages, size) = encoded(&mut p, "", config, [batch, height, width])?;
        for (i, stage) in stages.into_iter().enumerate() {
            let channels = g.shape(stage.tokens)[2];
            let planes = g.transpose(stage.tokens, &[0, 2, 1])?;
            let planes = g.reshape(planes, &[batch, channels, stage.size.0, stage.size.1])?;
            g.output(&format!("out.res{}", i + 2), planes)?;
        }
        self.forward(g, size, to)
    }

    fn mask2former(
        &self,
        encoder: &SwinConfig,
        config: &HeadConfig,
        [batch, height, width]: [usize; 3],
        to: &mut Collected,
    ) -> Result<()> {
        let mut p = Parameters::new(&self.weights, |_| false);
        let shape = [batch, height, width];
        let (mut g, stages, size) = encoded(&mut p, ENCODER_PREFIX, encoder, shape)?;
        let output = head(&mut g, &mut p, MAIN_PREFIX, config, &stages)?;
        let features = std::iter::once(("out.mask_features".to_owned(), output.features.mask))
            .chain(
                output
                    .features
                    .levels
                    .iter()
                    .enumerate()
                    .map(|(i, &f)| (format!("out.multi_scale.{i}"), f)),
            );
        for (name, feature) in features {
            let planes = g.transpose(feature.tokens, &[0, 2, 1])?;
            g.output(&name, planes)?;
        }
        if let Some(logits) = output.class_logits {
            g.output("out.class_logits", logits)?;
        }
        let planes = g.transpose(output.masks, &[0, 2, 1])?;
        g.output("out.mask_logits", planes)?;
        let scores = class_scores(&mut g, config, &output, (height, width))?;
        let scores = g.transpose(scores, &[0, 2, 1])?;
        g.output("out.semantic", scores)?;
        self.forward(g, size, to)
    }
}

/// A graph with the encoder's stages for the input `x`, and the size that pictures are padded to.
fn encoded(
    p: &mut Parameters,
    prefix: &str,
    config: &SwinConfig,
    [batch, height, width]: [usize; 3],
) -> Result<(Graph, Vec<Feature>, Size)> {
    let size = Size {
        height: height.next_multiple_of(PATCH),
        width: width.next_multiple_of(PATCH),
    };
    let mut g = Graph::new("recorded");
    let x = g.input("x", DType::F32, &[batch, 4, size.height, size.width])?;
    let patches = patchify_planes(&mut g, x)?;
    let stages = swin(&mut g, p, prefix, config, patches, size.patches(), None)?;
    Ok((g, stages, size))
}

/// Zeros at the right and the bottom (`docs/method.md#input`).
fn pad_planes(x: &tttseg::weights::Tensor, size: Size) -> Vec<f32> {
    let (height, width) = (x.shape[2], x.shape[3]);
    let mut padded = vec![0.0; x.shape[0] * x.shape[1] * size.height * size.width];
    for (row, line) in x.data.chunks_exact(width).enumerate() {
        let start = (row / height * size.height + row % height) * size.width;
        padded[start..start + width].copy_from_slice(line);
    }
    padded
}

fn largest(data: &[f32]) -> f64 {
    data.iter().fold(0.0, |m, v| m.max(f64::from(v.abs())))
}

fn deviation(expected: &[f32], computed: &[f32]) -> f64 {
    let mut worst: f64 = 0.0;
    for (e, c) in expected.iter().zip(computed) {
        let d = f64::from((e - c).abs());
        if d.is_nan() {
            return f64::NAN;
        }
        worst = worst.max(d);
    }
    worst
}
