//! A known shift of a stream: a corruption that drifts in, and a virtual camera.

use super::corruption::Corruption;
use std::num::NonZeroUsize;

/// What is done to the stills of a stream before a model sees them. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shift {
    /// A corruption that drifts in: see [`drift`].
    pub corrupt: Option<Corruption>,
    /// Frames that a virtual camera takes of every still: see [`pan`](super::pan).
    pub pan: Option<NonZeroUsize>,
}

impl Shift {
    /// Frames that a stream of this many stills becomes.
    pub fn frames(&self, stills: usize) -> usize {
        stills.saturating_mul(self.pan.map_or(1, NonZeroUsize::get))
    }
}

/// How much of a corruption's strength frame `index` of `frames` has, from 0 to 1: it grows by the same step from
/// nothing in the first frame to all of it in the middle of the stream (frame ⌊`frames` / 2⌋), and stays there.
pub fn drift(index: usize, frames: usize) -> f64 {
    let middle = frames / 2;
    if index >= middle {
        1.0
    } else {
        index as f64 / middle as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_rises_to_the_middle_and_stays() {
        assert_eq!(drift(0, 1), 1.0);
        assert_eq!([0, 1].map(|i| drift(i, 2)), [0.0, 1.0]);
        assert_eq!([0, 1, 2].map(|i| drift(i, 3)), [0.0, 1.0, 1.0]);
        let all: Vec<f64> = (0..101).map(|i| drift(i, 101)).collect();
        assert_eq!((all[0], all[25], all[50], all[100]), (0.0, 0.5, 1.0, 1.0));
        assert!(
            all.windows(2)
                .all(|p| (0.0..=0.0201).contains(&(p[1] - p[0])))
        );
    }

    #[test]
    fn frames_are_stills_times_pan() {
        assert_eq!(Shift::default().frames(7), 7);
        let shift = Shift {
            pan: NonZeroUsize::new(8),
            ..Shift::default()
        };
        assert_eq!(shift.frames(7), 56);
        assert_eq!(shift.frames(usize::MAX), usize::MAX);
    }
}
