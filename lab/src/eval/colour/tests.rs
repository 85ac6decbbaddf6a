use std::sync::Arc;

use super::*;
use crate::data::PictureSet;
use tttseg::adapt::{Method, Request, Settings};
use tttseg::model::testing::{tiny, untrained};
use tttseg::model::{ChromaConfig, ModelConfig};
use tttseg::runtime::{Cancel, testing};
use tttseg::video::{is_grey, write_png};
use tttseg::weights::ModelFile;

const WIDTH: usize = 96;
const HEIGHT: usize = 64;

/// A model that colours, as small as they get and never trained; or the same model with classes.
fn model(task: Task) -> Arc<ModelFile> {
    let chroma = ChromaConfig {
        bins: vec![[0, 0], [30, -20], [-20, 30]],
        step: 12,
        temperature: 0.38,
    };
    let config = ModelConfig {
        chroma: (task == Task::Colorize).then_some(chroma),
        ..tiny(3)
    };
    Arc::new(untrained(config, 3))
}

/// A stream of frames that are all the same blue and yellow picture.
fn stream(dir: &std::path::Path, frames: usize) -> Stream {
    let rgb = Rgb::from_shape_fn((HEIGHT, WIDTH, 3), |(y, x, c)| {
        let wave = (x as f32 / 9.0).sin() * (y as f32 / 7.0).cos();
        let level = (120.0 + 60.0 * wave) as u8;
        match c {
            2 if wave > 0.0 => level / 2,
            2 => level + 60,
            _ => level,
        }
    });
    for i in 0..frames {
        write_png(&dir.join(format!("{i}.png")), &rgb).unwrap();
    }
    Stream::open(dir, None).unwrap()
}

fn learner(task: Task, method: Method) -> Option<Learner> {
    let settings = Settings {
        method,
        batch_size: 2,
        learning_rate: 1e-3,
        ..Settings::default()
    };
    let runtime = testing::runtime()?;
    let cancel = Cancel::new();
    Some(Learner::new(model(task), settings, runtime, &testing::options(), &cancel).unwrap())
}

#[test]
fn colours_are_scored_beside_what_can_be_had_without_looking() {
    let Some(mut learner) = learner(Task::Colorize, Method::Online) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let stream = stream(dir.path(), 3);
    let colours = LumaColours::of(&PictureSet::open(&[dir.path()]).unwrap()).unwrap();
    let mut seen = vec![];
    let options = ColourOptions {
        luma_colours: Some(&colours),
        ..ColourOptions::default()
    };
    let report = evaluate_colours(&mut learner, &stream, Shift::default(), options, |f| {
        assert!(is_grey(f.shown));
        let Some(Predicted::Colours(rgb)) = f.predicted else {
            panic!("{:?}", f.predicted);
        };
        assert_eq!(rgb.dim(), f.frame.picture.dim());
        seen.push(f.report.steps);
        Ok(())
    })
    .unwrap();
    assert_eq!((report.run.frames, report.frames_learned), (3, 3));
    assert_eq!((seen, report.run.method.as_str()), (vec![1; 3], "online"));
    let truth = &report.true_colours;
    assert_eq!((truth.psnr, truth.ssim), (Some(100.0), Some(1.0)));
    assert_eq!((truth.flicker, report.grey.flicker), (Some(0.0), Some(0.0)));
    assert_eq!(report.grey.colourfulness, Some(0.0));
    assert!(truth.colourfulness.unwrap() > 20.0);
    // Weights that change from frame to frame make what stands still flicker.
    assert!(report.scores.flicker.unwrap() > 0.0);
    assert!(report.scores.psnr.unwrap() > 5.0 && report.scores.ssim.unwrap() < 1.0);
    // Half of the lumas of this picture have one colour only.
    let by_luma = report.by_luma.as_ref().unwrap();
    assert!(by_luma.chroma_psnr > report.grey.chroma_psnr);
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["psnr"].is_f64() && json["grey"]["ssim"].is_f64());
    assert_eq!(
        serde_json::from_value::<ColourReport>(json).unwrap(),
        report
    );
}

#[test]
fn smoothing_keeps_what_stands_still_in_its_colours() {
    let (Some(mut flickering), Some(mut calm)) = (
        learner(Task::Colorize, Method::Online),
        learner(Task::Colorize, Method::Online),
    ) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let stream = stream(dir.path(), 3);
    let flicker = |learner: &mut Learner, smoothing| {
        let options = ColourOptions {
            smoothing,
            ..ColourOptions::default()
        };
        let report =
            evaluate_colours(learner, &stream, Shift::default(), options, |_| Ok(())).unwrap();
        report.scores.flicker.unwrap()
    };
    assert!(flicker(&mut flickering, 0.0) > 0.0);
    assert_eq!(flicker(&mut calm, 1.0), 0.0);
}

#[test]
fn corruption_spoils_what_is_seen_and_not_what_is_compared_with() {
    let Some(mut learner) = learner(Task::Colorize, Method::MainTaskOnly) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let stream = stream(dir.path(), 2);
    let shift = Shift {
        corrupt: Some("noise:1".parse().unwrap()),
        ..Shift::default()
    };
    let report = evaluate_colours(
        &mut learner,
        &stream,
        shift,
        ColourOptions::default(),
        |_| Ok(()),
    )
    .unwrap();
    assert_eq!(report.run.corrupt.as_deref(), Some("noise:1"));
    assert_eq!((report.frames_learned, report.by_luma), (0, None));
    assert_eq!(report.true_colours.psnr, Some(100.0));
    let clean = evaluate_colours(
        &mut learner,
        &stream,
        Shift::default(),
        ColourOptions::default(),
        |_| Ok(()),
    );
    assert!(clean.unwrap().grey.psnr > report.grey.psnr);
}

#[test]
fn each_task_has_an_evaluation_of_its_own() {
    let (Some(mut colours), Some(mut classes)) = (
        learner(Task::Colorize, Method::MainTaskOnly),
        learner(Task::Segment, Method::MainTaskOnly),
    ) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let stream = stream(dir.path(), 1);
    let shift = Shift::default();
    let refused = evaluate_colours(
        &mut classes,
        &stream,
        shift,
        ColourOptions::default(),
        |_| Ok(()),
    )
    .unwrap_err();
    assert!(refused.to_string().contains("segment"), "{refused}");
    let refused = crate::eval::evaluate(&mut colours, &stream, shift, |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("colorize"), "{refused}");
    let request = Request {
        scores: true,
        ..Request::default()
    };
    let refused = colours.frame(Rgb::zeros((HEIGHT, WIDTH, 3)).into(), request);
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains("no class scores"), "{refused}");
}
