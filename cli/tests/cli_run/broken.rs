//! Films that cannot be decoded, or not to their end.

use std::fs;

use super::elements::elements;
use super::films::{Films, decoded};
use super::program::text;
use super::{check_frames, ends_with, refuses, run, works};
use serde_json::Value;

#[test]
fn a_broken_frame_in_the_middle() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["jpegenc", "jpegdec"]) else {
        return;
    };
    let film = films.jpegs("film.mkv", 40);
    // The entropy-coded data of a frame in the middle, its headers among it.
    let mut bytes = fs::read(&film).unwrap();
    let marks: Vec<usize> = bytes
        .windows(3)
        .enumerate()
        .filter(|(_, w)| *w == [0xff, 0xd8, 0xff])
        .map(|(at, _)| at)
        .collect();
    assert_eq!(marks.len(), 40);
    // Not the headers of the next block and of its cluster.
    bytes[marks[20]..marks[21] - 60].fill(0);
    fs::write(&film, &bytes).unwrap();
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let output = run(&["--model", &model, &film, &out, "--segment", "15"]).output();
    let output = output.unwrap();
    let error = ends_with(3, &output);
    assert!(
        error.contains("1 of its 40 frames could not be had of it, at 00:00:00.800"),
        "{error}"
    );
    let printed = text(&output.stderr);
    let frames = decoded(&out);
    assert_eq!(frames.len(), 39, "{printed}");
    assert_eq!(frames[19].ms, 760);
    assert_eq!(frames[20].ms, 840);
    assert!(
        printed.contains("missing frames at 00:00:00.800: 1"),
        "{printed}"
    );
}

#[test]
fn a_frame_that_stops_the_decoder() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["pngenc", "pngdec", "qtmux"]) else {
        return;
    };
    let film = films.pngs("film.mov", 40);
    let whole = fs::read(&film).unwrap();
    let mut bytes = whole.clone();
    let marks: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, w)| w == b"\x89PNG")
        .map(|(at, _)| at)
        .collect();
    assert_eq!(marks.len(), 40);
    bytes[marks[20] + 60..marks[20] + 90].fill(0xaa);
    fs::write(&film, &bytes).unwrap();
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let output = run(&["--model", &model, &film, &out, "--segment", "15"]).output();
    let output = output.unwrap();
    ends_with(3, &output);
    let printed = text(&output.stderr);
    let frames = decoded(&out);
    assert_eq!(frames.len(), 39, "{printed}");
    assert_eq!((frames[19].ms, frames[20].ms), (760, 840));
    assert!(
        printed.contains("nothing can be decoded at 00:00:00.800"),
        "{printed}"
    );

    // From there on there is nothing at all.
    for mark in &marks[20..] {
        bytes[mark + 60..mark + 90].fill(0xaa);
    }
    fs::write(&film, &bytes).unwrap();
    let all = ["--model", &model, &film, &out, "--overwrite"];
    let error = ends_with(3, &run(&all).output().unwrap());
    assert!(
        error.contains("decoding ended at 00:00:00.800") && error.contains("out.mkv: 20 frames"),
        "{error}"
    );
    assert_eq!(decoded(&out).len(), 20);
}

#[test]
fn a_film_that_breaks_off() {
    let Some(films) = Films::new() else { return };
    let model = films.name("film.safetensors");
    let mut cut = vec![films.film("film.mkv", 60, |_| 60)];
    if elements(&["x264enc", "h264parse", "mp4mux", "mpegtsmux"]).is_some() {
        let stream = "x264enc tune=zerolatency key-int-max=10 ! h264parse";
        for (name, muxer) in [
            ("first.mp4", "mp4mux faststart=true"),
            ("pieces.mp4", "mp4mux fragment-duration=400"),
            ("film.ts", "mpegtsmux"),
        ] {
            cut.push(films.through(name, &format!("{stream} ! {muxer}"), 60));
        }
    }
    for film in cut {
        let bytes = fs::read(&film).unwrap();
        fs::write(&film, &bytes[..bytes.len() / 2 + 1]).unwrap();
        let out = films.name("out.mkv");
        let all = ["--model", &model, &film, &out, "--overwrite", "--json"];
        let output = run(&all).output().unwrap();
        let error = ends_with(3, &output);
        let frames = decoded(&out).len();
        assert!((15..60).contains(&frames), "{film}: {frames} frames");
        assert!(
            error.contains("cut off") && error.contains(&format!("out.mkv: {frames} frames")),
            "{error}"
        );
        let printed = text(&output.stdout);
        let last: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        assert_eq!(last["event"], "finished");
        assert!(
            last["incomplete"].as_str().unwrap().contains("cut off"),
            "{printed}"
        );
        assert!(!films.at("out.mkv.part").exists());
    }

    // The index is at the end of such a file.
    if elements(&["x264enc", "mp4mux"]).is_some() {
        let film = films.through("last.mp4", "x264enc ! h264parse ! mp4mux", 60);
        let bytes = fs::read(&film).unwrap();
        fs::write(&film, &bytes[..bytes.len() / 2]).unwrap();
        let error = refuses(&["--model", &model, &film, &films.name("o.mkv")]);
        assert!(
            error.contains("(moov)") && error.contains("was cut off"),
            "{error}"
        );
    }
    fs::write(
        films.at("none.mkv"),
        b"This is no film at all. ".repeat(100),
    )
    .unwrap();
    let none = films.name("none.mkv");
    let error = refuses(&["--model", &model, &none, &films.name("o.mkv")]);
    assert!(error.contains("none.mkv"), "{error}");
    assert!(!films.at("o.mkv.part").exists() && !films.at("o.mkv").exists());
}

