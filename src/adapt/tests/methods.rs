//! Methods: what each of them forgets when, frames without a step, and the reasons for those.

use std::sync::Arc;

use super::learning::losses;
use super::novelty::learner_with_reference;
use super::{learner, settings, show};
use crate::adapt::{Method, Request, Settings, Skipped};
use crate::video::ClassMap;

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
            surprise: 0.0,
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
