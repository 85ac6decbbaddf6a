//! The prediction of a frame: class probabilities, mixed, fused with the last frame's along motion, and the classes they
//! make; or chroma.

use std::mem::take;
use std::sync::Arc;
use std::time::Instant;

use ndarray::Array3;

use super::Learner;
use super::student::Mixed;
use crate::adapt::sessions::Kind;
use crate::adapt::size::Size;
use crate::adapt::{Error, Report, Request};
use crate::runtime::Tensor;
use crate::video::{ChromaMap, ClassMap, Rgb};
use crate::weights::Task;

/// The model's answer to a frame.
#[derive(Default)]
pub(super) struct Answer {
    pub classes: Option<Arc<ClassMap>>,
    /// Where they are wanted.
    pub scores: Option<Array3<f32>>,
    pub chroma: Option<ChromaMap>,
}

impl Learner {
    /// Builds what the prediction of a frame needs, ahead of the steps, so that a stream shows something soon.
    pub(super) fn prepare_prediction(&mut self, size: Size, request: Request) -> Result<(), Error> {
        let colours = self.model().task == Task::Colorize;
        if colours && request.scores {
            return Err(Error::NoClasses(self.model().name.clone()));
        }
        let scores = request.scores;
        let kinds: &[Kind] = if colours {
            &[Kind::Predict]
        } else if self.mixes() {
            &[Kind::Probabilities, Kind::Classify { scores }]
        } else if scores {
            &[Kind::Scores]
        } else {
            &[Kind::Predict]
        };
        let layout = &self.colour_head.with_f;
        for kind in kinds {
            self.sessions.get(*kind, size, layout)?;
        }
        Ok(())
    }

    /// Predicts a frame.
    pub(super) fn predict(
        &mut self,
        rgb: &Rgb,
        size: Size,
        request: Request,
        report: &mut Report,
    ) -> Result<Answer, Error> {
        let started = Instant::now();
        let answer = if self.model().task == Task::Colorize {
            let chroma = Some(self.chroma(rgb, size)?);
            self.count_adapted(self.share_in_force());
            Answer {
                chroma,
                ..Answer::default()
            }
        } else if self.mixes() {
            let mixed = self.mixed_probabilities(rgb, size)?;
            let mut shares = mixed.probabilities;
            if !mixed.is_fused {
                self.fuse(rgb, &mut shares, report);
            }
            self.count_adapted(mixed.share);
            let answer = self.classify(&shares, size, request.scores)?;
            self.scratch.planes = Some(shares);
            answer
        } else {
            // In one graph, without going by way of probabilities.
            self.fusion.clear();
            self.count_adapted(self.share_in_force());
            self.classes(rgb, size, request.scores)?
        };
        report.predict_time += started.elapsed();
        Ok(answer)
    }

    /// Counts a frame in which learned weights have a share.
    fn count_adapted(&mut self, share: f32) {
        self.adapted_frames += u64::from(share > 0.0);
    }

    /// Whether class probabilities are mixed: with those of the last frame, or of other weights.
    fn mixes(&self) -> bool {
        self.settings.fusion > 0.0 || self.teaches() && self.share_in_force() > 0.0
    }

    /// Class probabilities (classes, height/4, width/4) of a frame before fusion: those of the weights in force. Where
    /// other weights have a say as well, theirs are mixed in here, and [`Learner::mixes`] says so.
    fn mixed_probabilities(&mut self, rgb: &Rgb, size: Size) -> Result<Mixed, Error> {
        if self.teaches() {
            return self.mixed(rgb, size);
        }
        let buffers = self.predicting();
        Ok(Mixed {
            probabilities: self.probabilities(&buffers, rgb, size)?,
            share: self.share_in_force(),
            is_fused: false,
        })
    }

    /// Class probabilities (classes, height/4, width/4) of a frame with the weights in these buffers: those of f, which
    /// come first, and whatever else predictions take.
    pub(super) fn probabilities(
        &mut self,
        buffers: &[Tensor],
        rgb: &Rgb,
        size: Size,
    ) -> Result<Array3<f32>, Error> {
        let spent = take(&mut self.scratch.probabilities);
        let ([shares], outputs) =
            self.run_prediction(Kind::Probabilities, buffers, rgb, size, spent)?;
        self.scratch.probabilities = outputs;
        Ok(shares.to_array_over(self.scratch.planes.take())?)
    }

