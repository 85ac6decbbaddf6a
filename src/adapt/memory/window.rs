//! The window of recent frames.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::video::Rgb;

/// The frames that steps sample from, newest last: the explicit memory.
#[derive(Debug, Default)]
pub(in crate::adapt) struct Window {
    frames: VecDeque<Arc<Rgb>>,
}

impl Window {
    /// Appends a frame, RGB at model size, and drops the oldest beyond `capacity`.
    pub fn push(&mut self, frame: Arc<Rgb>, capacity: usize) {
        self.frames.push_back(frame);
        while self.frames.len() > capacity.max(1) {
            self.frames.pop_front();
        }
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// The frame at a place, 0 the oldest.
    pub fn get(&self, place: usize) -> Option<&Arc<Rgb>> {
        self.frames.get(place)
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.frames.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_frame_leaves_first() {
        let mut window = Window::default();
        for i in 0..5u8 {
            window.push(Arc::new(Rgb::from_elem((1, 1, 3), i)), 3);
        }
        let kept: Vec<u8> = (0..window.len())
            .filter_map(|i| window.get(i))
            .map(|f| f[[0, 0, 0]])
            .collect();
        assert_eq!(kept, [2, 3, 4]);
    }
}
