//! Dense optical flow: where every pixel of a frame was in the frame before.
//!
//! Patches are searched for by inverse-compositional Gauss-Newton steps from coarse to fine, starting from what the coarser
//! level and the neighbours have found, and every pixel takes the mean of the patches over it, weighted by how well they
//! fit (Kroeger et al., *Fast Optical Flow using Dense Inverse Search*, ECCV 2016).

mod patch;
mod pyramid;
mod search;
#[cfg(test)]
mod tests;

pub(super) use pyramid::Plane;
pub use pyramid::Pyramid;

use ndarray::{Array3, ArrayRef3, Axis};

use search::Search;

/// For every pixel of a frame the way to where it was in the frame before, to the right, then down, in pixels: (2, height,
/// width).
pub type Flow = Array3<f32>;

/// A search for optical flow, and its memory, which is used again for frames of the same size.
#[derive(Clone, Debug, Default)]
pub struct OpticalFlow {
    search: Search,
}

impl OpticalFlow {
    /// The flow from a frame back to the one before; zero everywhere if their sizes differ.
    pub fn between(&mut self, frame: &Pyramid, before: &Pyramid, flow: &mut Flow) {
        let (height, width) = frame.dim();
        if flow.dim() != (2, height, width) {
            *flow = Flow::zeros((2, height, width));
        }
        if before.dim() != frame.dim() || flow.is_empty() {
            flow.fill(0.0);
            return;
        }
        self.levels_from(frame, before, 0);
        let (mut right, mut down) = flow.view_mut().split_at(Axis(0), 1);
        let found = self.search.ways();
        for (plane, found) in [&mut right, &mut down].into_iter().zip(found) {
            let rows = plane.as_slice_mut().unwrap_or_default();
            let rows = rows.chunks_exact_mut(width);
            for (to, from) in rows.zip(found.chunks_exact(self.search.width())) {
                to.copy_from_slice(&from[..width]);
            }
        }
    }

    /// As [`OpticalFlow::between`], at half the size: ways in pixels of half the frame, (2, height/2, width/2). It costs a third
    /// as much. Frames too small to be halved have none: zero ways of no pixels.
    pub fn between_halves(&mut self, frame: &Pyramid, before: &Pyramid, flow: &mut Flow) {
        let luma = frame.levels().get(1).map(|level| &level.luma);
        let size = luma.map_or((0, 0), |luma| (luma.height, luma.width));
        if flow.dim() != (2, size.0, size.1) {
            *flow = Flow::zeros((2, size.0, size.1));
        }
        if before.dim() != frame.dim() || flow.is_empty() {
            flow.fill(0.0);
            return;
        }
        self.levels_from(frame, before, 1);
        let planes = flow.as_slice_mut().unwrap_or_default();
        let planes = planes.chunks_exact_mut(size.0 * size.1);
        for (plane, found) in planes.zip(self.search.ways()) {
            plane.copy_from_slice(found);
        }
    }

    /// Searches all levels from the coarsest to one.
    fn levels_from(&mut self, frame: &Pyramid, before: &Pyramid, finest: usize) {
        let coarsest = frame.levels().len() - 1;
        let levels = frame.levels().iter().zip(before.levels()).enumerate();
        for (number, (frame, before)) in levels.skip(finest).rev() {
            self.search
                .level(frame, before, number == coarsest, number == finest);
        }
    }
}

/// The flow from a frame back to the one before, of the same size: both RGB (height, width, 3).
pub fn flow_between(frame: &ArrayRef3<u8>, before: &ArrayRef3<u8>) -> Flow {
    let [frame, before] = [frame, before].map(|rgb| {
        let mut pyramid = Pyramid::default();
        pyramid.set(rgb);
        pyramid
    });
    let mut flow = Flow::default((0, 0, 0));
    OpticalFlow::default().between(&frame, &before, &mut flow);
    flow
}