    /// Fuses class probabilities with those of the last frame that was predicted, carried along motion.
    pub(super) fn fuse(&mut self, rgb: &Rgb, shares: &mut Array3<f32>, report: &mut Report) {
        let most = self.settings.fusion as f32;
        if most == 0.0 {
            self.fusion.clear();
            return;
        }
        let started = Instant::now();
        self.fusion.fuse(rgb, shares, most);
        report.fusion_time = started.elapsed();
    }

    /// The classes that probabilities (classes, height/4, width/4) make at model size.
    fn classify(
        &mut self,
        shares: &Array3<f32>,
        size: Size,
        scores: bool,
    ) -> Result<Answer, Error> {
        let shape = [shares.dim().0, shares.dim().1, shares.dim().2];
        let values = shares.as_slice().unwrap_or_default();
        let input = Tensor::from_f32_over(self.scratch.shares.take(), &shape, values)?;
        let given = [("probabilities", &input)];
        let layout = &self.colour_head.with_f;
        let program = self.sessions.get(Kind::Classify { scores }, size, layout)?;
        let spent = take(&mut self.scratch.predicted);
        let (map, found, outputs) = if scores {
            let ([map, scores], outputs) = program.run(&mut [], [], &given, spent)?;
            (map, Some(scores), outputs)
        } else {
            let ([map], outputs) = program.run(&mut [], [], &given, spent)?;
            (map, None, outputs)
        };
        self.scratch.predicted = outputs;
        self.scratch.shares = Some(input);
        self.classified(&map, found)
    }

    /// The classes of a frame by the weights in force alone.
    fn classes(&mut self, rgb: &Rgb, size: Size, scores: bool) -> Result<Answer, Error> {
        let buffers = self.predicting();
        let spent = take(&mut self.scratch.predicted);
        let (map, found, outputs) = if scores {
            let kind = Kind::Scores;
            let ([map, scores], outputs) = self.run_prediction(kind, &buffers, rgb, size, spent)?;
            (map, Some(scores), outputs)
        } else {
            let kind = Kind::Predict;
            let ([map], outputs) = self.run_prediction(kind, &buffers, rgb, size, spent)?;
            (map, None, outputs)
        };
        self.scratch.predicted = outputs;
        self.classified(&map, found)
    }

    fn classified(&mut self, map: &Tensor, scores: Option<Tensor>) -> Result<Answer, Error> {
        Ok(Answer {
            classes: Some(self.scratch.class_map(map)?),
            scores: scores.map(|scores| scores.to_array()).transpose()?,
            chroma: None,
        })
    }

    fn chroma(&mut self, rgb: &Rgb, size: Size) -> Result<ChromaMap, Error> {
        let buffers = self.predicting();
        let spent = take(&mut self.scratch.predicted);
        let ([chroma], outputs) = self.run_prediction(Kind::Predict, &buffers, rgb, size, spent)?;
        self.scratch.predicted = outputs;
        Ok(chroma.to_array()?)
    }

    /// Runs a graph of the main task on a frame with these buffers. Gives what is read of it, and the outputs for the next
    /// time.
    pub(super) fn run_prediction<const N: usize>(
        &mut self,
        kind: Kind,
        buffers: &[Tensor],
        rgb: &Rgb,
        size: Size,
        spent: Vec<Tensor>,
    ) -> Result<([Tensor; N], Vec<Tensor>), Error> {
        let images = self.scratch.frame(rgb, size)?;
        let layout = &self.colour_head.with_f;
        let program = self.sessions.get(kind, size, layout)?;
        let result = program.run(&mut [], buffers, &[("images", &images)], spent);
        self.scratch.frame = Some(images);
        result
    }

    /// The buffers that a prediction takes: of f as it is on disk, where the video is in range, or where what was learned is kept
    /// elsewhere. A colour head goes with the f that it has learned on.
    fn predicting(&self) -> Vec<Tensor> {
        let segments = self.model().task == Task::Segment;
        let of_f = if segments && (self.teaches() || self.share == 0.0) {
            self.weights.encoder_on_disk().iter()
        } else {
            self.weights.encoder().iter()
        };
        of_f.chain(self.colour_head.head()).cloned().collect()
    }
}
