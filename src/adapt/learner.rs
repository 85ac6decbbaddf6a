mod look;
mod memory;

use std::mem::{replace, take};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::graphs::{Size, stream_layout};
use super::random::Draws;
use super::sessions::{SessionCache, step_options};
use super::surprise::{Surprise, unexplained};
use super::window::Window;
use super::{Error, Method, Moments, Prediction, Report, Request, Reset, Settings, Skipped};
use crate::optim::Layout;
use crate::runtime::{Cancel, InUse, Options, Runtime, Tensor};
use crate::weights::{ModelFile, State, Weights};
use memory::Memory;

/// The method on one thread: weights, window and sessions of one stream.
///
/// [`super::Adapter`] runs one on a worker thread; evaluation runs one directly.
pub struct Learner {
    model: Arc<ModelFile>,
    settings: Settings,
    place: InUse,
    layout: Layout,
    sessions: SessionCache,
    /// Buffers as they are on disk; the moments that go with them are zero.
    base: Vec<Tensor>,
    /// Buffers now, then first and second moments of those that learn if they carry over.
    state: Vec<Tensor>,
    /// State that a step has replaced: the next step writes over it.
    spent: Vec<Tensor>,
    memory: Memory,
    window: Window,
    window_size: Option<Size>,
    surprise: Surprise,
    frame: u64,
    /// Frames learned from since the weights were last reset from outside; what the method itself forgets
    /// before every frame begins no new stream.
    learned_frames: u64,
    steps_since_reset: u64,
    steps_since_moments: u64,
}

impl Learner {
    /// A learner at the beginning of a stream. Sessions are built when a frame needs them.
    ///
    /// # Errors
    /// Settings out of range, a model whose weights do not fit its configuration, a provider that is not there.
    pub fn new(
        model: Arc<ModelFile>,
        settings: Settings,
        runtime: &'static Runtime,
        options: &Options,
        cancel: &Cancel,
    ) -> Result<Self, Error> {
        settings.check()?;
        let place = runtime.in_use(options)?;
        let layout = stream_layout(&model.config, Layout::PACK_BELOW, settings.learn)?;
        let base = packed(&layout, &model.weights)?;
        let sessions = SessionCache::new(runtime, options.clone(), cancel.clone(), place.target());
        let mut learner = Self {
            model,
            settings,
            place,
            layout,
            sessions,
            state: base.clone(),
            spent: vec![],
            memory: Memory::default(),
            base,
            window: Window::default(),
            window_size: None,
            surprise: Surprise::default(),
            frame: 0,
            learned_frames: 0,
            steps_since_reset: 0,
            steps_since_moments: 0,
        };
        learner.clear_moments()?;
        Ok(learner)
    }

    /// Where the graphs run.
    pub fn provider_in_use(&self) -> &InUse {
        &self.place
    }

    /// The model.
    pub fn model(&self) -> &Arc<ModelFile> {
        &self.model
    }

    /// Settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sessions that frames have waited for so far: more with every new frame size, and with settings that change the
    /// step graph.
    pub fn sessions_built(&self) -> u64 {
        self.sessions.built()
    }

    /// Sessions that were built while frames went on: steps over fewer views, or over all of them again
    /// ([`Request::most_views`]).
    pub fn sessions_built_beside(&self) -> u64 {
        self.sessions.built_beside()
    }

    /// Changes settings between two frames. Weights and window stay; sessions are built anew when other
    /// parameters are to learn than before.
    ///
    /// # Errors
    /// Settings out of range, weights that cannot be copied from the device; the old settings stay in force.
    pub fn update(&mut self, settings: Settings) -> Result<(), Error> {
        settings.check()?;
        let others_learn = settings.learn != self.settings.learn;
        let moments_changed = settings.moments != self.settings.moments || others_learn;
        if others_learn {
            let layout = stream_layout(&self.model.config, Layout::PACK_BELOW, settings.learn)?;
            let base = packed(&layout, &self.model.weights)?;
            let state = packed(&layout, &self.weights()?)?;
            self.sessions.clear();
            (self.layout, self.base, self.state) = (layout, base, state);
        }
        self.settings = settings;
        if moments_changed {
            self.clear_moments()
        } else {
            Ok(())
        }
    }

