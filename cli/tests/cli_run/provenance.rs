//! Where what was written comes from: the file beside it, and tags in it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::elements::elements;
use super::films::Films;
use super::program::{program, refused, text};
use super::{run, works};

const COLOURS: &str =
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";
const OVERLAY: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/composite";

fn provenance(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// SHA-256 by a program that is on every system.
fn sha256(path: &str) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    text(&output.stdout)[..64].to_owned()
}

#[test]
fn a_film_says_where_it_comes_from() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 9, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let set = ["--set", "saturation=1.25", "--set", "method=online"];
    works(
        &[
            &["--model", &model, &film, &out, "--segment", "4"],
            &set[..],
        ]
        .concat(),
    );
    let found = provenance(&films.at("out.mkv.provenance.json"));
    assert_eq!(found["digital_source_type"], COLOURS);
    assert_eq!(found["task"], "colorize");
    assert_eq!(
        (&found["frames"], &found["codec"]),
        (&9.into(), &"ffv1".into())
    );
    for (which, path) in [("input", &film), ("output", &out)] {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        assert_eq!(found[which]["name"], name);
        assert_eq!(found[which]["bytes"], fs::metadata(path).unwrap().len());
        assert_eq!(found[which]["sha256"], sha256(path), "{which}");
    }
    let about = &found["model"];
    assert_eq!(
        (&about["name"], &about["licence"]),
        (&"mini".into(), &"none needed".into())
    );
    assert_eq!(about["file"], "film.safetensors");
    assert_eq!(about["trained_on"], "nothing");
    assert_eq!(about["sha256"], sha256(&model));
    let settings = &found["settings"];
    assert_eq!(
        (&settings["saturation"], &settings["method"]),
        (&"1.25".into(), &"online".into())
    );
    assert_eq!(settings["threads"], "1");
    assert!(settings.get("temperature").is_none(), "{settings}");
    assert!(settings.get("model-file").is_none(), "{settings}");
    let session = &found["sessions"][0];
    assert_eq!(
        (&session["first_frame"], &session["frames"]),
        (&0.into(), &9.into())
    );
    assert_eq!(session["execution_provider"], "cpu");
    for version in ["tttseg", "gstreamer", "onnx_runtime"] {
        let version = session[version].as_str().unwrap();
        assert!(
            version.starts_with(|c: char| c.is_ascii_digit()),
            "{session}"
        );
    }
    assert_eq!(found["learned"]["frames_learned"], 9);
    assert_eq!(found["luma"]["kept"], 9);
    assert_eq!(found["luma"]["proof"], "out.mkv.framemd5");

    // Of the film with another byte, the frames may be as they were.
    let mut bytes = fs::read(&out).unwrap();
    let place = bytes.windows(7).position(|w| w == b"machine").unwrap();
    bytes[place] = b'M';
    fs::write(&out, bytes).unwrap();
    let error = refused(&program(&["run", "--verify", &out]).output().unwrap());
    assert!(
        error.contains("SHA-256") && !error.contains("frames are not"),
        "{error}"
    );
}

