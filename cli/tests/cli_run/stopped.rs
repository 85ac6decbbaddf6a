//! Runs that are stopped in the middle: by the user, by a kill, by a disk without room.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::films::{Films, decoded_sound};
use super::program::text;
use super::{QUICK, check_frames, check_noisy_frames, ends_with, refuses, run, works};

/// Frames in a film that is interrupted: enough to be caught in the middle.
const LONG: usize = 60;

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

    let (_, printed) = works(&all);
    assert!(printed.contains("going on after"), "{printed}");
    check_frames(&films, &out, LONG, 2);
    assert_eq!(decoded_sound(&out), decoded_sound(&film));
    // Hashes of frames of both runs.
    let proof = fs::read_to_string(films.at("out.mkv.framemd5")).unwrap();
    let of = |stream: &str| {
        let lines = proof.lines().filter(|line| line.starts_with(stream));
        lines.map(|line| line[2..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("1,").len(), LONG);
    assert_eq!(of("1,"), of("2,"));
    let verified = super::program::works(&["run", "--verify", &out]);
    assert!(verified.contains("60 frames"), "{verified}");
}

#[test]
fn interrupted_it_says_how_to_go_on() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", LONG, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let all = ["--model", &model, &film, &out, "--segment", "4"];
    let child = begun(&films, &all, "out.mkv");
    let error = ends_with(75, &run(&all).output().unwrap());
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
    let printed = text(&output.stderr);
    assert!(
        printed.contains("interrupted: ") && printed.contains("the same command goes on"),
        "{printed}"
    );
    // What was begun is finished.
    let kept: u64 = segments(&films, "out.mkv")
        .iter()
        .filter_map(|s| s["frames"].as_u64())
        .sum();
    assert!(
        printed.contains(&format!("{kept} finished frames")),
        "{printed}"
    );
    works(&all);
    check_frames(&films, &out, LONG, 2);

    // Thrown away instead.
    fs::remove_file(&out).unwrap();
    let mut child = begun(&films, &all, "out.mkv");
    child.kill().unwrap();
    child.wait().unwrap();
    let (_, printed) = works(&[&all[..], &["--restart", "--set", "saturation=2"]].concat());
    assert!(!printed.contains("going on after"), "{printed}");
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
    let error = ends_with(1, &output);
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

/// A disk of our own; none where we may not make one.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn new(folder: &'a Path, bytes: u64) -> Option<Self> {
        fs::create_dir(folder).unwrap();
        let size = format!("size={bytes}");
        if mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], folder) {
            return Some(Self(folder));
        }
        super::common::skipped("no tmpfs can be mounted here (that takes root)");
        None
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // A test that fails has said why.
        let _ = Command::new("umount").arg(self.0).status();
    }
}

fn mount(options: &[&str], folder: &Path) -> bool {
    let output = Command::new("mount").args(options).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_disk_that_is_really_full() {
    let Some(films) = Films::of([320, 192]) else {
        return;
    };
    let noise = |n| if n < 10 { 0 } else { 255 };
    let film = films.film("film.mkv", 20, noise);
    let model = films.name("film.safetensors");
    // Room for two states, and for frames without noise.
    let folder = films.at("disk");
    let Some(disk) = Disk::new(&folder, 2 * films.learned_bytes(&model) + 400_000) else {
        return;
    };
    let out = films.name("disk/out.mkv");
    let all = ["--model", &model, &film, &out, "--segment", "5"];
    let error = ends_with(1, &run(&all).output().unwrap());
    assert!(
        error.contains("no room left") && error.contains("frames are kept"),
        "{error}"
    );
    assert!(!films.at("disk/out.mkv").exists());
    let kept = segments(&films, "disk/out.mkv").len();
    assert!((1..4).contains(&kept), "{kept}");
    assert!(mount(&["-o", "remount,size=1G"], disk.0));
    let (_, printed) = works(&all);
    assert!(printed.contains("going on after"), "{printed}");
    check_noisy_frames(&films, &out, 20, 2, noise);
}
