//! What one frame leaves for the next, so that nothing as large as a frame is allocated anew for each.

use std::sync::Arc;

use crate::adapt::Error;
use crate::adapt::frame_pool::FramePool;
use crate::adapt::size::Size;
use crate::runtime::Tensor;

/// Memory that is used again for every frame.
#[derive(Default)]
pub(super) struct Scratch {
    /// Frames of a step, one after the other.
    pub views: Vec<u8>,
    /// The same for the graph.
    pub images: Option<Tensor>,
    /// The frame itself for the graph.
    pub frame: Option<Tensor>,
    /// Outputs of predictions.
    pub predicted: Vec<Tensor>,
    pictures: FramePool,
}

impl Scratch {
    /// A frame as the input of a graph.
    pub fn frame(&mut self, rgb: &[u8], size: Size) -> Result<Tensor, Error> {
        let shape = [1, size.height, size.width, 3];
        Ok(Tensor::from_u8_over(self.frame.take(), &shape, rgb)?)
    }

    /// The bytes of a result.
    pub fn picture(&mut self, result: &Tensor) -> Result<Arc<[u8]>, Error> {
        Ok(result.with_u8(|bytes| self.pictures.copy(bytes))?)
    }
}
