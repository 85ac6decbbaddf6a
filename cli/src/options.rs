//! Options that subcommands share, and what they open.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::style::TemplateError;
use indicatif::{ProgressBar, ProgressStyle};
use tttseg::model::parameters;
use tttseg::runtime::{self, Options, Provider, Runtime};
use tttseg::weights::ModelFile;

/// Where graphs run; shared by all subcommands that run any.
#[derive(Args, Clone, Debug)]
pub struct RuntimeArguments {
    /// Where to run: auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    provider: Provider,
    /// Number of the CUDA device.
    #[arg(long, default_value_t = 0)]
    device: u32,
    /// CPU threads; 0 takes all cores.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// ONNX Runtime's shared library, if it is not where it is looked for.
    #[arg(long)]
    runtime_library: Option<PathBuf>,
    /// Write ONNX Runtime's profiles to files whose names begin with this.
    #[arg(long)]
    profile: Option<PathBuf>,
}

impl RuntimeArguments {
    /// The options of the engine's runtime layer.
    pub fn options(&self) -> Options {
        Options {
            library: self.runtime_library.clone(),
            provider: self.provider,
            device: self.device,
            threads: self.threads,
            profile: self.profile.clone(),
            ..Options::default()
        }
    }

    /// Loads ONNX Runtime.
    pub fn load(&self) -> Result<(&'static Runtime, Options), runtime::Error> {
        let options = self.options();
        Ok((runtime::load(&options)?, options))
    }
}

/// The model in a file, or the built-in one, after a look whether every parameter of its configuration is there.
pub fn complete_model(path: Option<&Path>) -> Result<ModelFile, Box<dyn std::error::Error>> {
    let (file, model) = match path {
        Some(path) => (path.display().to_string(), ModelFile::open(path)?),
        None => ("built-in model".to_owned(), ModelFile::embedded()?),
    };
    check_complete(&file, &model)?;
    Ok(model)
}

/// All models that are built in, after the same look.
pub fn complete_built_in() -> Result<Vec<ModelFile>, Box<dyn std::error::Error>> {
    let models = ModelFile::all_embedded()?;
    for model in &models {
        check_complete(&format!("built-in model {}", model.name), model)?;
    }
    Ok(models)
}

fn check_complete(file: &str, model: &ModelFile) -> Result<(), Box<dyn std::error::Error>> {
    for (name, shape) in parameters(&model.config)? {
        model.weights.expect(file, &name, &shape)?;
    }
    Ok(())
}

/// A progress bar over frames.
pub fn frame_bar(frames: usize) -> Result<ProgressBar, TemplateError> {
    let bar = ProgressBar::new(frames as u64);
    bar.set_style(ProgressStyle::with_template(
        "{pos}/{len} {wide_bar} {eta} {msg}",
    )?);
    Ok(bar)
}

/// `W:H` as a ratio.
pub fn aspect(text: &str) -> Result<f32, String> {
    let sides = text.split_once(':').and_then(|(w, h)| {
        let ratio = w.parse::<f32>().ok()? / h.parse::<f32>().ok()?;
        (0.1..=10.0).contains(&ratio).then_some(ratio)
    });
    sides.ok_or_else(|| format!("`{text}` is no aspect: W:H is needed, from 1:10 to 10:1"))
}
