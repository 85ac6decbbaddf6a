//! Given colours, on a colour model of a few thousand parameters with random weights.

use std::sync::Arc;

use super::{SIZE, WATCH, picture, settings};
use crate::adapt::{
    Adapter, ColourTarget, Error, Learner, Method, Prediction, Request, Reset, Settings, Skipped,
};
use crate::model::testing::{tiny, untrained};
use crate::model::{ChromaConfig, ModelConfig};
use crate::runtime::{Cancel, testing};
use crate::video::{ChromaMap, Rgb};
use crate::weights::{ModelFile, State, Weights};
use ndarray::Array2;

const TOKENS: (usize, usize) = (SIZE.height / 4, SIZE.width / 4);

pub(super) fn colour_model() -> Arc<ModelFile> {
    let steps = -2..=2_i16;
    let bins = steps
        .clone()
        .flat_map(|u| steps.clone().map(move |v| [u * 24, v * 24]));
    let bins: Vec<[i16; 2]> = bins.collect();
    let config = ModelConfig {
        chroma: Some(ChromaConfig {
            bins: bins.clone(),
            step: 24,
            temperature: 0.5,
        }),
        ..tiny(bins.len())
    };
    Arc::new(untrained(config, 1))
}

/// Learning from given colours alone.
pub(super) fn only_given() -> Settings {
    Settings {
        method: Method::MainTaskOnly,
        reference_rate: 1e-2,
        ..settings()
    }
}

fn learner_of(model: Arc<ModelFile>, settings: Settings) -> Option<Learner> {
    let runtime = testing::runtime()?;
    let options = testing::options();
    Some(Learner::new(model, settings, runtime, &options, &Cancel::new()).unwrap())
}

pub(super) fn learner(settings: Settings) -> Option<Learner> {
    learner_of(colour_model(), settings)
}

pub(super) fn show(learner: &mut Learner, request: Request) -> Prediction {
    learner.frame(picture(SIZE, 0).into(), request).unwrap()
}

/// The picture at a time, with its own colours.
pub(super) fn reference(time: usize) -> ColourTarget {
    ColourTarget::of_picture(&picture(SIZE, time)).unwrap()
}

/// Tokens in the middle of the picture are to be red.
fn hint() -> ColourTarget {
    let weights = Array2::from_shape_fn(TOKENS, |token| f32::from(is_middle(token)));
    ColourTarget::of_tokens(&picture(SIZE, 0), &red(), weights).unwrap()
}

fn is_middle((y, x): (usize, usize)) -> bool {
    (6..10).contains(&y) && (6..10).contains(&x)
}

fn red() -> ChromaMap {
    ChromaMap::from_shape_fn((2, TOKENS.0, TOKENS.1), |(c, ..)| [-24.0, 48.0][c])
}

/// Mean distance of a prediction's chroma from what is given, over the tokens that count.
fn distance(prediction: &Prediction, given: &ColourTarget) -> f32 {
    let found = prediction.chroma.as_ref().unwrap();
    let (mut sum, mut mass) = (0.0, 0.0);
    for ((y, x), weight) in given.weights().indexed_iter() {
        let off = |c| found[[c, y, x]] - given.chroma()[[y, x, c]];
        sum += weight * off(0).hypot(off(1));
        mass += weight;
    }
    sum / mass
}

fn weights(learner: &Learner) -> Weights {
    learner.save().unwrap().weights
}

#[test]
fn the_colours_of_a_reference_are_learned() {
    let Some(mut learner) = learner(only_given()) else {
        return;
    };
    let wanted = reference(0);
    let first = show(&mut learner, Request::default());
    assert_eq!(
        (first.report.colour_steps, first.report.colour_loss),
        (0, None)
    );
    learner.set_references(vec![wanted.clone()]).unwrap();
    let request = Request {
        most_colour_steps: Some(10),
        ..Request::default()
    };
    let mut losses = vec![];
    let mut last = first.clone();
    for _ in 0..3 {
        last = show(&mut learner, request);
        assert_eq!(last.report.colour_steps, 10);
        assert_eq!(last.report.skipped, Some(Skipped::Off));
        losses.extend(last.report.colour_loss);
    }
    assert!(losses[0] > losses[1] && losses[1] > losses[2], "{losses:?}");
    let (before, after) = (distance(&first, &wanted), distance(&last, &wanted));
    assert!(after < 0.6 * before, "{after} {before}");
    // What was due has been done, and nothing else is learned that it could be lost by.
    assert_eq!(show(&mut learner, request).report.colour_steps, 0);
    learner.set_references(vec![wanted]).unwrap();
    assert_eq!(show(&mut learner, request).report.colour_steps, 0);
}

