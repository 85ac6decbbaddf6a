//! Training as a whole, on a model that is as small as they get.

use std::sync::Arc;

use super::*;
use tttseg::adapt::{Learner, Method, Request, Settings};
use tttseg::model::testing::{tiny, untrained};
use tttseg::model::{ChromaConfig, HeadConfig, ModelConfig, initial_weights, parameters};
use tttseg::runtime::{Cancel, Options, Provider, testing};
use tttseg::video::{Rgb, bt601_chroma, grey};
use tttseg::weights::{ModelFile, Normalisation};

/// Side of the crops in pixels.
const SIDE: usize = 32;

/// A run of eight iterations for a model of three classes.
pub(super) fn options() -> TrainerOptions {
    TrainerOptions {
        config: tiny(3),
        normalisation: Normalisation::default(),
        batch: BatchSize {
            images: 2,
            masked: 1,
            height: SIDE,
            width: SIDE,
        },
        schedule: Schedule {
            peak: 5e-3,
            warm_up: 1,
            iterations: 8,
        },
        encoder_multiplier: 1.0,
        weight_decay: 0.05,
        clip_norm: 1.0,
        mask_ratio: 0.5,
        recon_weight: 1.0,
        dice_weight: 1.0,
        class_weights: vec![1.0; 3],
        schemes: vec![],
        deep_supervision: 0.0,
        ema: 0.0,
        seed: 1,
    }
}

/// The same run for three colours: grey, red, blue.
pub(super) fn colour_options() -> TrainerOptions {
    let mut options = options();
    options.config.chroma = Some(ChromaConfig {
        bins: vec![[0, 0], [-16, 48], [48, -16]],
        step: 16,
        temperature: 0.38,
    });
    options
}

fn on_the_cpu() -> Options {
    Options {
        provider: Provider::Cpu,
        threads: 1,
        ..Options::default()
    }
}

/// Two pictures of dark and bright halves, labelled 0 and 1.
fn batch() -> Batch {
    let pixels = SIDE * SIDE;
    let labels: Vec<u8> = (0..2 * pixels)
        .map(|p| u8::from((p + p / pixels * 16) % SIDE < SIDE / 2))
        .collect();
    Batch {
        iteration: 0,
        size: options().batch,
        images: labels
            .iter()
            .chain(&labels[..pixels])
            .flat_map(|&l| [60 + 120 * l; 3])
            .collect(),
        labels,
        schemes: vec![0; 2],
    }
}

#[test]
fn a_run_starts_from_the_weights_it_is_given() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let start = |weights| Trainer::new(options(), weights, runtime, &on_the_cpu());
    let mut first = start(None).unwrap();
    let reports: Vec<StepReport> = (0..8).map(|_| first.step(&batch()).unwrap()).collect();
    assert!(reports.iter().all(|r| r.finite));
    assert!(
        reports[7].main_loss < 0.9 * reports[0].main_loss,
        "{reports:?}"
    );

    let mut second = start(Some(first.weights().unwrap())).unwrap();
    assert_eq!(second.iteration(), 0);
    assert_eq!(second.weights().unwrap(), first.weights().unwrap());
    let went_on = second.step(&batch()).unwrap();
    assert!(
        went_on.main_loss <= 1.05 * reports[7].main_loss,
        "{went_on:?}"
    );

    let mut short = first.weights().unwrap();
    let name = short.0.pop_first().unwrap().0;
    let refused = start(Some(short)).err().unwrap().to_string();
    assert!(refused.contains(&name), "{refused}");
}

