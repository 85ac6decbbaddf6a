//! Masked consistency: what goes out of a whole frame is what f and h learn to say of the same frame with parts hidden.

use std::sync::Arc;
use std::time::Instant;

use super::Learner;
use super::student::{Lesson, Student, VIEW_STREAM};
use crate::adapt::objective::{ClassQuantiles, PULL, PseudoLabels, QUANTILE, block_mask};
use crate::adapt::random::Draws;
use crate::adapt::sessions::Kind;
use crate::adapt::size::Size;
use crate::adapt::{Error, Report, Request, Skipped};
use crate::runtime::Tensor;
use crate::video::Rgb;

/// The labels of the current frame, and how sure the model is of each class.
pub(super) struct Consistency {
    quantiles: ClassQuantiles,
    labels: PseudoLabels,
    /// The mask of the last step and its tensor, to be written over.
    mask: Vec<f32>,
    mask_tensor: Option<Tensor>,
}

impl Default for Consistency {
    fn default() -> Self {
        Self {
            quantiles: ClassQuantiles::new(QUANTILE),
            labels: PseudoLabels::default(),
            mask: vec![],
            mask_tensor: None,
        }
    }
}

impl Consistency {
    /// Forgets how sure the model is.
    pub fn reset(&mut self) {
        self.quantiles.clear();
    }
}

impl Learner {
    /// Finds what goes out of a frame, by the teacher as the last step has left it, and takes the steps towards that.
    pub(super) fn learn_consistently(
        &mut self,
        rgb: &Arc<Rgb>,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let is_familiar = self.is_familiar(rgb, size, report)?;
        report.loss = None;
        if is_familiar {
            report.skipped = Some(Skipped::Familiar);
            self.move_share(true);
        } else if self.guard.pauses() {
            report.skipped = Some(Skipped::RolledBack);
            self.share = 0.0;
        } else {
            self.move_share(false);
        }
        let started = Instant::now();
        let on_disk = self.probabilities_on_disk(rgb, size)?;
        let rollbacks = self.guard.count();
        let mut mixed = self.mix(on_disk, rgb, size, true)?;
        if self.guard.count() > rollbacks {
            report.skipped = Some(Skipped::RolledBack);
        }
        self.fuse(rgb, &mut mixed.probabilities, report);
        mixed.is_fused = true;
        report.predict_time += started.elapsed();
        if report.skipped.is_none() {
            let started = Instant::now();
            let Consistency {
                quantiles, labels, ..
            } = &mut self.consistency;
            quantiles.see(mixed.probabilities.view());
            let probabilities = mixed.probabilities.view();
            labels.find(
                probabilities,
                size,
                |_, _| true,
                |class| quantiles.of(class),
            );
            report.step_time += started.elapsed();
            self.consistency_steps(rgb, size, request, report)?;
        }
        self.keep_answer(mixed);
        Ok(())
    }

    /// Takes the steps of a frame, each with other parts hidden.
    fn consistency_steps(
        &mut self,
        rgb: &Rgb,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut draws = Draws::new(self.settings.seed, VIEW_STREAM | self.frame);
        let steps = self.steps_of_labels(request);
        let Some(student) = &mut self.student else {
            return Ok(());
        };
        let kind = Kind::ConsistencyStep(Student::step_options(size));
        student.prepare(kind, size)?;
        let started = Instant::now();
        let classes = self.model.file().config.main.classes;
        // The quantiles have let every class have its say.
        let class_weights = Tensor::from_f32(&[classes, 1], &vec![1.0; classes])?;
        let (rows, columns) = size.blocks();
        for _ in 0..steps {
            let kept = &mut self.consistency;
            block_mask(size, &mut draws, &mut kept.mask);
            let spent = kept.mask_tensor.take();
            let mask = Tensor::from_f32_over(spent, &[1, rows, columns], &kept.mask)?;
            let others = [
                ("mask", mask),
                ("pull", Tensor::from_f32(&[], &[PULL as f32])?),
            ];
            let lesson = Lesson {
                size,
                images: rgb.as_slice().unwrap_or_default(),
                labels: &kept.labels.map,
                class_weights: &class_weights,
                others: &others,
                rate: self.settings.learning_rate,
            };
            student.step(kind, &lesson, &mut self.guard, report)?;
            let [(_, mask), _] = others;
            kept.mask_tensor = Some(mask);
        }
        report.step_time += started.elapsed();
        self.learned_frames = self.learned_frames.saturating_add(1);
        Ok(())
    }
}
