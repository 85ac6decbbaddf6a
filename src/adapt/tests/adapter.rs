use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{CLASSES, SIZE, WATCH, model, picture, settings};
use crate::adapt::{
    Adapter, Error, Method, Prediction, Report, Request, Reset, Settings, Skipped, Ticket,
};
use crate::runtime::{self, Options, testing};
use crate::video::{Rgb, SizeError};
use crate::weights::{State, WeightsError};
use ndarray::ShapeBuilder;

fn start(seed: u64, settings: Settings) -> Option<Adapter> {
    testing::runtime()?;
    Some(Adapter::start(model(seed), settings, testing::options()).unwrap())
}

fn push(adapter: &Adapter, time: usize, request: Request) -> Ticket {
    let rgb = picture(SIZE, time);
    adapter.push(&rgb, request).unwrap()
}

/// Waits on a thread of its own, so that a ticket that never ends fails the test.
fn wait(ticket: Ticket) -> Result<Prediction, Error> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || drop(sender.send(ticket.wait())));
    receiver
        .recv_timeout(Duration::from_secs(60))
        .expect("the ticket hangs")
}

fn report(adapter: &Adapter, request: Request) -> Report {
    wait(push(adapter, 0, request)).unwrap().report
}

fn saved(adapter: &Adapter) -> State {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    adapter.save_state(&path).unwrap();
    State::load(path).unwrap()
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
fn predictions_come_back_in_order() {
    let Some(adapter) = start(1, settings()) else {
        return;
    };
    assert_eq!(adapter.provider_in_use(), "cpu");
    let tickets: Vec<_> = (0..6)
        .map(|time| push(&adapter, time, Request::default()))
        .collect();
    for (at, ticket) in tickets.into_iter().enumerate() {
        let answer = wait(ticket).unwrap();
        assert_eq!(answer.report.frame, at as u64 + 1);
        assert_eq!(answer.report.window, (at + 1).min(4));
        assert_eq!(answer.report.steps_since_reset, at as u64 + 1);
        let classes = answer.classes.unwrap();
        assert_eq!(classes.dim(), (SIZE.height, SIZE.width));
        assert!(classes.iter().all(|&c| usize::from(c) < CLASSES));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed| {
        let adapter = start(1, Settings { seed, ..settings() })?;
        let tickets: Vec<_> = (0..6)
            .map(|time| push(&adapter, time, Request::default()))
            .collect();
        let answers = tickets.into_iter().map(|t| wait(t).unwrap());
        let seen: Vec<_> = answers
            .map(|a| (a.classes, a.report.loss.map(f32::to_bits)))
            .collect();
        Some((seen, saved(&adapter).weights))
    };
    let Some(once) = run(3) else { return };
    assert!(run(3).is_some_and(|again| again == once));
    let (seen, weights) = run(4).unwrap();
    assert_ne!(seen[0].1, once.0[0].1);
    assert_ne!(weights, once.1);
}

#[test]
fn a_run_that_is_called_off_ends_and_the_adapter_goes_on() {
    let quick = Settings {
        batch_size: 64,
        ..settings()
    };
    let Some(adapter) = start(1, quick.clone()) else {
        return;
    };
    // The sessions are there then, and what is called off is a run.
    assert_eq!(report(&adapter, Request::default()).steps, 1);
    for _ in 0..3 {
        adapter.update(endless()).unwrap();
        let running = push(&adapter, 1, Request::default());
        let queued = push(&adapter, 2, Request::default());
        thread::sleep(Duration::from_millis(50));
        adapter.cancel();
        let refused = adapter.push(&picture(SIZE, 3), WATCH);
        assert!(matches!(refused, Err(Error::Cancelled)));
        // At once, so that the worker is still busy with what was called off.
        adapter.update(quick.clone()).unwrap();
        adapter.resume();
        let next = push(&adapter, 4, Request::default());
        assert!(matches!(wait(running), Err(Error::Cancelled)));
        assert!(matches!(wait(queued), Err(Error::Cancelled)));
        assert_eq!(wait(next).unwrap().report.steps, 1);
    }
    // Frames that waited in the queue were dropped unseen; of those before them the worker may have missed some.
    assert!((5..=8).contains(&report(&adapter, WATCH).frame));
}

#[test]
fn building_a_session_can_be_called_off() {
    let Some(adapter) = start(1, endless()) else {
        return;
    };
    for milliseconds in [0, 5, 50, 200] {
        let ticket = push(&adapter, 0, Request::default());
        thread::sleep(Duration::from_millis(milliseconds));
        adapter.cancel();
        adapter.resume();
        assert!(matches!(wait(ticket), Err(Error::Cancelled)));
    }
    adapter.update(settings()).unwrap();
    assert_eq!(report(&adapter, Request::default()).steps, 1);
}

#[test]
fn orders_given_before_cancelling_are_carried_out() {
    let Some(adapter) = start(1, settings()) else {
        return;
    };
    assert_eq!(report(&adapter, Request::default()).steps_since_reset, 1);
    adapter.update(endless()).unwrap();
    let running = push(&adapter, 1, Request::default());
    adapter.reset(Reset::ALL);
    let off = Settings {
        method: Method::MainTaskOnly,
        ..settings()
    };
    adapter.update(off).unwrap();
    adapter.cancel();
    let untouched = saved(&adapter);
    assert_eq!(
        untouched.origin.steps, 0,
        "state can be saved while nothing may run"
    );
    adapter.resume();
    assert!(matches!(wait(running), Err(Error::Cancelled)));
    let report = report(&adapter, Request::default());
    assert_eq!(report.skipped, Some(Skipped::Off));
    assert_eq!((report.steps_since_reset, report.window), (0, 1));
}

#[test]
fn dropping_the_adapter_ends_what_waits_for_it() {
    let Some(adapter) = start(1, endless()) else {
        return;
    };
    let tickets = [0, 1].map(|time| push(&adapter, time, Request::default()));
    drop(adapter);
    for ticket in tickets {
        assert!(matches!(wait(ticket), Err(Error::Cancelled)));
    }
}

#[test]
fn a_frame_whose_ticket_is_dropped_is_seen_all_the_same() {
    let Some(adapter) = start(1, settings()) else {
        return;
    };
    drop(push(&adapter, 0, Request::default()));
    let report = report(&adapter, WATCH);
    assert_eq!((report.frame, report.window), (2, 2));
    assert_eq!(report.steps_since_reset, 1);
}

#[test]
fn saved_weights_go_on_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let fast = Settings {
        learning_rate: 1e-2,
        encoder_multiplier: 1.0,
        ..settings()
    };
    let Some(adapter) = start(1, fast.clone()) else {
        return;
    };
    let before = wait(push(&adapter, 0, WATCH)).unwrap();
    for time in 0..4 {
        drop(push(&adapter, time, Request::default()));
    }
    adapter.save_state(&path).unwrap();
    let learned = wait(push(&adapter, 0, WATCH)).unwrap();
    assert_ne!(learned.classes, before.classes);

    let fresh = start(1, fast.clone()).unwrap();
    fresh.load_state(&path).unwrap();
    let loaded = wait(push(&fresh, 0, WATCH)).unwrap();
    assert_eq!(loaded.classes, learned.classes);
    assert_eq!(loaded.report.steps_since_reset, 4);
    assert_eq!(saved(&fresh).weights, State::load(&path).unwrap().weights);

    let other = start(2, fast).unwrap();
    let refused = other.load_state(&path);
    assert!(matches!(
        refused,
        Err(Error::Weights(WeightsError::OtherModel { .. }))
    ));
    let missing = other.load_state(&folder.path().join("nothing"));
    assert!(matches!(
        missing,
        Err(Error::Weights(WeightsError::NotFound { .. }))
    ));
    let unwritable = other.save_state(&folder.path().join("no/such/folder"));
    assert!(matches!(
        unwritable,
        Err(Error::Weights(WeightsError::Write(_)))
    ));
    assert_eq!(report(&other, Request::default()).steps, 1);
}

#[test]
fn what_is_wrong_is_said_at_once() {
    let Some(adapter) = start(1, settings()) else {
        return;
    };
    for shape in [(64, 64, 4), (64, 64, 1), (0, 64, 3)] {
        let refused = adapter.push(&Rgb::zeros(shape), WATCH);
        assert!(matches!(refused, Err(Error::Frame(_))));
    }
    let columns = adapter.push(&Rgb::zeros((64, 64, 3).f()), WATCH);
    assert!(matches!(columns, Err(Error::Frame(_))));
    // A size that no graph can be built for.
    let odd = adapter.push(&Rgb::zeros((20, 20, 3)), WATCH).unwrap();
    assert!(matches!(wait(odd), Err(Error::Graph(_))));

    let wrong = Settings {
        learning_rate: -1.0,
        ..settings()
    };
    let refused = adapter.update(wrong.clone());
    assert!(matches!(
        refused,
        Err(Error::Setting {
            name: "learning-rate",
            ..
        })
    ));
    assert_eq!(report(&adapter, Request::default()).skipped, None);
    let started = Adapter::start(model(1), wrong, testing::options());
    assert!(matches!(started, Err(Error::Setting { .. })));

    assert_eq!(adapter.model_size(960, 640).unwrap(), (96, 64));
    assert!(matches!(
        adapter.model_size(3, 640),
        Err(Error::Size(SizeError::Small { .. }))
    ));
}

#[test]
fn a_library_that_is_not_there_is_an_error() {
    let options = Options {
        library: Some("/no/such/libonnxruntime.so".into()),
        ..testing::options()
    };
    let started = Adapter::start(model(1), settings(), options);
    // Where another test has loaded one, a second is refused before it is looked for.
    assert!(matches!(
        started,
        Err(Error::Runtime(
            runtime::Error::LibraryNotFound { .. } | runtime::Error::AnotherLibrary { .. }
        ))
    ));
}

#[test]
fn weights_that_do_not_fit_are_an_error() {
    if testing::runtime().is_none() {
        return;
    }
    let mut broken = (*model(1)).clone();
    broken
        .weights
        .0
        .retain(|name, _| !name.ends_with("norm.weight"));
    let started = Adapter::start(broken, settings(), testing::options());
    assert!(matches!(started, Err(Error::Layout(_))));
}
