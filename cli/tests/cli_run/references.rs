//! Reference pictures that are bound to frames, and the stills of a film that become such.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use serde_json::Value;

use super::films::{Films, Frame, decoded, launch};
use super::program::{program, refused, text};
use super::{SIZE, run, works};

/// Frames of a film with references.
const FRAMES: usize = 18;
/// Colours alone, strong enough to be seen of a model that has learned nothing.
const SET: [&str; 6] = [
    "--set",
    "chroma-smoothing=0",
    "--set",
    "reference-steps=40",
    "--set",
    "saturation=1",
];

/// A picture of frame `n` in a colour.
fn paint(films: &Films, path: &Path, n: usize, colour: [f32; 3]) {
    let [width, height] = SIZE;
    let luma = films.luma(n);
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let luma = f32::from(luma[(y * width + x) as usize]);
        Rgb(colour.map(|c| (luma * c).clamp(0.0, 255.0) as u8))
    });
    picture.save(path).unwrap();
}

const RED: [f32; 3] = [1.6, 0.5, 0.5];
const BLUE: [f32; 3] = [0.5, 0.5, 1.6];

/// A film, and a folder with a red picture for frame 4 and a blue one for frame 11.
fn painted() -> Option<(Films, String, String)> {
    let films = Films::new()?;
    let film = films.film("film.mkv", FRAMES, |_| 0);
    fs::create_dir(films.at("painted")).unwrap();
    paint(&films, &films.at("painted/ref_000004.png"), 4, RED);
    paint(&films, &films.at("painted/ref_11.png"), 11, BLUE);
    let folder = films.name("painted");
    Some((films, film, folder))
}

/// What becomes of a film with these arguments.
fn coloured(films: &Films, film: &str, name: &str, more: &[&str]) -> Vec<Frame> {
    let (model, out) = (films.name("film.safetensors"), films.name(name));
    works(&[&["--model", &model, film, &out], &SET[..], more].concat());
    decoded(&out)
}

/// Whether these frames have the same colours.
fn is_same(a: &[Frame], b: &[Frame]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.chroma == b.chroma)
}