#[test]
fn a_hint_is_for_a_while() {
    let Some(mut learner) = learner(only_given()) else {
        return;
    };
    learner.set_references(vec![reference(0)]).unwrap();
    let first = show(&mut learner, Request::default());
    let before = weights(&learner);
    learner.set_hints(vec![hint()]).unwrap();
    let second = show(&mut learner, Request::default());
    assert_eq!(second.report.colour_steps, settings().reference_steps);
    let far = [&first, &second].map(|p| distance(p, &hint()));
    assert!(far[1] < 0.5 * far[0], "{far:?}");
    assert!(weights(&learner) != before);
    learner.set_hints(vec![]).unwrap();
    let third = show(&mut learner, Request::default());
    assert_eq!(third.report.colour_steps, 0);
    assert_eq!(third.chroma, first.chroma);
    assert!(weights(&learner) == before);
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let run = |seed| {
        let mut learner = learner(Settings {
            seed,
            method: Method::Online,
            surprise: 0.0,
            reference_steps: 3,
            ..only_given()
        })?;
        let given = [0, 9, 30].map(reference).to_vec();
        learner.set_references(given).unwrap();
        let reports = [0; 3].map(|_| show(&mut learner, Request::default()).report);
        // One for every step of reconstruction, once what was due is done.
        assert_eq!(
            reports.map(|r| (r.steps, r.colour_steps)),
            [(1, 9), (1, 1), (1, 1)]
        );
        Some(weights(&learner))
    };
    let Some(one) = run(1) else { return };
    assert!(run(1).as_ref() == Some(&one));
    assert!(run(2) != Some(one));
}

#[test]
fn what_is_familiar_still_has_its_colours_given() {
    let mut familiar = ModelFile::clone(&colour_model());
    familiar.unexplained = Some(1e6);
    let settings = Settings {
        method: Method::Online,
        surprise: 1.0,
        ..only_given()
    };
    let Some(mut learner) = learner_of(Arc::new(familiar), settings) else {
        return;
    };
    learner.set_references(vec![reference(0)]).unwrap();
    let watched = show(&mut learner, WATCH).report;
    assert_eq!(watched.colour_steps, 0, "nothing is to be learned");
    let report = show(&mut learner, Request::default()).report;
    assert_eq!((report.skipped, report.steps), (Some(Skipped::Familiar), 0));
    assert_eq!(report.colour_steps, 30);
}

#[test]
fn a_reset_has_references_learned_anew_and_forgets_hints() {
    let Some(mut learner) = learner(only_given()) else {
        return;
    };
    let from_disk = weights(&learner);
    learner.set_references(vec![reference(0)]).unwrap();
    let first = show(&mut learner, Request::default());
    learner.set_hints(vec![hint()]).unwrap();
    show(&mut learner, Request::default());
    learner.reset(Reset::ALL).unwrap();
    assert!(weights(&learner) == from_disk);
    let again = show(&mut learner, Request::default());
    assert_eq!(again.report.colour_steps, 30);
    assert_eq!(again.chroma, first.chroma);

    // Others instead: from the beginning, too.
    learner.set_references(vec![reference(30)]).unwrap();
    assert!(weights(&learner) == from_disk);
    learner.set_references(vec![]).unwrap();
    assert_eq!(
        show(&mut learner, Request::default()).report.colour_steps,
        0
    );
}

