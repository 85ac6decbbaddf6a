//! Gradient steps on masked views of the window's frames.

use std::mem::take;
use std::sync::Arc;

use ndarray::s;

use super::Learner;
use crate::adapt::graphs::StepOptions;
use crate::adapt::guard::unexplained;
use crate::adapt::random::Draws;
use crate::adapt::sessions::Kind;
use crate::adapt::size::Size;
use crate::adapt::{Error, Method, Moments, Report, Request, Skipped};
use crate::runtime::Tensor;
use crate::video::Rgb;

/// How much more than the weights on disk learned ones may leave unexplained: masks differ.
const HIGHER: f32 = 1.05;

/// The inputs of one step beside the state.
struct Inputs {
    images: Tensor,
    others: Vec<(&'static str, Tensor)>,
    /// The frames that the views show, each as often as it was drawn.
    frames: Vec<Arc<Rgb>>,
}

impl Learner {
    /// Masked views per step.
    fn views(&self, request: Request) -> usize {
        let most = request.most_views.unwrap_or(usize::MAX).max(1);
        self.settings.batch_size.min(most)
    }

    /// The step that a frame of this size asks for.
    pub(super) fn step_options(&self, size: Size, request: Request) -> StepOptions {
        let of = size.part(self.settings.crop);
        StepOptions::new(&self.settings, of, self.views(request))
    }

    /// Whether there is a step, or one that a frame may wait for. One over another number of views than before is only
    /// wanted when time is short.
    pub(super) fn has_step(&mut self, size: Size, request: Request) -> Result<bool, Error> {
        if request.most_views.is_none() {
            return Ok(true);
        }
        let options = self.step_options(size, request);
        let layout = &self.weights.layout;
        self.sessions.prepare_step(layout, options, size)
    }

    /// Takes the steps of a frame that is in the window.
    pub(super) fn learn(
        &mut self,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let batch = self.views(request);
        let most_steps = request.most_steps.unwrap_or(usize::MAX).max(1);
        let settings = &self.settings;
        let steps = settings.steps_after(self.learned_frames).min(most_steps);
        // Learned weights that explain less than those on disk are worth nothing. Without carrying over, there is no time to.
        let keeps = !matches!(settings.method, Method::NoMemory | Method::ExplicitOnly);
        let on_disk = self.novelty.mean().filter(|_| keeps);
        let mut draws = Draws::new(settings.seed, self.frame);
        // One stream of places for all steps of the frame (`docs/method.md#sampling`).
        let places = draws.places(self.window.len(), batch * steps, settings.sampling);
        let options = self.step_options(size, request);
        for places in places.chunks(batch) {
            let inputs = self.inputs(places, size, &mut draws)?;
            let mut given = vec![("images", &inputs.images)];
            given.extend(inputs.others.iter().map(|(n, t)| (*n, t)));
            let weights = &mut self.weights;
            let initial: Vec<Tensor> = match options.pull {
                true => weights.initial().cloned().collect(),
                false => vec![],
            };
            let kind = Kind::Step(options);
            let program = self.sessions.get(kind, size, &weights.layout)?;
            let spent = weights.output_buffers.take();
            let ([loss, norm, finite], replaced) =
                program.run(&mut weights.state, &initial, &given, spent)?;
            weights.output_buffers.put(replaced);
            let loss = loss.to_f32()?[0];
            report.loss = Some(loss);
            if let Some(on_disk) = on_disk {
                let frames = inputs.frames.iter().map(|f| &**f);
                let share = unexplained(loss, frames, &self.model().normalisation);
                self.guard.stepped(share / (on_disk * HIGHER));
            }
            self.scratch.images = Some(inputs.images);
            report.gradient_norm = Some(norm.to_f32()?[0]);
            report.steps += 1;
            // The graph itself keeps the old weights when something was not finite.
            if finite.to_bool()?[0] {
                self.weights.steps_since_reset += 1;
                self.weights.steps_since_moments += 1;
            } else {
                report.skipped = Some(Skipped::NotFinite);
            }
        }
        self.learned_frames = self.learned_frames.saturating_add(1);
        Ok(())
    }

    /// Views of the frames at these places of the window, their masks, and the numbers of the optimiser.
    fn inputs(&mut self, places: &[usize], size: Size, draws: &mut Draws) -> Result<Inputs, Error> {
        let mut views = take(&mut self.scratch.views);
        let images = self.scratch.images.take();
        let settings = &self.settings;
        let batch = places.len();
        let of = size.part(settings.crop);
        let frames: Vec<Arc<Rgb>> = places
            .iter()
            .filter_map(|&place| self.window.get(place).cloned())
            .collect();
        views.clear();
        for frame in &frames {
            let (top, left) = draws.corner(size, of);
            let view = s![top..top + of.height, left..left + of.width, ..];
            for row in frame.slice(view).outer_iter() {
                views.extend_from_slice(row.to_slice().unwrap_or_default());
            }
        }
        let (rows, columns) = of.blocks();
        let mask: Vec<f32> = (0..batch)
            .flat_map(|_| draws.mask(rows * columns, settings.mask_ratio))
            .collect();
        let number = |value: f64| Tensor::from_f32(&[], &[value as f32]);
        let images = Tensor::from_u8_over(images, &[batch, of.height, of.width, 3], &views)?;
        let encoder_rate = settings.learning_rate * settings.encoder_multiplier;
        let mut others = vec![
            ("mask", Tensor::from_f32(&[batch, rows, columns], &mask)?),
            ("learning_rate", number(settings.learning_rate)?),
            ("encoder_learning_rate", number(encoder_rate)?),
        ];
        if settings.stochastic_depth > 0.0 {
            let blocks: usize = self.model().config.encoder.depths.iter().sum();
            let scales = draws.branches(blocks, batch, settings.stochastic_depth);
            let branches = Tensor::from_f32(&[2 * blocks, batch], &scales)?;
            others.push(("branches", branches));
        }
        if settings.moments == Moments::Persistent {
            others.push((
                "step",
                number((self.weights.steps_since_moments + 1) as f64)?,
            ));
        }
        if settings.pull > 0.0 {
            others.push(("pull", number(settings.pull)?));
        }
        self.scratch.views = views;
        Ok(Inputs {
            images,
            others,
            frames,
        })
    }
}
