//! Memory for frames that is used again.

use std::sync::Arc;

use ndarray::{Array, ArrayRef, Dimension};

/// Pictures or maps, in memory that is used again once nothing else holds it: a stream takes none anew for frames of a
/// size that it has had.
pub(super) struct FramePool<D> {
    /// All that are in use, and a few that are not.
    all: Vec<Arc<Array<u8, D>>>,
}

/// Buffers that may lie idle beside the one that is needed next: a window that gets shorter gives memory back.
const IDLE: usize = 4;

impl<D> Default for FramePool<D> {
    fn default() -> Self {
        Self { all: vec![] }
    }
}

impl<D: Dimension> FramePool<D> {
    /// A copy of a picture or map.
    pub fn copy(&mut self, picture: &ArrayRef<u8, D>) -> Arc<Array<u8, D>> {
        let mut copy = None;
        let mut idle = 0;
        self.all.retain_mut(|buffer| match Arc::get_mut(buffer) {
            None => true,
            Some(to) if to.raw_dim() != picture.raw_dim() => false,
            Some(to) if copy.is_none() => {
                to.assign(picture);
                copy = Some(buffer.clone());
                true
            }
            Some(_) => {
                idle += 1;
                idle <= IDLE
            }
        });
        copy.unwrap_or_else(|| {
            let new = Arc::new(picture.to_owned());
            self.all.push(new.clone());
            new
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn what_is_let_go_of_is_used_again() {
        let mut pool = FramePool::default();
        let held = pool.copy(&array![1, 2]);
        let given_back = pool.copy(&array![3, 4]).as_ptr();
        let again = pool.copy(&array![5, 6]);
        assert_eq!(again.as_ptr(), given_back);
        assert_eq!((&*held, &*again), (&array![1, 2], &array![5, 6]));
    }

    #[test]
    fn other_sizes_and_a_surplus_are_let_go() {
        let mut pool = FramePool::default();
        let many: Vec<_> = (0..20).map(|i| pool.copy(&array![[i, i]])).collect();
        assert_eq!(pool.all.len(), 20);
        drop(many);
        pool.copy(&array![[7, 7]]);
        assert_eq!(pool.all.len(), IDLE + 1);
        // As many values in another shape are another size.
        pool.copy(&array![[7], [7]]);
        assert_eq!(pool.all.len(), 1);
    }
}
