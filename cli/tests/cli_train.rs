//! `train` on the command line.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "common/program.rs"]
mod program;

use std::fs;

use program::{Bench, files, program, refuses, text, works};
use tttseg::video::{ClassMap, Rgb, write_png};
use tttseg::weights::ModelFile;

#[test]
fn training_says_at_once_what_it_could_not_save() {
    let bench = Bench::new();
    let (data, nowhere, here) = (
        bench.name("data"),
        bench.name("nowhere/new.safetensors"),
        bench.name("new.safetensors"),
    );
    let before = files(bench.0.path());
    for (output, checkpoint) in [(&nowhere, &here), (&here, &nowhere), (&data, &here)] {
        #[rustfmt::skip]
        let error = refuses(&[
            "train", "--data", &data, "--classes", "sky,road,car", "-o", output, "--checkpoint", checkpoint,
        ]);
        let wrong = if *output == here { checkpoint } else { output };
        let wanted = format!("{wrong}: cannot be written: ");
        assert!(error.contains(&wanted), "{error}");
    }
    assert_eq!(files(bench.0.path()), before);
}

#[test]
fn training_leaves_out_an_image_it_cannot_read() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    fs::write(bench.at("data/frames/c.png"), b"no image").unwrap();
    fs::copy(bench.at("data/labels/a.png"), bench.at("data/labels/c.png")).unwrap();
    let (data, model) = (bench.name("data"), bench.name("new.safetensors"));
    #[rustfmt::skip]
    let train = [
        "train", "--data", &data, "--classes", "sky,road,car", "-o", &model, "--iterations", "1", "--batch", "1",
        "--masked", "1", "--crop-height", "32", "--crop-width", "32", "--height", "32", "--width", "32",
        "--provider", "cpu",
    ];
    let output = program(&train).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stdout).contains("2 images, 1 left out"),
        "{output:?}"
    );
    assert!(
        text(&output.stderr).contains("data/frames/c.png: "),
        "{output:?}"
    );
    let trained = ModelFile::open(&model).unwrap();
    assert_eq!(trained.classes, ["sky", "road", "car"]);

    // Nothing left to train on.
    for name in ["a", "b"] {
        fs::write(bench.at(format!("data/frames/{name}.png")), b"no image").unwrap();
    }
    let before = files(bench.0.path());
    assert!(refuses(&train).contains("no labelled image is left"));
    assert_eq!(files(bench.0.path()), before);
}

/// Arguments of a run of `iterations` on the bench's two images, into `output`.
fn training(bench: &Bench, output: &str, iterations: &str, more: &[&str]) -> Vec<String> {
    let (data, output) = (bench.name("data"), bench.name(output));
    #[rustfmt::skip]
    let train = [
        "train", "--data", &data, "--classes", "sky,road,car", "-o", &output, "--iterations", iterations, "--batch", "1",
        "--masked", "1", "--crop-height", "32", "--crop-width", "32", "--height", "32", "--width", "32",
        "--provider", "cpu", "--threads", "1",
    ];
    train.iter().chain(more).map(|s| s.to_string()).collect()
}

#[test]
fn training_starts_from_a_model() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let unlabelled = [
        "--unlabelled",
        &bench.name("data"),
        "--unlabelled-share",
        "1",
    ];
    let printed = works(&training(&bench, "first.safetensors", "2", &unlabelled));
    assert!(
        printed.contains("share of pixels and weight: sky "),
        "{printed}"
    );

    // From the same frames without labels as well.
    assert!(printed.contains("2 pictures without labels"), "{printed}");
    let trained_on = ModelFile::open(bench.at("first.safetensors"))
        .unwrap()
        .trained_on;
    let folder = bench.0.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(trained_on, format!("{folder}/data, {folder}/data"));

    // At a rate of nothing a run ends where it starts, but for half precision's rounding.
    let init = bench.name("first.safetensors");
    let still = ["--init", &init, "--learning-rate", "0", "--ema", "0"];
    works(&training(&bench, "second.safetensors", "1", &still));
    let weights = |name: &str| ModelFile::open(bench.at(name)).unwrap().weights;
    assert_eq!(weights("first.safetensors"), weights("second.safetensors"));

    let other = ["--init", &bench.name("mini.safetensors")];
    let before = files(bench.0.path());
    let error = refuses(&training(&bench, "third.safetensors", "1", &other));
    assert!(
        error.contains("mini.safetensors: tensor `") && error.contains("the model needs"),
        "{error}"
    );
    let error = refuses(&training(&bench, "third.safetensors", "1", &["--ema", "1"]));
    assert!(error.contains("possible is 0 to below 1"), "{error}");
    let error = refuses(&training(
        &bench,
        "third.safetensors",
        "1",
        &["--temper", "2"],
    ));
    assert!(error.contains("--temper is 2"), "{error}");
    let error = refuses(&training(
        &bench,
        "third.safetensors",
        "1",
        &["--balance", "2"],
    ));
    assert!(error.contains("rare is 2, possible is 0 to 1"), "{error}");
    let empty = ["--unlabelled", &bench.name("empty")];
    let error = refuses(&training(&bench, "third.safetensors", "1", &empty));
    assert!(
        error.contains("none of its 0 files is a picture"),
        "{error}"
    );
    assert_eq!(files(bench.0.path()), before);
}

