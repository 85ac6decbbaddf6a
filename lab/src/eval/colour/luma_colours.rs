//! The mean chroma of every luma in some pictures: the colours that need no network.

use rayon::prelude::*;

use crate::data::{PictureSet, Stills};
use crate::eval::EvalError;
use tttseg::video::{ChromaMap, Colorizer, FrameMut, Rgb, bt601_chroma, grey, pixels};

/// Mean chroma of the pixels of every luma in some pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct LumaColours(Vec<[f32; 2]>);

impl LumaColours {
    /// Those of a set of colour pictures. A luma that does not occur is grey.
    ///
    /// # Errors
    /// What is wrong with a picture that can no longer be read.
    pub fn of(pictures: &PictureSet) -> Result<Self, String> {
        let counted = (0..pictures.count()).into_par_iter().map(|i| {
            let still = pictures.still(i)?;
            let mut sums = vec![[0.0; 3]; 256];
            for (pixel, luma) in pixels(&still.rgb).iter().zip(pixels(&grey(&still.rgb))) {
                let [cb, cr] = bt601_chroma(pixel.map(f32::from)).map(f64::from);
                let sum = &mut sums[usize::from(luma[0])];
                *sum = [sum[0] + cb, sum[1] + cr, sum[2] + 1.0];
            }
            Ok(sums)
        });
        let none = || vec![[0.0; 3]; 256];
        let all = counted.try_reduce(none, |mut a, b| {
            for (a, b) in a.iter_mut().flatten().zip(b.into_iter().flatten()) {
                *a += b;
            }
            Ok::<_, String>(a)
        })?;
        let mean = |[cb, cr, count]: [f64; 3]| [cb, cr].map(|c| (c / f64::max(count, 1.0)) as f32);
        Ok(Self(all.into_iter().map(mean).collect()))
    }

    /// The chroma of a picture that is grey, a token for every pixel.
    pub(super) fn chroma(&self, rgb: &Rgb) -> ChromaMap {
        let (height, width, _) = rgb.dim();
        ChromaMap::from_shape_fn((2, height, width), |(c, y, x)| {
            self.0[usize::from(rgb[[y, x, 0]])][c]
        })
    }
}

/// A grey picture in colour.
pub(super) fn tinted(
    tint: &mut Colorizer,
    grey: &Rgb,
    chroma: &ChromaMap,
) -> Result<Rgb, EvalError> {
    let mut rgb = grey.clone();
    tint.draw(&mut FrameMut::rgb(&mut rgb)?, chroma)?;
    Ok(rgb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tttseg::video::write_png;

    #[test]
    fn the_mean_chroma_of_a_luma() {
        let dir = tempfile::tempdir().unwrap();
        // Two colours of luma 100 with opposite chroma but for a rest of blue, and a red of luma 60.
        let pixels = [[110, 100, 75], [90, 100, 126], [120, 30, 58]];
        let picture = Rgb::from_shape_fn((1, 3, 3), |(_, x, c)| pixels[x][c]);
        write_png(&dir.path().join("a.png"), &picture).unwrap();
        let pictures = PictureSet::open(&[dir.path()]).unwrap();
        let colours = LumaColours::of(&pictures).unwrap();
        let shown = grey(&picture);
        let lumas: Vec<u8> = shown.iter().copied().step_by(3).collect();
        assert_eq!(lumas, [100, 100, 60]);
        assert_eq!(colours.0[7], [0.0; 2]);
        let mean = [0, 1].map(|i| {
            let each = [pixels[0], pixels[1]].map(|p| bt601_chroma(p.map(f32::from))[i]);
            (each[0] + each[1]) / 2.0
        });
        for (found, mean) in colours.0[100].into_iter().zip(mean) {
            assert!((found - mean).abs() < 1e-4);
        }
        let rgb = tinted(&mut Colorizer::new(), &shown, &colours.chroma(&shown)).unwrap();
        // The red is the only one of its luma: it comes back.
        for (found, wanted) in rgb.iter().skip(6).zip(pixels[2]) {
            assert!(found.abs_diff(wanted) <= 1, "{rgb:?}");
        }
    }
}
