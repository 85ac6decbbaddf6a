//! Hints in a frame, and how much of the frame they leave as it is.
//!
//! A network that learns nothing but one colour finds it everywhere, so other tokens are held at the colours they had; but
//! the less, the more they are like what a hint is about: leaves beside the leaf that was clicked are free to follow it.

use tttseg::adapt::{ColourTarget, Error};
use tttseg::ndarray::{Array2, aview1, s};
use tttseg::video::{ChromaMap, Rgb, bt601_chroma, grey};

/// Pixels of a token on a side.
const TOKEN: usize = 4;
/// How far tokens may be apart in mean luma and in its deviation around them, both in steps of 8 bits, and in place, as a
/// share of the frame's width, to be half alike or so (standard deviations of Gaussians).
const LUMA: f32 = 30.0;
const TEXTURE: f32 = 10.0;
const APART: f32 = 0.3;

/// A frame with hints.
pub(super) struct Hinted {
    /// At model size.
    frame: Rgb,
    /// Colours as they were shown, and hints.
    chroma: ChromaMap,
    /// Which tokens (down, across) the hints are about.
    is_hint: Array2<bool>,
    /// Mean luma and its deviation around every token.
    looks: Array2<[f32; 2]>,
    hints: Vec<Hint>,
}

/// What a hint is about: where it is, in tokens, and what it looks like there.
struct Hint {
    centre: [f32; 2],
    looks: [f32; 2],
}

/// A place in a frame, as shares of its width and height.
#[derive(Clone, Copy)]
pub(in crate::filter) struct Place {
    pub x: f64,
    pub y: f64,
}

impl Hinted {
    /// A frame without hints, and the colours that it is shown in; none when their size is another.
    pub fn new(frame: Rgb, chroma: &ChromaMap) -> Option<Self> {
        let (_, down, across) = chroma.dim();
        let fits = frame.dim() == (down * TOKEN, across * TOKEN, 3);
        (fits && !frame.is_empty()).then(|| Self {
            looks: looks(&frame),
            frame,
            chroma: chroma.clone(),
            is_hint: Array2::default((down, across)),
            hints: vec![],
        })
    }

    /// Whether this is the frame.
    pub fn is(&self, frame: &Rgb) -> bool {
        self.frame == *frame
    }

    /// How many hints there are.
    pub fn count(&self) -> usize {
        self.hints.len()
    }

    /// Adds a hint: a disc of `radius`, a share of the frame's width.
    pub fn add(&mut self, place: Place, radius: f64, colour: [u8; 3]) {
        let (down, across) = self.looks.dim();
        let centre = [place.x * across as f64, place.y * down as f64];
        let radius = radius * across as f64;
        let given = bt601_chroma(colour.map(f32::from));
        let (mut sum, mut count) = ([0.0; 2], 0.0);
        for ((y, x), is_hint) in self.is_hint.indexed_iter_mut() {
            let is_under = [x, y] == centre.map(|c| c as usize);
            let away = (x as f64 + 0.5 - centre[0]).hypot(y as f64 + 0.5 - centre[1]);
            if is_under || away <= radius {
                *is_hint = true;
                sum = [0, 1].map(|i| sum[i] + self.looks[[y, x]][i]);
                count += 1.0;
                self.chroma.slice_mut(s![.., y, x]).assign(&aview1(&given));
            }
        }
        self.hints.push(Hint {
            centre: centre.map(|c| c as f32),
            looks: sum.map(|s| s / f32::max(count, 1.0)),
        });
    }

    /// What there is to learn. Tokens that are like no hint weigh as much as all hints together.
    pub fn target(&self) -> Result<ColourTarget, Error> {
        let hints = self.is_hint.iter().filter(|is| **is).count();
        let others = (self.is_hint.len() - hints).max(1);
        let held = (hints as f32 / others as f32).min(1.0);
        let weights = Array2::from_shape_fn(self.is_hint.dim(), |token| {
            if self.is_hint[token] {
                1.0
            } else {
                held * (1.0 - self.likeness(token))
            }
        });
        ColourTarget::of_tokens(&self.frame, &self.chroma, weights)
    }