#[test]
fn training_takes_sets_of_coarser_labels() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let map = bench.name("map.json");
    fs::write(&map, r#"{"up": ["sky"], "down": ["road", "car"]}"#).unwrap();
    let coarse = format!("{},map={map},aspect=2:1,share=0.5", bench.name("data"));
    let printed = works(&training(
        &bench,
        "new.safetensors",
        "1",
        &["--data", &coarse],
    ));
    assert!(
        printed.contains("share of pixels and weight: up "),
        "{printed}"
    );
    let trained = ModelFile::open(bench.at("new.safetensors")).unwrap();
    assert_eq!(trained.classes, ["sky", "road", "car"]);
    let folder = bench.0.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(
        trained.trained_on,
        format!("{folder}/data, {folder}/data (map.json)")
    );

    let data = bench.name("data");
    let before = files(bench.0.path());
    for (more, wanted) in [
        (["--data", "x,share=2"], "`2` is no share"),
        (
            ["--data", &format!("{data},map=camvid11")],
            "no class `building`",
        ),
        (
            ["--unlabelled", &format!("{data},share=1")],
            "takes an aspect only",
        ),
    ] {
        let error = refuses(&training(&bench, "other.safetensors", "1", &more));
        assert!(error.contains(wanted), "{error}");
    }
    #[rustfmt::skip]
    let error = refuses(&[
        "train", "--task", "colorize", "--data", &coarse, "-o", &bench.name("other.safetensors"),
    ]);
    assert!(error.contains("takes folders without options"), "{error}");
    assert_eq!(files(bench.0.path()), before);
}

#[test]
fn training_stops_where_a_class_is_nowhere_to_be_seen() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let data = bench.name("data");
    let before = files(bench.0.path());
    let train = |classes: &str, data: &[&str]| {
        let mut train = training(&bench, "new.safetensors", "1", &[]);
        let at = train.iter().position(|a| a == "--classes").unwrap();
        train[at + 1] = classes.to_owned();
        for data in data {
            train.extend(["--data".to_owned(), (*data).to_owned()]);
        }
        train
    };
    let error = refuses(&train("sky,road,car,bus,tram", &[]));
    assert!(
        error.contains(&format!("no labelled pixel of {data} is `bus`, `tram`")),
        "{error}"
    );
    // Of coarser labels, a group that is seen is enough, and only the folders that could show the class are named.
    let (map, other) = (bench.name("map.json"), bench.at("other"));
    for folder in ["frames", "labels"] {
        fs::create_dir_all(other.join(folder)).unwrap();
        let from = bench.at(format!("data/{folder}/a.png"));
        fs::copy(from, other.join(folder).join("a.png")).unwrap();
    }
    let coarse = format!("{},map={map}", other.display());
    fs::write(
        &map,
        r#"{"up": ["sky"], "down": ["road"], "on wheels": ["car", "bus"]}"#,
    )
    .unwrap();
    works(&train("sky,road,car,bus", &[&coarse]));
    for written in ["new.safetensors", "new.checkpoint"] {
        fs::remove_file(bench.at(written)).unwrap();
    }
    let none = ClassMap::from_elem((80, 96), 1);
    write_png(&other.join("labels/a.png"), &none).unwrap();
    let error = refuses(&train("sky,road,car,bus", &[&coarse]));
    let both = format!("no labelled pixel of {data}, {} is `bus`", other.display());
    assert!(error.contains(&both), "{error}");
    fs::remove_dir_all(&other).unwrap();
    fs::remove_file(&map).unwrap();
    assert_eq!(files(bench.0.path()), before);
}

#[test]
fn training_reads_labels_in_colours_by_their_scheme() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let table = bench.name("colours.json");
    fs::write(
        &table,
        r#"{"sky": [[9, 0, 0]], "road": [[0, 9, 0]], "car": [[0, 0, 9]], "void": [[0, 0, 0]]}"#,
    )
    .unwrap();
    for name in ["a", "b"] {
        let rgb = Rgb::from_shape_fn(
            (80, 96, 3),
            |(y, x, c)| {
                if (y + x) % 4 == c { 9 } else { 0 }
            },
        );
        write_png(&bench.at(format!("data/labels/{name}.png")), &rgb).unwrap();
    }
    let train = |colours: &str| {
        let mut train = training(&bench, "new.safetensors", "1", &[]);
        let at = train.iter().position(|a| a == "--data").unwrap();
        train[at + 1] += colours;
        train
    };
    let before = files(bench.0.path());
    let output = program(&train("")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = text(&output.stderr);
    assert!(
        error.contains("data/labels/a.png: labels that cannot be read: RGB")
            && error.contains("a table of colours"),
        "{error}"
    );
    let error = refuses(&train(",colours=camvid11"));
    assert!(
        error.contains("`building` is none of the classes"),
        "{error}"
    );
    let error = refuses(&train(",colours=camvid12"));
    assert!(error.contains("built in: camvid11"), "{error}");
    assert_eq!(files(bench.0.path()), before);
    let printed = works(&train(&format!(",colours={table}")));
    assert!(
        printed.contains("share of pixels and weight: sky 33.3 %"),
        "{printed}"
    );
}
