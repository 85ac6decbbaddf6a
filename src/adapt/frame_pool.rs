//! Memory for frames that is used again.

use std::mem::take;
use std::sync::Arc;

/// Bytes of pictures, in memory that is used again once nothing else holds it: a stream takes none anew for frames of a
/// size that it has had.
#[derive(Debug, Default)]
pub(super) struct FramePool {
    /// All that are in use, and a few that are not.
    all: Vec<Arc<[u8]>>,
}

/// Buffers that may lie idle beside the one that is needed next: a window that gets shorter gives memory back.
const IDLE: usize = 4;

impl FramePool {
    /// A copy of these bytes.
    pub fn copy(&mut self, bytes: &[u8]) -> Arc<[u8]> {
        let mut found = None;
        let mut idle = 0;
        self.all.retain_mut(
            |buffer| match Arc::get_mut(buffer).map(|b| b.len() == bytes.len()) {
                None => true,
                Some(false) => false,
                Some(true) if found.is_none() => {
                    found = Some(take(buffer));
                    false
                }
                Some(true) => {
                    idle += 1;
                    idle <= IDLE
                }
            },
        );
        let mut buffer = found.unwrap_or_default();
        match Arc::get_mut(&mut buffer) {
            Some(to) if to.len() == bytes.len() => to.copy_from_slice(bytes),
            _ => buffer = bytes.into(),
        }
        self.all.push(buffer.clone());
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_of_is_used_again() {
        let mut pool = FramePool::default();
        let held = pool.copy(&[1, 2]);
        let given_back = pool.copy(&[3, 4]).as_ptr();
        let again = pool.copy(&[5, 6]);
        assert_eq!(again.as_ptr(), given_back);
        assert_eq!((&held[..], &again[..]), (&[1, 2][..], &[5, 6][..]));
    }

    #[test]
    fn other_sizes_and_a_surplus_are_let_go() {
        let mut pool = FramePool::default();
        let many: Vec<_> = (0..20).map(|i| pool.copy(&[i; 3])).collect();
        assert_eq!(pool.all.len(), 20);
        drop(many);
        pool.copy(&[7; 3]);
        assert_eq!(pool.all.len(), IDLE + 1);
        pool.copy(&[7; 5]);
        assert_eq!(pool.all.len(), 1);
        assert!(pool.copy(&[]).is_empty());
    }
}
