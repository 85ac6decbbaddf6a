//! The size at which a model sees frames.

use ndarray::ArrayRef3;

use super::Error;
use crate::model::MASK_PATCH;
use crate::nn::PATCH;
use crate::video::FrameRef;

/// A frame size at which a model runs, in pixels; sides are multiples of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Height.
    pub height: usize,
    /// Width.
    pub width: usize,
}

impl Size {
    /// Height and width in patches of 4×4 pixels.
    pub fn patches(self) -> (usize, usize) {
        (self.height / PATCH, self.width / PATCH)
    }

    /// Height and width in blocks of 16×16 pixels, the unit of masking.
    pub fn blocks(self) -> (usize, usize) {
        (self.height / MASK_PATCH, self.width / MASK_PATCH)
    }

    /// The size of a view that covers this share of both sides, in whole blocks. Two a side are left where there are as many,
    /// so that there is something to see and something to hide.
    pub fn part(self, share: f64) -> Self {
        let side = |whole: usize| {
            let blocks = whole as f64 * share / MASK_PATCH as f64;
            whole.min((blocks.round() as usize).max(2) * MASK_PATCH)
        };
        Self {
            height: side(self.height),
            width: side(self.width),
        }
    }

    /// Whether a model can run at it.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(self) -> Result<(), String> {
        let Self { height, width } = self;
        let fits = |n: usize| n > 0 && n.is_multiple_of(MASK_PATCH);
        if fits(height) && fits(width) {
            return Ok(());
        }
        Err(format!(
            "{width}×{height} is no multiple of {MASK_PATCH}×{MASK_PATCH} pixels"
        ))
    }

    /// That of an RGB picture (height, width, 3) in standard layout.
    ///
    /// # Errors
    /// [`Error::Frame`] for an array of another shape or layout.
    pub fn of(rgb: &ArrayRef3<u8>) -> Result<Self, Error> {
        let frame = FrameRef::rgb(rgb)?;
        Ok(Self {
            height: frame.height(),
            width: frame.width(),
        })
    }
}