    /// Forgets what is named.
    ///
    /// # Errors
    /// When memory for the moments cannot be had.
    pub fn reset(&mut self, what: Reset) -> Result<(), Error> {
        if what.window {
            self.window.clear();
        }
        if what.weights {
            self.learned_frames = 0;
            self.weights_from_disk()?;
        } else if what.moments {
            self.clear_moments()?;
        }
        Ok(())
    }

    fn weights_from_disk(&mut self) -> Result<(), Error> {
        self.spent.clear();
        for place in 0..self.base.len() {
            let old = replace(&mut self.state[place], self.base[place].clone());
            if self.layout.buffers[place].learns {
                self.spent.push(old);
            }
        }
        self.steps_since_reset = 0;
        self.surprise = Surprise::default();
        self.clear_moments()
    }

    /// Learns from a frame and predicts it: `rgb` is interleaved, at `size`.
    ///
    /// # Errors
    /// A frame whose bytes do not fill its size; what building or running a session says. Steps that were complete
    /// stay taken then, and the frame may have entered the window.
    pub fn frame(
        &mut self,
        rgb: Arc<[u8]>,
        size: Size,
        request: Request,
    ) -> Result<Prediction, Error> {
        check_bytes(&rgb, size)?;
        self.frame += 1;
        if self.window_size != Some(size) {
            self.window.clear();
            self.window_size = Some(size);
        }
        self.window
            .push(rgb.clone(), self.settings.window_capacity());
        let mut report = Report {
            frame: self.frame,
            steps: 0,
            loss: None,
            unexplained: None,
            gradient_norm: None,
            skipped: self.reason_to_skip(request),
            window: self.window.len(),
            steps_since_reset: 0,
            step_time: Duration::ZERO,
            predict_time: Duration::ZERO,
        };
        // The prediction's session comes first, so that a stream shows something soon.
        if request.predict {
            self.sessions.at(size).predict(&self.model, &self.layout)?;
        }
        if report.skipped.is_none() {
            if self.is_familiar(&rgb, size, &mut report)? {
                report.skipped = Some(Skipped::Familiar);
            } else if !self.has_step(size, request)? {
                report.skipped = Some(Skipped::Late);
            } else {
                let options = step_options(&self.settings, size, self.views(request));
                self.sessions
                    .at(size)
                    .step(&self.model, &self.layout, options)?;
                let started = Instant::now();
                self.learn(size, request, &mut report)?;
                report.step_time += started.elapsed();
            }
        }
        let mut classes = None;
        if request.predict {
            let started = Instant::now();
            let images = self.memory.frame(&rgb, size)?;
            let encoder = self.layout.encoder().buffers.len();
            let session = self.sessions.at(size).predict(&self.model, &self.layout)?;
            let spent = take(&mut self.memory.predicted);
            let outputs =
                session.run_over(spent, &self.state[..encoder], &[("images", &images)])?;
            classes = Some(self.memory.picture(&outputs[0])?);
            self.memory.predicted = outputs;
            self.memory.frame = Some(images);
            report.predict_time = started.elapsed();
        }
        let reconstruction = if request.reconstruct {
            Some(self.picture(&rgb, size)?)
        } else {
            None
        };
        report.steps_since_reset = self.steps_since_reset;
        Ok(Prediction {
            classes,
            reconstruction,
            width: size.width,
            height: size.height,
            report,
        })
    }

    /// Predicts a frame with weights that are learned elsewhere. It enters the window as well.
    pub(super) fn watch(
        &mut self,
        rgb: Arc<[u8]>,
        size: Size,
        request: Request,
    ) -> Result<Prediction, Error> {
        let watch = Request {
            learn: false,
            ..request
        };
        let mut prediction = self.frame(rgb, size, watch)?;
        prediction.report.skipped = self.reason_to_skip(request);
        Ok(prediction)
    }

    /// The weights as they are, on their device: for [`Learner::adopt`].
    pub(super) fn shared_weights(&self) -> Vec<Tensor> {
        self.state[..self.base.len()].to_vec()
    }

    /// Goes on with the weights of another learner of the same model and settings.
    pub(super) fn adopt(&mut self, weights: Vec<Tensor>, steps_since_reset: u64) {
        self.state.splice(..self.base.len(), weights);
        self.steps_since_reset = steps_since_reset;
    }

