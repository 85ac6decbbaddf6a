//! Folders as people have them: files of their systems, posters, names that are no UTF-8, pictures that are none.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::films::Films;
use super::program::{program, text};
use super::{QUICK, check_frames, ends_with, run, works};

/// What macOS puts beside a file.
const APPLE_DOUBLE: [u8; 8] = [0, 5, 0x16, 7, 0, 2, 0, 0];

/// The program with the arguments of a run, some of which are no text.
fn run_bytes(arguments: &[OsString]) -> std::process::Output {
    let first = ["run"].into_iter().chain(QUICK).map(OsString::from);
    let all: Vec<_> = first.chain(arguments.iter().cloned()).collect();
    program(&all).output().unwrap()
}

fn picture(films: &Films, name: impl AsRef<OsStr>, n: usize) {
    let [width, height] = super::SIZE;
    let grey = image::GrayImage::from_raw(width, height, films.luma(n)).unwrap();
    let path = films.at("in").join(name.as_ref());
    grey.save_with_format(path, image::ImageFormat::Png)
        .unwrap();
}

#[test]
fn what_systems_and_media_centres_leave() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    films.film("in/a.mkv", 3, |_| 0);
    for name in ["._a.mkv", ".DS_Store", "Thumbs.db"] {
        fs::write(films.at("in").join(name), APPLE_DOUBLE).unwrap();
    }
    picture(&films, "a-poster.png", 1);
    let [model, input, out] = ["film.safetensors", "in", "out"].map(|name| films.name(name));
    let (printed, notes) = works(&["--model", &model, &input, &out]);
    assert!(printed.contains("1 finished, 0 failed"), "{printed}");
    assert!(
        notes.contains("left out: 3 hidden files") && notes.contains("left out: 1 pictures"),
        "{notes}"
    );
    check_frames(&films, &films.name("out/a.mkv"), 3, 2);
}

#[test]
fn into_the_folder_of_the_films() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    for name in ["a", "b"] {
        let film = films.film("in/film.mkv", 3, |_| 0);
        fs::rename(film, films.at(&format!("in/{name}.mka.webm"))).unwrap();
    }
    let [model, input] = ["film.safetensors", "in"].map(|name| films.name(name));
    let all = ["--model", &model, &input, &input];
    let (printed, _) = works(&all);
    assert!(printed.contains("2 finished, 0 failed"), "{printed}");
    fs::remove_file(films.at("in/b.mka.mkv")).unwrap();
    let (printed, _) = works(&all);
    assert!(
        printed.contains("1 finished, 1 there already, 0 failed"),
        "{printed}"
    );
    let (printed, notes) = works(&all);
    assert!(
        printed.contains("0 finished, 2 there already, 0 failed"),
        "{printed}"
    );
    assert!(notes.contains("2 films are what others"), "{notes}");
    check_frames(&films, &films.name("in/b.mka.mkv"), 3, 2);
}

#[test]
fn pictures_that_are_none_or_too_small() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    image::GrayImage::new(15, 15)
        .save(films.at("in/1.png"))
        .unwrap();
    picture(&films, "2.png", 1);
    fs::write(films.at("in/._2.png"), APPLE_DOUBLE).unwrap();
    fs::write(films.at("in/3.png"), b"no picture").unwrap();
    picture(&films, "4.png", 2);
    let [model, input, out] = ["film.safetensors", "in", "out"].map(|name| films.name(name));
    let output = run(&["--model", &model, &input, &out]).output().unwrap();
    let error = ends_with(1, &output);
    assert!(
        error.contains("2 of 4 pictures") && error.contains("1.png: frame of 15x15"),
        "{error}"
    );
    assert!(text(&output.stderr).contains("3.png"), "{output:?}");
    let written = fs::read_dir(films.at("out")).unwrap();
    let mut written: Vec<_> = written.map(|entry| entry.unwrap().file_name()).collect();
    written.sort();
    assert_eq!(written, ["2.png", "4.png"]);
}

#[test]
fn names_are_bytes() {
    let Some(films) = Films::new() else { return };
    let cafe = OsStr::from_bytes(b"caf\xe9");
    let folder = films.at("").join(cafe);
    fs::create_dir(&folder).unwrap();
    let with = |end: &str| folder.join([cafe, OsStr::new(end)].concat_os());
    let (film, out, model) = (with(".mkv"), with("-out.mkv"), with(".safetensors"));
    fs::rename(films.film("film.mkv", 7, |_| 0), &film).unwrap();
    fs::copy(films.at("film.safetensors"), &model).unwrap();
    let mut all: Vec<OsString> = vec!["--model".into(), model.clone().into()];
    all.extend(["--segment", "3", "--set", "method=online"].map(OsString::from));
    all.extend([film.clone().into(), out.clone().into()]);
    let output = run_bytes(&all);
    assert!(output.status.success(), "{output:?}");
    fs::rename(&out, films.at("out.mkv")).unwrap();
    check_frames(&films, &films.name("out.mkv"), 7, 2);
    let output = run_bytes(&[&all[..], &["--json".into()]].concat());
    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    let last: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let bytes: Vec<u8> = serde_json::from_value(last["output_bytes"].clone()).unwrap();
    assert_eq!(bytes, out.as_os_str().as_bytes());
    fs::remove_file(&out).unwrap();

    // In a child as well, and pictures.
    let queue = films.at("queue");
    let output = run_bytes(&[
        "--model".into(),
        model.into(),
        folder.into(),
        queue.clone().into(),
    ]);
    assert!(output.status.success(), "{output:?}");
    assert!(queue.join([cafe, OsStr::new(".mkv")].concat_os()).exists());
    fs::create_dir(films.at("in")).unwrap();
    for (n, name) in [&b"a.png"[..], b"caf\xe8.png", b"caf\xe9.png"]
        .iter()
        .enumerate()
    {
        picture(&films, OsStr::from_bytes(name), n);
    }
    let [model, input, out] = ["film.safetensors", "in", "out"].map(|name| films.name(name));
    works(&["--model", &model, &input, &out]);
    assert_eq!(fs::read_dir(films.at("out")).unwrap().count(), 3);
}

/// Names put together.
trait Concat {
    fn concat_os(&self) -> OsString;
}

impl Concat for [&OsStr; 2] {
    fn concat_os(&self) -> OsString {
        let mut name = self[0].to_owned();
        name.push(self[1]);
        name
    }
}
