//! Reconstructions of a frame that is not learned from: whether the video is familiar, and the picture.

use std::sync::Arc;
use std::time::Instant;

use super::Learner;
use crate::adapt::guard::{Novelty, unexplained};
use crate::adapt::random::Draws;
use crate::adapt::sessions::Kind;
use crate::adapt::size::Size;
use crate::adapt::{Error, Report};
use crate::runtime::Tensor;
use crate::video::Rgb;

/// The stream of random numbers for views that are compared with each other, which no frame uses.
const VIEW_STREAM: u64 = u64::MAX;

/// The weights of f and g that reconstruct.
enum Origin {
    Disk,
    Learned,
}

/// What g makes of one masked frame.
struct View {
    /// RGB (height, width, 3).
    picture: Tensor,
    /// Mean squared error of hidden normalised pixels.
    loss: f32,
    /// The same as a share of the frame's variance.
    unexplained: f32,
}

impl Learner {
    /// Whether the video is no stranger than the training pictures, so that nothing is to be learned from it. One masked view
    /// of every frame tells, together with those of the frames before, by the weights on disk; it costs a third of a step.
    pub(super) fn is_familiar(
        &mut self,
        rgb: &Rgb,
        size: Size,
        report: &mut Report,
    ) -> Result<bool, Error> {
        let Some(threshold) = Novelty::threshold(self.settings.surprise, self.model.file()) else {
            return Ok(false);
        };
        self.sessions
            .get(Kind::Reconstruct, size, &self.weights.layout)?;
        let started = Instant::now();
        let seen = self.reconstruct(rgb, size, self.frame, Origin::Disk)?;
        report.step_time += started.elapsed();
        report.loss = Some(seen.loss);
        report.unexplained = Some(seen.unexplained);
        self.novelty.seen(seen.unexplained, threshold);
        Ok(!self.novelty.is_strange())
    }

    /// Share of the variance of a frame's hidden pixels that g leaves unexplained with the weights as they are now, in one
    /// masked view, the same one for the same settings: what [`crate::weights::ModelFile::unexplained`] is the mean of, and what
    /// [`crate::adapt::Settings::surprise`] compares with it. Nothing is learned, and the window stays.
    ///
    /// # Errors
    /// As [`Learner::frame`].
    pub fn unexplained(&mut self, rgb: Arc<Rgb>) -> Result<f32, Error> {
        let size = Size::of(&rgb)?;
        let seen = self.as_seen(rgb);
        let seen = self.reconstruct(&seen, size, VIEW_STREAM, Origin::Learned)?;
        Ok(seen.unexplained)
    }

    /// What g makes of the frame under a mask that stays the same over the stream, so that it does not flicker.
    pub(super) fn picture(&mut self, rgb: &Rgb, size: Size) -> Result<Arc<Rgb>, Error> {
        let picture = self
            .reconstruct(rgb, size, VIEW_STREAM, Origin::Learned)?
            .picture;
        self.scratch.picture(&picture)
    }

    /// What g makes of a frame under the mask that this stream of random numbers gives.
    fn reconstruct(
        &mut self,
        rgb: &Rgb,
        size: Size,
        stream: u64,
        from: Origin,
    ) -> Result<View, Error> {
        let (rows, columns) = size.blocks();
        let images = self.scratch.frame(rgb, size)?;
        let mask =
            Draws::new(self.settings.seed, stream).mask(rows * columns, self.settings.mask_ratio);
        let mask = Tensor::from_f32(&[1, rows, columns], &mask)?;
        let layout = &self.weights.layout;
        let program = self.sessions.get(Kind::Reconstruct, size, layout)?;
        let ([picture, loss], _) = program.run(
            &mut [],
            match from {
                Origin::Disk => self.weights.on_disk(),
                Origin::Learned => self.weights.buffers(),
            },
            &[("images", &images), ("mask", &mask)],
            vec![],
        )?;
        let loss = loss.to_f32()?[0];
        self.scratch.frame = Some(images);
        Ok(View {
            picture,
            loss,
            unexplained: unexplained(loss, [rgb], &self.model().normalisation),
        })
    }
}
