//! What is carried along motion from frame to frame: maps of class probabilities, chroma.

mod carry;
mod motion;
#[cfg(test)]
mod tests;

pub use motion::Motion;

use ndarray::{Array3, ArrayRef3, Zip};

/// Maps at stride 4 that are fused with those of the frame before, carried along motion (`docs/method.md#fusion`).
#[derive(Clone, Debug, Default)]
pub struct Fusion {
    motion: Motion,
    /// What the last frame was left with.
    last: Option<Array3<f32>>,
    /// Memory for what is carried to this frame.
    carried: Array3<f32>,
}

impl Fusion {
    /// Forgets the last frame.
    pub fn clear(&mut self) {
        self.motion.clear();
        self.last = None;
    }

    /// Mixes maps (maps, height/4, width/4) of a frame, RGB (height, width, 3), with what the last frame was left with. That
    /// counts `most` where it is sure to be the same thing, and nothing where it cannot be found.
    pub fn fuse(&mut self, rgb: &ArrayRef3<u8>, maps: &mut Array3<f32>, most: f32) {
        self.motion.see(rgb);
        if let Some(last) = &self.last
            && self.motion.follow()
            && last.dim() == maps.dim()
            && self.motion.carry(last, &mut self.carried)
        {
            let trust = self.motion.trust();
            for (mut map, carried) in maps.outer_iter_mut().zip(self.carried.outer_iter()) {
                Zip::from(&mut map)
                    .and(&carried)
                    .and(trust)
                    .for_each(|now, then, trust| *now += most * trust * (then - *now));
            }
        }
        self.motion.keep();
        match &mut self.last {
            Some(last) if last.dim() == maps.dim() => last.assign(maps),
            last => *last = Some(maps.clone()),
        }
    }
}
