//! Replay: frames that were understood are learned again, with what the model on disk said of them, in the light of the
//! current frame.
//!
//! f and h learn. While the video is in range nothing is learned, and the model on disk alone goes out; what was learned stays
//! for the next time.

use std::sync::Arc;
use std::time::Instant;

use ndarray::Array3;

use super::Learner;
use super::student::{Lesson, Student, VIEW_STREAM};
use crate::adapt::memory::{Remembered, Stills, Understood, class_weights};
use crate::adapt::objective::{PseudoLabels, Style, View};
use crate::adapt::random::Draws;
use crate::adapt::sessions::Kind;
use crate::adapt::size::Size;
use crate::adapt::{Error, Method, Report, Request, Sampling, Settings, SharedModel, Skipped};
use crate::runtime::Tensor;
use crate::video::Rgb;

/// What is learned again, and in which light.
#[derive(Default)]
pub(super) struct Replay {
    pub memory: Understood,
    stills: Stills,
    style: Style,
    /// The view of the last step, in memory that is used again.
    view: View,
    of_memory: ClassWeights,
    of_stills: ClassWeights,
}

/// What a pixel of each class counts, as it was after so many changes of what it depends on.
#[derive(Default)]
struct ClassWeights(Option<(u64, Tensor)>);

impl ClassWeights {
    /// That after so many changes, made anew if there were others before.
    fn after(&mut self, changes: u64, make: impl FnOnce() -> Vec<f32>) -> Result<Tensor, Error> {
        if let Some((of, known)) = &self.0
            && *of == changes
        {
            return Ok(known.clone());
        }
        let weights = make();
        let weights = Tensor::from_f32(&[weights.len(), 1], &weights)?;
        self.0 = Some((changes, weights.clone()));
        Ok(weights)
    }
}

/// What a step is about: the place of a remembered frame, or of a still.
#[derive(Clone, Copy)]
enum Material {
    Frame(usize),
    Still(usize),
}

impl Replay {
    /// Has these stills learned instead of those before.
    pub fn set_stills(&mut self, stills: Stills) {
        self.stills = stills;
        self.of_stills = ClassWeights::default();
    }

    /// Forgets everything but the stills, which belong to the settings.
    pub fn reset(&mut self) {
        self.memory.clear();
        self.forget_light();
    }

    /// Another scene has another light.
    pub fn forget_light(&mut self) {
        self.style = Style::default();
    }

    /// Draws what the step after so many others is about: stills and remembered frames are taken in turns.
    fn draw(&self, steps: u64, draws: &mut Draws) -> Option<Material> {
        let (frames, stills) = (self.memory.frames().len(), self.stills.count());
        let of_stills = stills > 0 && (frames == 0 || steps.is_multiple_of(2));
        let (count, material): (_, fn(usize) -> Material) = if of_stills {
            (stills, Material::Still)
        } else {
            (frames, Material::Frame)
        };
        (count > 0).then(|| material(draws.places(count, 1, Sampling::Replacement)[0]))
    }

    /// What a pixel of each class counts in a step.
    fn class_weights(&mut self, material: Material, classes: usize) -> Result<Tensor, Error> {
        let (memory, stills) = (&self.memory, &self.stills);
        match material {
            Material::Frame(_) => self.of_memory.after(memory.changes(), || {
                class_weights(memory.frames().iter(), classes)
            }),
            Material::Still(_) => self
                .of_stills
                .after(stills.changes(), || stills.class_weights(classes)),
        }
    }
}

/// The stills that settings ask for, if they are to be learned.
pub(super) fn stills(model: &SharedModel, settings: &Settings) -> Result<Stills, Error> {
    let model = model.file();
    let is_replay = settings.method.for_task(model.task) == Method::Replay;
    match &settings.replay_location {
        Some(location) if is_replay => Stills::read(location.as_ref(), model, settings.seed),
        _ => Ok(Stills::default()),
    }
}

