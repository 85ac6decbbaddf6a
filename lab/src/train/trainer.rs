//! A training run: weights, moments, their average, and the session that steps them.

use std::path::Path;

use super::graph::train_graph;
use super::loader::Batch;
use super::options::TrainerOptions;
use tttseg::adapt::Draws;
use tttseg::graph::GraphError;
use tttseg::model::{initial_weights, parameters};
use tttseg::optim::{Layout, LayoutError};
use tttseg::runtime::{Binding, Cancel, Options, Runtime, Session, StatefulSession, Tensor};
use tttseg::weights::{Weights, WeightsError};

/// Names of the entries of a checkpoint that are no parameters.
const PROGRESS: &str = "progress.iteration";
const MOMENTS: [&str; 2] = ["first.", "second."];
const AVERAGE: &str = "average.";

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The model cannot be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The graph cannot be run.
    #[error(transparent)]
    Runtime(#[from] tttseg::runtime::Error),
    /// A checkpoint, or weights to start from, do not fit the model.
    #[error("the weights do not fit: {0}")]
    Layout(#[from] LayoutError),
    /// A checkpoint cannot be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// An average that would never move, or worse.
    #[error("the average of the weights keeps {0} of itself; possible is 0 to below 1")]
    Ema(f64),
    /// A batch of another size than the graph was built for.
    #[error("a batch of {given} bytes where {expected} are needed")]
    Batch {
        /// Bytes of the images given.
        given: usize,
        /// Bytes needed.
        expected: usize,
    },
}

/// What one iteration gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Loss of the main task.
    pub main_loss: f32,
    /// Loss of masked reconstruction.
    pub recon_loss: f32,
    /// Global gradient norm before clipping.
    pub gradient_norm: f32,
    /// Whether loss and gradient were finite; if not, nothing changed.
    pub finite: bool,
}

/// How far the average moves towards the new weights after an iteration, counted from 0. At first it follows closely:
/// what it starts with, random weights as a rule, is forgotten soon.
fn average_share(ema: f64, iteration: u64) -> f64 {
    let t = iteration as f64;
    1.0 - ema.min((1.0 + t) / (10.0 + t))
}

/// A training run: weights, moments, the weights' average and the session that moves them.
pub struct Trainer {
    options: TrainerOptions,
    layout: Layout,
    session: StatefulSession,
    state: Vec<Tensor>,
    /// State that a step has replaced: the next step writes its outputs over it.
    output_buffers: Vec<Tensor>,
    iteration: u64,
}

impl Trainer {
    /// A run from the start: from `weights` ([`weights_to_start_from`](super::weights_to_start_from)), or from random
    /// ones.
    ///
    /// # Errors
    /// Options or a model that make no sense, or weights that do not fit it.
    pub fn new(
        options: TrainerOptions,
        weights: Option<Weights>,
        runtime: &'static Runtime,
        run_on: &Options,
    ) -> Result<Self, TrainError> {
        // False for NaN as well.
        if !(0.0..1.0).contains(&options.ema) {
            return Err(TrainError::Ema(options.ema));
        }
        let start = match weights {
            Some(weights) => weights,
            None => initial_weights(&options.config, options.seed)?,
        };
        let layout = Layout::new(&parameters(&options.config)?, Layout::PACK_BELOW);
        let graph = train_graph(&layout, &options)?;
        let target = runtime.in_use(run_on)?.target();
        let session = Session::new(runtime, &graph.finish(target)?, run_on, &Cancel::new())?;
        let mut inputs = layout.names();
        let mut state = tensors(&layout, &start)?;
        for kind in MOMENTS {
            for buffer in &layout.buffers {
                inputs.push(format!("{kind}{}", buffer.name));
                let zeros = vec![0.0; buffer.shape.iter().product()];
                state.push(Tensor::from_f32(&buffer.shape, &zeros)?);
            }
        }
        if options.ema > 0.0 {
            let names = layout
                .buffers
                .iter()
                .map(|b| format!("{AVERAGE}{}", b.name));
            inputs.extend(names);
            state.extend_from_within(..layout.buffers.len());
        }
        let binding = Binding {
            state: inputs,
            held: vec![],
            read: &["main_loss", "recon_loss", "gradient_norm", "finite"],
        };
        Ok(Self {
            options,
            layout,
            session: StatefulSession::new(session, binding)?,
            state,
            output_buffers: vec![],
            iteration: 0,
        })
    }