    /// Class scores `(classes, h, w)` of a frame with the weights as they are now; for evaluation.
    ///
    /// # Errors
    /// What building or running the session says.
    pub fn scores(&mut self, rgb: &[u8], size: Size) -> Result<Vec<f32>, Error> {
        let images = Tensor::from_u8(&[1, size.height, size.width, 3], rgb)?;
        let encoder = self.layout.encoder().buffers.len();
        let session = self.sessions.at(size).scores(&self.model, &self.layout)?;
        Ok(session.run(&self.state[..encoder], &[("images", &images)])?[1].to_f32()?)
    }

    /// The adapted weights with their provenance.
    ///
    /// # Errors
    /// When the weights cannot be copied from the device.
    pub fn save(&self) -> Result<State, Error> {
        Ok(State {
            base: self.model.content_hash(),
            frames: self.frame,
            steps: self.steps_since_reset,
            recipe: format!("{:?}", self.settings),
            seed: self.settings.seed,
            weights: self.weights()?,
        })
    }

    fn weights(&self) -> Result<Weights, Error> {
        let contents = self.state[..self.base.len()]
            .iter()
            .map(Tensor::to_f32)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(self.layout.unpack(&contents))
    }

    /// Goes on with saved weights. The window stays. If they have learned, no frame is a first one any more.
    ///
    /// # Errors
    /// When the state belongs to another model or does not fit.
    pub fn load(&mut self, file: &str, state: &State) -> Result<(), Error> {
        state.check_base(file, &self.model)?;
        let loaded = packed(&self.layout, &state.weights)?;
        self.state.splice(..self.base.len(), loaded);
        self.steps_since_reset = state.steps;
        self.learned_frames = if state.steps > 0 { u64::MAX } else { 0 };
        self.clear_moments()
    }

    fn reason_to_skip(&self, request: Request) -> Option<Skipped> {
        let interval = self.settings.training_interval.max(1) as u64;
        let steps = self.settings.steps_after(self.learned_frames);
        if self.settings.method == Method::MainTaskOnly || steps == 0 {
            Some(Skipped::Off)
        } else if !request.learn {
            Some(if request.late {
                Skipped::Late
            } else {
                Skipped::Off
            })
        } else if !(self.frame - 1).is_multiple_of(interval) {
            Some(Skipped::Interval)
        } else {
            None
        }
    }

    /// Whether there is a step, or one that a frame may wait for. One over another number of views than before is only
    /// asked for when time is short.
    fn has_step(&mut self, size: Size, request: Request) -> Result<bool, Error> {
        if request.most_views.is_none() {
            return Ok(true);
        }
        let options = step_options(&self.settings, size, self.views(request));
        self.sessions
            .prepare_step(&self.model, &self.layout, options, size)
    }

    /// Masked views per step.
    fn views(&self, request: Request) -> usize {
        let most = request.most_views.unwrap_or(usize::MAX).max(1);
        self.settings.batch_size.min(most)
    }