    /// How much a token is like what the hint that it is most like is about: from 0 to 1.
    fn likeness(&self, (y, x): (usize, usize)) -> f32 {
        let across = self.looks.ncols();
        let at = [x, y].map(|c| c as f32 + 0.5);
        let to = |hint: &Hint| {
            let apart = (at[0] - hint.centre[0]).hypot(at[1] - hint.centre[1]);
            let [luma, texture] = [0, 1].map(|i| self.looks[[y, x]][i] - hint.looks[i]);
            let square = (luma / LUMA).powi(2)
                + (texture / TEXTURE).powi(2)
                + (apart / (APART * across as f32)).powi(2);
            (-square / 2.0).exp()
        };
        self.hints.iter().map(to).fold(0.0, f32::max)
    }
}

/// Mean luma and its standard deviation over every token and those around it.
fn looks(frame: &Rgb) -> Array2<[f32; 2]> {
    let (down, across) = (frame.dim().0 / TOKEN, frame.dim().1 / TOKEN);
    let mut sums = Array2::from_elem((down, across), [0.0_f32; 2]);
    for ((y, x), luma) in grey(frame).slice(s![.., .., 0]).indexed_iter() {
        let luma = f32::from(*luma);
        let [sum, squares] = &mut sums[[y / TOKEN, x / TOKEN]];
        *sum += luma;
        *squares += luma * luma;
    }
    Array2::from_shape_fn((down, across), |(y, x)| {
        let rows = y.saturating_sub(1)..(y + 2).min(down);
        let columns = x.saturating_sub(1)..(x + 2).min(across);
        let tokens = sums.slice(s![rows, columns]);
        let pixels = (tokens.len() * TOKEN * TOKEN) as f32;
        let [sum, squares] = tokens
            .iter()
            .fold([0.0; 2], |a, t| [0, 1].map(|i| a[i] + t[i]));
        let mean = sum / pixels;
        [mean, (squares / pixels - mean * mean).max(0.0).sqrt()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINK: [u8; 3] = [255, 105, 180];

    fn hinted(luma: impl Fn(usize, usize) -> u8) -> Hinted {
        let frame = Rgb::from_shape_fn((32, 64, 3), |(y, x, _)| luma(x, y));
        Hinted::new(frame, &ChromaMap::ones((2, 8, 16))).unwrap()
    }

    #[test]
    fn hints_are_discs() {
        let mut hinted = hinted(|_, _| 90);
        hinted.add(Place { x: 0.5, y: 0.5 }, 1.6 / 16.0, [255, 0, 0]);
        hinted.add(Place { x: 0.99, y: 0.01 }, 0.0, [0, 0, 255]);
        let hints = hinted.is_hint.iter().enumerate().filter(|(_, is)| **is);
        let tokens: Vec<usize> = hints.map(|(token, _)| token).collect();
        // Around the corner of four tokens: these, but not the next ones on the diagonal.
        assert_eq!(tokens, [15, 39, 40, 54, 55, 56, 57, 70, 71, 72, 73, 87, 88]);
        let chroma = &hinted.chroma;
        assert_eq!(chroma.slice(s![.., 0, 0]), aview1(&[1.0, 1.0]));
        assert!(chroma[[1, 3, 8]] > 100.0 && chroma[[0, 0, 15]] > 100.0);
        assert_eq!(hinted.count(), 2);
        assert!(hinted.target().is_ok());
        hinted.add(Place { x: 0.1, y: 0.1 }, 2.0, PINK);
        assert!(hinted.target().is_ok(), "also with all of it");
    }

    #[test]
    fn what_looks_otherwise_or_is_far_away_is_held() {
        // Bright on the left, dark in the middle, stripes on the right.
        let mut hinted = hinted(|x, _| match x {
            0..24 => 200,
            24..40 => 60,
            _ => 150 + 50 * (x % 2) as u8,
        });
        hinted.add(Place { x: 0.1, y: 0.5 }, 0.0, PINK);
        let row = |x: usize| hinted.likeness((4, x));
        assert!(row(2) > 0.9 && row(4) > 0.7, "{} {}", row(2), row(4));
        assert!(row(2) > row(4), "further away");
        assert!(row(7) < 0.01, "dark: {}", row(7));
        assert!(row(13) < 0.05, "stripes: {}", row(13));
    }

    #[test]
    fn colours_of_another_size_are_none_to_hint_at() {
        let other = ChromaMap::ones((2, 8, 8));
        assert!(Hinted::new(Rgb::zeros((32, 64, 3)), &other).is_none());
        assert!(Hinted::new(Rgb::zeros((0, 0, 3)), &other).is_none());
    }
}
