//! Timing one gradient step and one prediction, as a PyTorch peer is timed: random frame, three
//! warm-up runs, medians.

use std::mem::{replace, take};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::run_summary::median;
use tttseg::adapt::graphs::{Size, StepOptions, learning_layout, predict_graph, step_graph};
use tttseg::adapt::{Draws, Error};
use tttseg::model::{LossOver, ModelConfig, initial_weights};
use tttseg::optim::AdamW;
use tttseg::runtime::{Cancel, Options, Runtime, Session, Tensor};
use tttseg::weights::Normalisation;

/// Runs before the clock counts.
const WARM_UP: usize = 3;

/// What is timed.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// Sizes of f, h and g.
    pub config: ModelConfig,
    /// Frame size.
    pub size: Size,
    /// Masked views per step.
    pub batch: usize,
    /// Timed runs of each.
    pub runs: usize,
    /// Parameters of fewer elements travel packed ([`tttseg::optim::Layout::PACK_BELOW`]).
    pub pack_below: usize,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    /// Median of one step: forward, backward, clip, AdamW.
    pub step_ms: f64,
    /// Median of one prediction.
    pub predict_ms: f64,
    /// Time to build the prediction's session.
    pub predict_session_ms: f64,
    /// Time to build the step's session.
    pub step_session_ms: f64,
    /// Nodes of the step graph.
    pub step_nodes: usize,
    /// Nodes of the prediction graph.
    pub predict_nodes: usize,
    /// Million parameters in f and g.
    pub params_m: f64,
    /// Where it ran.
    pub provider: String,
}

/// Times a step and a prediction.
///
/// # Errors
/// A model that cannot be built or run.
pub fn bench(
    options: &BenchOptions,
    runtime: &'static Runtime,
    run_on: &Options,
) -> Result<Timing, Error> {
    let BenchOptions {
        config,
        size,
        batch,
        ..
    } = options;
    let (size, batch) = (*size, *batch);
    let place = runtime.in_use(run_on)?;
    let normalisation = Normalisation::default();
    let layout = learning_layout(config, options.pack_below)?;
    let weights = initial_weights(config, 0)?;
    let mut state: Vec<Tensor> = layout
        .pack(&weights)?
        .iter()
        .map(|t| Tensor::from_f32(&t.shape, &t.data))
        .collect::<Result<_, _>>()?;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut picture = |batch: usize| -> Result<Tensor, Error> {
        let bytes: Vec<u8> = (0..batch * size.height * size.width * 3)
            .map(|_| rng.random())
            .collect();
        Ok(Tensor::from_u8(
            &[batch, size.height, size.width, 3],
            &bytes,
        )?)
    };

    let started = Instant::now();
    let model = predict_graph(config, &normalisation, &layout, &weights, size, false)?
        .finish(place.target())?;
    let predict_nodes = model.node_count();
    let mut predict = Session::new(runtime, &model, run_on, &Cancel::new())?;
    let predict_session_ms = milliseconds(started.elapsed());

    let started = Instant::now();
    let step = StepOptions {
        batch,
        size,
        loss_over: LossOver::All,
        optimiser: AdamW {
            weight_decay: 0.05,
            clip_norm: 0.01,
            moments: false,
            betas: AdamW::BETAS,
        },
        stochastic_depth: false,
        pull: false,
        expose: false,
    };
    let model = step_graph(config, &normalisation, &layout, step)?.finish(place.target())?;
    let step_nodes = model.node_count();
    let mut learn = Session::new(runtime, &model, run_on, &Cancel::new())?;
    let step_session_ms = milliseconds(started.elapsed());

    let names: Vec<&str> = layout.buffers.iter().map(|b| b.name.as_str()).collect();
    let encoder = layout.encoder().buffers.len();
    let frame = picture(1)?;
    let images = picture(batch)?;
    let (rows, columns) = size.blocks();
    let mask: Vec<f32> = (0..batch as u64)
        .flat_map(|i| Draws::new(0, i).mask(rows * columns, 0.8))
        .collect();
    let mask = Tensor::from_f32(&[batch, rows, columns], &mask)?;
    let rate = Tensor::from_f32(&[], &[1e-4])?;
    let predict_ms = timed(options.runs, || {
        let mut inputs: Vec<_> = names.iter().copied().zip(&state).take(encoder).collect();
        inputs.push(("images", &frame));
        predict.run(&inputs)?[0].to_u8()?;
        Ok(())
    })?;
    let mut output_buffers = vec![];
    let step_ms = timed(options.runs, || {
        let mut inputs: Vec<_> = names.iter().copied().zip(&state).collect();
        inputs.extend([
            ("images", &images),
            ("mask", &mask),
            ("learning_rate", &rate),
            ("encoder_learning_rate", &rate),
        ]);
        let mut outputs = learn.run_over(take(&mut output_buffers), &inputs)?;
        let reported = outputs.split_off(state.len());
        reported[0].to_f32()?;
        output_buffers = replace(&mut state, outputs);
        Ok(())
    })?;
    Ok(Timing {
        step_ms,
        predict_ms,
        predict_session_ms,
        step_session_ms,
        step_nodes,
        predict_nodes,
        params_m: layout.elements() as f64 / 1e6,
        provider: place.to_string(),
    })
}

/// The median time of a run.
fn timed(runs: usize, mut once: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    let mut times = vec![];
    for run in 0..WARM_UP + runs.max(1) {
        let started = Instant::now();
        once()?;
        if run >= WARM_UP {
            times.push(milliseconds(started.elapsed()));
        }
    }
    Ok(median(&times).unwrap_or_default())
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}
