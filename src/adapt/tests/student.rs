//! Methods that learn labels: the gate decides when, what does harm is undone, and what is learned is mixed with the model on disk.

use std::sync::Arc;

use super::learning::WEIGHTS;
use super::{SIZE, WATCH, model, picture, settings, show};
use crate::adapt::{
    Adapter, Learner, Method, Prediction, Request, Reset, Settings, Skipped, Trainable,
};
use crate::runtime::{Cancel, testing};
use crate::video::{ClassMap, Rgb};
use crate::weights::{ModelFile, State, Tensor};

const METHODS: [Method; 2] = [Method::Replay, Method::Consistency];

/// An untrained model that is sure of what it says, so that there are labels to learn.
pub(super) fn sure_model(reference: Option<f32>) -> Arc<ModelFile> {
    let mut model = (*model(11)).clone();
    model.unexplained = reference;
    for (name, tensor) in &mut model.weights.0 {
        if name.starts_with("model.") && name.contains("mask_embedder.2.") {
            tensor.data.iter_mut().for_each(|value| *value *= 20.0);
        }
    }
    Arc::new(model)
}

pub(super) fn learner_of(settings: Settings, reference: Option<f32>) -> Option<Learner> {
    let runtime = testing::runtime()?;
    let options = testing::options();
    let learner = Learner::new(
        sure_model(reference),
        settings,
        runtime,
        &options,
        &Cancel::new(),
    );
    Some(learner.unwrap())
}

/// Learns from every frame.
pub(super) fn teaching(method: Method) -> Settings {
    Settings {
        method,
        surprise: 0.0,
        memory: 6,
        fusion: 0.0,
        ..settings()
    }
}

/// A flat, bright picture: next to its variance an untrained g leaves much more of it unexplained than of waves.
pub(super) fn washed_out(time: usize) -> Rgb {
    picture(SIZE, time).mapv(|byte| 200 + byte / 16)
}

/// Shares that an untrained g leaves unexplained lie on both sides of this one.
pub(super) fn reference() -> Option<f32> {
    let mut learner = learner_of(teaching(Method::Replay), None)?;
    let share = |rgb: Rgb, learner: &mut Learner| learner.unexplained(rgb.into()).unwrap();
    let waves = share(picture(SIZE, 0), &mut learner);
    let flat = share(washed_out(0), &mut learner);
    assert!(flat > 2.0 * waves, "{flat} {waves}");
    Some((flat * waves).sqrt())
}

pub(super) fn see(learner: &mut Learner, rgb: Rgb) -> Prediction {
    learner.frame(rgb.into(), Request::default()).unwrap()
}

/// What the model on disk makes of a picture.
pub(super) fn from_disk(rgb: &Rgb, fusion: f64) -> Option<Arc<ClassMap>> {
    let mut untouched = learner_of(
        Settings {
            fusion,
            ..teaching(Method::MainTaskOnly)
        },
        None,
    )?;
    see(&mut untouched, rgb.clone()).classes
}

#[test]
fn the_same_stream_gives_the_same_bytes() {
    for method in METHODS {
        let run = |seed| {
            let mut learner = learner_of(
                Settings {
                    seed,
                    learning_rate: 1e-2,
                    ..teaching(method)
                },
                None,
            )?;
            let shown: Vec<_> = (0..6)
                .map(|time| show(&mut learner, time, Request::default()).classes)
                .collect();
            Some((shown, learner.save().unwrap().weights))
        };
        let Some(first) = run(1) else {
            return;
        };
        let (again, other) = (run(1).unwrap(), run(2).unwrap());
        assert!(first.0 == again.0 && first.1 == again.1);
        assert!(first.1 != other.1);
    }
}

#[test]
fn video_in_range_gives_the_bytes_of_no_method() {
    for fusion in [0.0, 0.8] {
        let Some(reference) = reference() else {
            return;
        };
        let with = |method| {
            let settings = Settings {
                surprise: 1.0,
                fusion,
                learning_rate: 1e-2,
                ..teaching(method)
            };
            learner_of(settings, Some(reference)).unwrap()
        };
        let mut none = with(Method::MainTaskOnly);
        for method in [Method::Replay, Method::Consistency, Method::Online] {
            let mut learner = with(method);
            for time in 0..12 {
                let seen = see(&mut learner, picture(SIZE, time));
                assert_eq!(seen.report.skipped, Some(Skipped::Familiar), "{method:?}");
                assert_eq!((seen.report.steps, seen.report.adapted_frames), (0, 0));
                none.reset(if time == 0 {
                    Reset::ALL
                } else {
                    Reset::default()
                })
                .unwrap();
                assert_eq!(
                    seen.classes,
                    see(&mut none, picture(SIZE, time)).classes,
                    "{method:?}, frame {time}"
                );
            }
        }
    }
}

