//! Streams with a known shift on the command line: `corrupt`, `eval --corrupt`, `eval --pan`.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "common/program.rs"]
mod program;

use std::fs;

use program::{Bench, files, refuses, works};
use serde_json::Value;
use tttseg::video::{LabelIds, Rgb, read_labels, read_rgb, write_png};
use tttseg_lab::data::CorruptionKind;

/// Copies of one picture, so that what differs is what was done to it.
fn still_stream(bench: &Bench, count: usize) {
    for i in 0..count {
        fs::copy(
            bench.at("data/frames/a.png"),
            bench.at(format!("empty/f{i}.png")),
        )
        .unwrap();
    }
    fs::rename(bench.at("empty"), bench.at("still")).unwrap();
}

#[test]
fn corrupt_writes_a_stream_that_drifts() {
    let bench = Bench::new();
    still_stream(&bench, 6);
    fs::write(bench.at("still/notes.txt"), b"").unwrap();
    let frames = bench.name("still");
    let plain = read_rgb(&bench.at("still/f0.png")).unwrap();
    for kind in CorruptionKind::EVERY {
        let out = bench.name(kind.name());
        let printed = works(&["corrupt", kind.name(), "--frames", &frames, "-o", &out]);
        let wanted = format!("6 frames, {}:1, seed 0", kind.name());
        assert!(printed.contains(&wanted), "{printed}");
        let written = files(&bench.at(kind.name()));
        let names: Vec<_> = written
            .iter()
            .map(|p| p.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["f0.png", "f1.png", "f2.png", "f3.png", "f4.png", "f5.png"]
        );
        // How far each frame is from the first.
        let far: Vec<u64> = written
            .iter()
            .map(|path| {
                let picture = read_rgb(path).unwrap();
                assert_eq!(picture.dim(), (80, 96, 3));
                let pairs = picture.iter().zip(&plain);
                pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
            })
            .collect();
        assert_eq!(far[0], 0, "{kind:?}");
        assert!(far[3] > far[1], "{kind:?}: {far:?}");
        assert!(far[3] > 0 && far[4] > 0 && far[5] > 0, "{kind:?}: {far:?}");
    }
    // JPEG frames and a folder in a folder that is not there yet.
    let picture = image::RgbImage::from_raw(96, 80, plain.into_iter().collect()).unwrap();
    fs::remove_file(bench.at("still/f0.png")).unwrap();
    picture.save(bench.at("still/f0.jpg")).unwrap();
    let out = bench.name("new/deep");
    works(&["corrupt", "fog:0.3", "--frames", &frames, "-o", &out]);
    assert!(bench.at("new/deep/f0.png").is_file());
}

#[test]
fn corrupt_is_a_function_of_its_seed() {
    let bench = Bench::new();
    let frames = bench.name("data/frames");
    let written = |name: &str, seed: &str| {
        let out = bench.name(name);
        works(&[
            "corrupt",
            "noise:0.5",
            "--frames",
            &frames,
            "--output",
            &out,
            "--seed",
            seed,
        ]);
        fs::read(bench.at(name).join("b.png")).unwrap()
    };
    let first = written("one", "3");
    assert_eq!(written("two", "3"), first);
    assert_ne!(written("three", "4"), first);
}

#[test]
fn corrupt_leaves_what_is_there() {
    let bench = Bench::new();
    fs::create_dir(bench.at("out")).unwrap();
    fs::write(bench.at("out/mine.txt"), b"mine").unwrap();
    let (frames, out) = (bench.name("data/frames"), bench.name("out"));
    let before = files(bench.0.path());
    let corrupt = ["corrupt", "cast", "--frames", &frames, "-o", &out];
    let error = refuses(&corrupt);
    assert!(error.contains("out: the folder is not empty"), "{error}");
    // The frames themselves are never written over.
    let same = format!("{frames}/../frames");
    for force in [&[][..], &["--force"]] {
        let mut onto = vec!["corrupt", "cast", "--frames", &frames, "-o", &same];
        onto.extend(force);
        let error = refuses(&onto);
        assert!(
            error.contains("this is the folder of the frames"),
            "{error}"
        );
    }
    assert_eq!(files(bench.0.path()), before);

    let mut forced = corrupt.to_vec();
    forced.push("--force");
    works(&forced);
    assert_eq!(fs::read(bench.at("out/mine.txt")).unwrap(), b"mine");
    assert_eq!(files(&bench.at("out")).len(), 3);
    // Over what is there from before, too.
    fs::write(bench.at("out/a.png"), b"old").unwrap();
    works(&forced);
    assert!(read_rgb(&bench.at("out/a.png")).is_ok());
    assert_eq!(files(&bench.at("out")).len(), 3);
}

