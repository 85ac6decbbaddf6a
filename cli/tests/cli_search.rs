//! `tune` and `eval --alignment` on the command line.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "common/program.rs"]
mod program;

use std::fs;

use program::{Bench, refuses, works};

#[test]
fn alignment_is_a_table_and_an_object() {
    let Some(_) = common::runtime() else { return };
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
    let Some(_) = common::runtime() else { return };
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
    let other = ["--most", "1", "--aspect", "12:10", "--seed", "0,1"];
    tune(&[&["--learning-rate", "1e-3"], &other[..]].concat());
    let more = lines();
    assert_eq!(more.len(), all.len() + 4);
    assert_eq!(
        (&more[5]["playback"], &more[5]["frames"]),
        (&"--most 1 --aspect 1.2:1".into(), &1.into())
    );
    assert_eq!(more[8]["seed"], 1);

    fs::write(bench.at("runs.jsonl"), "no run\n").unwrap();
    let error = refuses(&["tune", "--model", &model, "--stream", &stream, "-o", &file]);
    assert!(error.contains("runs.jsonl, line 1"), "{error}");
}
