//! Same seed, same stream, same number of threads: the same bytes, in one process and in two.

mod common;

use std::process::Command;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tttseg::adapt::{Learner, Method, Moments, Recipe, Request, Settings, Trainable};
use tttseg::runtime::Cancel;

/// Frames of a stream.
const FRAMES: usize = 4;
/// What begins the line in which a test prints a digest for the process that started it.
const MARK: &str = "digest of this process: ";

/// Shows a new learner a stream; SHA-256 of every class map, loss and reconstruction and of the weights at the end.
fn digest(settings: &Settings, threads: usize) -> Option<String> {
    let runtime = common::runtime()?;
    let options = common::options(threads);
    let model = Arc::new(common::model(1));
    let mut learner =
        Learner::new(model, settings.clone(), runtime, &options, &Cancel::new()).unwrap();
    let mut hash = Sha256::new();
    for time in 0..FRAMES {
        let rgb = common::picture(common::SIZE, time).into();
        let request = Request {
            reconstruct: time + 1 == FRAMES,
            ..Request::default()
        };
        let prediction = learner.frame(rgb, request).unwrap();
        hash.update(prediction.classes.unwrap().as_slice().unwrap());
        if let Some(picture) = prediction.reconstruction {
            hash.update(picture.as_slice().unwrap());
        }
        hash.update(prediction.report.loss.unwrap().to_le_bytes());
    }
    for (name, tensor) in learner.save().unwrap().weights.iter() {
        hash.update(name);
        tensor
            .data
            .iter()
            .for_each(|v| hash.update(v.to_le_bytes()));
    }
    Some(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn settings() -> Settings {
    Settings {
        method: Method::Online,
        window: 3,
        batch_size: 3,
        seed: 7,
        ..Settings::default()
    }
}

#[test]
fn two_learners_give_the_same_bytes() {
    let code = Settings {
        batch_size: 3,
        steps: 2,
        window: 3,
        ..Settings::recipe(Recipe::Code)
    };
    let persistent = Settings {
        moments: Moments::Persistent,
        ..settings()
    };
    let explicit = Settings {
        method: Method::ExplicitOnly,
        ..settings()
    };
    let others = Settings {
        learn: Trainable::LastStages,
        pull: 0.1,
        first_steps: 3,
        first_frames: 2,
        ..settings()
    };
    let replay = Settings {
        method: Method::Replay,
        ..settings()
    };
    let consistency = Settings {
        method: Method::Consistency,
        ..settings()
    };
    let labels = [replay, consistency];
    for settings in [settings(), code, persistent, explicit, others]
        .into_iter()
        .chain(labels)
    {
        for threads in [1, 2] {
            let Some(first) = digest(&settings, threads) else {
                return;
            };
            let second = digest(&settings, threads).unwrap();
            assert_eq!(first, second, "{threads} threads, {settings:?}");
        }
    }
}

#[test]
fn another_seed_gives_other_bytes() {
    let other = Settings {
        seed: 8,
        ..settings()
    };
    let (Some(one), Some(two)) = (digest(&settings(), 2), digest(&other, 2)) else {
        return;
    };
    assert_ne!(one, two);
}

#[test]
fn one_process() {
    if let Some(digest) = digest(&settings(), 2) {
        println!("{MARK}{digest}");
    }
}

#[test]
fn two_processes_give_the_same_bytes() {
    let Some(here) = digest(&settings(), 2) else {
        return;
    };
    for _ in 0..2 {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "one_process", "--nocapture"])
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let there = printed.lines().find_map(|l| Some(l.split_once(MARK)?.1));
        assert_eq!(there, Some(here.as_str()), "{output:?}");
    }
}
