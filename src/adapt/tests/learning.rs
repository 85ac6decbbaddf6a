//! Learning itself: losses, resets, windows and sizes, requests.

use super::{SIZE, WATCH, learner, picture, settings, show};
use crate::adapt::graphs::Size;
use crate::adapt::{Learner, Method, Moments, Recipe, Request, Reset, Settings, Skipped};
use crate::weights::Weights;

pub(super) const WEIGHTS: Reset = Reset {
    weights: true,
    window: false,
    moments: false,
    self_training: false,
};

pub(super) fn weights(learner: &Learner) -> Weights {
    learner.save().unwrap().weights
}

pub(super) fn losses(learner: &mut Learner, times: impl Iterator<Item = usize>) -> Vec<f32> {
    times
        .map(|time| {
            let report = show(learner, time, Request::default()).report;
            assert_eq!((report.skipped, report.steps), (None, 1));
            assert!(report.gradient_norm.unwrap() > 0.0);
            report.loss.unwrap()
        })
        .collect()
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

#[test]
fn a_still_picture_is_learned() {
    for moments in [Moments::Restart, Moments::Persistent] {
        let Some(mut learner) = learner(Settings {
            moments,
            ..settings()
        }) else {
            return;
        };
        let losses = losses(&mut learner, std::iter::repeat_n(0, 30));
        let (first, last) = (mean(&losses[..5]), mean(&losses[25..]));
        assert!(last < 0.8 * first, "{moments:?}: {losses:?}");
    }
}

#[test]
fn every_recipe_takes_steps() {
    for recipe in [Recipe::Paper, Recipe::Code] {
        let Some(mut learner) = learner(Settings {
            batch_size: 2,
            steps: 2,
            ..Settings::recipe(recipe)
        }) else {
            return;
        };
        let before = weights(&learner);
        let report = show(&mut learner, 0, Request::default()).report;
        assert_eq!((report.skipped, report.steps), (None, 2), "{recipe:?}");
        assert_eq!(report.steps_since_reset, 2);
        assert_ne!(weights(&learner), before, "{recipe:?}");
    }
}

#[test]
fn without_a_method_nothing_is_learned() {
    let Some(mut learner) = learner(Settings {
        method: Method::MainTaskOnly,
        ..settings()
    }) else {
        return;
    };
    let before = weights(&learner);
    let first = show(&mut learner, 0, Request::default());
    assert_eq!(first.report.skipped, Some(Skipped::Off));
    assert_eq!((first.report.loss, first.report.steps), (None, 0));
    for _ in 0..3 {
        let later = show(&mut learner, 0, Request::default());
        assert_eq!(later.classes, first.classes);
    }
    assert_eq!(weights(&learner), before);
}

#[test]
fn a_reset_brings_the_first_prediction_back() {
    let Some(mut learner) = learner(Settings {
        learning_rate: 1e-2,
        encoder_multiplier: 1.0,
        ..settings()
    }) else {
        return;
    };
    let from_disk = weights(&learner);
    let first = show(&mut learner, 0, WATCH);
    losses(&mut learner, 0..5);
    let learned = show(&mut learner, 0, WATCH);
    assert_ne!(learned.classes, first.classes);
    assert_eq!(learned.report.steps_since_reset, 5);

    learner.reset(WEIGHTS).unwrap();
    let reset = show(&mut learner, 0, WATCH);
    assert_eq!(reset.classes, first.classes);
    assert_eq!(weights(&learner), from_disk);
    assert_eq!(reset.report.steps_since_reset, 0);
    assert_eq!(reset.report.window, 4, "the window stays");
}

#[test]
fn a_step_that_is_not_finite_leaves_the_weights_as_they_are() {
    for pull in [0.0, 0.5] {
        let Some(mut learner) = learner(Settings {
            learning_rate: 1e30,
            pull,
            ..settings()
        }) else {
            return;
        };
        // This one is: it starts from the weights on disk. What it leaves behind is beyond computing with.
        losses(&mut learner, 0..1);
        let ruined = weights(&learner);
        let report = show(&mut learner, 0, Request::default()).report;
        assert_eq!(report.skipped, Some(Skipped::NotFinite));
        assert_eq!(report.steps_since_reset, 1);
        assert_eq!(weights(&learner), ruined, "pull {pull}");

        learner.reset(WEIGHTS).unwrap();
        losses(&mut learner, 0..1);
    }
}

#[test]
fn the_unlimited_window_has_a_limit() {
    let Some(mut learner) = learner(Settings {
        window: 0,
        ..settings()
    }) else {
        return;
    };
    let nothing = Request {
        predict: false,
        ..WATCH
    };
    let size = Size {
        height: 16,
        width: 16,
    };
    let frame = std::sync::Arc::new(picture(size, 0));
    for pushed in 1..=Settings::WINDOW_CAP + 10 {
        let answer = learner.frame(frame.clone(), nothing).unwrap();
        assert_eq!(answer.report.window, pushed.min(Settings::WINDOW_CAP));
        assert_eq!(answer.classes, None);
    }
    assert_eq!(learner.sessions_built(), 0);
}

#[test]
fn a_stream_that_changes_its_size_goes_back_to_the_sessions_it_had() {
    let Some(mut learner) = learner(settings()) else {
        return;
    };
    let wide = Size {
        height: 64,
        width: 96,
    };
    let mut windows = vec![];
    let mut built = vec![];
    for size in [SIZE, SIZE, wide, wide, SIZE, wide] {
        let rgb = picture(size, 0).into();
        let answer = learner.frame(rgb, Request::default()).unwrap();
        assert_eq!(answer.classes.unwrap().dim(), (size.height, size.width));
        windows.push(answer.report.window);
        built.push(learner.sessions_built());
    }
    assert_eq!(windows, [1, 2, 1, 2, 1, 1]);
    assert_eq!(built, [2, 2, 4, 4, 4, 4]);
}

#[test]
fn the_reconstruction_is_a_picture_that_learning_improves() {
    let Some(mut learner) = learner(settings()) else {
        return;
    };
    let look = Request {
        reconstruct: true,
        ..WATCH
    };
    let truth = picture(SIZE, 0);
    let error = |learner: &mut Learner| {
        let seen = show(learner, 0, look).reconstruction.unwrap();
        assert_eq!(seen.dim(), truth.dim());
        let difference = seen.iter().zip(&truth).map(|(&a, &b)| a.abs_diff(b) as u64);
        difference.sum::<u64>()
    };
    let before = error(&mut learner);
    losses(&mut learner, std::iter::repeat_n(0, 20));
    let after = error(&mut learner);
    assert!(after < before, "{before} became {after}");
}

#[test]
fn a_request_bounds_views_and_steps() {
    let six = Settings {
        steps: 6,
        ..settings()
    };
    let Some(mut learner) = learner(six.clone()) else {
        return;
    };
    let bounded = |most_views, most_steps| Request {
        most_views,
        most_steps,
        ..Request::default()
    };
    // A step over another number of views is built beside the stream: frames go on, and one of them finds it.
    let steps = |learner: &mut super::Learner, request| {
        let mut reports = (0..).map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            show(learner, 0, request).report
        });
        let learned = reports.find(|r| r.skipped != Some(Skipped::Late));
        learned.unwrap().steps
    };
    assert_eq!(steps(&mut learner, bounded(Some(1), Some(2))), 2);
    assert_eq!(
        steps(&mut learner, bounded(Some(0), Some(0))),
        1,
        "at least one"
    );
    assert_eq!(
        steps(&mut learner, bounded(Some(99), Some(99))),
        6,
        "no more than set"
    );
    // For the prediction and the first step frames have waited; for the step over four views they have not.
    assert_eq!(
        (learner.sessions_built(), learner.sessions_built_beside()),
        (2, 1)
    );
    assert_eq!(steps(&mut learner, bounded(Some(1), None)), 6);
    assert_eq!(steps(&mut learner, bounded(None, Some(1))), 1);
    assert_eq!(
        (learner.sessions_built(), learner.sessions_built_beside()),
        (2, 1),
        "going back and forth builds nothing"
    );

    // Fewer views and steps are the same as settings that say so.
    let fewer = Settings {
        batch_size: 1,
        steps: 2,
        ..six.clone()
    };
    let loss = |settings, request| {
        let mut learner = super::learner(settings).unwrap();
        show(&mut learner, 0, request).report.loss.map(f32::to_bits)
    };
    assert_eq!(
        loss(six, bounded(Some(1), Some(2))),
        loss(fewer, Request::default())
    );
}
