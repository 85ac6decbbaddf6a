//! What is carried along motion from frame to frame: maps of class probabilities, chroma.

mod carry;
mod motion;
mod reliability;
#[cfg(test)]
mod tests;

pub use motion::Motion;

use ndarray::{Array2, Array3, ArrayRef3, Ix2, Zip};

/// Least sum of probabilities that are divided by it.
const LEAST_SUM: f32 = 1e-6;

/// Class probabilities at stride 4 that are fused with those of the frame before, carried along motion
/// (`docs/method.md#fusion`).
#[derive(Clone, Debug, Default)]
pub struct Fusion {
    motion: Motion,
    /// What the last frame was left with.
    last: Option<Array3<f32>>,
    /// Memory for what is carried to this frame, and its sums.
    carried: Array3<f32>,
    sums: Array2<f32>,
}

impl Fusion {
    /// Forgets the last frame.
    pub fn clear(&mut self) {
        self.motion.clear();
        self.last = None;
    }

    /// Mixes probabilities (classes, height/4, width/4) of a frame, RGB (height, width, 3), with what the last frame was left
    /// with. That counts `most` where it is sure to be the same thing, and nothing where it cannot be found.
    pub fn fuse(&mut self, rgb: &ArrayRef3<u8>, maps: &mut Array3<f32>, most: f32) {
        self.motion.see(rgb);
        if let Some(last) = &self.last
            && self.motion.follow()
            && last.dim() == maps.dim()
            && self.motion.carry(last, &mut self.carried)
        {
            // What overshoots is cut off as it is carried, and nothing else holds the classes' sum at one.
            let size = self.carried.raw_dim();
            if self.sums.raw_dim() != Ix2(size[1], size[2]) {
                self.sums = Array2::zeros((size[1], size[2]));
            }
            self.sums.fill(0.0);
            for carried in self.carried.outer_iter() {
                self.sums += &carried;
            }
            let trust = self.motion.trust();
            for (mut map, carried) in maps.outer_iter_mut().zip(self.carried.outer_iter()) {
                Zip::from(&mut map)
                    .and(&carried)
                    .and(&self.sums)
                    .and(trust)
                    .for_each(|now, then, sum, trust| {
                        *now += most * trust * (then / sum.max(LEAST_SUM) - *now);
                    });
            }
        }
        self.motion.keep();
        match &mut self.last {
            Some(last) if last.dim() == maps.dim() => last.assign(maps),
            last => *last = Some(maps.clone()),
        }
    }
}
