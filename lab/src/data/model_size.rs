//! Pictures at the size at which a model sees them, and labels at any.

use tttseg::adapt::Error;
use tttseg::video::{ClassMap, Rgb, Scaler, model_size, scaled};
use tttseg::weights::ModelFile;

/// A picture as a model is to see it: at the size that is [`model_size`] for the model's area.
///
/// # Errors
/// A picture that is too small, or cannot be resized.
pub fn at_model_size(model: &ModelFile, picture: &Rgb, scaler: &mut Scaler) -> Result<Rgb, Error> {
    let (area_height, area_width) = model.size;
    let (height, width, _) = picture.dim();
    let (width, height) = model_size(width, height, area_width, area_height)?;
    Ok(scaled(picture, width, height, scaler)?)
}

/// Labels at another height and width: for every pixel the label that its centre falls on.
pub fn nearest_labels(labels: &ClassMap, (to_height, to_width): (usize, usize)) -> ClassMap {
    let (height, width) = labels.dim();
    let place = |i: usize, from: usize, to: usize| (2 * i + 1) * from / (2 * to);
    ClassMap::from_shape_fn((to_height, to_width), |(y, x)| {
        labels[[place(y, height, to_height), place(x, width, to_width)]]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tttseg::ndarray::{array, s};

    #[test]
    fn labels_at_another_size_are_the_nearest() {
        let labels = array![[0, 1, 2, 3], [4, 5, 6, 255]];
        let at = |height, width| nearest_labels(&labels, (height, width));
        assert_eq!(at(2, 4), labels);
        assert_eq!(at(1, 2), array![[5, 255]]);
        assert_eq!(at(4, 4).slice(s![1..3, ..]), labels);
        assert_eq!(at(2, 8).row(0), array![0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
