//! The proof of what became of a film's luma: what stands in it, as anyone can compute it, and that damage is found.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::elements::elements;
use super::films::{Films, decoded};
use super::program::{program, refused, text};
use super::{run, works};

/// A line of a proof: stream, time, duration, bytes, hash.
type Line = (u32, u64, u64, u64, String);

/// The lines of a proof, read without the program.
fn lines(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.starts_with("#format: frame checksums\n#version: 2\n#hash: MD5\n"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let number = |n: usize| fields[n].parse::<u64>().unwrap();
        assert_eq!(fields[1], fields[2], "{line}");
        (
            number(0) as u32,
            number(2),
            number(3),
            number(4),
            fields[5].to_owned(),
        )
    };
    lines.map(line).collect()
}

fn of_stream(lines: &[Line], stream: u32) -> Vec<Line> {
    let lines = lines.iter().filter(|line| line.0 == stream);
    lines.cloned().collect()
}

/// The MD5 of samples, by a program that is on every system.
fn md5(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("samples");
    fs::write(&file, bytes).unwrap();
    let output = Command::new("md5sum").arg(&file).output().unwrap();
    text(&output.stdout)[..32].to_owned()
}

/// What `--verify` says, and whether all is well.
fn verify(path: &str) -> (bool, String) {
    let output = program(&["run", "--verify", path]).output().unwrap();
    match output.status.success() {
        true => (true, text(&output.stdout)),
        false => (false, refused(&output)),
    }
}

#[test]
fn luma_before_and_after() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 12, |_| 0);
    let model = films.name("film.safetensors");
    for (name, depth, zeros) in [("same.mkv", "8", 0), ("more.mkv", "10", 2)] {
        let out = films.name(name);
        works(&[
            "--model",
            &model,
            &film,
            &out,
            "--depth",
            depth,
            "--segment",
            "5",
        ]);
        let all = lines(&films.at(&format!("{name}.framemd5")));
        let [before, after, given] = [0, 1, 2].map(|stream| of_stream(&all, stream));
        assert_eq!((before.len(), after.len(), given.len()), (12, 12, 12));
        for n in [0, 4, 5, 11] {
            let luma = films.luma(n);
            let (number, bytes) = (n as u64, luma.len() as u64);
            let hash = md5(&luma);
            assert_eq!(before[n], (0, number, 1, bytes, hash.clone()), "{name}");
            let words = luma
                .iter()
                .flat_map(|l| (u16::from(*l) << zeros).to_le_bytes());
            let (bytes, hash) = match depth {
                "8" => (bytes, hash),
                _ => (2 * bytes, md5(&words.collect::<Vec<_>>())),
            };
            assert_eq!(after[n], (1, number, 1, bytes, hash.clone()), "{name}");
            assert_eq!(given[n], (2, number, 1, bytes, hash), "{name}");
        }
        let (is_well, said) = verify(&out);
        assert!(is_well, "{said}");
        assert!(
            said.contains("12 frames") && said.contains("all have the luma"),
            "{said}"
        );
    }
}

