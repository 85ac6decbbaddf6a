//! Steps beside predictions.

use std::thread;
use std::time::Duration;

use super::{SIZE, WATCH, model, picture, settings};
use crate::adapt::{
    Adapter, Error, Method, Prediction, Request, Reset, Settings, Skipped, Trainable,
};
use crate::runtime::testing;
use crate::video::Rgb;

fn start(settings: Settings) -> Option<Adapter> {
    testing::runtime()?;
    Some(Adapter::start_asynchronous(model(1), settings, testing::options()).unwrap())
}

fn push(adapter: &Adapter, time: usize, request: Request) -> Result<Prediction, Error> {
    let rgb = picture(SIZE, time);
    let ticket = adapter.push(&rgb, request)?;
    ticket.wait()
}

/// Pushes frames until one has the weights of a step.
fn learned(adapter: &Adapter) -> Prediction {
    for time in 0..10_000 {
        let answer = push(adapter, time, Request::default()).unwrap();
        if answer.report.steps > 0 {
            return answer;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("never learned");
}

/// Steps for hours.
fn endless() -> Settings {
    Settings {
        batch_size: 64,
        steps: 100_000,
        ..settings()
    }
}

#[test]
fn predictions_do_not_wait_for_steps() {
    let Some(adapter) = start(endless()) else {
        return;
    };
    for time in 0..20 {
        let report = push(&adapter, time, Request::default()).unwrap().report;
        assert_eq!(report.frame, time as u64 + 1);
        assert_eq!(
            report.window,
            (time + 1).min(4),
            "every frame enters the window"
        );
        assert_eq!((report.steps, report.loss, report.skipped), (0, None, None));
        assert_eq!(report.steps_since_reset, 0);
    }
}

#[test]
fn predictions_use_the_newest_weights() {
    let fast = Settings {
        learning_rate: 1e-2,
        encoder_multiplier: 1.0,
        steps: 4,
        ..settings()
    };
    let Some(adapter) = start(fast.clone()) else {
        return;
    };
    let before = push(&adapter, 0, WATCH).unwrap();
    assert_eq!(before.report.skipped, Some(Skipped::Off));
    let mut after = learned(&adapter);
    assert_eq!(after.report.steps % 4, 0);
    assert!(after.report.loss.is_some_and(f32::is_finite));
    assert!(after.report.step_time > Duration::ZERO);
    for _ in 0..3 {
        let steps = after.report.steps_since_reset;
        after = learned(&adapter);
        assert_eq!(
            after.report.steps_since_reset,
            steps + after.report.steps as u64
        );
    }

    // The same weights in an adapter of one worker predict the same.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    adapter.save_state(&path).unwrap();
    let saved = crate::weights::State::load(&path).unwrap();
    // What was saved is what the next frame is predicted with, if nothing more is learned.
    let here = push(&adapter, 0, WATCH).unwrap();
    assert_eq!(here.report.steps_since_reset, saved.origin.steps);
    let other = Adapter::start(model(1), fast, testing::options()).unwrap();
    other.load_state(&path).unwrap();
    let there = push(&other, 0, WATCH).unwrap();
    assert_eq!(here.classes, there.classes);
    assert_ne!(here.classes, before.classes);

    adapter.reset(Reset::ALL);
    let afresh = push(&adapter, 0, WATCH).unwrap();
    assert_eq!(
        (afresh.report.steps_since_reset, afresh.report.window),
        (0, 1)
    );
    assert_eq!(afresh.classes, before.classes);
    adapter.load_state(&path).unwrap();
    let loaded = push(&adapter, 0, WATCH).unwrap();
    assert_eq!(loaded.classes, there.classes);
}

#[test]
fn what_the_method_forgets_before_every_frame_is_forgotten_without_a_step() {
    for method in [Method::ExplicitOnly, Method::NoMemory] {
        let fast = Settings {
            method,
            learning_rate: 1e-2,
            encoder_multiplier: 1.0,
            ..settings()
        };
        let Some(adapter) = start(fast.clone()) else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let wait_for_steps = || adapter.save_state(&folder.path().join("state")).unwrap();
        let from_disk = push(&adapter, 0, WATCH).unwrap();
        push(&adapter, 0, Request::default()).unwrap();
        wait_for_steps();
        let frozen = push(&adapter, 0, WATCH).unwrap();
        assert_eq!(
            (frozen.report.steps, frozen.report.steps_since_reset),
            (1, 1)
        );
        assert_ne!(frozen.classes, from_disk.classes, "{method:?}");
        let training_interval = 100_000;
        adapter
            .update(Settings {
                training_interval,
                ..fast
            })
            .unwrap();
        push(&adapter, 1, Request::default()).unwrap();
        wait_for_steps();
        let later = push(&adapter, 0, Request::default()).unwrap();
        assert_eq!(later.classes, from_disk.classes, "{method:?}");
        let report = later.report;
        assert_eq!((report.steps, report.steps_since_reset), (0, 0));
        assert_eq!(report.skipped, Some(Skipped::Interval));
    }
}

#[test]
fn a_step_from_before_a_reset_leaves_no_trace() {
    let Some(adapter) = start(settings()) else {
        return;
    };
    learned(&adapter);
    for _ in 0..5 {
        push(&adapter, 1, Request::default()).unwrap();
        // Most likely in the middle of the step.
        adapter.reset(Reset::ALL);
        let report = push(&adapter, 2, WATCH).unwrap().report;
        assert_eq!((report.steps, report.steps_since_reset), (0, 0));
    }
    // Once the worker has caught up there is nothing left of it, either.
    let folder = tempfile::tempdir().unwrap();
    adapter.save_state(&folder.path().join("state")).unwrap();
    let report = push(&adapter, 3, WATCH).unwrap().report;
    assert_eq!((report.steps, report.steps_since_reset), (0, 0));
}

#[test]
fn both_workers_are_called_off_and_go_on() {
    let Some(adapter) = start(settings()) else {
        return;
    };
    for _ in 0..3 {
        adapter.update(endless()).unwrap();
        push(&adapter, 0, Request::default()).unwrap();
        thread::sleep(Duration::from_millis(50));
        adapter.cancel();
        assert!(matches!(push(&adapter, 1, WATCH), Err(Error::Cancelled)));
        adapter.update(settings()).unwrap();
        adapter.resume();
        learned(&adapter);
    }
}

#[test]
fn what_goes_wrong_beside_is_told() {
    let Some(adapter) = start(settings()) else {
        return;
    };
    // Weights travel otherwise then, which both have to hear of.
    let norms = Settings {
        learn: Trainable::Norms,
        ..settings()
    };
    adapter.update(norms).unwrap();
    learned(&adapter);
    // Frames that no step can be built for: a window attends to blocks of 32 pixels.
    let odd = adapter.push(&Rgb::zeros((20, 20, 3)), Request::default());
    assert!(matches!(odd.unwrap().wait(), Err(Error::Graph(_))));
    // Waits for the worker that learns.
    let folder = tempfile::tempdir().unwrap();
    adapter.save_state(&folder.path().join("state")).unwrap();
    let answer = push(&adapter, 0, WATCH).map(|prediction| prediction.report);
    assert!(matches!(answer, Err(Error::Worker(_))), "{answer:?}");
    learned(&adapter);
}
