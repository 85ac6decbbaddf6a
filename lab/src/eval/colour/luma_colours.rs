//! The mean chroma of every luma in some pictures: the colours that need no network.

use rayon::prelude::*;

use crate::data::{PictureSet, ResizeError, Stills};
use crate::eval::EvalError;
use tttseg::video::{ChromaMap, Colorizer, FrameMut, bt601_chroma, grey};

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
            let lumas = grey(&still.rgb);
            let pixels = still.rgb.as_chunks::<3>().0.iter();
            for (pixel, luma) in pixels.zip(lumas.iter().step_by(3)) {
                let [cb, cr] = bt601_chroma(pixel.map(f32::from)).map(f64::from);
                let sum = &mut sums[usize::from(*luma)];
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

    /// The chroma of a picture that is grey, interleaved RGB of `width` pixels a row.
    pub(super) fn chroma(&self, rgb: &[u8], width: usize) -> Option<ChromaMap> {
        let pixels = rgb.as_chunks::<3>().0;
        let plane = |i: usize| pixels.iter().map(move |p| self.0[usize::from(p[0])][i]);
        let height = pixels.len() / width.max(1);
        ChromaMap::new(width, height, plane(0).chain(plane(1)).collect()).ok()
    }
}

/// A grey picture in colour.
pub(super) fn tinted(
    tint: &mut Colorizer,
    grey: &[u8],
    width: usize,
    chroma: &ChromaMap,
) -> Result<Vec<u8>, EvalError> {
    let mut rgb = grey.to_vec();
    let height = rgb.len() / (width * 3).max(1);
    let mut frame = FrameMut::rgb(width, height, &mut rgb).map_err(ResizeError::from)?;
    tint.draw(&mut frame, chroma)?;
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
        write_png(&dir.path().join("a.png"), pixels.as_flattened(), 3, 1).unwrap();
        let pictures = PictureSet::open(&[dir.path()]).unwrap();
        let colours = LumaColours::of(&pictures).unwrap();
        let lumas: Vec<u8> = grey(pixels.as_flattened()).into_iter().step_by(3).collect();
        assert_eq!(lumas, [100, 100, 60]);
        assert_eq!(colours.0[7], [0.0; 2]);
        let mean = [0, 1].map(|i| {
            let each = [pixels[0], pixels[1]].map(|p| bt601_chroma(p.map(f32::from))[i]);
            (each[0] + each[1]) / 2.0
        });
        for (found, mean) in colours.0[100].into_iter().zip(mean) {
            assert!((found - mean).abs() < 1e-4);
        }
        let shown = grey(pixels.as_flattened());
        let chroma = colours.chroma(&shown, 3).unwrap();
        let rgb = tinted(&mut Colorizer::new(), &shown, 3, &chroma).unwrap();
        // The red is the only one of its luma: it comes back.
        for (found, wanted) in rgb[6..].iter().zip(pixels[2]) {
            assert!(found.abs_diff(wanted) <= 1, "{rgb:?}");
        }
    }
}
