//! Fusion of a frame's class probabilities with those of the last one.

use super::*;
use crate::adapt::{Method, Reset};
use ndarray::{Array3, Axis};

fn fused(share: f64) -> Settings {
    Settings {
        method: Method::MainTaskOnly,
        fusion: share,
        ..settings()
    }
}

fn scored() -> Request {
    Request {
        scores: true,
        ..Request::default()
    }
}

fn scores(learner: &mut Learner, time: usize) -> Array3<f32> {
    show(learner, time, scored()).scores.unwrap()
}

#[test]
fn a_frame_without_one_before_it_is_not_fused() {
    let (Some(mut fusing), Some(mut alone)) = (learner(fused(0.8)), learner(fused(0.8))) else {
        return;
    };
    let first = scores(&mut alone, 3);
    let probable = first.sum_axis(Axis(0));
    assert!(probable.iter().all(|sum| (sum - 1.0).abs() < 1e-4));
    let forget: [fn(&mut Learner); 4] = [
        |learner| learner.reset(Reset::ALL).unwrap(),
        |learner| {
            let window = Reset {
                window: true,
                ..Reset::default()
            };
            learner.reset(window).unwrap();
        },
        |learner| {
            let other = Rgb::zeros((64, 96, 3)).into();
            learner.frame(other, Request::default()).unwrap();
        },
        |learner| {
            learner.update(fused(0.0)).unwrap();
            show(learner, 0, Request::default());
            learner.update(fused(0.8)).unwrap();
        },
    ];
    for forget in forget {
        scores(&mut fusing, 0);
        assert_ne!(scores(&mut fusing, 3), first);
        forget(&mut fusing);
        assert_eq!(scores(&mut fusing, 3), first);
    }
}

#[test]
fn a_still_frame_changes_less_the_more_the_last_one_counts() {
    let mut changes = vec![];
    for share in [0.2, 0.5, 0.9] {
        let Some(mut learner) = learner(fused(share)) else {
            return;
        };
        let before = scores(&mut learner, 0);
        // The same picture, a little brighter: the model finds something else in it.
        let rgb = picture(SIZE, 0).mapv_into(|v| v.saturating_add(6));
        let after = learner.frame(rgb.into(), scored()).unwrap().scores.unwrap();
        changes.push((after - before).mapv_into(f32::abs).sum());
    }
    assert!(changes[0] > 1.2 * changes[1], "{changes:?}");
    assert!(changes[1] > 1.5 * changes[2], "{changes:?}");
}

#[test]
fn classes_are_those_of_the_highest_scores_with_and_without_fusion() {
    for share in [0.0, 0.8] {
        for method in [Method::MainTaskOnly, Method::Online] {
            let settings = Settings {
                method,
                ..fused(share)
            };
            let (Some(mut one), Some(mut other)) = (learner(settings.clone()), learner(settings))
            else {
                return;
            };
            for time in 0..3 {
                let seen = show(&mut one, time, scored());
                let (classes, scores) = (seen.classes.unwrap(), seen.scores.unwrap());
                assert_eq!(scores.dim(), (CLASSES, SIZE.height, SIZE.width));
                // Probabilities, whether or not any are mixed.
                let sums = scores.sum_axis(Axis(0));
                assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-4));
                assert!(scores.iter().all(|p| *p >= 0.0));
                for ((y, x), class) in classes.indexed_iter() {
                    let highest = (0..CLASSES)
                        .map(|c| scores[[c, y, x]])
                        .fold(f32::NEG_INFINITY, f32::max);
                    let taken = scores[[usize::from(*class), y, x]];
                    assert!(highest <= taken, "{highest} and {taken} at {x} {y}");
                }
                // Scores come along without changing anything.
                let plain = show(&mut other, time, Request::default());
                assert_eq!(plain.classes, Some(classes));
                assert_eq!(plain.scores, None);
                assert_eq!(share > 0.0, !seen.report.fusion_time.is_zero());
            }
        }
    }
}

#[test]
fn what_is_carried_is_of_the_last_frame_that_was_predicted() {
    let (Some(mut every), Some(mut some)) = (learner(fused(0.8)), learner(fused(0.8))) else {
        return;
    };
    let unseen = Request {
        predict: false,
        ..Request::default()
    };
    scores(&mut every, 0);
    scores(&mut some, 0);
    show(&mut some, 9, unseen);
    assert_eq!(scores(&mut some, 1), scores(&mut every, 1));
}
