use super::{SIZE, WATCH, learner, picture, settings, show};
use crate::adapt::graphs::Size;
use crate::adapt::{Learner, Method, Moments, Recipe, Request, Reset, Settings, Skipped};
use crate::runtime::{Cancel, testing};
use crate::video::ClassMap;
use crate::weights::{ModelFile, Weights};
use std::sync::Arc;

const WEIGHTS: Reset = Reset {
    weights: true,
    window: false,
    moments: false,
    self_training: false,
};

fn weights(learner: &Learner) -> Weights {
    learner.save().unwrap().weights
}

fn losses(learner: &mut Learner, times: impl Iterator<Item = usize>) -> Vec<f32> {
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
fn methods_without_implicit_memory_start_every_frame_from_disk() {
    let with = |method| Settings {
        method,
        ..settings()
    };
    let third_loss = |before, third| {
        let mut learner = learner(with(before))?;
        for time in 0..2 {
            show(&mut learner, time, Request::default());
        }
        learner.update(with(third)).unwrap();
        losses(&mut learner, 2..3).pop()
    };
    for method in [Method::ExplicitOnly, Method::NoMemory] {
        // Masks and places are those of the third frame in both; so only weights can tell them apart.
        let Some(loss) = third_loss(method, method) else {
            return;
        };
        assert_eq!(
            third_loss(Method::MainTaskOnly, method),
            Some(loss),
            "{method:?}"
        );
    }
    let online = third_loss(Method::Online, Method::Online);
    assert_ne!(third_loss(Method::MainTaskOnly, Method::Online), online);
}

/// What the model on disk makes of the picture at a time.
fn classes_from_disk(time: usize) -> Option<Arc<ClassMap>> {
    let mut untouched = learner(Settings {
        method: Method::MainTaskOnly,
        ..settings()
    })?;
    show(&mut untouched, time, Request::default()).classes
}

#[test]
fn methods_without_implicit_memory_predict_from_disk_where_no_step_is_taken() {
    let Some(from_disk) = classes_from_disk(1) else {
        return;
    };
    let request = |learn, late| Request {
        learn,
        late,
        ..Request::default()
    };
    let asked = request(true, false);
    for method in [Method::ExplicitOnly, Method::NoMemory] {
        let fast = Settings {
            method,
            learning_rate: 1e-2,
            encoder_multiplier: 1.0,
            training_interval: 3,
            surprise: 1.0,
            ..settings()
        };
        let mut learner = learner_with_reference(fast.clone(), 1e-3).unwrap();
        let mut steps = fast.clone();
        steps.steps = 0;
        let mut familiar = fast.clone();
        (familiar.surprise, familiar.training_interval) = (1e9, 1);
        for (settings, request, skipped) in [
            (&fast, asked, Some(Skipped::Interval)),
            (&fast, asked, Some(Skipped::Interval)),
            (&fast, asked, None),
            // Learning is switched off: what was learned stays.
            (&fast, request(false, false), Some(Skipped::Off)),
            (&fast, asked, Some(Skipped::Interval)),
            (&fast, asked, None),
            (&fast, request(false, true), Some(Skipped::Late)),
            (&fast, asked, Some(Skipped::Interval)),
            (&fast, asked, None),
            (&steps, asked, Some(Skipped::Off)),
            // While the video is strange a step finds out that it no longer is.
            (&familiar, asked, None),
            (&familiar, asked, Some(Skipped::Familiar)),
        ] {
            learner.update(settings.clone()).unwrap();
            let seen = show(&mut learner, 1, request);
            let frame = format!("{method:?}, frame {}", seen.report.frame);
            assert_eq!(seen.report.skipped, skipped, "{frame}");
            let learned = skipped.is_none() || !(request.learn || request.late);
            assert_eq!(seen.classes.unwrap() == from_disk, !learned, "{frame}");
            assert_eq!(seen.report.steps_since_reset, u64::from(learned), "{frame}");
        }
    }
}

#[test]
fn every_third_frame_is_the_third_and_the_sixth() {
    let Some(mut learner) = learner(Settings {
        training_interval: 3,
        ..settings()
    }) else {
        return;
    };
    let steps = [0, 0, 1, 0, 0, 1, 0];
    let reports = steps.map(|_| show(&mut learner, 0, Request::default()).report);
    assert_eq!(reports.map(|report| report.steps), steps);
}

#[test]
fn before_the_first_step_frames_are_predicted_with_the_weights_on_disk() {
    let Some(mut learner) = learner(Settings {
        method: Method::NoMemory,
        training_interval: 1000,
        learning_rate: 1e-2,
        ..settings()
    }) else {
        return;
    };
    for time in 0..3 {
        let seen = show(&mut learner, time, Request::default());
        assert_eq!(seen.classes, classes_from_disk(time), "frame {time}");
    }
}

#[test]
fn steps_and_windows_are_those_of_the_method() {
    for (method, windows, since_reset) in [
        (Method::Online, [1, 2, 3], [2, 4, 6]),
        (Method::ImplicitOnly, [1, 1, 1], [2, 4, 6]),
        (Method::ExplicitOnly, [1, 2, 3], [2, 2, 2]),
        (Method::NoMemory, [1, 1, 1], [2, 2, 2]),
    ] {
        let Some(mut learner) = learner(Settings {
            method,
            steps: 2,
            ..settings()
        }) else {
            return;
        };
        for time in 0..3 {
            let report = show(&mut learner, time, Request::default()).report;
            assert_eq!(report.window, windows[time], "{method:?}");
            assert_eq!(report.steps_since_reset, since_reset[time], "{method:?}");
        }
    }
}

#[test]
fn what_is_skipped_has_a_reason() {
    let Some(mut learner) = learner(Settings {
        training_interval: 3,
        ..settings()
    }) else {
        return;
    };
    let request = |learn, late| Request {
        learn,
        late,
        ..Request::default()
    };
    let asked = request(true, false);
    for (request, expected) in [
        (asked, Some(Skipped::Interval)),
        (asked, Some(Skipped::Interval)),
        (request(false, true), Some(Skipped::Late)),
        (request(false, false), Some(Skipped::Off)),
        (asked, Some(Skipped::Interval)),
        (asked, None),
        (asked, Some(Skipped::Interval)),
    ] {
        let report = show(&mut learner, 0, request).report;
        assert_eq!(report.skipped, expected, "frame {}", report.frame);
        assert_eq!(report.steps, usize::from(expected.is_none()));
        assert_eq!(report.loss.is_some(), expected.is_none());
    }
}

/// A learner whose model file says that `reference` of the training pictures stays unexplained.
fn learner_with_reference(settings: Settings, reference: f32) -> Option<Learner> {
    let model = ModelFile {
        unexplained: Some(reference),
        ..(*super::model(1)).clone()
    };
    let runtime = testing::runtime()?;
    let cancel = Cancel::new();
    Some(
        Learner::new(
            Arc::new(model),
            settings,
            runtime,
            &testing::options(),
            &cancel,
        )
        .unwrap(),
    )
}

#[test]
fn a_familiar_video_is_looked_at_and_not_learned_from() {
    let surprise = Settings {
        surprise: 1.0,
        ..settings()
    };
    // An untrained g explains next to nothing: strange for a model that claims more, familiar for one that does not.
    for (reference, strange) in [(0.1, true), (1e3, false)] {
        let Some(mut learner) = learner_with_reference(surprise.clone(), reference) else {
            return;
        };
        let before = weights(&learner);
        for time in 0..3 {
            let report = show(&mut learner, time, Request::default()).report;
            assert_eq!(report.steps, usize::from(strange));
            let skipped = (!strange).then_some(Skipped::Familiar);
            assert_eq!(report.skipped, skipped);
            assert!(report.loss.is_some() && report.unexplained.is_some());
            let still = report.unexplained.unwrap() > reference;
            assert_eq!(still, strange, "{report:?}");
        }
        assert_eq!(weights(&learner) != before, strange);
    }
    // Without a reference, or with 0, every frame is learned from and nothing is compared.
    let off = Settings {
        surprise: 0.0,
        ..settings()
    };
    let learners = [learner(surprise), learner_with_reference(off, 1e3)];
    for mut learner in learners.into_iter().flatten() {
        let report = show(&mut learner, 0, Request::default()).report;
        assert_eq!((report.steps, report.unexplained), (1, None));
    }
}

#[test]
fn learning_ends_where_the_video_becomes_familiar() {
    let fast = Settings {
        surprise: 1.0,
        learning_rate: 3e-3,
        ..settings()
    };
    let Some(mut learner) = learner_with_reference(fast.clone(), f32::MIN_POSITIVE) else {
        return;
    };
    let share = |learner: &mut Learner| {
        let report = show(learner, 0, Request::default()).report;
        report.unexplained.unwrap()
    };
    let first = share(&mut learner);
    let later = (0..40).map(|_| share(&mut learner)).last().unwrap();
    assert!(later < 0.9 * first, "{first} to {later}");

    let between = first.midpoint(later);
    let mut learner = learner_with_reference(fast, between).unwrap();
    let reports: Vec<_> = (0..60)
        .map(|_| show(&mut learner, 0, Request::default()).report)
        .collect();
    assert_eq!(reports[0].steps, 1);
    assert!(reports.iter().any(|r| r.skipped == Some(Skipped::Familiar)));
    let steps: usize = reports.iter().map(|r| r.steps).sum();
    assert!(steps < 60, "{steps}");

    // What comes after a reset is new again.
    learner.reset(WEIGHTS).unwrap();
    let report = show(&mut learner, 0, Request::default()).report;
    assert_eq!(report.steps, 1, "{report:?}");
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