    fn learn(&mut self, size: Size, request: Request, report: &mut Report) -> Result<(), Error> {
        if matches!(
            self.settings.method,
            Method::NoMemory | Method::ExplicitOnly
        ) {
            self.weights_from_disk()?;
        }
        let batch = self.views(request);
        let settings = &self.settings;
        let most_steps = request.most_steps.unwrap_or(usize::MAX).max(1);
        let steps = settings.steps_after(self.learned_frames).min(most_steps);
        let threshold = Surprise::threshold(settings.surprise, &self.model);
        let mut draws = Draws::new(settings.seed, self.frame);
        // One stream of places for all steps of the frame (METHOD §5.3).
        let places = draws.places(self.window.len(), batch * steps, settings.sampling);
        let (rows, columns) = size.blocks();
        let blocks: usize = self.model.config.encoder.depths.iter().sum();
        let learning: Vec<usize> = (0..self.base.len())
            .filter(|&i| self.layout.buffers[i].learns)
            .collect();
        let pulled = if settings.pull > 0.0 {
            &learning[..]
        } else {
            &[]
        };
        let initial: Vec<(String, usize)> = pulled
            .iter()
            .map(|&i| (format!("initial.{}", self.layout.buffers[i].name), i))
            .collect();
        for step in places.chunks(batch) {
            let settings = &self.settings;
            let mut views = take(&mut self.memory.views);
            views.clear();
            step.iter()
                .filter_map(|&place| self.window.get(place))
                .for_each(|f| views.extend_from_slice(f));
            let shape = [batch, size.height, size.width, 3];
            let images = Tensor::from_u8_over(self.memory.images.take(), &shape, &views)?;
            let mask: Vec<f32> = (0..batch)
                .flat_map(|_| draws.mask(rows * columns, settings.mask_ratio))
                .collect();
            let mask = Tensor::from_f32(&[batch, rows, columns], &mask)?;
            let rate = Tensor::from_f32(&[], &[settings.learning_rate as f32])?;
            let encoder_rate = (settings.learning_rate * settings.encoder_multiplier) as f32;
            let encoder_rate = Tensor::from_f32(&[], &[encoder_rate])?;
            let mut given = vec![
                ("images", &images),
                ("mask", &mask),
                ("learning_rate", &rate),
                ("encoder_learning_rate", &encoder_rate),
            ];
            let branches;
            if settings.stochastic_depth > 0.0 {
                let scales = draws.branches(blocks, batch, settings.stochastic_depth);
                branches = Tensor::from_f32(&[2 * blocks, batch], &scales)?;
                given.push(("branches", &branches));
            }
            let number;
            if settings.moments == Moments::Persistent {
                number = Tensor::from_f32(&[], &[(self.steps_since_moments + 1) as f32])?;
                given.push(("step", &number));
            }
            let share;
            if settings.pull > 0.0 {
                share = Tensor::from_f32(&[], &[settings.pull as f32])?;
                given.push(("pull", &share));
                given.extend(initial.iter().map(|(n, i)| (n.as_str(), &self.base[*i])));
            }
            let options = step_options(settings, size, batch);
            let session = self
                .sessions
                .at(size)
                .step(&self.model, &self.layout, options)?;
            let spent = take(&mut self.spent);
            let mut outputs = session.run_over(spent, &self.state, &given)?;
            let moments = self.state.len() - self.base.len();
            let reported = outputs.split_off(learning.len() + moments);
            let new_moments = outputs.split_off(learning.len());
            let loss = reported[0].to_f32()?[0];
            report.loss = Some(loss);
            if let Some(threshold) = threshold {
                let share = unexplained(loss, &views, &self.model.normalisation);
                report.unexplained = Some(share);
                self.surprise.seen(share, threshold);
            }
            self.memory.views = views;
            self.memory.images = Some(images);
            report.gradient_norm = Some(reported[1].to_f32()?[0]);
            report.steps += 1;
            // The graph itself keeps the old weights when something was not finite.
            for (&place, buffer) in learning.iter().zip(outputs) {
                self.spent.push(replace(&mut self.state[place], buffer));
            }
            let old_moments = self.state.splice(self.base.len().., new_moments);
            self.spent.extend(old_moments);
            if reported[2].to_bool()?[0] {
                self.steps_since_reset += 1;
                self.steps_since_moments += 1;
            } else {
                report.skipped = Some(Skipped::NotFinite);
            }
        }
        self.learned_frames = self.learned_frames.saturating_add(1);
        Ok(())
    }

    fn clear_moments(&mut self) -> Result<(), Error> {
        self.state.truncate(self.base.len());
        self.steps_since_moments = 0;
        if self.settings.moments == Moments::Persistent {
            for _ in 0..2 {
                for buffer in self.layout.buffers.iter().filter(|b| b.learns) {
                    let zeros = vec![0.0; buffer.shape.iter().product()];
                    self.state.push(Tensor::from_f32(&buffer.shape, &zeros)?);
                }
            }
        }
        Ok(())
    }
}

fn check_bytes(rgb: &[u8], size: Size) -> Result<(), Error> {
    let expected = size.height * size.width * 3;
    if rgb.len() == expected {
        return Ok(());
    }
    Err(Error::FrameBytes {
        width: size.width,
        height: size.height,
        given: rgb.len(),
        expected,
    })
}

/// Weights as the inputs of graphs, in the order of the layout.
fn packed(layout: &Layout, weights: &Weights) -> Result<Vec<Tensor>, Error> {
    let contents = layout.pack(weights)?;
    let tensors = contents.iter().map(|t| Tensor::from_f32(&t.shape, &t.data));
    Ok(tensors.collect::<Result<_, _>>()?)
}
