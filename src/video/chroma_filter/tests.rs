use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WIDTH: usize = 64;
const HEIGHT: usize = 48;
const ACROSS: usize = WIDTH / TOKEN;
const DOWN: usize = HEIGHT / TOKEN;

/// A frame whose pixels have this luma.
fn frame(luma: impl Fn(usize, usize) -> f32) -> Vec<u8> {
    let pixels = (0..WIDTH * HEIGHT).map(|i| luma(i % WIDTH, i / WIDTH) as u8);
    pixels.flat_map(|l| [l; 3]).collect()
}

/// Dark, with bright stripes; the same for every seed but grain.
fn scene(random: &mut ChaCha8Rng) -> Vec<u8> {
    let grain: Vec<f32> = (0..WIDTH * HEIGHT)
        .map(|_| random.random_range(-9.0..9.0))
        .collect();
    frame(|x, y| if x / 16 % 2 == 0 { 60.0 } else { 150.0 } + grain[y * WIDTH + x])
}

fn flat(cb: f32, cr: f32) -> ChromaMap {
    let plane = |v| std::iter::repeat_n(v, ACROSS * DOWN);
    ChromaMap::new(ACROSS, DOWN, plane(cb).chain(plane(cr)).collect()).unwrap()
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
        assert_eq!(steady.is_cut(&scene(random), WIDTH), n == 0);
        let noisy = flat(20.0, -10.0).map(|_, c| c.map(|v| v + random.random_range(-12.0..12.0)));
        let calm = steady.smooth(noisy.clone(), before.as_ref(), 0.7);
        let change = |a: &ChromaMap, b: &ChromaMap| -> f32 {
            let both = a.planes()[0].iter().zip(b.planes()[0]);
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
    let mean = before.unwrap().planes()[0].iter().sum::<f32>() / (ACROSS * DOWN) as f32;
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
            assert_eq!(steady.is_cut(&frame(one), WIDTH), n == 0);
        }
        assert!(steady.is_cut(&frame(other), WIDTH));
        assert!(!steady.is_cut(&frame(other), WIDTH));
    }
    // Neither flicker nor grain is one.
    let mut steady = ChromaFilter::default();
    for n in 0..20 {
        let flicker = random.random_range(-8i16..8);
        let bytes = scene(random).into_iter();
        let bytes: Vec<u8> = bytes
            .map(|b| (i16::from(b) + flicker).clamp(0, 255) as u8)
            .collect();
        assert_eq!(steady.is_cut(&bytes, WIDTH), n == 0, "{flicker} at {n}");
    }
}

#[test]
fn what_moves_takes_its_colours_along() {
    // A bright thing in front of a dark wall, a token to the right at every frame.
    let thing = |at: usize| move |x: usize, _: usize| if x / TOKEN == at { 220.0 } else { 40.0 };
    let colours = |at: usize| {
        flat(0.0, 0.0).map(|token, _| [0.0, if token % ACROSS == at { 40.0 } else { -10.0 }])
    };
    let mut steady = ChromaFilter::default();
    let mut shown: Option<ChromaMap> = None;
    for at in 2..8 {
        let cut = steady.is_cut(&frame(thing(at)), WIDTH);
        assert_eq!(cut, at == 2);
        let calm = steady.smooth(colours(at), shown.as_ref(), 0.9);
        for (token, cr) in calm.planes()[1].iter().enumerate() {
            let wanted = colours(at).planes()[1][token];
            assert!(
                (cr - wanted).abs() < 0.5,
                "{cr} instead of {wanted} at {token}"
            );
        }
        shown = Some(calm);
    }
}

#[test]
fn brightness_of_the_whole_picture_does_not_count() {
    let mut steady = ChromaFilter::default();
    steady.is_cut(&frame(|x, _| (x * 3) as f32), WIDTH);
    let first = steady.smooth(flat(30.0, 0.0), None, 0.5);
    assert!(!steady.is_cut(&frame(|x, _| (x * 3 + 15) as f32), WIDTH));
    let second = steady.smooth(flat(0.0, 0.0), Some(&first), 0.5);
    for cb in second.planes()[0] {
        assert!((cb - 15.0).abs() < 0.1, "{cb}");
    }
}

#[test]
fn all_or_nothing_is_kept() {
    let mut steady = ChromaFilter::default();
    steady.is_cut(&frame(|x, _| (x * 3) as f32), WIDTH);
    let (old, new) = (flat(30.0, 9.0), flat(-5.0, 2.0));
    let old = steady.smooth(old, None, 0.5);
    assert_eq!(steady.smooth(new.clone(), Some(&old), 1.0), old);
    assert_eq!(steady.smooth(new.clone(), Some(&old), 0.0), new);
    assert_eq!(steady.smooth(new.clone(), None, 1.0), new);
    // A map of another size has nothing in common with this one.
    let other = ChromaMap::new(1, 1, vec![50.0, 50.0]).unwrap();
    assert_eq!(steady.smooth(new.clone(), Some(&other), 1.0), new);
    assert_eq!(steady.smooth(other.clone(), Some(&new), 1.0), other);
    // Nor has a frame of another size, down to one without a token.
    assert!(steady.is_cut(&[7; 3 * 5 * 5], 5));
    assert!(steady.is_cut(&[], 0));
}
