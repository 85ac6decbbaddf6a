//! What is carried along motion from frame to frame: maps of class probabilities, chroma.

mod motion;
#[cfg(test)]
mod tests;

pub use motion::Motion;

use ndarray::{Array3, ArrayRef3};

/// Maps at stride 4 that are fused with those of the frame before, carried along motion (`docs/method.md#fusion`).
#[derive(Clone, Debug, Default)]
pub struct Fusion {
    motion: Motion,
    /// What the last frame was left with.
    carried: Option<Array3<f32>>,
    /// Memory for what is carried to this frame.
    moved: Array3<f32>,
}

impl Fusion {
    /// Forgets the last frame.
    pub fn clear(&mut self) {
        self.motion.clear();
        self.carried = None;
    }

    /// Mixes maps (maps, height/4, width/4) of a frame, RGB (height, width, 3), with what the last frame was left with. That
    /// counts `most` where it is sure to be the same thing, and nothing where it cannot be found.
    pub fn fuse(&mut self, rgb: &ArrayRef3<u8>, maps: &mut Array3<f32>, most: f32) {
        self.motion.advance(rgb);
        if let Some(carried) = &self.carried {
            self.motion.mix(carried, maps, most, &mut self.moved);
        }
        match &mut self.carried {
            Some(carried) if carried.dim() == maps.dim() => carried.assign(maps),
            carried => *carried = Some(maps.clone()),
        }
    }
}