fn provenance(films: &Films, name: &str) -> Value {
    let bytes = fs::read(films.at(&format!("{name}.provenance.json"))).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_reference_holds_from_its_frame_until_the_next() {
    let Some((films, film, folder)) = painted() else {
        return;
    };
    let none = coloured(&films, &film, "none.mkv", &[]);
    let both = coloured(&films, &film, "both.mkv", &["--references", &folder]);
    assert_eq!(both.len(), FRAMES);
    assert!(is_same(&both[..4], &none[..4]), "before the first");
    for n in 4..11 {
        let ([cb, cr], [was, _]) = (both[n].mean_chroma(), none[n].mean_chroma());
        assert!(
            cr > cb && cr > 0.0,
            "frame {n} is not red: {cb} {cr} (was {was})"
        );
    }
    for (n, frame) in both.iter().enumerate().skip(11) {
        let [cb, cr] = frame.mean_chroma();
        assert!(cb > cr && cb > 0.0, "frame {n} is not blue: {cb} {cr}");
    }
    let used = &provenance(&films, "both.mkv")["references"];
    let held: Vec<_> = used
        .as_array()
        .unwrap()
        .iter()
        .map(|u| {
            (
                u["file"].as_str(),
                u["first_frame"].as_u64(),
                u["last_frame"].as_u64(),
            )
        })
        .collect();
    let last = FRAMES as u64 - 1;
    assert_eq!(
        held,
        [
            (Some("ref_000004.png"), Some(4), Some(10)),
            (Some("ref_11.png"), Some(11), Some(last))
        ]
    );

    // Those of the property hold for all.
    let location = format!("reference-location={folder}");
    coloured(&films, &film, "all.mkv", &["--set", &location]);
    let used = &provenance(&films, "all.mkv")["references"];
    assert_eq!(used.as_array().unwrap().len(), 2);
    assert_eq!(
        (&used[1]["first_frame"], &used[1]["last_frame"]),
        (&0.into(), &last.into())
    );

    // The second one is worth what it would be without the first.
    fs::remove_file(films.at("painted/ref_000004.png")).unwrap();
    let second = coloured(&films, &film, "second.mkv", &["--references", &folder]);
    assert!(is_same(&second[..11], &none[..11]));
    assert!(is_same(&second[11..], &both[11..]));
}

#[test]
fn a_run_with_references_goes_on() {
    let Some((films, film, folder)) = painted() else {
        return;
    };
    let whole = coloured(&films, &film, "whole.mkv", &["--references", &folder]);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let all = [
        &["--model", &model, &film, &out, "--segment", "3"],
        &SET[..],
        &["--references", &folder],
    ]
    .concat();
    let mut child = run(&all)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // In the middle of the first reference, with two segments on record.
    let began = Instant::now();
    while !films.at("out.mkv.part/00002.mkv").exists() {
        assert!(began.elapsed() < Duration::from_secs(120), "it hangs");
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    // Another set of references is another run.
    let red = fs::read(films.at("painted/ref_000004.png")).unwrap();
    paint(&films, &films.at("painted/ref_000004.png"), 4, BLUE);
    let error = refused(&run(&all).output().unwrap());
    assert!(error.contains("--references was 2 pictures"), "{error}");
    fs::write(films.at("painted/ref_000004.png"), red).unwrap();

    works(&all);
    let found = decoded(&out);
    assert_eq!(found.len(), FRAMES);
    assert!(is_same(&found[11..], &whole[11..]), "as in one go");
    for (n, frame) in found.iter().enumerate().take(11).skip(4) {
        let [cb, cr] = frame.mean_chroma();
        assert!(cr > cb && cr > 0.0, "frame {n} is not red: {cb} {cr}");
    }
}

#[test]
fn references_that_are_wrong_are_named() {
    let Some((films, film, folder)) = painted() else {
        return;
    };
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let refused_with = |more: &[&str], why: &[&str]| {
        let all = [
            &["--model", &model, &film, &out, "--references", &folder],
            more,
        ]
        .concat();
        let error = refused(&run(&all).output().unwrap());
        for why in why {
            assert!(error.contains(why), "{error}");
        }
        assert!(!films.at("out.mkv.part").exists(), "{error}");
    };
    refused_with(&["--set", "reference-location=a.png"], &["takes the place"]);
    refused_with(&["--task", "segment"], &["--task colorize"]);

    let at = |name: &str| films.at(&format!("painted/{name}"));
    fs::copy(at("ref_11.png"), at("ref_000011.png")).unwrap();
    refused_with(&[], &["ref_000011.png", "ref_11.png", "the same frame"]);
    fs::remove_file(at("ref_000011.png")).unwrap();

    fs::write(at("ref_000005.png"), b"no picture").unwrap();
    fs::write(at("ref_000006.png"), b"nor this").unwrap();
    refused_with(&[], &["ref_000005.png", "ref_000006.png"]);
    fs::remove_file(at("ref_000006.png")).unwrap();

    RgbImage::from_pixel(64, 64, Rgb([200, 30, 30]))
        .save(at("ref_000005.png"))
        .unwrap();
    refused_with(
        &[],
        &["ref_000005.png", "other proportions (64:64)", "(96:64)"],
    );
    fs::remove_file(at("ref_000005.png")).unwrap();

    let beyond = format!("ref_{FRAMES:06}.png");
    paint(&films, &at(&beyond), 3, RED);
    refused_with(&[], &[&beyond, "there is no frame 18, the last one is 17"]);
    fs::remove_file(at(&beyond)).unwrap();

    // What has another name or has not been painted is said, and the rest is used.
    fs::write(at("notes.txt"), b"red").unwrap();
    image::GrayImage::new(96, 64)
        .save(at("ref_000009.png"))
        .unwrap();
    let all = ["--model", &model, &film, &out, "--references", &folder];
    let (_, printed) = works(&all);
    assert!(
        printed.contains("left out: 1 files whose names"),
        "{printed}"
    );
    assert!(
        printed.contains("1 pictures without colour") && printed.contains("ref_000009.png"),
        "{printed}"
    );
    assert_eq!(
        provenance(&films, "out.mkv")["references"][0]["last_frame"],
        10
    );

    fs::create_dir(films.at("empty")).unwrap();
    let empty = films.name("empty");
    let error = refused(
        &run(&[&film, &films.name("b.mkv"), "--references", &empty])
            .output()
            .unwrap(),
    );
    assert!(
        error.contains("no picture named as in ref_000040.png"),
        "{error}"
    );
    fs::create_dir(films.at("in")).unwrap();
    fs::copy(&film, films.at("in/a.mkv")).unwrap();
    let (input, folder_out) = (films.name("in"), films.name("films-out"));
    let error = refused(
        &run(&[&input, &folder_out, "--references", &folder])
            .output()
            .unwrap(),
    );
    assert!(error.contains("for one film"), "{error}");
}

#[test]
fn a_film_that_does_not_say_how_long_it_is() {
    let Some((films, _, folder)) = painted() else {
        return;
    };
    let film = films.through("film.ts", "x264enc tune=zerolatency ! mpegtsmux", FRAMES);
    let late = films.at("painted/ref_000500.png");
    paint(&films, &late, 5, RED);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let all = ["--model", &model, &film, &out, "--references", &folder];
    let output = run(&all).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let printed = text(&output.stderr);
    assert!(
        printed.contains("ref_000500.png: there is no frame 500"),
        "{printed}"
    );
}

#[test]
fn a_still_of_every_shot() {
    let Some(films) = Films::new() else { return };
    let film = films.name("shots.mkv");
    let shot = |pattern: &str| {
        format!(
            "videotestsrc num-buffers=6 pattern={pattern} ! video/x-raw,format=I420,width=96,height=64,framerate=25/1 ! c. "
        )
    };
    let shots: String = ["ball", "checkers-8", "gradient"].map(shot).concat();
    launch(&format!(
        "concat name=c ! avenc_ffv1 ! matroskamux ! filesink location={film} {shots}"
    ));
    let (model, folder) = (films.name("film.safetensors"), films.name("stills"));
    let export = [
        "run",
        "--model",
        &model,
        "--export-references",
        &folder,
        &film,
    ];
    let output = program(&export).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let names = |folder: &str| {
        let all = fs::read_dir(films.at(folder)).unwrap();
        let mut names: Vec<_> = all
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let wanted = ["ref_000000.png", "ref_000006.png", "ref_000012.png"];
    assert_eq!(names("stills"), wanted);
    let frames = decoded(&film);
    for (n, name) in [0, 6, 12].into_iter().zip(wanted) {
        let still = image::open(films.at(&format!("stills/{name}"))).unwrap();
        assert_eq!(still.color(), image::ColorType::Rgb8);
        let still = still.into_rgb8();
        assert_eq!(still.dimensions(), (96, 64));
        let luma = still.pixels().map(|p| {
            let [r, g, b] = p.0.map(f64::from);
            16.0 + (0.299 * r + 0.587 * g + 0.114 * b) * 219.0 / 255.0
        });
        let off = luma
            .zip(&frames[n].luma)
            .map(|(a, b)| (a - f64::from(*b)).abs());
        assert!(off.fold(0.0, f64::max) < 4.0, "{name}");
    }
    let error = refused(&program(&export).output().unwrap());
    assert!(error.contains("files in this folder already"), "{error}");

    // One is painted; the others are left as they are.
    let painted = films.at("stills/ref_000006.png");
    let mut still = image::open(&painted).unwrap().into_rgb8();
    still.pixels_mut().for_each(|p| p.0[2] = 0);
    still.save(&painted).unwrap();
    let out = films.name("out.mkv");
    works(&["--model", &model, &film, &out, "--references", &folder]);
    let used = &provenance(&films, "out.mkv")["references"];
    assert_eq!(used[0]["first_frame"], 6);
    assert_eq!(used.as_array().unwrap().len(), 1);
}

#[test]
fn pictures_have_references_too() {
    let Some((films, _, folder)) = painted() else {
        return;
    };
    fs::create_dir(films.at("scans")).unwrap();
    let [width, height] = SIZE;
    for n in 0..FRAMES {
        let picture = image::GrayImage::from_raw(width, height, films.luma(n)).unwrap();
        picture
            .save(films.at(&format!("scans/{:03}.png", 100 + n)))
            .unwrap();
    }
    let (model, scans) = (films.name("film.safetensors"), films.name("scans"));
    let colour = |name: &str, more: &[&str]| -> Vec<RgbImage> {
        let out = films.name(name);
        works(&[&["--model", &model, &scans, &out], &SET[..], more].concat());
        let read = |n| image::open(films.at(&format!("{name}/{:03}.png", 100 + n)));
        (0..FRAMES).map(|n| read(n).unwrap().into_rgb8()).collect()
    };
    let none = colour("none", &[]);
    let both = colour("both", &["--references", &folder]);
    assert_eq!(both[..4], none[..4]);
    let red = |picture: &RgbImage| -> i64 {
        let all = picture.pixels();
        all.map(|p| i64::from(p.0[0]) - i64::from(p.0[2])).sum()
    };
    assert!((4..11).all(|n| red(&both[n]) > 0));
    assert!((11..FRAMES).all(|n| red(&both[n]) < 0));
    assert_eq!(
        provenance(&films, "both")["references"][1]["first_frame"],
        11
    );

    paint(&films, &films.at("painted/ref_000018.png"), 3, RED);
    let error = refused(
        &run(&[
            "--model",
            &model,
            &scans,
            &films.name("c"),
            "--references",
            &folder,
        ])
        .output()
        .unwrap(),
    );
    assert!(
        error.contains("ref_000018.png: there is no frame 18"),
        "{error}"
    );
    let stills = films.name("stills");
    let output = program(&[
        "run",
        "--model",
        &model,
        &scans,
        "--export-references",
        &stills,
    ])
    .output();
    assert!(output.unwrap().status.success());
    assert!(films.at("stills/ref_000000.png").exists());
}
