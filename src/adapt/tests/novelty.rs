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
