//! Stills that are learned in turn with what is remembered of the stream.

use std::path::Path;

use super::student::{learner_of, reference, see, sure_model, teaching, washed_out};
use super::{CLASSES, SIZE, picture, show};
use crate::adapt::{Adapter, Error, Learner, Method, Request, Reset, Settings, Skipped};
use crate::runtime::{Cancel, testing};
use crate::video::{ClassMap, write_png};

/// A folder of two stills; with labels, all of one class.
fn folder(label: Option<u8>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for kind in ["frames", "labels"] {
        std::fs::create_dir(dir.path().join(kind)).unwrap();
    }
    if label.is_none() {
        std::fs::remove_dir(dir.path().join("labels")).unwrap();
    }
    for time in [20, 30] {
        let name = format!("{time}.png");
        let rgb = picture(SIZE, time);
        write_png(&dir.path().join("frames").join(&name), &rgb).unwrap();
        if let Some(label) = label {
            let labels = ClassMap::from_elem((SIZE.height, SIZE.width), label);
            write_png(&dir.path().join("labels").join(&name), &labels).unwrap();
        }
    }
    dir
}

fn with(location: &Path) -> Settings {
    Settings {
        replay_location: Some(location.to_str().unwrap().to_owned()),
        ..teaching(Method::Replay)
    }
}

/// Losses of frames that are learned from.
fn losses(learner: &mut Learner, frames: usize) -> Vec<f32> {
    (0..frames)
        .map(|time| show(learner, time, Request::default()).report.loss.unwrap())
        .collect()
}

#[test]
fn stills_and_remembered_frames_take_turns() {
    // Of stills without a labelled pixel the loss is nothing.
    let stills = folder(Some(255));
    let Some(mut learner) = learner_of(with(stills.path()), None) else {
        return;
    };
    let check = |learner: &mut Learner| {
        for (step, loss) in losses(learner, 6).into_iter().enumerate() {
            assert_eq!(loss == 0.0, step % 2 == 0, "step {step}: {loss}");
        }
    };
    check(&mut learner);
    let state = learner.save().unwrap();
    assert_eq!(state.pictures.len(), 2 * 6, "those of the stream");
    let saved = &state.origin.settings["replay-location"];
    assert!(stills.path().ends_with(saved), "{saved}");
    // They belong to the settings.
    learner.reset(Reset::ALL).unwrap();
    check(&mut learner);
    learner.update(teaching(Method::Replay)).unwrap();
    assert!(losses(&mut learner, 4).iter().all(|loss| *loss > 0.0));
    learner.update(with(stills.path())).unwrap();
    assert!(losses(&mut learner, 2).contains(&0.0));
}

#[test]
fn labels_are_what_the_folder_says() {
    let run = |label: Option<u8>| {
        let stills = folder(label);
        let mut learner = learner_of(with(stills.path()), None)?;
        let losses = losses(&mut learner, 6);
        Some((losses, learner.save().unwrap().weights))
    };
    let Some(one) = run(Some(0)) else {
        return;
    };
    let (again, other) = (run(Some(0)).unwrap(), run(Some(CLASSES as u8 - 1)).unwrap());
    assert!(one == again, "the same bytes");
    assert_ne!(one.0, other.0);
}

#[test]
fn stills_without_labels_get_those_the_model_is_sure_of() {
    let stills = folder(None);
    let plain = || learner_of(with(stills.path()), None);
    let Some(mut learner) = plain() else {
        return;
    };
    let found = losses(&mut learner, 6);
    assert!(found.iter().all(|loss| *loss > 0.0), "{found:?}");
    assert_eq!(found, losses(&mut plain().unwrap(), 6), "the same bytes");
    let mut without = learner_of(teaching(Method::Replay), None).unwrap();
    assert_ne!(found, losses(&mut without, 6));
    // Pictures alone are no less than a folder of them.
    let bare = with(&stills.path().join("frames"));
    let mut bare = learner_of(bare, None).unwrap();
    assert_eq!(losses(&mut bare, 6), found);
}

#[test]
fn nothing_is_learned_of_them_while_the_video_is_in_range() {
    let Some(reference) = reference() else {
        return;
    };
    let stills = folder(Some(255));
    let settings = Settings {
        surprise: 1.0,
        ..with(stills.path())
    };
    let mut learner = learner_of(settings, Some(reference)).unwrap();
    for time in 0..6 {
        let report = see(&mut learner, picture(SIZE, time)).report;
        assert_eq!(report.skipped, Some(Skipped::Familiar));
    }
    let strange = (0..20).find_map(|time| see(&mut learner, washed_out(time)).report.loss);
    assert_eq!(strange, Some(0.0), "the first step is on a still");
}

#[test]
fn what_cannot_be_read_is_named() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let (stills, wrong) = (folder(Some(1)), folder(Some(CLASSES as u8 + 1)));
    let nowhere = stills.path().join("nowhere");
    let refused = |location: &Path| {
        let (model, options) = (sure_model(None), testing::options());
        let learner = Learner::new(model, with(location), runtime, &options, &Cancel::new());
        let error = learner.err().unwrap();
        assert!(matches!(
            &error,
            Error::Setting {
                name: "replay-location",
                ..
            }
        ));
        error.to_string()
    };
    let said = refused(&nowhere);
    assert!(
        said.contains("nowhere") && said.contains("replay-location"),
        "{said}"
    );
    let said = refused(wrong.path());
    assert!(
        said.contains("labels") && said.contains("label 6"),
        "{said}"
    );
    for start in [
        Adapter::start::<crate::adapt::SharedModel>,
        Adapter::start_asynchronous,
    ] {
        let error = start(sure_model(None).into(), with(&nowhere), testing::options());
        assert!(error.err().unwrap().to_string().contains("nowhere"));
    }
    // The method decides whether they are needed.
    let none = Settings {
        method: Method::MainTaskOnly,
        ..with(&nowhere)
    };
    let mut learner = learner_of(none, None).unwrap();
    assert!(learner.update(with(&nowhere)).is_err());
    assert_eq!(learner.settings().method, Method::MainTaskOnly);
    learner.update(with(stills.path())).unwrap();
    assert_eq!(losses(&mut learner, 2).len(), 2);
}
