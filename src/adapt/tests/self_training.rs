//! Self-training: the colours that a model finds itself.

use super::colour_head::{learner, only_given, reference, show};
use super::picture;
use crate::adapt::{Learner, Method, Request, Reset, Settings};
use crate::video::ChromaMap;
use crate::weights::Weights;

fn only_own() -> Settings {
    Settings {
        method: Method::Online,
        self_training: 3,
        self_training_rate: 1e-2,
        ..only_given()
    }
}

fn head(learner: &Learner) -> Weights {
    let mut weights = learner.save().unwrap().weights;
    weights.0.retain(|name, _| name.starts_with("color."));
    weights
}

fn step(learner: &mut Learner, time: usize) -> (usize, Option<f32>) {
    let size = super::SIZE;
    let frame = picture(size, time).into();
    let report = learner.frame(frame, Request::default());
    let report = report.unwrap().report;
    (report.colour_steps, report.colour_loss)
}

#[test]
fn a_model_becomes_surer_of_its_own_colours() {
    let Some(mut learner) = learner(only_own()) else {
        return;
    };
    let losses: Vec<f32> = (0..12)
        .map(|time| {
            let (steps, loss) = step(&mut learner, time % 3);
            assert_eq!(steps, 3);
            loss.unwrap()
        })
        .collect();
    assert!(losses[11] < losses[0] - 0.1, "{losses:?}");
    assert!(head(&learner).0.is_empty(), "no part of a state");
    let scene = Reset {
        self_training: true,
        ..Reset::default()
    };
    learner.reset(scene).unwrap();
    let anew = step(&mut learner, 0).1.unwrap();
    assert!(2.0 * anew > losses[0] + losses[11], "{anew} {losses:?}");
}

/// What is found in a picture after so many steps, one a frame, of learning from another.
fn found_after(steps: u64) -> Option<ChromaMap> {
    let mut learner = learner(Settings {
        self_training: 1,
        // The encoder is to stay as it is.
        learning_rate: 1e-30,
        ..only_own()
    })?;
    for _ in 0..steps {
        step(&mut learner, 1);
    }
    let still = Request {
        learn: false,
        ..Request::default()
    };
    show(&mut learner, still).chroma
}

#[test]
fn predictions_follow_when_the_way_by_grey_is_over() {
    let Some(on_disk) = found_after(0) else {
        return;
    };
    for steps in 1..=8 {
        assert_eq!(found_after(steps).unwrap(), on_disk, "{steps}");
    }
    assert_ne!(found_after(9).unwrap(), on_disk);
}

#[test]
fn the_same_stream_teaches_the_same() {
    let run = || {
        let mut learner = learner(only_own())?;
        Some(Vec::from_iter((0..5).map(|time| step(&mut learner, time))))
    };
    let first = run();
    assert!(first == run());
}

#[test]
fn given_colours_go_first_and_what_forgets_does_not_start() {
    for (settings, given, steps) in [
        (only_own(), false, 3),
        (
            Settings {
                self_training: 0,
                ..only_own()
            },
            false,
            0,
        ),
        (
            Settings {
                method: Method::MainTaskOnly,
                ..only_own()
            },
            false,
            0,
        ),
        (
            Settings {
                method: Method::NoMemory,
                ..only_own()
            },
            false,
            0,
        ),
        // The turn of the reference.
        (only_own(), true, 1),
    ] {
        let Some(mut learner) = learner(settings.clone()) else {
            return;
        };
        if given {
            learner.set_references(vec![reference(0)]).unwrap();
            // What is due for the reference itself.
            show(&mut learner, Request::default());
        }
        assert_eq!(step(&mut learner, 1).0, steps, "{settings:?}");
        let still = Request {
            learn: false,
            ..Request::default()
        };
        assert_eq!(show(&mut learner, still).report.colour_steps, 0);
    }
}
