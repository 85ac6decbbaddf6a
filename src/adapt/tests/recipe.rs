//! Settings of the recipe: what learns, the pull towards the initial weights, steps on the first frames, views of a part.

use super::{SIZE, learner, picture, settings, show};
use crate::adapt::random::Draws;
use crate::adapt::{Learner, Method, Moments, Request, Reset, Settings, Skipped, Trainable};
use crate::weights::Weights;

fn weights(learner: &Learner) -> Weights {
    learner.save().unwrap().weights
}

fn learn(learner: &mut Learner, frames: usize) {
    for time in 0..frames {
        let report = show(learner, time, Request::default()).report;
        assert_eq!(report.skipped, None);
    }
}

/// Names of the parameters that differ.
fn changed(old: &Weights, new: &Weights) -> Vec<String> {
    let pairs = old.iter().zip(new.iter());
    pairs
        .filter(|((name, old), (other, new))| {
            assert_eq!(name, other);
            old != new
        })
        .map(|((name, _), _)| name.to_owned())
        .collect()
}

#[test]
fn only_what_is_to_learn_changes() {
    for learn_what in Trainable::EVERY {
        for moments in [Moments::Restart, Moments::Persistent] {
            let Some(mut learner) = learner(Settings {
                learn: learn_what,
                moments,
                ..settings()
            }) else {
                return;
            };
            let before = weights(&learner);
            learn(&mut learner, 3);
            let changed = changed(&before, &weights(&learner));
            for (name, _) in before.iter() {
                let learned = changed.iter().any(|c| c == name);
                // Attention does not depend on the bias of its keys: what moves it is rounding.
                if !name.ends_with("key.bias") {
                    assert_eq!(learned, learn_what.includes(name), "{learn_what:?} {name}");
                }
            }
        }
    }
}

#[test]
fn what_learns_can_change_within_a_stream() {
    let persistent = Settings {
        moments: Moments::Persistent,
        ..settings()
    };
    let Some(mut learner) = learner(persistent.clone()) else {
        return;
    };
    let from_disk = weights(&learner);
    learn(&mut learner, 2);
    let all = weights(&learner);
    let norms = Settings {
        learn: Trainable::Norms,
        ..persistent
    };
    learner.update(norms).unwrap();
    assert_eq!(weights(&learner), all, "what was learned stays");
    learn(&mut learner, 2);
    let later = weights(&learner);
    let changed = changed(&all, &later);
    assert!(!changed.is_empty());
    assert!(changed.iter().all(|name| Trainable::Norms.includes(name)));
    assert_eq!(show(&mut learner, 0, Request::default()).report.window, 4);

    learner.reset(Reset::ALL).unwrap();
    assert_eq!(weights(&learner), from_disk);
}

#[test]
fn the_pull_takes_a_share_of_the_way_back() {
    const PULL: f32 = 0.25;
    for method in [Method::Online, Method::NoMemory] {
        let with = |pull| {
            let mut learner = learner(Settings {
                method,
                pull,
                ..settings()
            })?;
            let start = weights(&learner);
            learn(&mut learner, 1);
            Some((start, weights(&learner)))
        };
        let (Some((start, free)), Some((_, pulled))) = (with(0.0), with(f64::from(PULL))) else {
            return;
        };
        let mut moved = 0.0f32;
        for (name, free) in free.iter() {
            let ends = start.0[name].data.iter().zip(&free.data);
            for ((start, free), pulled) in ends.zip(&pulled.0[name].data) {
                let expected = free + PULL * (start - free);
                assert!(
                    (pulled - expected).abs() < 1e-6,
                    "{name}: {pulled} {expected}"
                );
                moved = moved.max((free - start).abs());
            }
        }
        assert!(moved > 5e-5, "{moved}");
    }
}

#[test]
fn the_first_frames_have_steps_of_their_own() {
    for method in [Method::Online, Method::ExplicitOnly] {
        let Some(mut learner) = learner(Settings {
            method,
            first_steps: 3,
            first_frames: 2,
            ..settings()
        }) else {
            return;
        };
        let steps = |learner: &mut Learner| show(learner, 0, Request::default()).report.steps;
        assert_eq!([0; 3].map(|_| steps(&mut learner)), [3, 3, 1], "{method:?}");
        let learned = learner.save().unwrap();
        learner.reset(Reset::ALL).unwrap();
        assert_eq!([0; 3].map(|_| steps(&mut learner)), [3, 3, 1], "{method:?}");
        learner.reset(Reset::ALL).unwrap();
        learner.load("learned", &learned).unwrap();
        assert_eq!(steps(&mut learner), 1, "{method:?}");
    }
}

#[test]
fn learning_can_end_with_the_first_frames() {
    let Some(mut learner) = learner(Settings {
        first_steps: 2,
        steps: 0,
        ..settings()
    }) else {
        return;
    };
    let first = show(&mut learner, 0, Request::default()).report;
    assert_eq!((first.steps, first.skipped), (2, None));
    let second = show(&mut learner, 1, Request::default()).report;
    assert_eq!((second.steps, second.skipped), (0, Some(Skipped::Off)));
}

#[test]
fn a_step_sees_the_part_of_the_frame_that_was_drawn_and_nothing_else() {
    let crops = Settings {
        crop: 0.5,
        batch_size: 1,
        ..settings()
    };
    let of = SIZE.part(crops.crop);
    assert_eq!((of.height, of.width), (32, 32));
    let mut draws = Draws::new(crops.seed, 1);
    draws.places(1, 1, crops.sampling);
    let (top, left) = draws.corner(SIZE, of);
    assert!(
        top > 0 && left > 0,
        "another seed: {top}, {left} shows less"
    );
    let learned_from = |dark: &dyn Fn(usize, usize) -> bool| {
        let mut learner = learner(crops.clone())?;
        let mut rgb = picture(SIZE, 0);
        for ((y, x, _), byte) in rgb.indexed_iter_mut() {
            if dark(y, x) {
                *byte = 0;
            }
        }
        let seen = learner.frame(rgb.into(), Request::default()).unwrap();
        assert_eq!(seen.report.steps, 1);
        Some(weights(&learner))
    };
    let inside = |y: usize, x: usize| {
        (top..top + of.height).contains(&y) && (left..left + of.width).contains(&x)
    };
    let Some(whole) = learned_from(&|_, _| false) else {
        return;
    };
    let outside_dark = learned_from(&|y, x| !inside(y, x)).unwrap();
    assert_eq!(changed(&whole, &outside_dark), Vec::<String>::new());
    let last_row_dark = learned_from(&|y, x| inside(y, x) && y == top + of.height - 1).unwrap();
    assert!(!changed(&whole, &last_row_dark).is_empty());
}

#[test]
fn a_crop_out_of_range_is_refused() {
    for crop in [-0.5, 0.0, 1.1, f64::NAN] {
        let error = Settings { crop, ..settings() }.check().unwrap_err();
        assert!(error.to_string().contains("crop"), "{error}");
    }
}

#[test]
fn a_pull_out_of_range_is_refused() {
    for pull in [-0.1, 1.0, f64::NAN] {
        let error = Settings { pull, ..settings() }.check().unwrap_err();
        assert!(error.to_string().contains("pull"), "{error}");
    }
}
