//! The command line as its users meet it: help, one line for whatever is wrong, and nothing half written.

mod common;

#[path = "common/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use program::{Bench, files, program, refused, refuses, text, works};
use tttseg::runtime::{Options, Provider};
use tttseg::weights::{ModelFile, Precision};

#[test]
fn every_subcommand_has_help() {
    let all = works(&["--help"]);
    let listed: Vec<&str> = all
        .lines()
        .skip_while(|l| !l.starts_with("Commands:"))
        .skip(1)
        .take_while(|l| !l.trim().is_empty())
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    for known in [
        "info", "verify", "bench", "export", "eval", "tune", "corrupt", "train",
    ] {
        assert!(listed.contains(&known), "{known} is not in {listed:?}");
    }
    for name in listed {
        let help = works(&[name, "--help"]);
        assert!(help.contains(&format!("Usage: tttseg {name}")), "{help}");
    }
    assert!(works(&["--version"]).starts_with("tttseg "));
}

#[test]
fn arguments_that_make_no_sense() {
    for (arguments, wanted) in [
        (&["bench", "--provider", "vulkan"][..], "'vulkan'"),
        (&["bench", "--preset", "huge"], "'huge'"),
        (&["bench", "--heigth", "224"], "--heigth"),
        (&["train"], "--output"),
        (&["dance"], "dance"),
        (&["export", "train", "-o", "x.onnx"], "train"),
        (&["eval", "--frames", "x", "--recipe", "soup"], "'soup'"),
        (&["eval", "--frames", "x", "--corrupt", "snow"], "'snow'"),
        (&["eval", "--frames", "x", "--pan", "0"], "'0'"),
        (
            &["eval", "--frames", "x", "--learn", "soup"],
            "learn: unknown 'soup'",
        ),
        (&["eval", "--frames", "x", "--steps", "1,2"], "steps: '1,2'"),
        (&["eval", "--frames", "x", "--every", "0"], "--every"),
        (&["eval", "--frames", "x", "--alignment"], "--labels"),
        (&["tune", "-o", "x.jsonl"], "--stream"),
        (&["tune", "-o", "x.jsonl", "--stream", "x"], "FRAMES:LABELS"),
        (
            &[
                "tune", "-o", "x.jsonl", "--stream", "x:y", "--search", "luck",
            ],
            "'luck'",
        ),
        (
            &["tune", "-o", "x.jsonl", "--stream", "x:y", "--pull", "0,-1"],
            "pull: -1",
        ),
    ] {
        let error = refuses(arguments);
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn model_files_that_are_none() {
    let bench = Bench::new();
    let whole = fs::read(bench.at("mini.safetensors")).unwrap();
    fs::write(bench.at("cut.safetensors"), &whole[..whole.len() / 2]).unwrap();
    fs::write(bench.at("text.safetensors"), b"not a model at all").unwrap();
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded/mask2former-odd/weights.safetensors");
    fs::copy(foreign, bench.at("foreign.safetensors")).unwrap();
    let mut incomplete = common::model(1);
    let (name, _) = incomplete.weights.0.pop_last().unwrap();
    incomplete
        .save(bench.at("incomplete.safetensors"), Precision::Half)
        .unwrap();
    let before = files(bench.0.path());
    for (file, wanted) in [
        ("missing.safetensors", "no such file"),
        ("cut.safetensors", "truncated"),
        ("text.safetensors", "not a safetensors file"),
        ("foreign.safetensors", "not a model of this project"),
        ("incomplete.safetensors", name.as_str()),
    ] {
        let model = bench.name(file);
        let error = refuses(&["info", &model]);
        assert!(error.contains(file) && error.contains(wanted), "{error}");
        let onnx = bench.name("x.onnx");
        for what in ["step", "predict"] {
            let error = refuses(&["export", what, &model, "-o", &onnx]);
            assert!(error.contains(wanted), "{error}");
        }
        if common::runtime().is_some() {
            let frames = bench.name("data/frames");
            let error = refuses(&["eval", "--model", &model, "--frames", &frames]);
            assert!(error.contains(wanted), "{error}");
        }
    }
    assert_eq!(files(bench.0.path()), before);
}

#[test]
fn streams_that_are_none() {
    if common::runtime().is_none() {
        return;
    }
    let bench = Bench::new();
    let model = bench.name("mini.safetensors");
    let eval = |frames: &str, labels: &str| {
        let (frames, labels) = (bench.name(frames), bench.name(labels));
        refuses(&[
            "eval", "--model", &model, "--frames", &frames, "--labels", &labels,
        ])
    };
    let error = eval("nowhere", "data/labels");
    assert!(
        error.contains("nowhere") && error.contains("No such file"),
        "{error}"
    );
    assert!(eval("empty", "data/labels").contains("no JPEG or PNG file"));
    let error = eval("data/frames", "others");
    assert!(
        error.contains("none of 2 labels has the name of one of 2 frames"),
        "{error}"
    );
    let frames = bench.name("data/frames");
    let error = refuses(&[
        "eval",
        "--model",
        &model,
        "--frames",
        &frames,
        "--mask-ratio",
        "1.5",
    ]);
    assert!(error.contains("mask-ratio"), "{error}");
}

#[test]
fn evaluation_takes_every_setting() {
    if common::runtime().is_none() {
        return;
    }
    let bench = Bench::new();
    let (model, frames) = (bench.name("mini.safetensors"), bench.name("data/frames"));
    let labels = bench.name("data/labels");
    let report = |more: &[&str]| -> serde_json::Value {
        #[rustfmt::skip]
        let mut arguments = vec![
            "eval", "--model", &model, "--frames", &frames, "--labels", &labels, "--provider", "cpu", "--threads", "1",
            "--json",
        ];
        arguments.extend(more);
        serde_json::from_str(works(&arguments).lines().last().unwrap()).unwrap()
    };
    let plain = report(&[]);
    assert_eq!(
        (&plain["method"], &plain["frames"]),
        (&"online".into(), &2.into())
    );
    #[rustfmt::skip]
    let other = report(&[
        "--recipe", "code", "--method", "implicit", "--window", "2", "--batch", "1", "--learn", "last-stages",
        "--steps", "1", "--first-steps", "2", "--first-frames", "1", "--mask-ratio", "0.5", "--loss-over", "masked",
        "--learning-rate", "1e-3", "--encoder-multiplier", "1", "--moments", "persistent", "--pull", "0.01",
        "--weight-decay", "0", "--clip-norm", "1", "--sampling", "replacement", "--stochastic-depth", "0.1",
        "--training-interval", "1", "--seed", "5",
    ]);
    assert_eq!(other["method"], "implicit");
    assert_ne!(other["loss_last"], plain["loss_last"]);
    let short = report(&["--most", "1"]);
    assert_eq!(short["frames"], 1);
    assert_eq!(short["loss_first"], plain["loss_first"]);
}

#[test]
fn alignment_is_a_table_and_an_object() {
    if common::runtime().is_none() {
        return;
    }
    let bench = Bench::new();
    let (model, frames) = (bench.name("mini.safetensors"), bench.name("data/frames"));
    let labels = bench.name("data/labels");
    fs::remove_file(bench.at("data/labels/b.png")).unwrap();
    let align = |more: &[&str]| {
        #[rustfmt::skip]
        let mut arguments = vec![
            "eval", "--alignment", "--model", &model, "--frames", &frames, "--labels", &labels, "--provider", "cpu",
            "--threads", "1",
        ];
        arguments.extend(more);
        works(&arguments)
    };
    let object = |more: &[&str]| -> serde_json::Value {
        let printed = align(&[more, &["--json"]].concat());
        serde_json::from_str(printed.lines().last().unwrap()).unwrap()
    };
    let found = object(&["--batch", "2", "--mask-ratio", "0.5"]);
    assert_eq!((&found["frames"], &found["views"]), (&1.into(), &2.into()));
    let parts = found["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 5);
    for part in parts.iter().chain([&found["overall"]]) {
        for key in ["cosine", "step_cosine"] {
            let cosine = part[key].as_f64().unwrap();
            assert!(cosine.abs() <= 1.0 && cosine != 0.0, "{part}");
        }
        assert_eq!(part["spread"], 0.0, "of one frame");
    }
    let weights: u64 = parts.iter().map(|p| p["weights"].as_u64().unwrap()).sum();
    assert_eq!(found["overall"]["weights"], weights);
    let again = object(&["--batch", "2", "--mask-ratio", "0.5"]);
    assert_eq!(again, found, "the same seed");
    let other = object(&["--batch", "2", "--mask-ratio", "0.5", "--seed", "1"]);
    assert_ne!(other["overall"]["cosine"], found["overall"]["cosine"]);
    assert_eq!(
        other["main_loss"], found["main_loss"],
        "masks are not its business"
    );
    let table = align(&[]);
    for row in ["encoder ", "embedding ", "stage 1 ", "stage 4 "] {
        assert!(table.lines().any(|l| l.starts_with(row)), "{table}");
    }
}

#[test]
fn a_search_goes_on_where_it_ended() {
    if common::runtime().is_none() {
        return;
    }
    let bench = Bench::new();
    let model = bench.name("mini.safetensors");
    let stream = format!(
        "{}:{}",
        bench.name("data/frames"),
        bench.name("data/labels")
    );
    let file = bench.name("runs.jsonl");
    let tune = |more: &[&str]| {
        #[rustfmt::skip]
        let mut arguments = vec![
            "tune", "--model", &model, "--stream", &stream, "-o", &file, "--provider", "cpu", "--threads", "1",
        ];
        arguments.extend(more);
        works(&arguments)
    };
    let lines = || -> Vec<serde_json::Value> {
        let text = fs::read_to_string(bench.at("runs.jsonl")).unwrap();
        text.lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect()
    };
    let search = [
        "--search",
        "grid",
        "--learn",
        "all,norms",
        "--learning-rate",
        "1e-3,1e-2",
    ];
    let table = tune(&[&search[..], &["--runs", "2"]].concat());
    assert!(
        table.contains("--learn all --learning-rate 0.01"),
        "{table}"
    );
    let first = lines();
    assert_eq!(first.len(), 3, "what does not learn, and two runs");
    assert_eq!(
        (&first[0]["settings"]["method"], &first[0]["gain"]),
        (&"none".into(), &0.0.into())
    );
    for line in &first[1..] {
        let miou = |line: &serde_json::Value| line["miou_pooled"].as_f64().unwrap();
        let gain = line["gain"].as_f64().unwrap();
        assert!(
            (gain - (miou(line) - miou(&first[0]))).abs() < 1e-12,
            "{line}"
        );
        assert!(
            line["step_ms"].as_f64().unwrap() > 0.0 && line["loss_mean"].is_f64(),
            "{line}"
        );
        assert_eq!(
            (&line["seed"], &line["stream"]),
            (&0.into(), &stream.clone().into())
        );
    }

    // As after a power cut: the last line is run again, the others are not; then the rest of the grid.
    let text = fs::read_to_string(bench.at("runs.jsonl")).unwrap();
    fs::write(bench.at("runs.jsonl"), &text[..text.len() - 9]).unwrap();
    tune(&search);
    let all = lines();
    assert_eq!(all.len(), 5);
    assert_eq!(all[..2], first[..2]);
    assert_eq!(
        all[2]["loss_mean"], first[2]["loss_mean"],
        "the same seed, the same bytes"
    );
    tune(&search);
    assert_eq!(lines(), all);

    // The numbers are those of eval.
    let (frames, labels) = stream.split_once(':').unwrap();
    #[rustfmt::skip]
    let eval = works(&[
        "eval", "--model", &model, "--frames", frames, "--labels", labels, "--provider", "cpu", "--threads", "1",
        "--json", "--learn", "norms", "--learning-rate", "0.01",
    ]);
    let eval: serde_json::Value = serde_json::from_str(eval.lines().last().unwrap()).unwrap();
    for key in ["miou_pooled", "loss_mean", "loss_last", "pixel_accuracy"] {
        assert_eq!(all[4][key], eval[key], "{key}");
    }

    // Another way to play the stream is another run, and so is another seed.
    tune(&["--learning-rate", "1e-3", "--most", "1", "--seed", "0,1"]);
    let more = lines();
    assert_eq!(more.len(), all.len() + 4);
    assert_eq!(
        (&more[5]["playback"], &more[5]["frames"]),
        (&"--most 1".into(), &1.into())
    );
    assert_eq!(more[8]["seed"], 1);

    fs::write(bench.at("runs.jsonl"), "no run\n").unwrap();
    let error = refuses(&["tune", "--model", &model, "--stream", &stream, "-o", &file]);
    assert!(error.contains("runs.jsonl, line 1"), "{error}");
}

#[test]
fn cuda_where_there_is_none() {
    let Some(runtime) = common::runtime() else {
        return;
    };
    let cuda = Options {
        provider: Provider::Cuda,
        ..Options::default()
    };
    if runtime.in_use(&cuda).is_ok() {
        return eprintln!("skipped: this machine has CUDA");
    }
    for command in ["bench", "info"] {
        let error = refuses(&[command, "--provider", "cuda"]);
        assert!(error.contains("cuda:0 is not available"), "{error}");
    }
}

#[test]
fn a_machine_without_onnx_runtime() {
    let bench = Bench::new();
    let before = files(bench.0.path());
    let without = |arguments: &[&str]| {
        let mut command = program(arguments);
        command.env("ORT_DYLIB_PATH", "/nonexistent");
        command.output().unwrap()
    };
    let (model, frames) = (bench.name("mini.safetensors"), bench.name("data/frames"));
    let (data, new) = (bench.name("data"), bench.name("new.safetensors"));
    let case = common::own_cases()[0].display().to_string();
    for arguments in [
        &["bench"][..],
        &["verify", &case],
        &["eval", "--model", &model, "--frames", &frames],
        &[
            "train",
            "--data",
            &data,
            "--classes",
            "sky,road,car",
            "-o",
            &new,
        ],
        &["info", "--provider", "cpu"],
    ] {
        let error = refused(&without(arguments));
        assert!(
            error.contains("/nonexistent") && error.contains("ORT_DYLIB_PATH"),
            "{error}"
        );
    }
    assert_eq!(files(bench.0.path()), before);

    // What a model file holds can be told all the same.
    let output = without(&["info", &model]);
    let told = text(&output.stdout);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    for wanted in ["not available", "ORT_DYLIB_PATH", "mini (", "none needed"] {
        assert!(told.contains(wanted), "{wanted} is not in {told}");
    }
}

#[test]
fn info_tells_what_a_model_is() {
    let bench = Bench::new();
    let told = works(&["info", &bench.name("mini.safetensors")]);
    let model = ModelFile::open(bench.at("mini.safetensors")).unwrap();
    let total = model.weights.elements();
    for wanted in [
        "segment",
        "#4682b4  sky",
        "48x64 (height x width)",
        "trained on      nothing",
        "licence         none needed",
        r#"{"iterations":0}"#,
        &model.content_hash(),
        &format!("parameters      {total}, "),
    ] {
        assert!(told.contains(wanted), "{wanted} is not in {told}");
    }
    if let Some(runtime) = common::runtime() {
        assert!(told.contains(runtime.version()), "{told}");
        assert!(
            told.contains(&runtime.library().display().to_string()),
            "{told}"
        );
        assert!(told.contains("auto chose "), "{told}");
    }
}

#[test]
fn recorded_cases_that_are_broken() {
    if common::runtime().is_none() {
        return;
    }
    let bench = Bench::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/swin-odd");
    let whole = case.display().to_string();
    assert!(works(&["verify", &whole]).contains("1 of 1 cases within tolerance"));

    for file in ["config.json", "weights.safetensors", "tensors.safetensors"] {
        fs::copy(case.join(file), bench.at(file)).unwrap();
    }
    let copy = bench.name("");
    // The last bytes of the weights: another value, still finite.
    let weights = bench.at("weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let end = bytes.len();
    bytes[end - 2..].copy_from_slice(&half::f16::from_f32(30.0).to_le_bytes());
    fs::write(&weights, &bytes).unwrap();
    let output = program(&["verify", &copy, &whole]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let table = text(&output.stdout);
    assert!(table.contains("out of tolerance"), "{table}");
    assert!(table.contains("1 of 2 cases within tolerance"), "{table}");

    fs::write(&weights, &bytes[..end - 2]).unwrap();
    let error = refuses(&["verify", &copy]);
    assert!(error.contains("weights.safetensors: truncated"), "{error}");
    let error = refuses(&["verify", &bench.name("nowhere")]);
    assert!(error.contains("nowhere/config.json"), "{error}");
}

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
    if common::runtime().is_none() {
        return;
    }
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
    if common::runtime().is_none() {
        return;
    }
    let bench = Bench::new();
    let unlabelled = [
        "--unlabelled",
        &bench.name("data"),
        "--unlabelled-share",
        "1",
    ];
    let told = works(&training(&bench, "first.safetensors", "2", &unlabelled));
    assert!(told.contains("share of pixels and weight: sky "), "{told}");

    // From the same frames without labels as well.
    assert!(told.contains("2 pictures without labels"), "{told}");
    let trained_on = ModelFile::open(bench.at("first.safetensors"))
        .unwrap()
        .trained_on;
    assert!(trained_on.starts_with("data, "), "{trained_on}");
    assert!(trained_on.ends_with("/data"), "{trained_on}");

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
