//! Buffers that one frame leaves for the next, so that nothing as large as a frame is allocated anew for each.

use std::sync::Arc;

use ndarray::{Array3, Ix2, Ix3};

use crate::adapt::Error;
use crate::adapt::frame_pool::FramePool;
use crate::adapt::size::Size;
use crate::runtime::Tensor;
use crate::video::{ClassMap, Rgb};

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
    /// Those of their first part, up to class probabilities.
    pub probabilities: Vec<Tensor>,
    /// An array for class probabilities.
    pub planes: Option<Array3<f32>>,
    /// Class probabilities for the second part.
    pub shares: Option<Tensor>,
    maps: FramePool<Ix2>,
    pictures: FramePool<Ix3>,
}

impl Scratch {
    /// A frame as the input of a graph.
    pub fn frame(&mut self, rgb: &Rgb, size: Size) -> Result<Tensor, Error> {
        let shape = [1, size.height, size.width, 3];
        let bytes = rgb.as_slice().unwrap_or_default();
        Ok(Tensor::from_u8_over(self.frame.take(), &shape, bytes)?)
    }

    /// A result that is a class map.
    pub fn class_map(&mut self, result: &Tensor) -> Result<Arc<ClassMap>, Error> {
        Ok(result.with_array(|map| self.maps.copy(map))?)
    }

    /// A result that is a picture.
    pub fn picture(&mut self, result: &Tensor) -> Result<Arc<Rgb>, Error> {
        Ok(result.with_array(|picture| self.pictures.copy(picture))?)
    }
}
