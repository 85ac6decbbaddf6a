//! `tttseg run`: whole films, interrupted ones, broken ones, queues and pictures. The luma of every frame tells which frame it
//! is, so none can be missing, doubled or in another place unseen.

mod common;
#[path = "common/films.rs"]
mod films;
#[path = "common/program.rs"]
mod program;
#[path = "../src/bin/tttseg/run/timecode.rs"]
#[allow(
    dead_code,
    reason = "the program's own reader is used to look at what it wrote"
)]
mod timecode;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use films::{Films, SIZE, decoded, decoded_sound, has};
use program::{program, refused, text};
use serde_json::Value;

/// What tests do without, if they do not say otherwise: learning, and the machine for themselves.
const QUICK: [&str; 4] = ["--set", "method=none", "--set", "threads=1"];
/// Frames in a film that is interrupted: enough to be caught in the middle.
const LONG: usize = 60;

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

/// Finished segments on record.
fn segments(films: &Films, output: &str) -> Vec<Value> {
    let journal = fs::read(films.at(&format!("{output}.part/journal.json")));
    let journal: Option<Value> = journal.ok().and_then(|j| serde_json::from_slice(&j).ok());
    let segments = journal.and_then(|j| j["segments"].as_array().cloned());
    segments.unwrap_or_default()
}

/// Starts a run and waits until it has finished two segments.
fn begun(films: &Films, arguments: &[&str], output: &str) -> Child {
    let mut child = run(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while segments(films, output).len() < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        assert!(began.elapsed() < Duration::from_secs(120), "it hangs");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_whole_film_with_its_sound() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 40, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let (told, _) = works(&["--model", &model, &film, &out, "--segment", "16"]);
    assert!(told.contains("out.mkv: 40 frames"), "{told}");
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
    let (told, _) = works(&["--model", &model, &film, &out, "--overwrite", "--depth", "8", "--json", "--set", "saturation=0",
    ]);
    check_frames(&films, &out, 40, 0);
    assert!(decoded(&out).iter().all(|f| !f.is_coloured), "saturation=0");
    let lines: Vec<Value> = told
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
fn killed_in_the_middle_it_goes_on() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", LONG, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let online = "method=online";
    let all = [
        "--model",
        &model,
        &film,
        &out,
        "--segment",
        "4",
        "--set",
        online,
    ];
    let mut child = begun(&films, &all, "out.mkv");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!films.at("out.mkv").exists());
    let first = films.name("out.mkv.part/00000.mkv");
    check_frames(&films, &first, 4, 2);

    // Other options, another film: not behind these frames.
    let error = refuses(&[&all[..], &["--set", "saturation=2"]].concat());
    assert!(
        error.contains("--set was method=online threads=1 and is method=online saturation=2"),
        "{error}"
    );
    let error = refuses(&[&all[..], &["--depth", "8"]].concat());
    assert!(error.contains("--depth was not there and is 8"), "{error}");
    let file = fs::File::options().write(true).open(&film).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified + Duration::from_secs(5))
        .unwrap();
    let error = refuses(&all);
    assert!(error.contains("the film is another"), "{error}");
    file.set_modified(modified).unwrap();

    let (_, told) = works(&all);
    assert!(told.contains("going on after"), "{told}");
    check_frames(&films, &out, LONG, 2);
    assert_eq!(decoded_sound(&out), decoded_sound(&film));
}

#[test]
fn interrupted_it_says_how_to_go_on() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", LONG, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let all = ["--model", &model, &film, &out, "--segment", "4"];
    let child = begun(&films, &all, "out.mkv");
    let error = refuses(&all);
    assert!(error.contains("another process"), "{error}");
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let told = text(&output.stderr);
    assert!(
        told.contains("interrupted: ") && told.contains("the same command goes on"),
        "{told}"
    );
    // What was begun is finished.
    let kept: u64 = segments(&films, "out.mkv")
        .iter()
        .filter_map(|s| s["frames"].as_u64())
        .sum();
    assert!(told.contains(&format!("{kept} finished frames")), "{told}");
    works(&all);
    check_frames(&films, &out, LONG, 2);

    // Thrown away instead.
    fs::remove_file(&out).unwrap();
    let mut child = begun(&films, &all, "out.mkv");
    child.kill().unwrap();
    child.wait().unwrap();
    let (_, told) = works(&[&all[..], &["--restart", "--set", "saturation=2"]].concat());
    assert!(!told.contains("going on after"), "{told}");
    check_frames(&films, &out, LONG, 2);
}

