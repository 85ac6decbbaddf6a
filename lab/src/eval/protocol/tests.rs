use super::*;
use crate::data::LabelMap;
use std::path::Path;
use tttseg::adapt::{Method, Settings};
use tttseg::model::testing::{tiny, untrained};
use tttseg::ndarray::Array3;
use tttseg::runtime::{Cancel, testing};
use tttseg::video::write_png;

const SIZE: (usize, usize) = (64, 96);

/// A model of three classes that was never trained, and predicts alone.
fn learner() -> Option<Learner> {
    let settings = Settings {
        method: Method::MainTaskOnly,
        fusion: 0.0,
        ..Settings::default()
    };
    let model = Arc::new(untrained(tiny(3), 3));
    let runtime = testing::runtime()?;
    let cancel = Cancel::new();
    Some(Learner::new(model, settings, runtime, &testing::options(), &cancel).unwrap())
}

fn picture() -> Rgb {
    Rgb::from_shape_fn((SIZE.0, SIZE.1, 3), |(y, x, c)| {
        let wave = [x as f32 / 9.0, y as f32 / 7.0, (x + y) as f32 / 13.0][c];
        (127.5 + 127.5 * wave.sin()) as u8
    })
}

/// A frame of which every pixel is labelled with this id.
fn stream(dir: &Path, id: u8, map: &str) -> Stream {
    let place = |name: &str| {
        let folder = dir.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder.join("a.png")
    };
    write_png(&place("frames"), &picture()).unwrap();
    write_png(&place("labels"), &ClassMap::from_elem(SIZE, id)).unwrap();
    let file = dir.join("map.json");
    std::fs::write(&file, map).unwrap();
    Stream {
        label_map: Some(LabelMap::open(file.to_str().unwrap()).unwrap()),
        ..Stream::open(&dir.join("frames"), Some(&dir.join("labels"))).unwrap()
    }
}

fn scores() -> Option<Array3<f32>> {
    let request = Request {
        scores: true,
        ..Request::default()
    };
    let prediction = learner()?.frame(picture().into(), request);
    prediction.unwrap().scores
}

#[test]
fn probabilities_are_added_up_before_the_highest_is_taken() {
    let (Some(mut learner), Some(scores)) = (learner(), scores()) else {
        return;
    };
    let own = scores_to_labels(&scores, SIZE).unwrap();
    let wins = |class: u8| own.iter().filter(|c| **c == class).count();
    // The class that is highest most often against the other two.
    let single = (0..3u8).max_by_key(|class| wins(*class)).unwrap();
    let others = (0..3u8).filter(|class| *class != single);
    let [a, b] = others.collect::<Vec<_>>()[..] else {
        panic!("three classes")
    };
    let map = format!(r#"{{"one": ["class {single}"], "rest": ["class {a}", "class {b}"]}}"#);
    let of = |class: u8, y: usize, x: usize| scores[[usize::from(class), y, x]];
    let coarse = ClassMap::from_shape_fn(SIZE, |(y, x)| {
        u8::from(of(a, y, x) + of(b, y, x) > of(single, y, x))
    });
    let changed = own.iter().zip(&coarse).filter(|p| *p == (&single, &1));
    assert!(changed.count() > 0, "adding changes nothing here");

    let dir = tempfile::tempdir().unwrap();
    let stream = stream(dir.path(), 1, &map);
    let mut seen = None;
    let report = evaluate(&mut learner, &stream, Shift::default(), |frame| {
        if let Some(Predicted::Classes(map)) = frame.predicted {
            seen = Some(map.clone());
        }
        Ok(())
    });
    let report = report.unwrap();
    assert_eq!(seen, Some(coarse.clone()));
    assert_eq!(report.classes, ["one", "rest"]);
    assert!(report.label_map.unwrap().ends_with("map.json"));
    let right = coarse.iter().filter(|id| **id == 1).count() as f64;
    let share = right / coarse.len() as f64;
    assert_eq!((report.pixel_accuracy, report.iou[0]), (Some(share), None));
}

#[test]
fn maps_of_the_model_s_own_classes_and_of_others() {
    let Some(scores) = scores() else { return };
    let own = scores_to_labels(&scores, SIZE).unwrap();
    // A model with the names of the groups has nothing to add, whatever the lists say.
    let map = r#"{"class 0": ["x"], "class 1": ["y"], "class 2": ["z"]}"#;
    let dir = tempfile::tempdir().unwrap();
    let same = stream(dir.path(), 2, map);
    let mut seen = None;
    let report = evaluate(&mut learner().unwrap(), &same, Shift::default(), |frame| {
        if let Some(Predicted::Classes(map)) = frame.predicted {
            seen = Some(map.clone());
        }
        Ok(())
    });
    assert_eq!(report.unwrap().classes.len(), 3);
    assert_eq!(seen, Some(own));

    let refused = |stream: &Stream| {
        let report = evaluate(
            &mut learner().unwrap(),
            stream,
            Shift::default(),
            |_| Ok(()),
        );
        report.unwrap_err().to_string()
    };
    let error = refused(&stream(dir.path(), 0, r#"{"all": ["class 0", "class 9"]}"#));
    assert!(
        error.contains("map.json: the model has no class `class 9`"),
        "{error}"
    );
    // What is no group is not labelled.
    let void = stream(dir.path(), 1, r#"{"all": ["class 0"]}"#);
    let report = evaluate(&mut learner().unwrap(), &void, Shift::default(), |_| Ok(()));
    assert_eq!(report.unwrap().miou_pooled, None);
}