#[test]
fn corrupt_writes_all_frames_or_none() {
    let bench = Bench::new();
    fs::write(bench.at("data/frames/c.png"), b"no image").unwrap();
    fs::write(bench.at("file"), b"").unwrap();
    let before = files(bench.0.path());
    let frames = bench.name("data/frames");
    for (what, folder, out, wanted) in [
        ("dusk", &frames, "out", "c.png"),
        ("dusk", &frames, "empty", "c.png"),
        ("dusk", &frames, "file", "file: "),
        ("dusk", &bench.name("empty"), "out", "no JPEG or PNG file"),
        ("dusk", &bench.name("nowhere"), "out", "nowhere: "),
        ("snow", &frames, "out", "unknown corruption 'snow'"),
        ("dusk:3", &frames, "out", "strength '3'"),
    ] {
        let out = bench.name(out);
        let error = refuses(&["corrupt", what, "--frames", folder, "-o", &out]);
        assert!(error.contains(wanted), "{wanted}: {error}");
        assert_eq!(files(bench.0.path()), before, "{wanted}");
    }
}

/// The object that `eval --json` prints.
fn evaluated(bench: &Bench, more: &[&str]) -> Value {
    let names = ["mini.safetensors", "data/frames", "data/labels"].map(|n| bench.name(n));
    let [model, frames, labels] = &names;
    let mut arguments = vec![
        "eval",
        "--model",
        model,
        "--frames",
        frames,
        "--labels",
        labels,
        "--threads",
        "1",
        "--provider",
        "cpu",
        "--json",
    ];
    arguments.extend(more);
    serde_json::from_str(works(&arguments).lines().last().unwrap()).unwrap()
}

#[test]
fn eval_reports_the_shift() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let plain = evaluated(&bench, &["--method", "none"]);
    assert_eq!(plain["corrupt"], Value::Null);
    assert_eq!(plain["pan"], Value::Null);
    assert_eq!((&plain["seed"], &plain["frames"]), (&0.into(), &2.into()));

    let shifted = ["--corrupt", "noise:0.75", "--pan", "3", "--seed", "5"];
    let report = evaluated(&bench, &shifted);
    assert_eq!(report["corrupt"], "noise:0.75");
    assert_eq!((&report["pan"], &report["seed"]), (&3.into(), &5.into()));
    assert_eq!(report["frames"], 6);
    assert_eq!(report["frames_labelled"], 6);
    assert!(report["loss_last"].as_f64().is_some());
    // The same words, the same stream.
    assert_eq!(
        evaluated(&bench, &shifted)["loss_mean"],
        report["loss_mean"]
    );
}