#[test]
fn a_full_disk_loses_nothing_that_is_finished() {
    let Some(films) = Films::of([320, 192]) else {
        return;
    };
    // Noise from frame 30 on: those segments grow beyond what a file may have.
    let noise = |n| if n < 30 { 0 } else { 255 };
    let film = films.film("film.mkv", 60, noise);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let all = ["--model", &model, &film, &out, "--segment", "15"];
    let state = films.learned_bytes(&model);
    // In blocks of 1024 bytes, for bash.
    let limited = |kilobytes: u64| {
        let limit = format!("ulimit -f {kilobytes}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &limit, env!("CARGO_BIN_EXE_tttseg")])
            .arg("run")
            .args(QUICK)
            .args(all);
        shell.output().unwrap()
    };
    let output = limited(state / 1024 + 20);
    let error = refused_last(&output);
    assert!(
        error.contains("no room left") && error.contains("out.mkv.part"),
        "{error}"
    );
    assert!(error.contains("MB free"), "{error}");
    let kept: u64 = segments(&films, "out.mkv")
        .iter()
        .filter_map(|s| s["frames"].as_u64())
        .sum();
    assert!((15..60).contains(&kept), "{kept}");
    assert!(
        error.contains(&format!("{kept} finished frames are kept")),
        "{error}"
    );
    check_frames(&films, &films.name("out.mkv.part/00000.mkv"), 15, 2);
    works(&all);
    check_noisy_frames(&films, &out, 60, 2, noise);
}

/// As `refused`, where notes stand before the last line.
fn refused_last(output: &std::process::Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = text(&output.stderr);
    let last = error.lines().last().unwrap_or_default();
    assert!(last.starts_with("tttseg: "), "{error}");
    last.to_owned()
}

#[test]
fn a_broken_frame_in_the_middle() {
    let Some(films) = Films::new() else { return };
    if !has("jpegenc") || !has("jpegdec") {
        return;
    }
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
    bytes[marks[20]..marks[21] - 20].fill(0);
    fs::write(&film, &bytes).unwrap();
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let (_, told) = works(&["--model", &model, &film, &out, "--segment", "15"]);
    let frames = decoded(&out);
    assert_eq!(frames.len(), 39, "{told}");
    assert_eq!(frames[19].ms, 760);
    assert_eq!(frames[20].ms, 840);
    assert!(told.contains("missing frames at 00:00:00.800: 1"), "{told}");
}

#[test]
fn a_frame_that_stops_the_decoder() {
    let Some(films) = Films::new() else { return };
    if !["pngenc", "pngdec", "qtmux"].into_iter().all(has) {
        return;
    }
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
    let (_, told) = works(&["--model", &model, &film, &out, "--segment", "15"]);
    let frames = decoded(&out);
    assert_eq!(frames.len(), 39, "{told}");
    assert_eq!((frames[19].ms, frames[20].ms), (760, 840));
    assert!(
        told.contains("nothing can be decoded at 00:00:00.800"),
        "{told}"
    );

    // From there on there is nothing at all.
    for mark in &marks[20..] {
        bytes[mark + 60..mark + 90].fill(0xaa);
    }
    fs::write(&film, &bytes).unwrap();
    let all = ["--model", &model, &film, &out, "--overwrite"];
    let error = refused_last(&run(&all).output().unwrap());
    assert!(
        error.contains("decoding ended at 00:00:00.800") && error.contains("the 20 frames before"),
        "{error}"
    );
    assert_eq!(decoded(&out).len(), 20);
}

#[test]
fn a_film_that_breaks_off() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 60, |_| 60);
    let bytes = fs::read(&film).unwrap();
    fs::write(&film, &bytes[..bytes.len() / 2]).unwrap();
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let output = run(&["--model", &model, &film, &out]).output().unwrap();
    let frames = decoded(&out);
    assert!(
        (20..60).contains(&frames.len()),
        "{} frames: {output:?}",
        frames.len()
    );

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
    let error = refused_last(&output);
    assert!(error.contains("1 of 3 films"), "{error}");
    let told = text(&output.stdout);
    assert!(
        told.contains("2 finished, 1 failed") && told.contains("b.mp4"),
        "{told}"
    );
    check_frames(&films, &films.name("out/a.mkv"), 12, 2);
    check_frames(&films, &films.name("out/c.mkv"), 14, 2);

    fs::remove_file(films.at("in/b.mp4")).unwrap();
    let (told, _) = works(&all);
    assert!(
        told.contains("0 finished, 2 there already, 0 failed"),
        "{told}"
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
        if !has(codec) {
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
    let all = ["avenc_prores_ks", "timecodestamper", "qtmux"];
    if !all.into_iter().all(has) {
        return;
    }
    let film = films.with_timecode("film.mov", 12);
    let start = timecode::Start::of_file(film.as_ref()).expect("a time code track");
    let begins = start.timecode().unwrap();
    assert_eq!(
        (begins.hours(), begins.minutes(), begins.frames()),
        (10, 0, 7)
    );
    let (model, out) = (films.name("film.safetensors"), films.name("out.mov"));
    works(&["--model", &model, &film, &out, "--segment", "5"]);
    assert_eq!(timecode::Start::of_file(out.as_ref()), Some(start));
    assert_eq!(decoded(&out).len(), 12);
    let (_, told) = works(&["--model", &model, &film, &films.name("out.mkv")]);
    assert!(told.contains("time code"), "{told}");
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
    let error = refused_last(&run(&all).output().unwrap());
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
}
