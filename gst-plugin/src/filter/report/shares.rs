//! How much of a frame each class takes.

use tttseg::video::ClassMap;

/// The share of each of so many classes in a map, from 0 to 1. What is of no class is in none of them.
pub(in crate::filter) fn class_shares(map: &ClassMap, classes: usize) -> Vec<f64> {
    let mut pixels = [0_u64; 256];
    map.iter()
        .for_each(|class| pixels[usize::from(*class)] += 1);
    let all = map.len().max(1) as f64;
    let shares = pixels.iter().take(classes.min(255));
    shares.map(|pixels| *pixels as f64 / all).collect()
}

#[cfg(test)]
mod tests {
    use tttseg::ndarray::array;

    use super::*;

    #[test]
    fn shares_of_all_pixels() {
        let map = array![[0, 2, 2, 255], [2, 2, 9, 255]];
        assert_eq!(class_shares(&map, 3), [0.125, 0.0, 0.5]);
        assert_eq!(class_shares(&ClassMap::default((0, 0)), 2), [0.0, 0.0]);
    }
}
