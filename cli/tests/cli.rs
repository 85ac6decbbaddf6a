//! The command line as its users meet it: help, one line for whatever is wrong, and nothing half written.

#[path = "../../tests/common/mod.rs"]
mod common;

#[path = "common/program.rs"]
mod program;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use program::{Bench, files, program, refused, refuses, text, works};
use tttseg::runtime::{Options, Provider};
use tttseg::weights::naming::Network;
use tttseg::weights::{ModelFile, Origin, Precision, State, Weights};

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
        "info", "verify", "bench", "export", "eval", "tune", "corrupt", "train", "run",
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
        (&["eval", "--frames", "x", "--sheet", "s.png"], "--labels"),
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
        .join("../lab/tests/recorded/mask2former-odd/weights.safetensors");
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
    let Some(_) = common::runtime() else { return };
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
    let Some(_) = common::runtime() else { return };
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
        (&"replay".into(), &2.into())
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
fn evaluation_learns_stills_as_well() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let model = bench.name("mini.safetensors");
    let with = |location: Option<&str>| {
        let mut arguments: Vec<String> = ["eval", "--provider", "cpu", "--threads", "1", "--json"]
            .map(String::from)
            .to_vec();
        for (option, value) in [
            ("--model", model.clone()),
            ("--frames", bench.name("data/frames")),
            ("--labels", bench.name("data/labels")),
        ] {
            arguments.extend([option.to_owned(), value]);
        }
        let location = location.map(|at| bench.name(at));
        let location = location.map(|at| ["--replay-location".to_owned(), at]);
        arguments.extend(location.into_iter().flatten());
        arguments
    };
    let first_loss = |location| -> f64 {
        let printed = works(&with(location));
        let report: serde_json::Value =
            serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        assert_eq!(report["method"], "replay");
        report["loss_first"].as_f64().unwrap()
    };
    // The first step is on a still: with the folder's labels, or with those the model is sure of.
    let losses = [None, Some("data"), Some("data/frames")].map(first_loss);
    assert!(
        losses[1] != losses[0] && losses[2] != losses[1],
        "{losses:?}"
    );
    for (location, why) in [
        ("nowhere", "No such file"),
        ("empty", "no JPEG or PNG file"),
    ] {
        let error = refuses(&with(Some(location)));
        let named = error.contains(location) && error.contains("replay-location");
        assert!(named && error.contains(why), "{error}");
    }
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
        return common::skipped("this machine has CUDA");
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

    // What a model file holds is printed all the same.
    let output = without(&["info", &model]);
    let printed = text(&output.stdout);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    for wanted in ["not available", "ORT_DYLIB_PATH", "mini (", "none needed"] {
        assert!(printed.contains(wanted), "{wanted} is not in {printed}");
    }
}

#[test]
fn info_describes_a_model() {
    let bench = Bench::new();
    let printed = works(&["info", &bench.name("mini.safetensors")]);
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
        assert!(printed.contains(wanted), "{wanted} is not in {printed}");
    }
    if let Some(runtime) = common::runtime() {
        assert!(printed.contains(runtime.version()), "{printed}");
        assert!(
            printed.contains(&runtime.library().display().to_string()),
            "{printed}"
        );
        assert!(printed.contains("auto chose "), "{printed}");
    }
}

#[test]
fn readers_may_stop_reading() {
    let mut child = program(&["info"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn info_describes_a_state() {
    let bench = Bench::new();
    let model = common::model(1);
    let [mut learned, head] = [Network::Recon, Network::Main].map(|part| model.weights.of(part));
    let counts = [&learned, &head].map(Weights::elements);
    learned.merge(head);
    let settings = [("learning-rate".to_owned(), "0.001".to_owned())];
    let state = State {
        origin: Origin {
            model: model.name.clone(),
            base: model.content_hash(),
            frames: 250,
            steps: 37,
            directed_steps: 60,
            references: 2,
            hints: 0,
            settings: settings.into(),
            version: "0.1.0".into(),
            saved: "2026-11-22T09:15:14Z".into(),
        },
        weights: learned,
        pictures: std::collections::BTreeMap::new(),
    };
    state.save(bench.at("learned.safetensors")).unwrap();
    let printed = works(&["info", &bench.name("learned.safetensors")]);
    for wanted in [
        "learned.safetensors",
        "mini (not built in)",
        &model.content_hash(),
        "250 seen",
        "60 steps towards those of 2 references",
        "37 taken",
        "learning-rate      0.001",
        "2026-11-22T09:15:14Z, by tttseg 0.1.0",
        &state.weights.content_hash(),
        &format!(
            "0 of encoder f, {} of recon. head g, {} of main head h",
            counts[0], counts[1]
        ),
    ] {
        assert!(printed.contains(wanted), "{wanted} is not in {printed}");
    }
    let whole = fs::read(bench.at("learned.safetensors")).unwrap();
    fs::write(bench.at("cut.safetensors"), &whole[..whole.len() - 1]).unwrap();
    let error = refuses(&["info", &bench.name("cut.safetensors")]);
    assert!(error.contains("cut.safetensors: truncated"), "{error}");
}

#[test]
fn recorded_cases_that_are_broken() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/tests/recorded/swin-odd");
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
fn info_lists_the_models_that_are_built_in() {
    let printed = works(&["info"]);
    for (name, task) in [("street-nano", "segment"), ("film-nano", "colorize")] {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../models/{name}.safetensors"));
        let is_listed = printed.contains(&format!(
            "model             {name} (built in)\n  task            {task}"
        ));
        assert_eq!(is_listed, file.is_file(), "{name}: {printed}");
    }
}

#[test]
fn properties_that_keep_a_frame_rate() {
    let Some(_) = common::runtime() else { return };
    let bench = Bench::new();
    let model = bench.name("mini.safetensors");
    let fit = |rate: &str| {
        let line = [
            "bench",
            "--fit",
            rate,
            "--frame-size",
            "64x48",
            "--model",
            &model,
            "--threads",
            "1",
        ];
        program(&line).output().unwrap()
    };
    // What is printed is for a launch line, and there is nothing where nothing fits.
    for rate in ["0.1fps", "1000"] {
        let output = fit(rate);
        let printed = text(&output.stdout);
        assert_eq!(output.status.success(), !printed.is_empty(), "{output:?}");
        let names = printed
            .split_whitespace()
            .map(|pair| pair.split_once('=').unwrap().0);
        for name in names {
            assert!(
                ["recipe", "training-budget", "method", "fusion"].contains(&name),
                "{printed}"
            );
        }
        let tried = text(&output.stderr).lines().count();
        assert!(
            tried >= if printed.is_empty() { 4 } else { 1 },
            "{output:?}"
        );
    }
    assert_eq!(text(&fit("0.1fps").stdout), "recipe=default\n");
    for (option, wanted) in [
        ("--fit=0", "no frame rate"),
        ("--frame-size=64", "no size"),
        ("--model=x", "--fit"),
    ] {
        assert!(refuses(&["bench", option]).contains(wanted), "{option}");
    }
}
