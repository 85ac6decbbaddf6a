//! The method and its worker on a model of a few thousand parameters with random weights.

mod adapter;
mod asynchronous;
mod colour_head;
mod consistency;
mod fusion;
mod label_step;
mod learning;
mod methods;
mod novelty;
mod recipe;
mod replay;
mod requests;
mod self_training;
mod shared;
mod step;
mod stills;
mod student;

use std::sync::Arc;

use super::graphs::Size;
use super::{Learner, Method, Prediction, Request, Settings};
use crate::model::ModelConfig;
use crate::model::testing::{tiny, untrained};
use crate::runtime::{Cancel, testing};
use crate::video::Rgb;
use crate::weights::ModelFile;

const CLASSES: usize = 5;
const SIZE: Size = Size {
    height: 64,
    width: 64,
};
/// Predict only.
const WATCH: Request = Request {
    learn: false,
    late: false,
    predict: true,
    scores: false,
    reconstruct: false,
    most_views: None,
    most_steps: None,
    most_colour_steps: None,
};

fn config() -> ModelConfig {
    tiny(CLASSES)
}

fn model(seed: u64) -> Arc<ModelFile> {
    Arc::new(untrained(config(), seed))
}

/// Steps of reconstruction; those towards labels say so.
fn settings() -> Settings {
    Settings {
        method: Method::Online,
        window: 4,
        batch_size: 4,
        // A model of a few weights that was never trained: the default's steps would not show.
        learning_rate: 1e-3,
        // What a frame alone is predicted as.
        fusion: 0.0,
        ..Settings::default()
    }
}

/// Coloured waves that move with time.
fn picture(size: Size, time: usize) -> Rgb {
    Rgb::from_shape_fn((size.height, size.width, 3), |(y, x, c)| {
        let (x, y) = ((x + 2 * time) as f32, y as f32);
        let wave = [x / 9.0, y / 7.0, (x + y) / 13.0][c];
        (127.5 + 127.5 * wave.sin()) as u8
    })
}

/// A learner, or `None` where there is no ONNX Runtime.
fn learner(settings: Settings) -> Option<Learner> {
    let runtime = testing::runtime()?;
    let options = testing::options();
    Some(Learner::new(model(1), settings, runtime, &options, &Cancel::new()).unwrap())
}

/// Shows a learner a picture.
fn show(learner: &mut Learner, time: usize, request: Request) -> Prediction {
    let rgb = picture(SIZE, time).into();
    learner.frame(rgb, request).unwrap()
}