#[test]
fn when_the_video_is_in_range_again_the_model_on_disk_goes_out() {
    let Some(reference) = reference() else {
        return;
    };
    for method in [Method::Replay, Method::Consistency, Method::Online] {
        let settings = Settings {
            surprise: 1.0,
            learning_rate: 3e-2,
            encoder_multiplier: 1.0,
            ..teaching(method)
        };
        let mut learner = learner_of(settings, Some(reference)).unwrap();
        (0..8).for_each(|time| drop(see(&mut learner, picture(SIZE, time))));
        let strange: Vec<_> = (0..20)
            .map(|time| see(&mut learner, washed_out(time)).report)
            .collect();
        assert!(
            strange.iter().any(|r| r.steps > 0) && strange[19].adapted_frames > 0,
            "{method:?}"
        );
        let steps = strange[19].steps_since_reset;
        let back: Vec<_> = (0..40)
            .map(|time| see(&mut learner, picture(SIZE, time)))
            .collect();
        let first = back
            .iter()
            .position(|seen| seen.report.skipped == Some(Skipped::Familiar));
        let first = first.unwrap_or_else(|| panic!("{method:?}: never in range again"));
        let adapted = back[first].report.adapted_frames;
        for (time, seen) in back.iter().enumerate().skip(first + 4) {
            assert_eq!(
                seen.classes,
                from_disk(&picture(SIZE, time), 0.0),
                "{method:?}, frame {time}"
            );
        }
        let last = &back[39].report;
        assert!(last.adapted_frames <= adapted + 4, "{method:?}");
        // What was learned stays for the next time.
        assert!(
            last.steps_since_reset >= steps || last.rollbacks > 0,
            "{method:?}"
        );
    }
}

#[test]
fn a_collapse_is_undone() {
    METHODS.into_iter().for_each(collapse);
}

fn collapse(method: Method) {
    let Some(mut learner) = learner_of(
        Settings {
            learning_rate: 0.3,
            ..teaching(method)
        },
        None,
    ) else {
        return;
    };
    let mut undone = None;
    for time in 0..60 {
        let seen = show(&mut learner, time, Request::default());
        if seen.report.rollbacks > 0 && undone.is_none() {
            undone = Some(time);
            assert_eq!(seen.report.steps_since_reset, 0);
        }
        let Some(since) = undone.map(|at| time - at) else {
            continue;
        };
        if since <= 32 {
            assert_eq!(
                seen.classes,
                from_disk(&picture(SIZE, time), 0.0),
                "{since} later"
            );
        }
        if (1..=32).contains(&since) {
            assert_eq!(
                seen.report.skipped,
                Some(Skipped::RolledBack),
                "{since} later"
            );
        }
        if since == 33 {
            assert_eq!((seen.report.skipped, seen.report.steps), (None, 1));
            return;
        }
    }
    panic!("{method:?}: {undone:?}");
}

#[test]
fn only_what_is_to_learn_changes() {
    for method in METHODS {
        for learn in Trainable::EVERY {
            let settings = Settings {
                learn,
                ..teaching(method)
            };
            let Some(mut learner) = learner_of(settings, None) else {
                return;
            };
            (0..3).for_each(|time| drop(show(&mut learner, time, Request::default())));
            let (learned, model) = (learner.save().unwrap().weights, sure_model(None));
            for (name, before) in model.weights.iter() {
                // Attention does not depend on the bias of its keys: what moves it is rounding.
                if !name.ends_with("key.bias") {
                    let wanted = learn.includes(name) && !name.starts_with("recon.");
                    assert_eq!(learned.0[name] != *before, wanted, "{learn:?} {name}");
                }
            }
        }
    }
}

#[test]
fn what_learns_can_change_within_a_stream() {
    for method in METHODS {
        let fast = Settings {
            learning_rate: 1e-2,
            ..teaching(method)
        };
        let Some(mut learner) = learner_of(fast.clone(), None) else {
            return;
        };
        let learn = |learner: &mut Learner| {
            (0..3).for_each(|time| drop(show(learner, time, Request::default())));
            learner.save().unwrap().weights
        };
        let all = learn(&mut learner);
        let before = show(&mut learner, 5, WATCH);
        let learn_norms = Settings {
            learn: Trainable::Norms,
            ..fast
        };
        learner.update(learn_norms).unwrap();
        assert!(
            learner.save().unwrap().weights == all,
            "what was learned stays"
        );
        let after = show(&mut learner, 5, WATCH);
        assert_eq!(after.classes, before.classes);
        assert_eq!(after.report.steps_since_reset, 3);
        let later = learn(&mut learner);
        let changed =
            |(name, tensor): (&str, &Tensor)| (all.0[name] != *tensor).then(|| name.to_owned());
        let changed: Vec<String> = later.iter().filter_map(changed).collect();
        assert!(!changed.is_empty());
        assert!(changed.iter().all(|name| Trainable::Norms.includes(name)));

        learner.reset(Reset::ALL).unwrap();
        assert_eq!(
            show(&mut learner, 5, WATCH).classes,
            from_disk(&picture(SIZE, 5), 0.0)
        );
    }
}

