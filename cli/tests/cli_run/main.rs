//! `tttseg run`: whole films, interrupted ones (`stopped`), broken ones (`broken`), films of all kinds (`kinds`), queues and
//! pictures. The luma of every frame says which one it is, so that none can be missing, doubled or out of place unseen.

mod broken;
mod colours;
#[path = "../../../tests/common/mod.rs"]
mod common;
mod crash;
#[path = "../../../tests/common/elements.rs"]
mod elements;
mod farm;
#[path = "../common/films.rs"]
mod films;
mod folders;
mod installed;
mod kinds;
#[path = "../common/program.rs"]
mod program;
mod proof;
mod provenance;
mod references;
mod schedulers;
mod sequences;
mod sound;
mod stopped;

use std::fs;
use std::process::Command;

use elements::elements;
use films::{Films, SIZE, TimeCode, decoded, decoded_sound, time_code};
use program::{program, refused, text};
use serde_json::Value;

/// What tests do without, if they do not say otherwise: learning, and the machine for themselves.
const QUICK: [&str; 4] = ["--set", "method=none", "--set", "threads=1"];

/// The program with the arguments of a run.
fn run(arguments: &[&str]) -> Command {
    program(&[&["run"], &QUICK[..], arguments].concat())
}

/// The one line of a run that fails.
fn refuses(arguments: &[&str]) -> String {
    refused(&run(arguments).output().unwrap())
}

/// What a run that works prints, on both streams.
fn works(arguments: &[&str]) -> (String, String) {
    let output = run(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    (text(&output.stdout), text(&output.stderr))
}

/// The last line on standard error of a run that ends with this code; notes may stand before it.
fn ends_with(code: i32, output: &std::process::Output) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let error = text(&output.stderr);
    let last = error.lines().last().unwrap_or_default();
    assert!(last.starts_with("tttseg: "), "{error}");
    last.to_owned()
}

/// The numbers of frames, 0 to `count` without a gap, by their luma, which has to be the film's in every bit.
fn check_frames(films: &Films, path: &str, count: usize, zeros: u32) {
    check_noisy_frames(films, path, count, zeros, |_| 0);
}

/// The same of a film with noise.
fn check_noisy_frames(films: &Films, path: &str, count: usize, zeros: u32, noise: fn(usize) -> u8) {
    let frames = decoded(path);
    assert_eq!(frames.len(), count, "{path}");
    for (n, frame) in frames.iter().enumerate() {
        let luma = films.noisy_luma(n, noise(n));
        let same = frame.luma.iter().zip(&luma);
        let differs = same.filter(|(a, b)| **a != u16::from(**b) << zeros).count();
        assert_eq!(differs, 0, "frame {n} of {path} ({})", frame.format);
        let time = n as u64 * 40;
        assert!(frame.ms.abs_diff(time) <= 1, "frame {n} at {} ms", frame.ms);
    }
}

#[test]
fn a_whole_film_with_its_sound() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 40, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let (printed, _) = works(&["--model", &model, &film, &out, "--segment", "16"]);
    assert!(printed.contains("out.mkv: 40 frames"), "{printed}");
    check_frames(&films, &out, 40, 2);
    let frames = decoded(&out);
    assert!(frames.iter().all(|f| f.format == "I420_10LE"));
    assert!(
        frames.iter().any(|f| f.is_coloured),
        "there is no colour in it"
    );
    let sound = decoded_sound(&film);
    assert!(!sound.is_empty());
    assert_eq!(decoded_sound(&out), sound, "its sound is not the film's");
    assert!(!films.at("out.mkv.part").exists());

    let error = refuses(&["--model", &model, &film, &out]);
    assert!(error.contains("there already"), "{error}");
    let error = refuses(&["--model", &model, &film, &film]);
    assert!(error.contains("the film itself"), "{error}");
    #[rustfmt::skip]
    let (printed, _) = works(&["--model", &model, &film, &out, "--overwrite", "--depth", "8", "--json", "--set", "saturation=0",
    ]);
    check_frames(&films, &out, 40, 0);
    assert!(decoded(&out).iter().all(|f| !f.is_coloured), "saturation=0");
    let lines: Vec<Value> = printed
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines[0]["event"], "begin");
    assert_eq!(lines[0]["frames"], 40);
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["event"], &last["frames"]),
        (&"finished".into(), &40.into())
    );
}

