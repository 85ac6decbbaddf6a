use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use super::{SIZE, WATCH, model, picture, settings, show};
use crate::adapt::{Adapter, Error, Learner, Request, Settings, SharedModel};
use crate::runtime::{Cancel, Options, testing};
use crate::weights::Weights;

fn learner(model: &SharedModel, options: &Options) -> Option<Learner> {
    let runtime = testing::runtime()?;
    let cancel = Cancel::new();
    Some(Learner::new(model.clone(), settings(), runtime, options, &cancel).unwrap())
}

fn weights(learner: &Learner) -> Weights {
    learner.save().unwrap().weights
}

#[test]
fn sessions_are_built_once_and_what_is_learned_is_each_ones_own() {
    let options = testing::options();
    let shared = SharedModel::from(model(1));
    let (Some(mut one), Some(mut two)) = (learner(&shared, &options), learner(&shared, &options))
    else {
        return;
    };
    let mut alone = super::learner(settings()).unwrap();
    for time in 0..3 {
        let first = show(&mut one, time, Request::default());
        let second = show(&mut two, 10 * time + 5, Request::default());
        let expected = show(&mut alone, time, Request::default());
        assert_eq!(first.classes, expected.classes);
        assert_ne!(first.report.loss, second.report.loss);
    }
    assert_eq!((one.sessions_built(), two.sessions_built()), (2, 0));
    assert_eq!(weights(&one), weights(&alone));
    assert_ne!(weights(&one), weights(&two));

    // As long as one of them is there, so are the sessions.
    drop(one);
    let mut third = learner(&shared, &options).unwrap();
    show(&mut third, 0, Request::default());
    assert_eq!(third.sessions_built(), 0);
    drop((two, third));
    let mut last = learner(&shared, &options).unwrap();
    show(&mut last, 0, Request::default());
    assert_eq!(last.sessions_built(), 2);

    // Other sizes, settings and threads need others.
    let mut other = learner(&shared, &options).unwrap();
    let update = Settings {
        batch_size: 2,
        ..settings()
    };
    other.update(update).unwrap();
    show(&mut other, 0, Request::default());
    assert_eq!(other.sessions_built(), 1, "the step");
    let threads = options.thread_count() + 1;
    let mut other = learner(&shared, &Options { threads, ..options }).unwrap();
    show(&mut other, 0, WATCH);
    assert_eq!(other.sessions_built(), 1);
}

#[test]
fn a_model_is_gone_with_the_last_who_used_it() {
    let shared = SharedModel::from(model(1));
    let known = shared.downgrade();
    let other = known.upgrade().unwrap();
    assert_eq!(other.content_hash(), model(1).content_hash());
    drop(shared);
    assert!(known.upgrade().is_some());
    drop(other);
    assert!(known.upgrade().is_none());
}

#[test]
fn many_begin_at_once() {
    if testing::runtime().is_none() {
        return;
    }
    let shared = SharedModel::from(model(1));
    let barrier = Barrier::new(4);
    let built: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut learner = learner(&shared, &testing::options()).unwrap();
                    barrier.wait();
                    show(&mut learner, 0, Request::default());
                    // All keep them until all have them.
                    barrier.wait();
                    learner.sessions_built()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(built, 2);
}

#[test]
fn one_that_steps_for_hours_lets_others_have_their_turn_and_is_called_off_alone() {
    if testing::runtime().is_none() {
        return;
    }
    let shared = SharedModel::from(model(1));
    let start = |settings| Adapter::start(shared.clone(), settings, testing::options()).unwrap();
    let push = |adapter: &Adapter| {
        let rgb = picture(SIZE, 0);
        let ticket = adapter.push(&rgb, Request::default());
        let (sender, receiver) = mpsc::channel();
        let ticket = ticket.unwrap();
        thread::spawn(move || drop(sender.send(ticket.wait())));
        receiver
    };
    let patience = Duration::from_secs(60);
    let (busy, other) = (
        start(Settings {
            steps: 100_000,
            ..settings()
        }),
        start(settings()),
    );
    let endless = push(&busy);
    for _ in 0..3 {
        let report = push(&other).recv_timeout(patience).unwrap().unwrap().report;
        assert_eq!(report.steps, 1);
    }
    let next = push(&other);
    busy.cancel();
    let cancelled = endless.recv_timeout(patience).unwrap();
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    assert_eq!(
        next.recv_timeout(patience).unwrap().unwrap().report.steps,
        1
    );
}
