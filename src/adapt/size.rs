//! The size at which a model sees frames.

use super::Error;
use crate::model::MASK_PATCH;
use crate::nn::PATCH;

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

    /// Whether interleaved RGB fills it.
    ///
    /// # Errors
    /// [`Error::FrameBytes`].
    pub(super) fn check_bytes(self, rgb: &[u8]) -> Result<(), Error> {
        let Self { height, width } = self;
        let (given, expected) = (rgb.len(), width.saturating_mul(height).saturating_mul(3));
        if given == expected {
            return Ok(());
        }
        Err(Error::FrameBytes {
            width,
            height,
            given,
            expected,
        })
    }
}