#[test]
fn the_built_in_model_has_a_hash_as_well() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 1, |_| 0);
    works(&[&film, &films.name("out.mkv")]);
    let found = provenance(&films.at("out.mkv.provenance.json"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let name = found["model"]["name"].as_str().unwrap();
    let file = root.join(format!("models/{name}.safetensors"));
    assert_eq!(found["model"]["sha256"], sha256(file.to_str().unwrap()));
    assert_eq!(found["model"]["file"], Value::Null);
}

#[test]
fn tags_are_in_the_film_itself() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 3, |_| 0);
    for (name, needed, task, model, source) in [
        ("out.mkv", "avenc_ffv1", "colorize", "film", COLOURS),
        ("out.mov", "avenc_prores_ks", "colorize", "film", COLOURS),
        ("out.mp4", "x264enc", "colorize", "film", COLOURS),
        ("classes.mkv", "avenc_ffv1", "segment", "classes", OVERLAY),
    ] {
        if elements(&[needed]).is_none() {
            continue;
        }
        let (out, model) = (
            films.name(name),
            films.name(&format!("{model}.safetensors")),
        );
        works(&[&film, &out, "--task", task, "--model", &model]);
        let bytes = fs::read(&out).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        let program = format!("tttseg {}", env!("CARGO_PKG_VERSION"));
        let comment = format!(
            "Digital source type: {source}. Made with {program}, model mini (SHA-256 {}).",
            sha256(&model)
        );
        assert!(has(&comment), "{name}: its source is not in it");
        assert!(!has("\\ "), "{name}: a tag is escaped");
        let found = provenance(&films.at(&format!("{name}.provenance.json")));
        assert_eq!(found["digital_source_type"], source, "{name}");
        let mut ffprobe = Command::new("ffprobe");
        ffprobe.args(["-v", "error", "-show_format", &out]);
        let Ok(output) = ffprobe.output() else {
            super::common::skipped("there is no ffprobe here to read tags");
            continue;
        };
        let printed = text(&output.stdout);
        let tag = |name: &str| {
            let mut lines = printed.lines().filter_map(|line| line.strip_prefix("TAG:"));
            lines.find(|line| line.to_lowercase().starts_with(name))
        };
        assert!(
            tag("comment").is_some_and(|t| t.ends_with(&comment)),
            "{printed}"
        );
        assert!(
            tag("encoder=").is_some_and(|t| t.ends_with(&program)),
            "{printed}"
        );
    }
}

#[test]
fn an_interrupted_run_has_two_sessions() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 24, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let all = [
        "--model",
        &model,
        &film,
        &out,
        "--segment",
        "4",
        "--set",
        "method=online",
    ];
    let mut child = run(&all)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let third = films.at("out.mkv.part/00002.mkv");
    while !third.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!films.at("out.mkv.provenance.json").exists());
    assert!(!films.at("out.mkv.framemd5").exists());
    works(&all);
    let found = provenance(&films.at("out.mkv.provenance.json"));
    let sessions = found["sessions"].as_array().unwrap();
    let [first, second] = &sessions[..] else {
        panic!("{sessions:?}")
    };
    let number = |of: &Value, name: &str| of[name].as_u64().unwrap();
    assert_eq!(number(first, "first_frame"), 0);
    assert_eq!(number(second, "first_frame"), number(first, "frames"));
    assert_eq!(number(first, "frames") + number(second, "frames"), 24);
    let learned = |of: &Value| number(&of["learned"], "frames_learned");
    assert_eq!(learned(first), number(first, "frames"));
    assert_eq!(learned(second), number(second, "frames"));
    assert_eq!(learned(&found), 24);
}

#[test]
fn damage_is_written_down() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 30, |_| 0);
    let bytes = fs::read(&film).unwrap();
    fs::write(&film, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let output = run(&["--model", &model, &film, &out]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let found = provenance(&films.at("out.mkv.provenance.json"));
    let losses = found["damage"]["losses"].to_string();
    assert!(losses.contains("cut off"), "{found}");
}

#[test]
fn pictures_have_one_for_all() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    let [width, height] = super::SIZE;
    for n in 0..4 {
        let picture = image::GrayImage::from_raw(width, height, films.luma(n)).unwrap();
        picture.save(films.at(&format!("in/{n}.png"))).unwrap();
    }
    let (input, out) = (films.name("in"), films.name("out"));
    works(&["--model", &films.name("film.safetensors"), &input, &out]);
    let found = provenance(&films.at("out.provenance.json"));
    assert_eq!(found["digital_source_type"], COLOURS);
    assert_eq!(
        (&found["frames"], &found["input"]["name"]),
        (&4.into(), &"in".into())
    );
    assert_eq!(found["sessions"][0]["frames"], 4);
}