#[test]
fn a_frame_that_was_not_predicted_leaves_nothing_to_the_next() {
    for method in METHODS {
        let run = |predict| {
            let fast = Settings {
                learning_rate: 1e-2,
                ..teaching(method)
            };
            let mut learner = learner_of(fast, None)?;
            let request = Request {
                predict,
                ..Request::default()
            };
            (0..3).for_each(|time| drop(show(&mut learner, time, request)));
            Some(show(&mut learner, 40, WATCH).classes)
        };
        assert_eq!(run(false), run(true));
    }
}

#[test]
fn steps_beside_predictions_are_followed() {
    for method in METHODS {
        if testing::runtime().is_none() {
            return;
        }
        let fast = Settings {
            learning_rate: 1e-2,
            ..teaching(method)
        };
        let adapter =
            Adapter::start_asynchronous(sure_model(None), fast.clone(), testing::options())
                .unwrap();
        let push = |time, request| {
            let rgb = picture(SIZE, time);
            adapter.push(&rgb, request).unwrap().wait().unwrap()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        for time in 0..8 {
            drop(push(time, Request::default()));
            // Waits for the step.
            adapter.save_state(&path).unwrap();
        }
        let here = push(3, WATCH);
        assert_eq!(
            here.report.steps_since_reset,
            State::load(&path).unwrap().origin.steps
        );
        assert!(here.report.adapted_frames > 0);
        assert_eq!(here.report.remembered > 0, method == Method::Replay);
        assert_ne!(here.classes, from_disk(&picture(SIZE, 3), 0.0));
        let mut other = learner_of(fast, None).unwrap();
        other.load("state", &State::load(&path).unwrap()).unwrap();
        assert_eq!(show(&mut other, 3, WATCH).classes, here.classes);

        adapter.reset(Reset::ALL);
        let afresh = push(3, WATCH);
        assert_eq!(afresh.classes, from_disk(&picture(SIZE, 3), 0.0));
        assert_eq!(
            (afresh.report.remembered, afresh.report.steps_since_reset),
            (0, 0)
        );
    }
}

#[test]
fn what_is_not_finite_leaves_the_weights_and_what_goes_out() {
    for method in METHODS {
        let with = |method| Settings {
            learning_rate: 1e30,
            steps: 2,
            fusion: 0.8,
            ..teaching(method)
        };
        let Some(mut learner) = learner_of(with(method), None) else {
            return;
        };
        let mut none = learner_of(with(Method::MainTaskOnly), None).unwrap();
        for time in 0..4 {
            let seen = show(&mut learner, time, Request::default());
            let wanted = show(&mut none, time, Request::default());
            assert_eq!(seen.classes, wanted.classes, "{method:?}, frame {time}");
            // The first step has left weights that the second makes nothing finite of.
            if time == 0 {
                assert_eq!(seen.report.skipped, Some(Skipped::NotFinite), "{method:?}");
            }
            assert_eq!(seen.report.adapted_frames, 0, "{method:?}");
        }
        let rolled_back = show(&mut learner, 4, Request::default()).report;
        assert_eq!(rolled_back.rollbacks, 1, "{method:?}");
        learner.reset(WEIGHTS).unwrap();
        let report = show(&mut learner, 0, Request::default()).report;
        assert_eq!(report.steps, 2, "{method:?}");
    }
}

#[test]
fn a_model_that_colours_does_as_online_does() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let run = |method| {
        let settings = teaching(method);
        let model = super::colour_head::colour_model();
        let options = testing::options();
        let mut learner = Learner::new(model, settings, runtime, &options, &Cancel::new()).unwrap();
        let shown: Vec<_> = (0..3)
            .map(|time| show(&mut learner, time, Request::default()).chroma)
            .collect();
        (shown, learner.save().unwrap().weights)
    };
    let online = run(Method::Online);
    for method in METHODS {
        assert!(run(method) == online, "{method:?}");
    }
}