impl Learner {
    /// Remembers a frame if it was understood, and takes the steps that belong to it.
    pub(super) fn learn_again(
        &mut self,
        rgb: &Arc<Rgb>,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let is_familiar = self.is_familiar(rgb, size, report)?;
        report.loss = None;
        let started = Instant::now();
        let on_disk = self.probabilities_on_disk(rgb, size)?;
        report.predict_time += started.elapsed();
        let started = Instant::now();
        self.understand(rgb, size, &on_disk, is_familiar);
        report.step_time += started.elapsed();
        if is_familiar {
            report.skipped = Some(Skipped::Familiar);
            self.move_share(true);
        } else if self.guard.pauses() {
            report.skipped = Some(Skipped::RolledBack);
            self.share = 0.0;
        } else {
            self.replay_steps(size, request, report)?;
            self.move_share(false);
        }
        let started = Instant::now();
        let mixed = self.mix(on_disk, rgb, size, true)?;
        self.keep_answer(mixed);
        report.predict_time += started.elapsed();
        Ok(())
    }

    /// Takes in the light of a frame, and the frame itself if it is worth remembering.
    fn understand(&mut self, rgb: &Arc<Rgb>, size: Size, on_disk: &Array3<f32>, is_familiar: bool) {
        let capacity = self.settings.memory;
        let replay = &mut self.replay;
        replay.style.see(rgb, on_disk.view());
        replay.memory.shrink(capacity);
        if replay.memory.wants(is_familiar, capacity) {
            let labels = PseudoLabels::confident(on_disk.view(), size);
            let frame = Remembered::new(rgb.clone(), labels.map.into(), is_familiar);
            replay.memory.offer(frame, capacity);
        }
    }

    /// Takes the steps of a frame.
    fn replay_steps(
        &mut self,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut draws = Draws::new(self.settings.seed, VIEW_STREAM | self.frame);
        for _ in 0..self.steps_of_labels(request) {
            self.replay_step(size, &mut draws, report)?;
        }
        self.learned_frames = self.learned_frames.saturating_add(1);
        Ok(())
    }

    /// One step on one remembered frame, or on a still.
    fn replay_step(
        &mut self,
        size: Size,
        draws: &mut Draws,
        report: &mut Report,
    ) -> Result<(), Error> {
        let Some(student) = &mut self.student else {
            return Ok(());
        };
        let Some(material) = self.replay.draw(student.steps, draws) else {
            return Ok(());
        };
        let kind = Kind::ReplayStep(Student::step_options(size));
        student.prepare(kind, size)?;
        if let Material::Still(place) = material {
            self.label_still(place, report)?;
        }
        let started = Instant::now();
        let classes = self.model.file().config.main.classes;
        let class_weights = self.replay.class_weights(material, classes)?;
        let Replay {
            memory,
            stills,
            style,
            view,
            ..
        } = &mut self.replay;
        let learned = match material {
            Material::Frame(place) => memory.frames().get(place),
            Material::Still(place) => stills.labelled(place),
        };
        let (Some(learned), Some(student)) = (learned, &mut self.student) else {
            return Ok(());
        };
        view.draw(&learned.rgb, &learned.labels, size, draws);
        style.restyle(view, draws);
        let (images, labels) = view.as_given();
        let lesson = Lesson {
            size,
            images,
            labels,
            class_weights: &class_weights,
            others: &[],
            rate: self.settings.learning_rate,
        };
        student.step(kind, &lesson, &mut self.guard, report)?;
        report.step_time += started.elapsed();
        Ok(())
    }

    /// Gives a still labels by the model on disk, where it has none of the model's classes yet.
    fn label_still(&mut self, place: usize, report: &mut Report) -> Result<(), Error> {
        let Some(rgb) = self.replay.stills.open(place) else {
            return Ok(());
        };
        let size = Size::of(&rgb)?;
        let layout = &self.colour_head.with_f;
        self.sessions.get(Kind::Probabilities, size, layout)?;
        let started = Instant::now();
        let on_disk = self.probabilities_on_disk(&rgb, size)?;
        self.replay.stills.label(place, on_disk.view(), size);
        report.step_time += started.elapsed();
        Ok(())
    }
}