#[test]
fn one_that_breaks_off_among_others() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    let cut = films.film("in/a.mkv", 30, |_| 60);
    films.film("in/b.mkv", 5, |_| 0);
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let (model, input, out) = (
        films.name("film.safetensors"),
        films.name("in"),
        films.name("out"),
    );
    let output = run(&["--model", &model, &input, &out]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let printed = text(&output.stdout);
    assert!(
        printed.contains("1 finished, 1 incomplete, 0 failed")
            && printed.contains("a.mkv: it was cut off"),
        "{printed}"
    );
    check_frames(&films, &films.name("out/b.mkv"), 5, 2);
}

#[test]
fn gaps_everywhere_are_not_listed_one_by_one() {
    let Some(films) = Films::new() else { return };
    let film = films.through(
        "film.mkv",
        "identity drop-probability=0.5 ! avenc_ffv1 ! matroskamux",
        100,
    );
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let (_, printed) = works(&["--model", &model, &film, &out]);
    assert!(printed.lines().count() <= 12, "{printed}");
    assert!(
        printed.contains("further gaps") && printed.contains("places, the first at"),
        "{printed}"
    );
    let times = |path: &str| decoded(path).iter().map(|f| f.ms).collect::<Vec<_>>();
    assert_eq!(times(&out), times(&film));
}

/// Bytes of a box of QuickTime's.
fn boxed(name: &[u8], inside: &[u8]) -> Vec<u8> {
    let size = (inside.len() as u32 + 8).to_be_bytes();
    [&size[..], name, inside].concat()
}

/// A film of one track whose contents stand at its end, shown from a frame on only: of 25 a second.
fn trimmed(bytes: &[u8], first: u32, frames: u32) -> Vec<u8> {
    let place = |name: &[u8]| bytes.windows(4).position(|w| w == name).unwrap();
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let (moov, trak, mvhd, mdhd) = (
        place(b"moov"),
        place(b"trak"),
        place(b"mvhd"),
        place(b"mdhd"),
    );
    let (of_film, of_track) = (word(mvhd + 16), word(mdhd + 16));
    let edit = [
        0,
        1,
        frames * of_film / 25,
        first * of_track / 25,
        0x1_0000_u32,
    ];
    let list = boxed(
        b"edts",
        &boxed(b"elst", &edit.map(u32::to_be_bytes).concat()),
    );
    let mut bytes = bytes.to_owned();
    // Another list may be there; this name is passed over.
    if let Some(old) = bytes.windows(4).position(|w| w == b"edts") {
        bytes[old..old + 4].copy_from_slice(b"free");
    }
    for header in [moov, trak] {
        let size = word(header - 4) + list.len() as u32;
        bytes[header - 4..header].copy_from_slice(&size.to_be_bytes());
    }
    let track_header = place(b"tkhd") - 4;
    let behind = track_header + word(track_header) as usize;
    bytes.splice(behind..behind, list);
    bytes
}

#[test]
fn an_edit_that_begins_between_key_frames() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["x264enc", "h264parse", "mp4mux"]) else {
        return;
    };
    let encoded = "x264enc key-int-max=20 bframes=0 quantizer=1 ! h264parse ! mp4mux";
    let film = films.through("film.mp4", encoded, 60);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    for (first, frames) in [(0, 60), (20, 30), (25, 30), (10, 50)] {
        let bytes = fs::read(&film).unwrap();
        let cut = films.name("cut.mp4");
        fs::write(&cut, trimmed(&bytes, first, frames)).unwrap();
        let (_, printed) = works(&["--model", &model, &cut, &out, "--overwrite"]);
        let shown = decoded(&out);
        assert_eq!(shown.len(), frames as usize, "from {first}: {printed}");
        for (n, frame) in shown.iter().enumerate() {
            assert!(frame.ms.abs_diff(40 * n as u64) <= 1, "{} ms", frame.ms);
            let far = films.distance(n + first as usize, &frame.luma, 2);
            assert!(far < 4.0, "frame {n} from {first} is off by {far}");
        }
    }
}
