//! Replay: what is remembered, and that it is learned.

use super::student::{from_disk, learner_of, reference, see, teaching, washed_out};
use super::{SIZE, WATCH, picture, show};
use crate::adapt::{Error, Method, Request, Reset, Settings, remembered_frames};
use crate::weights::State;

#[test]
fn what_is_remembered_is_learned() {
    let Some(mut learner) = learner_of(
        Settings {
            learning_rate: 1e-3,
            ..teaching(Method::Replay)
        },
        None,
    ) else {
        return;
    };
    let first = show(&mut learner, 0, WATCH);
    let reports: Vec<_> = (0..60)
        .map(|time| show(&mut learner, time % 3, Request::default()).report)
        .collect();
    let mean = |of: &[crate::adapt::Report]| {
        of.iter().filter_map(|r| r.loss).sum::<f32>() / of.len() as f32
    };
    let (before, after) = (mean(&reports[..10]), mean(&reports[50..]));
    assert!(after < 0.7 * before, "{before} to {after}");
    for (number, report) in reports.iter().enumerate() {
        assert_eq!((report.skipped, report.steps), (None, 1));
        assert_eq!(report.remembered, (number + 1).min(6));
        assert_eq!(report.steps_since_reset, number as u64 + 1);
        assert_eq!(report.adapted_frames, number as u64 + 1);
        assert!(report.disagreement.is_some_and(|share| share < 0.15));
    }
    let learned = show(&mut learner, 0, WATCH);
    assert_ne!(learned.classes, first.classes);
    assert_eq!(learned.report.adapted_frames, 61);

    learner.reset(Reset::ALL).unwrap();
    let afresh = show(&mut learner, 0, WATCH);
    assert_eq!(afresh.classes, first.classes);
    let report = afresh.report;
    assert_eq!((report.remembered, report.steps_since_reset), (0, 0));
}

#[test]
fn frames_in_range_are_what_is_remembered() {
    let Some(reference) = reference() else {
        return;
    };
    let settings = Settings {
        surprise: 1.0,
        ..teaching(Method::Replay)
    };
    let mut learner = learner_of(settings, Some(reference)).unwrap();
    for time in 0..9 {
        let remembered = see(&mut learner, picture(SIZE, time)).report.remembered;
        assert_eq!(remembered, (time + 1).min(6));
    }
    (0..20).for_each(|time| drop(see(&mut learner, washed_out(time))));
    let saved = learner.save().unwrap();
    let frames: Vec<_> = saved
        .pictures
        .keys()
        .filter(|n| n.ends_with(".in-range"))
        .collect();
    assert_eq!(frames.len(), 6, "{:?}", saved.pictures.keys());
}

#[test]
fn a_state_holds_weights_and_memory() {
    let fast = Settings {
        learning_rate: 1e-2,
        ..teaching(Method::Replay)
    };
    let Some(mut one) = learner_of(fast.clone(), None) else {
        return;
    };
    (0..8).for_each(|time| drop(show(&mut one, time, Request::default())));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    one.save().unwrap().save(&path).unwrap();
    let state = State::load(&path).unwrap();
    assert_eq!(state.pictures.len(), 12);
    assert_eq!(remembered_frames(&state.pictures), 6);

    let mut other = learner_of(fast.clone(), None).unwrap();
    other.load("state", &state).unwrap();
    let (here, there) = (show(&mut one, 3, WATCH), show(&mut other, 3, WATCH));
    assert_eq!(here.classes, there.classes);
    assert_ne!(here.classes, from_disk(&picture(SIZE, 3), 0.0));
    assert_eq!(
        (there.report.remembered, there.report.steps_since_reset),
        (6, 8)
    );
    assert_eq!(other.save().unwrap().pictures, state.pictures);

    // Without learning h this head would be lost.
    let mut online = learner_of(
        Settings {
            method: Method::Online,
            ..fast.clone()
        },
        None,
    )
    .unwrap();
    let error = online.load("state", &state).unwrap_err();
    assert!(
        matches!(&error, Error::Setting { name: "method", .. }),
        "{error}"
    );
    let before = online.save().unwrap();
    // The other way there is no head to load.
    other.load("state", &before).unwrap();
    assert_eq!(
        show(&mut other, 3, WATCH).classes,
        from_disk(&picture(SIZE, 3), 0.0)
    );

    let mut broken = state.clone();
    broken.pictures.remove("memory.000.labels");
    let error = other.load("broken", &broken).unwrap_err().to_string();
    assert!(error.contains("memory.000.labels"), "{error}");
    let mut odd = state;
    let flat = ndarray::Array::zeros(5).into_dyn();
    odd.pictures.insert("memory.001.labels".into(), flat);
    let error = other.load("odd", &odd).unwrap_err().to_string();
    assert!(error.contains("memory.001.labels"), "{error}");
}

#[test]
fn a_smaller_memory_is_a_setting() {
    let Some(mut learner) = learner_of(teaching(Method::Replay), None) else {
        return;
    };
    (0..6).for_each(|time| drop(show(&mut learner, time, Request::default())));
    learner
        .update(Settings {
            memory: 2,
            ..teaching(Method::Replay)
        })
        .unwrap();
    assert_eq!(
        show(&mut learner, 6, Request::default()).report.remembered,
        2
    );
    assert!(
        Settings {
            memory: 0,
            ..teaching(Method::Replay)
        }
        .check()
        .is_err()
    );
}
