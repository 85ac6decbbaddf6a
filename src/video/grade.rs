//! Colour grading: saturation and temperature.

use super::ChromaMap;

/// Offset of chroma at temperature 1, Cb and Cr: lamplight.
const WARM: [f32; 2] = [-20.0, 12.0];

/// A grade for the colours that a network predicts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grade {
    /// Factor of chroma: 0 gives grey, 1 leaves it as it is.
    pub saturation: f32,
    /// A cast over the whole picture, from −1 (cold, towards blue) over 0 (none) to 1 (warm, towards orange).
    pub temperature: f32,
}

impl Default for Grade {
    fn default() -> Self {
        Self {
            saturation: 1.0,
            temperature: 0.0,
        }
    }
}

impl Grade {
    /// The graded map.
    pub fn apply(self, mut chroma: ChromaMap) -> ChromaMap {
        for (mut plane, warm) in chroma.outer_iter_mut().zip(WARM) {
            plane.mapv_inplace(|c| self.saturation * c + warm * self.temperature);
        }
        chroma
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn graded(saturation: f32, temperature: f32) -> Vec<f32> {
        let map = array![[[10.0, -4.0]], [[6.0, 0.0]]];
        let grade = Grade {
            saturation,
            temperature,
        };
        grade.apply(map).into_iter().collect()
    }

    #[test]
    fn colours_become_stronger_and_warmer() {
        assert_eq!(graded(1.0, 0.0), [10.0, -4.0, 6.0, 0.0]);
        assert_eq!(graded(2.0, 0.0), [20.0, -8.0, 12.0, 0.0]);
        assert_eq!(graded(0.0, 0.0), [0.0; 4]);
        // Towards red and away from blue, and the other way round.
        assert_eq!(graded(0.0, 0.5), [-10.0, -10.0, 6.0, 6.0]);
        assert_eq!(graded(0.0, -0.5), [10.0, 10.0, -6.0, -6.0]);
    }
}
