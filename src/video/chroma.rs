//! Chroma on the coarse grid of a colour head.

/// Planes that do not fit the size of a chroma map.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("chroma of {width}x{height} tokens with {given} values")]
pub struct ChromaError {
    /// Width in tokens.
    pub width: usize,
    /// Height in tokens.
    pub height: usize,
    /// Values given.
    pub given: usize,
}

/// The chroma of a frame on a coarse grid that covers all of it: Cb and Cr of BT.601, full range, in steps of 8 bits, 0
/// for grey.
#[derive(Clone, Debug, PartialEq)]
pub struct ChromaMap {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl ChromaMap {
    /// A map of two planes, Cb then Cr, each `height` × `width`, row-major.
    ///
    /// # Errors
    /// [`ChromaError`] when there are no tokens, or the values do not fill both planes.
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Result<Self, ChromaError> {
        let given = values.len();
        let tokens = width.checked_mul(height).filter(|n| *n > 0);
        if tokens.and_then(|n| n.checked_mul(2)) == Some(given) {
            return Ok(Self {
                width,
                height,
                values,
            });
        }
        Err(ChromaError {
            width,
            height,
            given,
        })
    }

    /// Width in tokens.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in tokens.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The same map with the chroma of every token changed: `change` gets the token's index, row-major, and its Cb and Cr.
    pub fn map(mut self, mut change: impl FnMut(usize, [f32; 2]) -> [f32; 2]) -> Self {
        let (cb, cr) = self.values.split_at_mut(self.width * self.height);
        for (token, (cb, cr)) in cb.iter_mut().zip(cr).enumerate() {
            [*cb, *cr] = change(token, [*cb, *cr]);
        }
        self
    }

    /// Cb and Cr, row-major.
    pub fn planes(&self) -> [&[f32]; 2] {
        let (cb, cr) = self.values.split_at(self.width * self.height);
        [cb, cr]
    }
}