#[test]
fn what_was_learned_is_saved() {
    let Some(mut learner) = learner(only_given()) else {
        return;
    };
    learner.set_references(vec![reference(0)]).unwrap();
    learner.set_hints(vec![hint()]).unwrap();
    let learned = show(&mut learner, Request::default());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("state.safetensors");
    learner.save().unwrap().save(&file).unwrap();
    let state = State::load(&file).unwrap();
    let origin = &state.origin;
    assert_eq!(
        (origin.references, origin.hints, origin.directed_steps),
        (1, 1, 60)
    );

    let mut other = self::learner(only_given()).unwrap();
    let fresh = show(&mut other, Request::default());
    other.load("state", &state).unwrap();
    let loaded = show(&mut other, Request::default());
    assert_eq!(loaded.chroma, learned.chroma);
    assert_eq!(loaded.report.colour_steps, 0);
    assert_ne!(loaded.chroma, fresh.chroma);
    // A reference goes on from what was loaded, and leads back to it.
    other.set_references(vec![reference(30)]).unwrap();
    assert_ne!(show(&mut other, Request::default()).chroma, learned.chroma);
    other.set_references(vec![]).unwrap();
    assert_eq!(show(&mut other, Request::default()).chroma, learned.chroma);
    // A state from before there was any of this.
    let mut without = state;
    without
        .weights
        .0
        .retain(|name, _| !name.starts_with("color."));
    other.load("state", &without).unwrap();
    assert_eq!(show(&mut other, Request::default()).chroma, fresh.chroma);
}

#[test]
fn an_adapter_learns_given_colours_before_or_beside_its_predictions() {
    if testing::runtime().is_none() {
        return;
    }
    let start = [Adapter::start, Adapter::start_asynchronous];
    for start in start {
        let adapter = start(colour_model(), only_given(), testing::options()).unwrap();
        let rgb = picture(SIZE, 0);
        let show = || {
            let ticket = adapter.push(&rgb, Request::default());
            ticket.unwrap().wait().unwrap()
        };
        let first = show();
        let learn = || {
            let mut steps = 0;
            while steps < 30 {
                steps += show().report.colour_steps;
            }
            show()
        };
        adapter.set_references(vec![reference(0)]).unwrap();
        let learned = learn();
        let far = [&first, &learned].map(|p| distance(p, &reference(0)));
        assert!(far[1] < 0.6 * far[0], "{far:?}");
        adapter.set_hints(vec![hint()]).unwrap();
        let hinted = learn();
        assert!(distance(&hinted, &hint()) < 0.5 * distance(&learned, &hint()));
        adapter.set_hints(vec![]).unwrap();
        assert_eq!(show().chroma, learned.chroma);
        adapter.reset(Reset::ALL);
        adapter.set_references(vec![]).unwrap();
        assert_eq!(show().chroma, first.chroma);
    }
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let grey = Rgb::from_elem((64, 64, 3), 90);
    let no_colour = ColourTarget::of_picture(&grey).unwrap_err();
    assert!(no_colour.to_string().contains("no colour"), "{no_colour}");
    let size = ColourTarget::of_picture(&Rgb::zeros((60, 64, 3))).unwrap_err();
    assert!(size.to_string().contains("64×60"), "{size}");
    let channels = ColourTarget::of_picture(&Rgb::zeros((64, 64, 4)));
    assert!(matches!(channels, Err(Error::Frame(_))));
    for weights in [
        Array2::zeros(TOKENS),
        Array2::ones((TOKENS.0, TOKENS.1 - 1)),
        Array2::from_elem(TOKENS, f32::NAN),
        Array2::from_elem(TOKENS, -1.0),
    ] {
        let refused = ColourTarget::of_tokens(&grey, &red(), weights);
        assert!(
            matches!(refused, Err(Error::ColourTarget(_))),
            "{refused:?}"
        );
    }
    let small = ChromaMap::ones((2, 2, 2));
    assert!(ColourTarget::of_tokens(&grey, &small, Array2::ones((2, 2))).is_err());

    let Some(mut learner) = super::learner(settings()) else {
        return;
    };
    for refused in [
        learner.set_references(vec![reference(0)]),
        learner.set_hints(vec![]),
    ] {
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("tiny does not colour"), "{message}");
    }
}