#[test]
fn classes_are_painted_as_well() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 6, |_| 0);
    let (model, out) = (films.name("classes.safetensors"), films.name("out.mkv"));
    works(&[&film, &out, "--task", "segment", "--model", &model]);
    let frames = decoded(&out);
    assert_eq!(frames.len(), 6);
    let luma = films.luma(3);
    assert!(
        frames[3]
            .luma
            .iter()
            .zip(luma)
            .any(|(a, b)| *a != u16::from(b) << 2)
    );
}

#[test]
fn a_folder_of_films() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    films.film("in/a.mkv", 12, |_| 0);
    films.film("in/c.mkv", 14, |_| 0);
    fs::write(
        films.at("in/b.mp4"),
        b"This is no film at all. ".repeat(100),
    )
    .unwrap();
    fs::write(films.at("in/notes.txt"), b"Nor is this.").unwrap();
    let (input, out, model) = (
        films.name("in"),
        films.name("out"),
        films.name("film.safetensors"),
    );
    let all = ["--model", &model, &input, &out];
    let output = run(&all).output().unwrap();
    let error = ends_with(1, &output);
    assert!(error.contains("1 of 3 films"), "{error}");
    let printed = text(&output.stdout);
    assert!(
        printed.contains("2 finished, 1 failed") && printed.contains("b.mp4"),
        "{printed}"
    );
    check_frames(&films, &films.name("out/a.mkv"), 12, 2);
    check_frames(&films, &films.name("out/c.mkv"), 14, 2);

    fs::remove_file(films.at("in/b.mp4")).unwrap();
    let (printed, _) = works(&all);
    assert!(
        printed.contains("0 finished, 2 there already, 0 failed"),
        "{printed}"
    );
}

#[test]
fn other_encodings() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 30, |_| 0);
    let model = films.name("film.safetensors");
    for (name, codec, format) in [
        ("out.mov", "avenc_prores_ks", "I422_10LE"),
        ("out.mp4", "x264enc", "I420"),
    ] {
        if elements(&[codec]).is_none() {
            continue;
        }
        let out = films.name(name);
        works(&["--model", &model, &film, &out, "--segment", "10"]);
        let frames = decoded(&out);
        assert_eq!(frames.len(), 30, "{name}");
        for (n, frame) in frames.iter().enumerate() {
            assert_eq!(
                (frame.format.as_str(), frame.ms),
                (format, n as u64 * 40),
                "{name}"
            );
            let shift = if format == "I420" { 0 } else { 2 };
            let off = films.distance(n, &frame.luma, shift);
            assert!(off < 6.0, "frame {n} of {name} is {off} steps off");
        }
        let (sound, was) = (decoded_sound(&out), decoded_sound(&film));
        let share = sound.len() as f64 / was.len() as f64;
        // 16 bits become 24 in QuickTime; AAC has a little more at its ends.
        let wanted = if name == "out.mov" {
            1.5..1.51
        } else {
            0.9..3.0
        };
        assert!(wanted.contains(&share), "{name}: {share}");
    }
}

#[test]
fn time_code_goes_along() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["avenc_prores_ks", "timecodestamper", "qtmux"]) else {
        return;
    };
    let film = films.with_timecode("film.mov", 12);
    let begins = TimeCode {
        frames: 10 * 60 * 60 * 25 + 7,
        rate: gst::Fraction::new(25, 1),
        drops_frames: false,
    };
    assert_eq!(time_code(&film), Some(begins));
    let (model, out) = (films.name("film.safetensors"), films.name("out.mov"));
    works(&["--model", &model, &film, &out, "--segment", "5"]);
    assert_eq!(time_code(&out), Some(begins));
    assert_eq!(decoded(&out).len(), 12);
    let (_, printed) = works(&["--model", &model, &film, &films.name("out.mkv")]);
    assert!(printed.contains("time code"), "{printed}");
}

