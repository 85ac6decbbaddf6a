//! Novelty: a familiar video is not learned from.

use std::sync::Arc;

use super::learning::{WEIGHTS, weights};
use super::{learner, settings, show};
use crate::adapt::{Learner, Request, Settings, Skipped};
use crate::runtime::{Cancel, testing};
use crate::weights::ModelFile;

/// A learner whose model file says that `reference` of the training pictures stays unexplained.
pub(super) fn learner_with_reference(settings: Settings, reference: f32) -> Option<Learner> {
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
        for time in 0..6 {
            let report = show(&mut learner, time, Request::default()).report;
            // Four masks decide.
            let learned = strange && time >= 3;
            assert_eq!(report.steps, usize::from(learned));
            assert_eq!(report.skipped, (!learned).then_some(Skipped::Familiar));
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

/// What was learned does not make a video familiar: the weights on disk tell.
#[test]
fn novelty_does_not_depend_on_what_was_learned() {
    let strange = Settings {
        surprise: 1.0,
        learning_rate: 3e-3,
        ..settings()
    };
    let Some(mut learner) = learner_with_reference(strange, f32::MIN_POSITIVE) else {
        return;
    };
    let shares: Vec<_> = (0..40)
        .map(|_| show(&mut learner, 0, Request::default()).report.unexplained)
        .collect();
    let mean = |of: &[Option<f32>]| of.iter().flatten().sum::<f32>() / of.len() as f32;
    let (first, last) = (mean(&shares[..8]), mean(&shares[32..]));
    assert!((last / first - 1.0).abs() < 0.1, "{first} {last}");
    let learned = learner.unexplained(super::picture(super::SIZE, 0).into());
    assert!(learned.unwrap() < 0.9 * last);

    // What comes after a reset is new again.
    learner.reset(WEIGHTS).unwrap();
    let report = show(&mut learner, 0, Request::default()).report;
    assert_eq!(report.skipped, Some(Skipped::Familiar), "{report:?}");
}

#[test]
fn reconstruction_that_becomes_worse_is_undone() {
    let Some(mut learner) = learner_with_reference(
        Settings {
            surprise: 1.0,
            learning_rate: 0.1,
            encoder_multiplier: 1.0,
            clip_norm: 1.0,
            ..settings()
        },
        f32::MIN_POSITIVE,
    ) else {
        return;
    };
    let reports: Vec<_> = (0..100)
        .map(|time| show(&mut learner, time, Request::default()).report)
        .collect();
    let undone = reports.iter().position(|r| r.rollbacks > 0).unwrap();
    assert_eq!(reports[undone].steps_since_reset, 0);
    assert_eq!(reports[undone + 1].skipped, Some(Skipped::RolledBack));
    assert!(
        reports[..undone]
            .iter()
            .all(|r| r.steps_since_reset == 0 || r.adapted_frames > 0)
    );
}