#[test]
fn ffmpeg_writes_the_same() {
    let Some(films) = Films::new() else { return };
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        return super::common::skipped("there is no ffmpeg here to compare with");
    }
    let film = films.film("film.mkv", 6, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    works(&["--model", &model, &film, &out]);
    let ours = fs::read_to_string(films.at("out.mkv.framemd5")).unwrap();
    let (luma, shifted) = ("extractplanes=y", "format=yuv420p10le,extractplanes=y");
    for (stream, path, filter) in [
        ("0,", &film, luma),
        ("1,", &out, luma),
        ("2,", &film, shifted),
    ] {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-i", path, "-map", "0:v:0"]);
        ffmpeg.args(["-vf", filter, "-f", "framemd5", "-"]);
        let output = ffmpeg.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let theirs = text(&output.stdout);
        let all = theirs.lines().filter(|line| line.starts_with("0,"));
        let theirs: Vec<String> = all.map(|line| line.replacen("0,", stream, 1)).collect();
        let ours: Vec<&str> = ours.lines().filter(|l| l.starts_with(stream)).collect();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn a_flipped_byte_is_found() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 12, |n| if n == 7 { 200 } else { 0 });
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    works(&["--model", &model, &film, &out]);
    let whole = fs::read(&out).unwrap();
    let before: Vec<_> = decoded(&out).into_iter().map(|f| f.luma).collect();
    // Noise makes frame 7 the largest by far.
    let mut broken = whole.clone();
    let middle = whole.len() / 2 + 300;
    broken[middle] ^= 0x10;
    fs::write(&out, broken).unwrap();
    let after: Vec<_> = decoded(&out).into_iter().map(|f| f.luma).collect();
    let differing: Vec<usize> = (0..12).filter(|n| before[*n] != after[*n]).collect();
    let [frame] = differing[..] else {
        panic!("{differing:?}")
    };
    let (is_well, said) = verify(&out);
    assert!(!is_well);
    assert!(
        said.contains(&format!("1 of 12 frames are not what they were: {frame}")),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "checksums of the encoding do not match in 1 frames: {frame}"
        )),
        "{said}"
    );
    let output = program(&["run", "--json", "--verify", &out])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    let event: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(event["event"], "verified");
    assert_eq!(event["first"][0], frame);

    // A proof of another film does not fit.
    fs::write(&out, &whole).unwrap();
    assert!(verify(&out).0);
    let proof = films.at("out.mkv.framemd5");
    let text = fs::read_to_string(&proof).unwrap();
    let other: String = text.replace("\n1, ", "\n3, ").replace("\n0, ", "\n1, ");
    fs::write(&proof, other).unwrap();
    let (is_well, said) = verify(&out);
    assert!(!is_well && said.contains("12 of 12 frames"), "{said}");
    assert!(said.contains("0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …"), "{said}");
}

#[test]
fn what_cannot_be_verified() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 3, |_| 0);
    fs::create_dir(films.at("empty")).unwrap();
    for (path, why) in [
        (films.name("none.mkv"), "no such film"),
        (film.clone(), "film.mkv.framemd5"),
        (films.name("film.safetensors"), "no film of tttseg run"),
        (films.name("empty"), "no film with a proof"),
    ] {
        let (is_well, said) = verify(&path);
        assert!(!is_well && said.contains(why), "{path}: {said}");
    }
    fs::write(
        films.at("film.mkv.framemd5"),
        "#format: frame checksums\nabc\n",
    )
    .unwrap();
    let (_, said) = verify(&film);
    assert!(said.contains("no line of framemd5: abc"), "{said}");
    let output = program(&["run", "--verify", &film, "--overwrite"]).output();
    assert!(!output.unwrap().status.success());
}

#[test]
fn a_folder_of_films_with_proofs() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    for name in ["in/a.mkv", "in/b.mkv"] {
        films.film(name, 4, |_| 0);
    }
    let (input, out, model) = (
        films.name("in"),
        films.name("out"),
        films.name("film.safetensors"),
    );
    works(&["--model", &model, &input, &out]);
    let (is_well, said) = verify(&out);
    assert!(is_well && said.lines().count() == 2, "{said}");
    let path = films.at("out/b.mkv");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    let output = program(&["run", "--verify", &out]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.lines().count() == 2 && said.contains("out/b.mkv: 1 of 4"),
        "{said}"
    );
}

#[test]
fn encodings_that_lose_have_a_proof_as_well() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 6, |_| 0);
    let model = films.name("film.safetensors");
    for (name, needed) in [("out.mov", "avenc_prores_ks"), ("out.mp4", "x264enc")] {
        if elements(&[needed]).is_none() {
            continue;
        }
        let out = films.name(name);
        works(&["--model", &model, &film, &out]);
        let all = lines(&films.at(&format!("{name}.framemd5")));
        let times: Vec<u64> = of_stream(&all, 1).iter().map(|line| line.1).collect();
        assert_eq!(times, [0, 1, 2, 3, 4, 5], "{name}");
        let (is_well, said) = verify(&out);
        assert!(is_well && said.contains("6 frames"), "{said}");
    }
}

#[test]
fn classes_are_painted_over_the_luma() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 3, |_| 0);
    let (model, out) = (films.name("classes.safetensors"), films.name("out.mkv"));
    let output = run(&[&film, &out, "--task", "segment", "--model", &model]);
    assert!({ output }.status().unwrap().success());
    let (is_well, said) = verify(&out);
    assert!(is_well && said.contains("0 have the luma"), "{said}");
}