#[test]
fn pictures_one_by_one() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    let [width, height] = SIZE;
    for n in 0..8 {
        let path = films.at(&format!("in/scan-{n}.png"));
        let deep: Vec<u16> = films
            .luma(n)
            .iter()
            .map(|l| u16::from(*l) * 200 + 77)
            .collect();
        let picture = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(width, height, deep);
        picture.unwrap().save(path).unwrap();
    }
    fs::write(films.at("in/scan-5.png"), b"no picture").unwrap();
    let (input, out, model) = (
        films.name("in"),
        films.name("out"),
        films.name("film.safetensors"),
    );
    let all = ["--model", &model, &input, &out, "--segment", "2"];
    let error = ends_with(1, &run(&all).output().unwrap());
    assert!(
        error.contains("1 of 8 pictures") && error.contains("scan-5.png"),
        "{error}"
    );
    let luma_of = |n: usize| -> Vec<f64> {
        let image = image::open(films.at(&format!("out/scan-{n}.png"))).unwrap();
        assert_eq!(image.color(), image::ColorType::Rgb16);
        let weighted = |p: &image::Rgb<u16>| {
            let [r, g, b] = p.0.map(f64::from);
            0.299 * r + 0.587 * g + 0.114 * b
        };
        image.to_rgb16().pixels().map(weighted).collect()
    };
    let kept = |n: usize| {
        let luma = films.luma(n);
        luma_of(n)
            .iter()
            .zip(luma)
            .all(|(a, b)| (a - (f64::from(b) * 200.0 + 77.0)).abs() < 1.0)
    };
    assert!((0..8).filter(|n| *n != 5).all(kept), "16 bits of luma");
    assert!(!films.at("out/scan-5.png").exists());

    // Mended, it is the only one left to do.
    let written = |n: usize| {
        fs::metadata(films.at(&format!("out/scan-{n}.png")))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = written(4);
    fs::copy(films.at("in/scan-4.png"), films.at("in/scan-5.png")).unwrap();
    let error = refuses(&[&all[..], &["--set", "saturation=2"]].concat());
    assert!(error.contains("of another run"), "{error}");
    works(&all);
    assert_eq!(written(4), before);
    assert!(films.at("out/scan-5.png").exists() && !films.at("out.part").exists());
    let error = refuses(&all);
    assert!(
        error.contains("8 pictures of these names are there already"),
        "{error}"
    );
    let pattern = films.name("in/scan-%d.png");
    works(&["--model", &model, &pattern, &films.name("again")]);
    assert_eq!(fs::read_dir(films.at("again")).unwrap().count(), 8);
}

#[test]
fn what_makes_no_sense() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 3, |_| 0);
    fs::create_dir(films.at("empty")).unwrap();
    let (out, empty) = (films.name("out.mkv"), films.name("empty"));
    let nowhere = films.name("nowhere.mkv");
    let classes = films.name("classes.safetensors");
    let avi = films.name("out.avi");
    let mov = films.name("out.mov");
    for (arguments, wanted) in [
        (&[&nowhere[..], &out][..], "no such file"),
        (&[&empty, &out], "neither pictures nor films"),
        (&[&film, &avi], ".mkv (FFV1)"),
        (&[&film, &mov, "--codec", "ffv1"], "named .mkv"),
        (&[&film, &mov, "--depth", "12"], "--depth 12"),
        (&[&film, &out, "--set", "saturation"], "no NAME=VALUE"),
        (&[&film, &out, "--set", "colour=red"], "no such property"),
        (&[&film, &out, "--set", "saturation=red"], "no value for it"),
        (&[&film, &out, "--set", "saturation=9"], "out of its range"),
        (&[&film, &out, "--set", "stats=a"], "can only be read"),
        (&[&film, &out, "--set", "task=segment"], "--task sets it"),
        (&[&film, &out, "--model", &nowhere], "nowhere.mkv"),
        (&[&film, &out, "--model", &classes], "segment"),
        (&[&film, &out, "--set", "output=class-map"], "class-map"),
    ] {
        let error = refuses(arguments);
        assert!(error.contains(wanted), "{arguments:?}: {error}");
        assert!(!films.at("out.mkv.part").exists(), "{arguments:?}");
    }

    // A folder that only has such a name.
    fs::create_dir(films.at("out.mkv.part")).unwrap();
    fs::write(films.at("out.mkv.part/letter.txt"), b"of another program").unwrap();
    for more in [&[][..], &["--restart"]] {
        let error = refuses(&[&[&film[..], &out], more].concat());
        assert!(error.contains("not of a run"), "{error}");
    }
    assert!(films.at("out.mkv.part/letter.txt").exists());
}
