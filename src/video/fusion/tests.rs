use ndarray::{Array3, Axis, s};

use super::*;
use crate::video::Rgb;

const WIDTH: usize = 128;
const HEIGHT: usize = 96;
const MAPS: usize = 3;

fn texture(x: f32, y: f32) -> f32 {
    128.0 + 50.0 * (x / 9.0 + (y / 17.0).sin()).sin() + 50.0 * (y / 7.0 + x / 31.0).cos()
}

/// The texture seen from a place.
fn frame(left: f32) -> Rgb {
    Rgb::from_shape_fn((HEIGHT, WIDTH, 3), |(y, x, _)| {
        texture(x as f32 + left, y as f32) as u8
    })
}

/// Probabilities with a blob of the first class, seen from a place.
fn maps(left: f32) -> Array3<f32> {
    Array3::from_shape_fn((MAPS, HEIGHT / 4, WIDTH / 4), |(map, v, u)| {
        let x = 4.0 * u as f32 + left - 60.0;
        let y = 4.0 * v as f32 - 48.0;
        let blob = 0.9 * (-(x * x + y * y) / 400.0).exp();
        [blob, 0.7 * (1.0 - blob), 0.3 * (1.0 - blob)][map]
    })
}

fn distance(a: &Array3<f32>, b: &Array3<f32>) -> f32 {
    (a - b).mapv_into(f32::abs).mean().unwrap()
}

#[test]
fn maps_are_carried_along() {
    let mut fusion = Fusion::default();
    let mut first = maps(0.0);
    fusion.fuse(&frame(0.0), &mut first, 0.8);
    assert_eq!(first, maps(0.0), "nothing comes before the first");
    for moved in [6.0, 11.5, 9.0] {
        // The model knows nothing of the blob: what there is of it was carried along.
        let mut now = maps(-1000.0);
        fusion.fuse(&frame(moved), &mut now, 1.0);
        let sums = now.sum_axis(Axis(0));
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
        let wanted = maps(moved);
        let error = distance(&now, &wanted);
        let stays = distance(&maps(0.0), &wanted);
        assert!(error < 0.5 * stays, "{error} against {stays} in place");
        fusion.clear();
        fusion.fuse(&frame(0.0), &mut maps(0.0), 1.0);
    }
}

#[test]
fn a_still_picture_averages() {
    let mut fusion = Fusion::default();
    let sure = |class: usize| {
        Array3::from_shape_fn((MAPS, HEIGHT / 4, WIDTH / 4), |(map, ..)| {
            f32::from(u8::from(map == class))
        })
    };
    fusion.fuse(&frame(0.0), &mut sure(0), 0.75);
    for n in 1..4 {
        let mut now = sure(1);
        fusion.fuse(&frame(0.0), &mut now, 0.75);
        let old = 0.75f32.powi(n);
        for (map, wanted) in now.outer_iter().zip([old, 1.0 - old, 0.0]) {
            assert!(map.iter().all(|v| (v - wanted).abs() < 1e-5), "{n}");
        }
    }
    // Live: without a share for the last frame this one stands alone.
    let mut alone = sure(2);
    fusion.fuse(&frame(0.0), &mut alone, 0.0);
    assert_eq!(alone, sure(2));
}

#[test]
fn a_cut_keeps_little_and_what_comes_into_view_nothing() {
    let mut motion = Motion::default();
    motion.see(&frame(0.0));
    assert!(!motion.follow(), "nothing comes before the first");
    motion.keep();
    motion.see(&frame(12.0));
    assert!(motion.follow());
    let tokens = WIDTH / 4;
    let seen = motion.trust().slice(s![2..20, 2..tokens - 6]).to_owned();
    assert!(seen.mean().unwrap() > 0.85, "{seen}");
    // Twelve pixels at the right have come into view.
    let unseen = motion.trust().slice(s![2..20, tokens - 2..]).to_owned();
    assert!(unseen.mean().unwrap() < 0.2, "{unseen}");

    let other = Rgb::from_shape_fn((HEIGHT, WIDTH, 3), |(y, x, _)| {
        if (x / 10 + y / 14) % 2 == 0 { 20 } else { 230 }
    });
    motion.keep();
    motion.see(&other);
    assert!(motion.follow());
    let kept = motion.trust().mean().unwrap();
    assert!(kept < 0.05, "{kept}");
}

#[test]
fn other_sizes_and_other_maps_begin_anew() {
    let mut fusion = Fusion::default();
    fusion.fuse(&frame(0.0), &mut maps(0.0), 1.0);
    let more = Array3::ones((MAPS + 1, HEIGHT / 4, WIDTH / 4));
    let mut now = more.clone();
    fusion.fuse(&frame(0.0), &mut now, 1.0);
    assert_eq!(now, more);
    let small = Rgb::zeros((32, 32, 3));
    let mut now = Array3::ones((MAPS, 8, 8));
    fusion.fuse(&small, &mut now, 1.0);
    assert_eq!(now, Array3::<f32>::ones((MAPS, 8, 8)));
    // Maps that are not at stride 4 of their frame are left alone.
    let mut now = Array3::ones((MAPS, 4, 4));
    fusion.fuse(&small, &mut now.clone(), 1.0);
    fusion.fuse(&small, &mut now, 1.0);
    assert_eq!(now, Array3::<f32>::ones((MAPS, 4, 4)));
    for (height, width) in [(0, 5), (1, 1), (5, 9)] {
        let mut now = Array3::<f32>::ones((MAPS, height / 4, width / 4));
        for _ in 0..2 {
            fusion.fuse(&Rgb::zeros((height, width, 3)), &mut now, 1.0);
        }
    }
}
