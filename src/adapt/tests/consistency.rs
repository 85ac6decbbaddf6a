//! Masked consistency: what goes out of whole frames is learned with parts of them hidden.

use super::student::{from_disk, learner_of, teaching};
use super::{SIZE, WATCH, picture, show};
use crate::adapt::{Method, Report, Request, Reset, Settings};
use crate::weights::State;

fn consistency(learning_rate: f64) -> Settings {
    Settings {
        learning_rate,
        ..teaching(Method::Consistency)
    }
}

#[test]
fn what_goes_out_is_learned() {
    let Some(mut learner) = learner_of(consistency(1e-3), None) else {
        return;
    };
    let reports: Vec<_> = (0..60)
        .map(|time| show(&mut learner, time % 3, Request::default()).report)
        .collect();
    let mean = |of: &[Report]| of.iter().filter_map(|r| r.loss).sum::<f32>() / of.len() as f32;
    let (before, after) = (mean(&reports[..10]), mean(&reports[50..]));
    assert!(after < 0.8 * before, "{before} to {after}");
    for (number, report) in reports.iter().enumerate() {
        assert_eq!((report.skipped, report.steps), (None, 1));
        assert_eq!((report.remembered, report.rollbacks), (0, 0));
        assert_eq!(report.steps_since_reset, number as u64 + 1);
        // A frame goes out as the steps before it have it.
        assert_eq!(report.adapted_frames, number as u64);
    }
}

#[test]
fn a_frame_goes_out_fused_as_it_was_before_its_step() {
    for fusion in [0.0, 0.8] {
        let settings = Settings {
            fusion,
            ..consistency(1e-2)
        };
        let Some(mut learner) = learner_of(settings.clone(), None) else {
            return;
        };
        let first = show(&mut learner, 0, Request::default());
        assert_eq!(first.report.adapted_frames, 0);
        if fusion > 0.0 {
            assert_eq!(first.classes, from_disk(&picture(SIZE, 0), fusion));
        }
        // Without a step the second frame is what it is with one, whether it is fused ahead of that or afterwards.
        let mut other = learner_of(settings, None).unwrap();
        show(&mut other, 0, Request::default());
        let (with, without) = (
            show(&mut learner, 2, Request::default()),
            show(&mut other, 2, WATCH),
        );
        assert_eq!((with.report.steps, without.report.steps), (1, 0));
        assert_eq!(with.classes, without.classes, "{fusion}");
        assert_eq!(with.report.adapted_frames, 1);
    }
}

#[test]
fn a_state_is_gone_on_with_and_a_reset_forgets_it() {
    let Some(mut one) = learner_of(consistency(1e-2), None) else {
        return;
    };
    (0..8).for_each(|time| drop(show(&mut one, time, Request::default())));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    one.save().unwrap().save(&path).unwrap();
    let state = State::load(&path).unwrap();
    assert!(state.pictures.is_empty());
    let mut other = learner_of(consistency(1e-2), None).unwrap();
    other.load("state", &state).unwrap();
    let (here, there) = (show(&mut one, 3, WATCH), show(&mut other, 3, WATCH));
    assert_eq!(here.classes, there.classes);
    assert_ne!(here.classes, from_disk(&picture(SIZE, 3), 0.0));
    assert_eq!(there.report.steps_since_reset, 8);

    one.reset(Reset::ALL).unwrap();
    let mut afresh = learner_of(consistency(1e-2), None).unwrap();
    // Random numbers are those of a frame's number.
    (0..9).for_each(|time| drop(show(&mut afresh, time, WATCH)));
    for time in 0..3 {
        let seen = [&mut one, &mut afresh].map(|l| show(l, time, Request::default()));
        assert_eq!(seen[0].classes, seen[1].classes);
        assert_eq!(seen[0].report.loss, seen[1].report.loss);
    }
}