#[test]
fn eval_takes_coarser_labels_and_squeezed_stills() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let map = bench.name("map.json");
    fs::write(&map, r#"{"up": ["sky"], "down": ["road", "car"]}"#).unwrap();
    let none = ["--method", "none", "--fusion", "0"];
    let with = |more: &[&str]| evaluated(&bench, &[&none[..], more].concat());
    let plain = with(&[]);
    assert_eq!(plain["label_map"], Value::Null);
    let coarse = with(&["--label-map", &map]);
    assert_eq!(coarse["label_map"], map);
    assert_eq!(coarse["classes"], serde_json::json!(["up", "down"]));
    assert_eq!(coarse["iou"].as_array().unwrap().len(), 2);
    let accuracy = |report: &Value| report["pixel_accuracy"].as_f64().unwrap();
    // A model that knows nothing gives each class a third: two of them are more than one.
    assert_ne!(accuracy(&coarse), accuracy(&plain));
    // The same labels drawn in colours.
    let labels = bench.at("data/labels");
    let table = bench.name("colours.json");
    fs::write(
        &table,
        r#"{"sky": [[9, 0, 0]], "road": [[0, 9, 0]], "car": [[0, 0, 9]]}"#,
    )
    .unwrap();
    let drawn = bench.at("drawn");
    fs::create_dir(&drawn).unwrap();
    for name in ["a.png", "b.png"] {
        let ids = read_labels(&labels.join(name), &LabelIds::with_void_last(3)).unwrap();
        let colours = Rgb::from_shape_fn((80, 96, 3), |(y, x, c)| {
            if usize::from(ids[[y, x]]) == c { 9 } else { 0 }
        });
        write_png(&drawn.join(name), &colours).unwrap();
        fs::rename(labels.join(name), bench.at(name)).unwrap();
        fs::rename(drawn.join(name), labels.join(name)).unwrap();
    }
    let drawn = with(&["--label-colours", &table]);
    assert_eq!(drawn["iou"], plain["iou"]);
    for name in ["a.png", "b.png"] {
        fs::rename(bench.at(name), labels.join(name)).unwrap();
    }
    // Frames of 96x80 as they are, and twice as wide.
    let proportions = |aspect| accuracy(&with(&["--aspect", aspect]));
    assert_eq!(proportions("6:5"), accuracy(&plain));
    assert_ne!(proportions("12:5"), accuracy(&plain));

    let names = ["mini.safetensors", "data/frames", "data/labels"].map(|n| bench.name(n));
    let [model, frames, labels] = &names;
    let eval = ["eval", "--model", model, "--frames", frames];
    let labelled = ["--labels", labels];
    let known = "label map camvid11: the model has no class `building`";
    for (more, wanted) in [
        (&["--label-map", "camvid11"][..], "--label-map needs labels"),
        (
            &[&labelled[..], &["--label-map", "camvid11"]].concat(),
            known,
        ),
        (
            &[&labelled[..], &["--label-map", "soup"]].concat(),
            "label map soup: ",
        ),
        (
            &[&labelled[..], &["--label-map", &map, "--alignment"]].concat(),
            "the labels are coarser than the model's classes",
        ),
        (&["--aspect", "wide"], "`wide` is no aspect"),
        (
            &["--label-colours", "camvid11"],
            "--label-colours needs labels",
        ),
        (
            &[&labelled[..], &["--label-colours", "camvid11"]].concat(),
            "colours of labels camvid11: `building` is none of the classes",
        ),
    ] {
        let error = refuses(&[&eval[..], more].concat());
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
}

#[test]
fn eval_sees_what_corrupt_writes() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    // Two more stills, so that the drift has a middle.
    for (i, name) in ["c", "d"].iter().enumerate() {
        let size = tttseg::adapt::graphs::Size {
            height: 80,
            width: 96,
        };
        let rgb = common::picture(size, 5 + i);
        write_png(&bench.at(format!("data/frames/{name}.png")), &rgb).unwrap();
        fs::copy(
            bench.at("data/labels/a.png"),
            bench.at(format!("data/labels/{name}.png")),
        )
        .unwrap();
    }
    let more = ["--method", "online", "--seed", "2"];
    let plain = evaluated(&bench, &more);
    let mut corrupted = more.to_vec();
    corrupted.extend(["--corrupt", "dusk"]);
    let in_memory = evaluated(&bench, &corrupted);
    assert_ne!(in_memory["loss_mean"], plain["loss_mean"]);

    let (frames, out) = (bench.name("data/frames"), bench.name("out"));
    works(&[
        "corrupt", "dusk", "--frames", &frames, "-o", &out, "--seed", "2",
    ]);
    fs::remove_dir_all(bench.at("data/frames")).unwrap();
    fs::rename(bench.at("out"), bench.at("data/frames")).unwrap();
    let on_disk = evaluated(&bench, &more);
    for key in [
        "loss_first",
        "loss_last",
        "loss_mean",
        "miou_pooled",
        "pixel_accuracy",
        "iou",
    ] {
        assert_eq!(on_disk[key], in_memory[key], "{key}");
    }
}
