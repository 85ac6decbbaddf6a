//! Colours on the command line: training, evaluation, and what is in the file.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "common/program.rs"]
mod program;

use std::fs;

use program::{Bench, refuses, works};
use tttseg::video::read_rgb;
use tttseg::weights::{ModelFile, Task};

/// Arguments of a run of two iterations on the bench's two pictures.
fn training(bench: &Bench, output: &str, more: &[&str]) -> Vec<String> {
    let (data, output) = (bench.name("data"), bench.name(output));
    #[rustfmt::skip]
    let train = [
        "train", "--task", "colorize", "--data", &data, "-o", &output, "--iterations", "2", "--batch", "2",
        "--masked", "1", "--crop-height", "32", "--crop-width", "32", "--height", "64", "--width", "96",
        "--provider", "cpu", "--threads", "1",
    ];
    train.iter().chain(more).map(|s| s.to_string()).collect()
}

#[test]
fn colours_are_trained_described_and_evaluated() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let printed = works(&training(&bench, "film.safetensors", &[]));
    assert!(printed.contains("2 pictures, 0 left out; "), "{printed}");
    let film = bench.name("film.safetensors");
    let model = ModelFile::open(&film).unwrap();
    let bins = model.config.chroma.as_ref().unwrap().bins.len();
    assert_eq!((model.task, model.classes.len()), (Task::Colorize, 0));
    assert_eq!(model.config.main.queries, bins);
    assert!(model.unexplained.is_some());
    assert!(
        model
            .weights
            .iter()
            .any(|(name, _)| name.starts_with("color."))
    );

    let info = works(&["info", &film]);
    assert!(info.contains("task            colorize"), "{info}");
    assert!(
        info.contains(&format!("colours         {bins}, 12 apart")),
        "{info}"
    );

    let (frames, sheet) = (bench.name("data/frames"), bench.name("sheet.png"));
    #[rustfmt::skip]
    let eval = [
        "eval", "--model", &film, "--frames", &frames, "--floor", &frames, "--sheet", &sheet, "--provider", "cpu",
        "--surprise", "0",
    ];
    let printed = works(&eval);
    for row in ["model ", "grey ", "mean per luma ", "true colours "] {
        assert!(
            printed.lines().any(|l| l.starts_with(row)),
            "{row}: {printed}"
        );
    }
    assert_eq!(
        read_rgb(&bench.at("sheet.png")).unwrap().dim().1,
        4 * 320 + 3 * 4
    );
    let json = works(&[&eval[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(
        (json["frames"].as_u64(), json["method"].as_str()),
        (Some(2), Some("online"))
    );
    assert!(
        json["by_luma"]["chroma_psnr"].is_f64() && json["psnr"].is_f64(),
        "{json}"
    );

    // One picture, as it is in the stream; a folder; and what is no reference.
    let one = bench.name("data/frames/a.png");
    let psnr = |more: &[&str]| {
        let line = [
            &eval[..5],
            &["--provider", "cpu", "--method", "none", "--json"],
            more,
        ]
        .concat();
        let printed = works(&line);
        let json: serde_json::Value =
            serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        json["chroma_psnr"].as_f64().unwrap()
    };
    let without = psnr(&[]);
    let with = psnr(&["--reference", &one, "--reference-rate", "0.01"]);
    assert!(with > without + 1.0, "{with} {without}");
    assert!(psnr(&["--reference", &frames, "--reference-steps", "20"]) > without);
    for (name, why) in [("none.png", "No such file"), ("others", "has no colour")] {
        let mut line = eval.to_vec();
        let path = bench.name(name);
        line.extend(["--reference", &path]);
        let error = refuses(&line);
        assert!(error.contains(name) && error.contains(why), "{error}");
    }
    let error = refuses(&["eval", "--frames", &frames, "--reference", &one]);
    assert!(
        error.contains("--reference is for models that colour"),
        "{error}"
    );

    let labels = bench.name("data/labels");
    let error = refuses(&[
        "eval", "--model", &film, "--frames", &frames, "--labels", &labels,
    ]);
    assert!(error.contains("not with --labels"), "{error}");
    let stream = format!("{frames}:{labels}");
    let search = bench.name("search.jsonl");
    #[rustfmt::skip]
    let error = refuses(&[
        "tune", "--model", &film, "--stream", &stream, "-o", &search, "--seed", "1", "--provider", "cpu",
    ]);
    assert!(error.contains("colorize"), "{error}");
}

#[test]
fn colours_start_from_a_model_that_segments_or_colours() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let data = bench.name("data");
    #[rustfmt::skip]
    works(&[
        "train", "--data", &data, "--classes", "sky,road,car", "-o", &bench.name("classes.safetensors"),
        "--iterations", "1", "--batch", "1", "--masked", "1", "--crop-height", "32", "--crop-width", "32",
        "--height", "64", "--width", "96", "--provider", "cpu", "--threads", "1",
    ]);
    // At a rate of nothing a run ends where it starts, but for half precision's rounding.
    let classes = bench.name("classes.safetensors");
    let still =
        |init: &str| ["--init", init, "--learning-rate", "0", "--ema", "0"].map(String::from);
    let run = |output: &str, init: &str| {
        let more = still(init);
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        works(&training(&bench, output, &more));
        ModelFile::open(bench.at(output)).unwrap()
    };
    let from_classes = run("first.safetensors", &classes);
    let segments = ModelFile::open(&classes).unwrap();
    let mut taken = 0;
    for (name, tensor) in from_classes.weights.iter() {
        if !name.starts_with("color.") {
            assert_eq!(Some(tensor), segments.weights.0.get(name), "{name}");
            taken += 1;
        }
    }
    assert!(taken > 100, "{taken}");

    // A model that colours keeps its bins, whatever the pictures show.
    fs::remove_file(bench.at("data/frames/b.png")).unwrap();
    let again = run("second.safetensors", &bench.name("first.safetensors"));
    assert_eq!(again.config.chroma, from_classes.config.chroma);
    assert_eq!(again.weights, from_classes.weights);

    let refused = |more: &[&str]| refuses(&training(&bench, "third.safetensors", more));
    let error = refused(&["--init", &bench.name("mini.safetensors")]);
    assert!(
        error.contains("mini.safetensors: its settings differ"),
        "{error}"
    );
    assert!(refused(&["--classes", "a,b"]).contains("neither --classes nor --unlabelled"));
    assert!(refused(&["--rebalance", "1.5"]).contains("--rebalance is 1.5"));
    assert!(refused(&["--light=-1"]).contains("--light is -1"));
    let grey = bench.name("others");
    let error = refuses(&[
        "train",
        "--task",
        "colorize",
        "--data",
        &grey,
        "-o",
        &bench.name("x.safetensors"),
    ]);
    assert!(error.contains("has no colours"), "{error}");
    let error = refuses(&["train", "--data", &data, "-o", &bench.name("x.safetensors")]);
    assert!(error.contains("needs --classes"), "{error}");
}
