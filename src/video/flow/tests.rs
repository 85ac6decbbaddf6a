use proptest::prelude::*;

use super::*;
use crate::video::Rgb;

const WIDTH: usize = 160;
const HEIGHT: usize = 96;

/// Texture of several sizes at a place, in steps of luma.
fn texture(x: f32, y: f32) -> f32 {
    let coarse = 40.0 * (x / 23.0 + (y / 17.0).sin()).sin();
    let middle = 30.0 * (y / 9.0 + (x / 13.0).cos()).cos();
    let fine = 20.0 * (x / 4.0 + y / 5.0).sin();
    128.0 + coarse + middle + fine
}

fn picture(luma: impl Fn(f32, f32) -> f32) -> Rgb {
    Rgb::from_shape_fn((HEIGHT, WIDTH, 3), |(y, x, _)| {
        luma(x as f32, y as f32) as u8
    })
}

/// Mean distance in pixels between a flow and what it is to be, leaving out this much at the edges.
fn error(flow: &Flow, wanted: impl Fn(f32, f32) -> [f32; 2], edge: usize) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for y in edge..HEIGHT - edge {
        for x in edge..WIDTH - edge {
            let [right, down] = wanted(x as f32, y as f32);
            sum += (flow[[0, y, x]] - right).hypot(flow[[1, y, x]] - down);
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn translations_are_found_between_pixels() {
    let before = picture(texture);
    for (right, down) in [
        (1.0, 0.0),
        (0.0, -3.0),
        (0.5, 0.25),
        (-2.3, 1.7),
        (7.0, -4.0),
        (-13.4, 6.6),
    ] {
        let frame = picture(|x, y| texture(x + right, y + down));
        let flow = flow_between(&frame, &before);
        let error = error(&flow, |_, _| [right, down], 16);
        assert!(error < 0.15, "{error} for {right} {down}");
    }
}

#[test]
fn a_zoom_is_found() {
    // With corners everywhere: along an edge a patch could slide.
    let texture = |x: f32, y: f32| {
        128.0 + 50.0 * (x / 4.0).sin() * (y / 5.0).cos() + 40.0 * (x / 11.0 + y / 29.0).sin()
    };
    let before = picture(texture);
    let way = |x: f32, y: f32| [(x - 80.0) * -0.06, (y - 48.0) * -0.06];
    let frame = picture(|x, y| texture(x + way(x, y)[0], y + way(x, y)[1]));
    let flow = flow_between(&frame, &before);
    let error = error(&flow, way, 8);
    assert!(error < 0.2, "{error}");
}

#[test]
fn still_pictures_do_not_move() {
    for picture in [picture(texture), picture(|_, _| 90.0)] {
        let flow = flow_between(&picture, &picture);
        assert!(flow.iter().all(|way| *way == 0.0));
    }
    // Nor does one that only gets brighter.
    let (dark, bright) = (picture(texture), picture(|x, y| texture(x, y) + 15.0));
    let error = error(&flow_between(&bright, &dark), |_, _| [0.0; 2], 0);
    assert!(error < 0.02, "{error}");
}

#[test]
fn a_thing_that_moves_leaves_what_is_behind_it_in_place() {
    const SIDE: f32 = 32.0;
    let at = |left: f32| {
        picture(move |x, y| {
            let inside = (left..left + SIDE).contains(&x) && (30.0..30.0 + SIDE).contains(&y);
            match inside {
                true => texture(3.0 * (x - left), 3.0 * y),
                false => texture(x, y),
            }
        })
    };
    let flow = flow_between(&at(65.0), &at(60.0));
    let mut errors = [(0.0, 0.0); 2];
    for y in 8..HEIGHT - 8 {
        for x in 8..WIDTH - 8 {
            let (dx, dy) = ((x as f32 - 80.0).abs(), (y as f32 - 46.0).abs());
            // At the edges of the thing a pixel may go with either.
            let (place, right) = match dx.max(dy) {
                d if d < 12.0 => (0, -5.0),
                d if d > 28.0 => (1, 0.0),
                _ => continue,
            };
            errors[place].0 += (flow[[0, y, x]] - right).hypot(flow[[1, y, x]]);
            errors[place].1 += 1.0;
        }
    }
    for (sum, count) in errors {
        assert!(sum < 0.2 * count, "{} on average", sum / count);
    }
}

#[test]
fn frames_of_different_sizes_have_no_flow() {
    let (small, large) = (Rgb::zeros((20, 20, 3)), Rgb::from_elem((40, 20, 3), 9));
    assert_eq!(flow_between(&small, &large), Flow::zeros((2, 20, 20)));
    let empty = Rgb::zeros((0, 20, 3));
    assert_eq!(flow_between(&empty, &empty), Flow::zeros((2, 0, 20)));
}

#[test]
fn memory_that_is_used_again_does_not_show() {
    let pyramid = |rgb: &Rgb| {
        let mut pyramid = Pyramid::default();
        pyramid.set(rgb);
        pyramid
    };
    let frames = [0.0, 2.0, 5.0].map(|left| picture(move |x, y| texture(x + left, y)));
    let other = Rgb::from_shape_fn((50, 70, 3), |(y, x, _)| (x * y) as u8);
    let (mut search, mut flow) = (OpticalFlow::default(), Flow::default((0, 0, 0)));
    let mut used = Pyramid::default();
    for [frame, before] in [
        [&frames[1], &frames[0]],
        [&other, &other],
        [&frames[2], &frames[1]],
    ] {
        used.set(frame);
        search.between(&used, &pyramid(before), &mut flow);
        assert_eq!(flow, flow_between(frame, before));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_flow_is_finite_and_leads_to_the_frame_or_a_little_beyond(
        height in 1usize..40, width in 1usize..40, seed in any::<u64>(), amplitude in 0u8..=255,
    ) {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut noise = || Rgb::from_shape_fn((height, width, 3), |_| random.random_range(0..=amplitude));
        let flow = flow_between(&noise(), &noise());
        prop_assert_eq!(flow.dim(), (2, height, width));
        for ((axis, y, x), way) in flow.indexed_iter() {
            let (at, side) = [(x, width), (y, height)][axis];
            let there = at as f32 + way;
            prop_assert!(there > -40.0 && there < side as f32 + 40.0, "{} from {}", way, at);
        }
    }
}