    /// Iterations done.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Takes one step on a batch.
    ///
    /// # Errors
    /// A batch of another size, or an error in running the graph.
    pub fn step(&mut self, batch: &Batch) -> Result<StepReport, TrainError> {
        let o = &self.options;
        let (count, masked, size) = (o.batch.images, o.batch.masked, o.batch.frame());
        let (pixels, all) = (size.height * size.width, count + masked);
        let expected = all * pixels * 3;
        let (name, channels) = match o.config.chroma {
            None => ("labels", 1),
            Some(_) => ("colours", 3),
        };
        if batch.images.len() != expected
            || batch.labels.len() != count * pixels * channels
            || batch.schemes.len() != count
        {
            return Err(TrainError::Batch {
                given: batch.images.len(),
                expected,
            });
        }
        let mut shape = vec![count, size.height, size.width];
        shape.extend((channels > 1).then_some(channels));
        let mut draws = Draws::new(o.seed, self.iteration);
        let (rows, columns) = size.blocks();
        let mask: Vec<f32> = (0..masked)
            .flat_map(|_| draws.mask(rows * columns, o.mask_ratio))
            .collect();
        let rate = o.schedule.rate(self.iteration);
        let scalar = |v: f64| Tensor::from_f32(&[], &[v as f32]);
        let mut given = vec![
            (
                "images",
                Tensor::from_u8(&[all, size.height, size.width, 3], &batch.images)?,
            ),
            (name, Tensor::from_u8(&shape, &batch.labels)?),
            ("mask", Tensor::from_f32(&[masked, rows, columns], &mask)?),
            ("learning_rate", scalar(rate)?),
            (
                "encoder_learning_rate",
                scalar(rate * o.encoder_multiplier)?,
            ),
            ("step", scalar((self.iteration + 1) as f64)?),
        ];
        if !o.schemes.is_empty() {
            let scheme = Tensor::from_u8(&[batch.schemes.len()], &batch.schemes)?;
            given.push(("scheme", scheme));
        }
        if o.ema > 0.0 {
            let share = average_share(o.ema, self.iteration);
            given.push(("average_share", scalar(share)?));
        }
        let given: Vec<(&str, &Tensor)> = given.iter().map(|(n, t)| (*n, t)).collect();
        let buffers = std::mem::take(&mut self.output_buffers);
        let (read, replaced) = self.session.run(&mut self.state, [], &given, buffers)?;
        self.output_buffers = replaced;
        self.iteration += 1;
        let [main_loss, recon_loss, gradient_norm, finite] = read;
        Ok(StepReport {
            main_loss: main_loss.to_f32()?[0],
            recon_loss: recon_loss.to_f32()?[0],
            gradient_norm: gradient_norm.to_f32()?[0],
            finite: finite.to_bool()?[0],
        })
    }

    /// The weights of f, h and g as the last iteration left them.
    ///
    /// # Errors
    /// When they cannot be copied from the device.
    pub fn weights(&self) -> Result<Weights, TrainError> {
        Ok(self.layout.unpack(&self.contents(0)?))
    }

    /// The weights to use: their running average, or [`Trainer::weights`] where none is kept.
    ///
    /// # Errors
    /// When they cannot be copied from the device.
    pub fn averaged_weights(&self) -> Result<Weights, TrainError> {
        let part = if self.options.ema > 0.0 {
            1 + MOMENTS.len()
        } else {
            0
        };
        Ok(self.layout.unpack(&self.contents(part)?))
    }

    /// Writes everything needed to go on: weights, moments, average and the iteration.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_checkpoint(&self, path: &Path) -> Result<(), TrainError> {
        let mut all = self.weights()?;
        let average = (self.options.ema > 0.0).then_some(AVERAGE);
        for (i, kind) in MOMENTS.into_iter().chain(average).enumerate() {
            for (name, tensor) in self.layout.unpack(&self.contents(i + 1)?).0 {
                all.insert(format!("{kind}{name}"), tensor);
            }
        }
        // Exact as float32 up to 2^24 iterations.
        let iteration = tttseg::weights::Tensor {
            shape: vec![1],
            data: vec![self.iteration as f32],
        };
        all.insert(PROGRESS, iteration);
        Ok(all.write_safetensors(path)?)
    }

    /// Goes on from a checkpoint. If it holds no average and one is kept, the average starts from its weights.
    ///
    /// # Errors
    /// When the file cannot be read or belongs to another model.
    pub fn load_checkpoint(&mut self, path: &Path) -> Result<(), TrainError> {
        let file = path.display().to_string();
        let all = Weights::read_safetensors(path)?;
        let mut state = tensors(&self.layout, &all)?;
        let under = |kind: &str| -> Weights {
            let stripped = |(n, t): (&str, &tttseg::weights::Tensor)| {
                Some((n.strip_prefix(kind)?.to_owned(), t.clone()))
            };
            all.iter().filter_map(stripped).collect()
        };
        for kind in MOMENTS {
            state.extend(tensors(&self.layout, &under(kind))?);
        }
        if self.options.ema > 0.0 {
            let average = under(AVERAGE);
            match average.is_empty() {
                true => state.extend_from_within(..self.layout.buffers.len()),
                false => state.extend(tensors(&self.layout, &average)?),
            }
        }
        self.iteration = all.expect(&file, PROGRESS, &[1])?.data[0] as u64;
        self.state = state;
        Ok(())
    }

    fn contents(&self, part: usize) -> Result<Vec<Vec<f32>>, TrainError> {
        let count = self.layout.buffers.len();
        let part = &self.state[part * count..(part + 1) * count];
        Ok(part.iter().map(Tensor::to_f32).collect::<Result<_, _>>()?)
    }
}

fn tensors(layout: &Layout, weights: &Weights) -> Result<Vec<Tensor>, TrainError> {
    let packed = layout.pack(weights)?;
    Ok(packed
        .iter()
        .map(|t| Tensor::from_f32(&t.shape, &t.data))
        .collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_forgets_what_it_started_with() {
        // What is left of the start after t iterations, by the definition of the average.
        let left = |ema: f64, t: u64| (0..t).map(|i| 1.0 - average_share(ema, i)).product::<f64>();
        assert!((average_share(0.999, 0) - 0.9).abs() < 1e-12);
        assert!(left(0.999, 20) < 1e-4, "{}", left(0.999, 20));
        assert!((average_share(0.999, 100_000) - 0.001).abs() < 1e-12);
        assert!((average_share(0.5, 100) - 0.5).abs() < 1e-12);
    }
}
