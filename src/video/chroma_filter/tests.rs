use super::*;
use crate::video::Rgb;
use ndarray::{ArrayView2, Axis, array};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WIDTH: usize = 64;
const HEIGHT: usize = 48;
const ACROSS: usize = WIDTH / TOKEN;
const DOWN: usize = HEIGHT / TOKEN;

/// A frame whose pixels have this luma.
fn frame(luma: impl Fn(usize, usize) -> f32) -> Rgb {
    Rgb::from_shape_fn((HEIGHT, WIDTH, 3), |(y, x, _)| luma(x, y) as u8)
}

/// Dark, with bright stripes; the same for every seed but grain.
fn scene(random: &mut ChaCha8Rng) -> Rgb {
    let grain: Vec<f32> = (0..WIDTH * HEIGHT)
        .map(|_| random.random_range(-9.0..9.0))
        .collect();
    frame(|x, y| if x / 16 % 2 == 0 { 60.0 } else { 150.0 } + grain[y * WIDTH + x])
}

fn flat(cb: f32, cr: f32) -> ChromaMap {
    ChromaMap::from_shape_fn((2, DOWN, ACROSS), |(c, ..)| [cb, cr][c])
}

fn plane(map: &ChromaMap, place: usize) -> ArrayView2<'_, f32> {
    map.index_axis(Axis(0), place)
}

fn random() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

#[test]
fn a_still_scene_with_noisy_chroma_gets_calmer() {
    let random = &mut random();
    let mut steady = ChromaFilter::default();
    let mut before: Option<ChromaMap> = None;
    let (mut given, mut shown) = (0.0, 0.0);
    let mut last = flat(0.0, 0.0);
    for n in 0..40 {
        assert_eq!(steady.is_cut(&scene(random)), n == 0);
        let noisy = flat(20.0, -10.0).mapv_into(|v| v + random.random_range(-12.0..12.0));
        let calm = steady.smooth(noisy.clone(), before.as_ref(), 0.7);
        let change = |a: &ChromaMap, b: &ChromaMap| -> f32 {
            let both = plane(a, 0).into_iter().zip(plane(b, 0));
            both.map(|(a, b)| (a - b).abs()).sum()
        };
        if let Some(before) = &before {
            given += change(&noisy, &last);
            shown += change(&calm, before);
        }
        (last, before) = (noisy, Some(calm));
    }
    assert!(shown < 0.4 * given, "{shown} of {given}");
    // It is as colourful as before.
    let mean = plane(&before.unwrap(), 0).mean().unwrap();
    assert!((mean - 20.0).abs() < 1.0, "{mean}");
}

#[test]
fn a_cut_does_not_smear() {
    let random = &mut random();
    type Luma = fn(usize, usize) -> f32;
    // Another histogram; the same one elsewhere; nothing but another brightness.
    let others: [(Luma, Luma); 3] = [
        (
            |x, _| (x * 4) as f32,
            |_, y| if y < 4 { 250.0 } else { 30.0 },
        ),
        (
            |x, _| if x / 16 % 2 == 0 { 60.0 } else { 150.0 },
            |x, _| if x / 16 % 2 == 1 { 60.0 } else { 150.0 },
        ),
        (|_, _| 16.0, |_, _| 200.0),
    ];
    for (one, other) in others {
        let mut steady = ChromaFilter::default();
        for n in 0..3 {
            assert_eq!(steady.is_cut(&frame(one)), n == 0);
        }
        assert!(steady.is_cut(&frame(other)));
        assert!(!steady.is_cut(&frame(other)));
    }
    // Neither flicker nor grain is one.
    let mut steady = ChromaFilter::default();
    for n in 0..20 {
        let flicker = random.random_range(-8i16..8);
        let scene = scene(random).mapv_into(|b| (i16::from(b) + flicker).clamp(0, 255) as u8);
        assert_eq!(steady.is_cut(&scene), n == 0, "{flicker} at {n}");
    }
}

#[test]
fn what_moves_takes_its_colours_along() {
    // A bright thing in front of a dark wall, a token to the right at every frame.
    let thing = |at: usize| move |x: usize, _: usize| if x / TOKEN == at { 220.0 } else { 40.0 };
    let colours = |at: usize| {
        ChromaMap::from_shape_fn((2, DOWN, ACROSS), |(c, _, column)| {
            match (c, column == at) {
                (0, _) => 0.0,
                (_, true) => 40.0,
                (_, false) => -10.0,
            }
        })
    };
    let mut steady = ChromaFilter::default();
    let mut shown: Option<ChromaMap> = None;
    for at in 2..8 {
        let cut = steady.is_cut(&frame(thing(at)));
        assert_eq!(cut, at == 2);
        let calm = steady.smooth(colours(at), shown.as_ref(), 0.9);
        for (token, cr) in plane(&calm, 1).indexed_iter() {
            let wanted = plane(&colours(at), 1)[token];
            assert!(
                (cr - wanted).abs() < 0.5,
                "{cr} instead of {wanted} at {token:?}"
            );
        }
        shown = Some(calm);
    }
}

#[test]
fn brightness_of_the_whole_picture_does_not_count() {
    let mut steady = ChromaFilter::default();
    steady.is_cut(&frame(|x, _| (x * 3) as f32));
    let first = steady.smooth(flat(30.0, 0.0), None, 0.5);
    assert!(!steady.is_cut(&frame(|x, _| (x * 3 + 15) as f32)));
    let second = steady.smooth(flat(0.0, 0.0), Some(&first), 0.5);
    for cb in plane(&second, 0) {
        assert!((cb - 15.0).abs() < 0.1, "{cb}");
    }
}

#[test]
fn all_or_nothing_is_kept() {
    let mut steady = ChromaFilter::default();
    steady.is_cut(&frame(|x, _| (x * 3) as f32));
    let (old, new) = (flat(30.0, 9.0), flat(-5.0, 2.0));
    let old = steady.smooth(old, None, 0.5);
    assert_eq!(steady.smooth(new.clone(), Some(&old), 1.0), old);
    assert_eq!(steady.smooth(new.clone(), Some(&old), 0.0), new);
    assert_eq!(steady.smooth(new.clone(), None, 1.0), new);
    // A map of another size has nothing in common with this one.
    let other = array![[[50.0]], [[50.0]]];
    assert_eq!(steady.smooth(new.clone(), Some(&other), 1.0), new);
    assert_eq!(steady.smooth(other.clone(), Some(&new), 1.0), other);
    // Nor has a frame of another size, down to one without a token.
    assert!(steady.is_cut(&Rgb::from_elem((5, 5, 3), 7)));
    assert!(steady.is_cut(&Rgb::zeros((0, 0, 3))));
}