#[test]
fn the_average_follows_the_weights_and_survives_a_checkpoint() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let new = |ema| {
        let options = TrainerOptions { ema, ..options() };
        Trainer::new(options, None, runtime, &on_the_cpu()).unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let (plain, averaging) = (dir.path().join("plain"), dir.path().join("averaging"));
    let mut without = new(0.0);
    let mut with = new(0.5);
    // The average on its definition: shares of 0.9, 9/11, 0.75, … , at least 0.5.
    let mut wanted = with.averaged_weights().unwrap();
    assert_eq!(wanted, with.weights().unwrap());
    for t in 0..4u8 {
        let share = 1.0 - 0.5f32.min((1.0 + f32::from(t)) / (10.0 + f32::from(t)));
        without.step(&batch()).unwrap();
        with.step(&batch()).unwrap();
        let new = with.weights().unwrap();
        for (name, mean) in &mut wanted.0 {
            for (m, n) in mean.data.iter_mut().zip(&new.0[name].data) {
                *m += share * (n - *m);
            }
        }
    }
    assert_eq!(with.weights().unwrap(), without.weights().unwrap());
    assert_eq!(
        without.averaged_weights().unwrap(),
        without.weights().unwrap()
    );
    let found = with.averaged_weights().unwrap();
    assert_ne!(found, with.weights().unwrap());
    for (name, tensor) in found.iter() {
        for (a, b) in tensor.data.iter().zip(&wanted.0[name].data) {
            assert!((a - b).abs() < 1e-5, "{name}: {a} {b}");
        }
    }

    without.save_checkpoint(&plain).unwrap();
    with.save_checkpoint(&averaging).unwrap();
    let mut resumed = new(0.5);
    resumed.load_checkpoint(&averaging).unwrap();
    assert_eq!(resumed.averaged_weights().unwrap(), found);
    with.step(&batch()).unwrap();
    resumed.step(&batch()).unwrap();
    assert_eq!(
        resumed.averaged_weights().unwrap(),
        with.averaged_weights().unwrap()
    );
    assert_eq!(resumed.iteration(), 5);

    // One from before there were averages, and one with an average that this run does not keep.
    let mut old = new(0.5);
    old.load_checkpoint(&plain).unwrap();
    assert_eq!(old.averaged_weights().unwrap(), without.weights().unwrap());
    assert!(old.step(&batch()).unwrap().finite);
    let mut none = new(0.0);
    none.load_checkpoint(&averaging).unwrap();
    assert_eq!(none.averaged_weights().unwrap(), without.weights().unwrap());

    for ema in [1.0, -0.1, f64::NAN] {
        let options = TrainerOptions { ema, ..options() };
        let refused = Trainer::new(options, None, runtime, &on_the_cpu()).err();
        assert!(matches!(refused, Some(TrainError::Ema(_))), "{ema}");
    }
}

#[test]
fn deep_supervision_adds_the_loss_before_each_layer() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let with = |layers, deep_supervision| {
        let base = options();
        let config = ModelConfig {
            main: HeadConfig {
                decoder_layers: layers,
                ..base.config.main.clone()
            },
            ..base.config.clone()
        };
        TrainerOptions {
            config,
            deep_supervision,
            ..base
        }
    };
    let weights = initial_weights(&with(1, 0.0).config, 3).unwrap();
    let loss = |layers, deep_supervision| {
        let options = with(layers, deep_supervision);
        let mut own = weights.clone();
        let names = parameters(&options.config).unwrap();
        own.0.retain(|name, _| names.iter().any(|(n, _)| n == name));
        let mut trainer = Trainer::new(options, Some(own), runtime, &on_the_cpu()).unwrap();
        trainer.step(&batch()).unwrap().main_loss
    };
    // The queries before the one layer are those of a head without layers.
    let (last, before) = (loss(1, 0.0), loss(0, 0.0));
    assert!((last - before).abs() > 1e-4, "{last} {before}");
    for weight in [0.5, 2.0] {
        let expected = last + weight as f32 * before;
        let found = loss(1, weight);
        assert!(
            (found - expected).abs() < 1e-5 * expected,
            "{found} {expected}"
        );
    }
    assert_eq!(loss(0, 1.0), before);
}

