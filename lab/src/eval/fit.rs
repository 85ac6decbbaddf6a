//! Properties of the element that keep a frame rate on this machine, found by measuring what a frame costs.
//!
//! The frames are made: a scene that moves, and then the same in darkness and noise, so that it is learned from.

use std::sync::Arc;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::run_summary::median;
use tttseg::adapt::{Error, Learner, Method, Request, Settings, SharedModel};
use tttseg::ndarray::Array3;
use tttseg::runtime::{Cancel, Options, Runtime};
use tttseg::video::{
    Colorizer, FrameMut, FrameRef, Overlay, Palette, Rgb, Scaler, Style, model_size,
};
use tttseg::weights::ModelFile;

/// The share of a frame's time that may be used: other elements need some.
const SHARE: f64 = 0.9;
/// Less than that a frame is not worth it.
const LEAST_BUDGET_MS: f64 = 5.0;
/// Frames in good light, for a memory to be learned from; the first ones build sessions.
const LIGHT: usize = 24;
/// Frames in darkness and noise.
const DARK: usize = 16;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct FitOptions {
    /// Frames a second.
    pub rate: f64,
    /// Width and height of the frames.
    pub size: (usize, usize),
}

/// One way to run the element.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// Properties of the element, as in a launch line.
    pub properties: String,
    /// Median time of a frame, from pixels to pixels.
    pub frame_ms: f64,
    /// The part of it that learning takes.
    pub learning_ms: f64,
    /// Whether the rate is kept.
    pub fits: bool,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Fit {
    /// What a frame may take.
    pub budget_ms: f64,
    /// In the order of what they leave out; nothing behind the first that fits was tried.
    pub candidates: Vec<Candidate>,
}

impl Fit {
    /// The first way that keeps the rate.
    pub fn chosen(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.fits)
    }
}

/// Measures until a way is found that keeps the rate: all of the default recipe, less time for learning, no learning, no
/// fusion along motion.
///
/// # Errors
/// A model that cannot be run, frames that are too small for it.
pub fn fit(
    model: ModelFile,
    what: FitOptions,
    runtime: &'static Runtime,
    run_on: &Options,
) -> Result<Fit, Error> {
    let budget_ms = SHARE * 1000.0 / what.rate;
    let model = SharedModel::from(model);
    let measure = |properties: &str, settings: &Settings| {
        let (frame_ms, learning_ms) = measure(&model, settings, what.size, runtime, run_on)?;
        Ok::<_, Error>(Candidate {
            properties: properties.to_owned(),
            frame_ms,
            learning_ms,
            fits: frame_ms <= budget_ms,
        })
    };
    let mut candidates = vec![];
    let whole = measure("recipe=default", &Settings::default())?;
    let left = budget_ms - (whole.frame_ms - whole.learning_ms);
    let is_done = whole.fits;
    candidates.push(whole.clone());
    if !is_done && left >= LEAST_BUDGET_MS && whole.learning_ms > 0.0 {
        // The element skips steps until the mean is kept.
        candidates.push(Candidate {
            properties: format!("training-budget={}", left.floor()),
            frame_ms: whole.frame_ms - whole.learning_ms + left.floor(),
            learning_ms: left.floor(),
            fits: true,
        });
        return Ok(Fit {
            budget_ms,
            candidates,
        });
    }
    let none = |fusion| Settings {
        method: Method::MainTaskOnly,
        fusion,
        ..Settings::default()
    };
    for (properties, fusion) in [
        ("method=none", Settings::default().fusion),
        ("method=none fusion=0", 0.0),
    ] {
        if candidates.last().is_some_and(|last| last.fits) {
            break;
        }
        candidates.push(measure(properties, &none(fusion))?);
    }
    Ok(Fit {
        budget_ms,
        candidates,
    })
}

/// Median times of a frame and of its learning, in milliseconds.
fn measure(
    model: &SharedModel,
    settings: &Settings,
    (width, height): (usize, usize),
    runtime: &'static Runtime,
    run_on: &Options,
) -> Result<(f64, f64), Error> {
    let (model_height, model_width) = model.file().size;
    let (across, down) = model_size(width, height, model_width, model_height)?;
    let cancel = Cancel::new();
    let mut learner = Learner::new(model.clone(), settings.clone(), runtime, run_on, &cancel)?;
    let palette = Palette::for_classes(model.file().classes.len());
    let colours: Vec<_> = palette.0.iter().copied().map(Some).collect();
    let style = Style {
        colours: &colours,
        opacity: 0.5,
        contours: 0,
    };
    let (mut scaler, mut overlay, mut colorizer) =
        (Scaler::default(), Overlay::new(), Colorizer::new());
    let (mut frames, mut learning) = (vec![], vec![]);
    for n in 0..LIGHT + DARK {
        let mut frame = scene(n, (width, height), n >= LIGHT);
        let began = Instant::now();
        let mut seen = Rgb::zeros((down, across, 3));
        scaler.to_rgb(&FrameRef::rgb(&frame)?, &mut seen)?;
        let prediction = learner.frame(Arc::new(seen), Request::default())?;
        let mut drawn = FrameMut::rgb(&mut frame)?;
        if let Some(map) = &prediction.classes {
            overlay.draw(&mut drawn, map, &style);
        }
        if let Some(chroma) = &prediction.chroma {
            // What cannot be drawn costs nothing.
            let _ = colorizer.draw(&mut drawn, chroma);
        }
        // The first of them build what they need.
        if n >= LIGHT + DARK / 2 {
            frames.push(1e3 * began.elapsed().as_secs_f64());
            learning.push(1e3 * prediction.report.step_time.as_secs_f64());
        }
    }
    let rounded = |times: &[f64]| (median(times).unwrap_or_default() * 10.0).round() / 10.0;
    Ok((rounded(&frames), rounded(&learning)))
}

/// A street of sorts: sky, ground, a row of houses that moves, and what darkness and a cheap camera make of it.
fn scene(n: usize, (width, height): (usize, usize), is_dark: bool) -> Rgb {
    let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
    let shift = 2 * n;
    Array3::from_shape_fn((height, width, 3), |(y, x, c)| {
        let (across, down) = ((x + shift) * 8 / width.max(1), 100 * y / height.max(1));
        let colour = match down {
            0..40 if across % 3 == 0 && down > 15 => [120, 100, 90],
            0..40 => [170, 190, 220],
            _ if across % 3 == 1 && down < 60 => [60, 80, 50],
            _ => [100, 98, 96],
        };
        let light = if is_dark { 0.35 } else { 1.0 };
        let noise = if is_dark {
            rng.random_range(-40.0..40.0)
        } else {
            0.0
        };
        (light * f32::from(colour[c] as u8) + noise).clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_move_and_darken() {
        let size = (64, 48);
        assert_eq!(scene(3, size, false), scene(3, size, false));
        assert_ne!(scene(3, size, false), scene(9, size, false));
        let light = |rgb: &Rgb| rgb.iter().map(|v| u64::from(*v)).sum::<u64>();
        assert!(2 * light(&scene(3, size, true)) < light(&scene(3, size, false)));
    }
}