#[test]
fn pictures_to_reconstruct_do_not_enter_the_main_loss() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let report = |hidden: u8| {
        let mut batch = batch();
        batch.images[2 * SIDE * SIDE * 3..].fill(hidden);
        let mut trainer = Trainer::new(options(), None, runtime, &on_the_cpu()).unwrap();
        trainer.step(&batch).unwrap()
    };
    let (dark, bright) = (report(0), report(255));
    assert_eq!(dark.main_loss, bright.main_loss);
    assert!(
        (dark.recon_loss - bright.recon_loss).abs() > 0.1,
        "{dark:?} {bright:?}"
    );

    let mut trainer = Trainer::new(options(), None, runtime, &on_the_cpu()).unwrap();
    let mut short = batch();
    short.images.truncate(2 * SIDE * SIDE * 3);
    assert!(matches!(
        trainer.step(&short),
        Err(TrainError::Batch { .. })
    ));
}

/// Two pictures of which the dark half is red and the bright one blue.
fn colour_batch() -> Batch {
    let plain = batch();
    let colour = |label: u8| match label {
        0 => [110, 30, 50],
        _ => [150, 170, 250],
    };
    let colours: Vec<u8> = plain.labels.iter().flat_map(|&l| colour(l)).collect();
    let below_each_other = Rgb::from_shape_vec((2 * SIDE, SIDE, 3), colours.clone());
    let mut images: Vec<u8> = grey(&below_each_other.unwrap()).into_iter().collect();
    images.extend_from_within(..SIDE * SIDE * 3);
    Batch {
        images,
        labels: colours,
        ..plain
    }
}

#[test]
fn colours_that_follow_from_grey_are_learned() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let mut options = colour_options();
    options.schedule.iterations = 80;
    options.schedule.peak = 1e-2;
    let batch = colour_batch();
    let mut trainer = Trainer::new(options.clone(), None, runtime, &on_the_cpu()).unwrap();
    let reports: Vec<StepReport> = (0..80).map(|_| trainer.step(&batch).unwrap()).collect();
    assert!(reports.iter().all(|r| r.finite));
    let (first, last) = (reports[0], reports[79]);
    assert!(last.main_loss < 0.5 * first.main_loss, "{first:?} {last:?}");
    assert!(last.recon_loss < first.recon_loss, "{first:?} {last:?}");

    let model = ModelFile {
        size: (SIDE, SIDE),
        weights: trainer.weights().unwrap(),
        ..untrained(options.config, 1)
    };
    let settings = Settings {
        method: Method::MainTaskOnly,
        ..Settings::default()
    };
    let cancel = Cancel::new();
    let mut learner =
        Learner::new(Arc::new(model), settings, runtime, &on_the_cpu(), &cancel).unwrap();
    let frame = |bytes: &[u8]| {
        let frame = bytes[..SIDE * SIDE * 3].to_vec();
        Arc::new(Rgb::from_shape_vec((SIDE, SIDE, 3), frame).unwrap())
    };
    let shown = learner.frame(frame(&batch.images), Request::default());
    let shown = shown.unwrap();
    assert_eq!(shown.classes, None);
    let chroma = shown.chroma.unwrap();
    assert_eq!(chroma.dim(), (2, SIDE / 4, SIDE / 4));
    let mut distance = 0.0;
    for y in 0..SIDE / 4 {
        for x in 0..SIDE / 4 {
            let pixel = &batch.labels[((4 * y + 2) * SIDE + 4 * x + 2) * 3..][..3];
            let wanted = bt601_chroma([0, 1, 2].map(|c| f32::from(pixel[c])));
            let found = [0, 1].map(|c| chroma[[c, y, x]]);
            distance += (found[0] - wanted[0]).hypot(found[1] - wanted[1]);
        }
    }
    // Grey everywhere would be 50 away from each.
    let distance = distance / (SIDE * SIDE / 16) as f32;
    assert!(distance < 12.0, "{distance}");

    // What colours a frame has makes no difference: the model sees none.
    let same = learner.frame(frame(&batch.labels), Request::default());
    let same = same.unwrap();
    assert_eq!(same.chroma, Some(chroma));
}
