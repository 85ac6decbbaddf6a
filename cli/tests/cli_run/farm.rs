//! Several workers with the same films: each film is worked on by one at a time, whatever becomes of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::films::Films;
use super::program::{program, text};
use super::{check_frames, ends_with, refuses, run, works};

/// Frames in film `n`.
fn frames(n: usize) -> usize {
    3 + n % 4
}

/// A folder `in` with films.
pub fn folder_of(films: &Films, count: usize) {
    fs::create_dir(films.at("in")).unwrap();
    for n in 0..count {
        films.film(&format!("in/{n:03}.mkv"), frames(n), |_| n as u8);
    }
}

/// The files in a folder, by their names.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    all.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    })
    .collect()
}

/// Whether two folders have the same files, and films in them the same bytes.
pub fn assert_same(folder: &Path, wanted: &Path) {
    let (found, wanted) = (contents(folder), contents(wanted));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&wanted));
    for (name, bytes) in found.into_iter().filter(|(name, _)| name.ends_with(".mkv")) {
        assert!(bytes == wanted[&name], "{name} has other bytes");
    }
}

/// A summary in a file.
pub fn summary(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Names of films in a state.
fn names(summary: &Value, state: &str) -> Vec<String> {
    let films = summary["films"].as_array().unwrap().iter();
    let films = films.filter(|film| film["state"] == state);
    let names = films.map(|film| Path::new(film["output"]["name"].as_str().unwrap()));
    names
        .map(|path| path.file_stem().unwrap().to_string_lossy().into())
        .collect()
}

/// Waits until something is so.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(300), "no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A run in the background, of which nothing is printed.
fn start(arguments: &[&str]) -> Child {
    let mut command = run(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

/// Processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        fields.split_whitespace().nth(1) == Some(&parent.to_string())
    })
    .collect()
}

/// Ends a process and what it has started, as a power cut does.
pub fn cut(pid: u32) {
    // It may have ended.
    let signal = |name: &str, pid: u32| {
        let mut kill = Command::new("kill");
        let _ = kill
            .args([name, &pid.to_string()])
            .stderr(Stdio::null())
            .status();
    };
    // So that it starts none meanwhile.
    signal("-STOP", pid);
    for pid in [children(pid), vec![pid]].concat() {
        signal("-KILL", pid);
    }
}

/// Segments that are finished of unfinished films.
pub fn segments(out: &Path) -> usize {
    let parts = fs::read_dir(out).into_iter().flatten().flatten();
    let journals = parts.filter_map(|part| fs::read(part.path().join("journal.json")).ok());
    let journals = journals.filter_map(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let segments = journals.filter_map(|journal| Some(journal["segments"].as_array()?.len()));
    segments.sum()
}

#[test]
fn several_workers_do_each_film_once() {
    let Some(films) = Films::new() else { return };
    folder_of(&films, 6);
    let [model, input, out, alone] =
        ["film.safetensors", "in", "out", "alone"].map(|name| films.name(name));
    works(&["--model", &model, &input, &alone]);
    let results = ["1.json", "2.json"].map(|name| films.name(name));
    let workers = results
        .each_ref()
        .map(|file| start(&["--model", &model, &input, &out, "--wait", "--summary", file]));
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_same(&films.at("out"), &films.at("alone"));
    let [a, b] = results.each_ref().map(|file| summary(Path::new(file)));
    let mut done = [names(&a, "done"), names(&b, "done")].concat();
    done.sort();
    assert_eq!(done, ["000", "001", "002", "003", "004", "005"]);

    let output = program(&["summary", &results[0], &results[1]])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let both: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(both["counts"]["done"], 6);
    let all: usize = (0..6).map(frames).sum();
    assert_eq!(both["frames"], all);
    assert!(both["films"][0]["worker"].is_string(), "{both}");
}

#[test]
fn a_list_and_its_shares() {
    let Some(films) = Films::new() else { return };
    for folder in ["a", "b"] {
        fs::create_dir(films.at(folder)).unwrap();
    }
    for name in ["a/one.mkv", "b/two.mkv", "b/three.mkv"] {
        films.film(name, 3, |_| 0);
    }
    let three = films.name("b/three.mkv");
    let list = format!("one.mkv\n# a comment\n\n../b/two.mkv\r\nnowhere.mkv\n{three}\n");
    fs::write(films.at("a/films.txt"), list).unwrap();
    let [model, list, out] = ["film.safetensors", "a/films.txt", "out"].map(|n| films.name(n));
    let all = ["--model", &model, "--list", &list, &out, "--shard"];
    let results = ["1.json", "2.json"].map(|name| films.name(name));
    let share = |n: usize| [&all[..], &[["1/2", "2/2"][n], "--summary", &results[n]]].concat();
    let output = run(&share(0)).output().unwrap();
    let error = ends_with(1, &output);
    assert!(error.contains("1 of 2 films"), "{error}");
    assert!(
        text(&output.stdout).contains("nowhere.mkv: there is no"),
        "{output:?}"
    );
    assert!(films.at("out/one.mkv").exists() && !films.at("out/two.mkv").exists());
    let output = program(&["summary", &results[0]]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let one: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(one["missing_shards"], serde_json::json!(["2/2"]));
    works(&share(1));
    check_frames(&films, &films.name("out/two.mkv"), 3, 2);
    check_frames(&films, &films.name("out/three.mkv"), 3, 2);
    let output = program(&["summary", &results[0], &results[1]])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let both: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&both["counts"]["done"], &both["counts"]["failed"]),
        (&3.into(), &1.into())
    );

    // Of a folder as well, and from standard input.
    let input = films.name("b");
    let (printed, _) = works(&[
        "--model",
        &model,
        "--shard",
        "2/2",
        &input,
        &films.name("c"),
    ]);
    assert!(printed.contains("1 finished"), "{printed}");
    assert!(films.at("c/two.mkv").exists());
    let mut child = run(&["--model", &model, "--list", "-", &films.name("d")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(three.as_bytes()).unwrap();
    drop(pipe);
    assert!(child.wait().unwrap().success());
    assert!(films.at("d/three.mkv").exists());

    fs::write(films.at("twice.txt"), "a/one.mkv\nb/../a/one.mkv").unwrap();
    fs::write(films.at("empty.txt"), "# nothing\n").unwrap();
    fs::create_dir(films.at("scans")).unwrap();
    let picture = image::GrayImage::new(32, 32);
    picture.save(films.at("scans/1.png")).unwrap();
    let [twice, empty, one, pictures] =
        ["twice.txt", "empty.txt", "a/one.mkv", "scans"].map(|n| films.name(n));
    for (arguments, wanted) in [
        (&["--list", &twice, &out][..], "would both become"),
        (&["--list", &empty, &out], "no film on this list"),
        (&["--list", "nowhere.txt", &out], "nowhere.txt"),
        (&["--list", &list, &input, &out], "cannot be used with"),
        (&[&out], "<OUT>"),
        (&["--shard", "3/2", &input, &out], "i from 1 to n"),
        (&["--shard", "1/2", &one, &out], "--shard is about"),
        (&["--wait", &one, &out], "--wait is about"),
        (
            &["--summary", "s.json", &pictures, &out],
            "--summary is about",
        ),
    ] {
        let error = refuses(arguments);
        assert!(error.contains(wanted), "{arguments:?}: {error}");
    }
}

#[test]
fn one_that_stood_still_does_no_harm() {
    let Some(films) = Films::new() else { return };
    let film = films.film("film.mkv", 40, |_| 0);
    let [model, out] = ["film.safetensors", "out.mkv"].map(|name| films.name(name));
    let all = ["--model", &model, &film, &out, "--segment", "4"];
    let all = [&all[..], &["--claim-timeout", "2"]].concat();
    let first = start(&all);
    wait_for("segment", || segments(&films.at("")) >= 2);
    signal("-STOP", first.id());
    let output = run(&all).output().unwrap();
    let error = ends_with(75, &output);
    let owner = "another process works on this right now: ";
    assert!(
        error.contains(owner) && error.contains(&format!("pid {}", first.id())),
        "{error}"
    );
    // It counts as dead once nothing was heard of it for two seconds.
    let mut taken_over = None;
    wait_for("end of a claim", || {
        let output = run(&all).output().unwrap();
        taken_over = Some(output.clone());
        output.status.code() != Some(75)
    });
    let output = taken_over.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stderr).contains("going on after"),
        "{output:?}"
    );
    let written = fs::read(&out).unwrap();
    signal("-CONT", first.id());
    let output = first.wait_with_output().unwrap();
    let error = ends_with(75, &output);
    assert!(error.contains("stood still"), "{error}");
    assert!(fs::read(&out).unwrap() == written);
    assert!(!films.at("out.mkv.part").exists());
    check_frames(&films, &out, 40, 2);
}

#[test]
fn what_others_have_is_left_to_them() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    for (name, frames) in [("in/a.mkv", 60), ("in/b.mkv", 3)] {
        films.film(name, frames, |_| 0);
    }
    let [model, input, out, result] =
        ["film.safetensors", "in", "out", "result.json"].map(|name| films.name(name));
    let [a, of_a] = ["in/a.mkv", "out/a.mkv"].map(|name| films.name(name));
    fs::create_dir(&out).unwrap();
    let mut other = start(&["--model", &model, &a, &of_a, "--segment", "4"]);
    wait_for("segment", || segments(&films.at("out")) >= 1);
    signal("-STOP", other.id());
    let (printed, _) = works(&["--model", &model, &input, &out, "--summary", &result]);
    assert!(
        printed.contains("1 finished, 1 left to other workers, 0 failed"),
        "{printed}"
    );
    let pid = format!("pid {}", other.id());
    assert!(printed.contains("in/a.mkv is being worked on by ") && printed.contains(&pid));
    assert_eq!(names(&summary(Path::new(&result)), "held"), ["a"]);
    let output = program(&["summary", &result]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");

    // Who waits takes over what is left of it.
    let waits = start(&["--model", &model, &input, &out, "--wait", "--segment", "4"]);
    cut(other.id());
    other.wait().unwrap();
    let output = waits.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stderr).contains("going on after"),
        "{output:?}"
    );
    check_frames(&films, &of_a, 60, 2);
}

#[test]
fn what_a_process_leaves_behind_a_complete_film() {
    let Some(films) = Films::new() else { return };
    folder_of(&films, 1);
    let [model, input, out] = ["film.safetensors", "in", "out"].map(|name| films.name(name));
    let all = ["--model", &model, &input, &out];
    works(&all);
    // Of one that was replacing it, which goes on.
    fs::create_dir_all(films.at("out/000.mkv.part/claims")).unwrap();
    fs::write(films.at("out/000.mkv.part/journal.json"), "{}").unwrap();
    works(&all);
    assert!(films.at("out/000.mkv.part/journal.json").exists());
    fs::remove_file(films.at("out/000.mkv.part/journal.json")).unwrap();
    works(&all);
    assert!(!films.at("out/000.mkv.part").exists());
}

#[test]
fn that_a_film_is_incomplete_is_not_forgotten() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    let film = films.film("in/a.mkv", 40, |_| 9);
    let file = fs::File::options().write(true).open(&film).unwrap();
    let bytes = file.metadata().unwrap().len();
    file.set_len(bytes * 2 / 3).unwrap();
    films.film("in/b.mkv", 3, |_| 0);
    let [model, input, out, result] =
        ["film.safetensors", "in", "out", "result.json"].map(|name| films.name(name));
    let all = ["--model", &model, &input, &out, "--summary", &result];
    let told = || summary(Path::new(&result));
    assert_eq!(run(&all).output().unwrap().status.code(), Some(3));
    assert_eq!(names(&told(), "incomplete"), ["a"]);
    let first = told();
    let output = run(&all).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(
        text(&output.stderr).contains("are incomplete"),
        "{output:?}"
    );
    assert_eq!(told(), first);
    let output = program(&["summary", &result]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    // Better now.
    films.film("in/a.mkv", 40, |_| 9);
    fs::remove_file(films.at("out/a.mkv")).unwrap();
    works(&all);
    assert_eq!(names(&told(), "done"), ["a", "b"]);
    fs::write(&result, "{}").unwrap();
    let error = refuses(&all);
    assert!(error.contains("no summary of a run"), "{error}");
}

/// A farm of two workers, one of which is killed with all that it has started whenever `is_time`. Each that ends or is killed
/// is started again until one has seen that all is done.
fn farm(start: impl Fn(usize) -> Child, mut is_time: impl FnMut() -> bool) -> usize {
    let mut workers: Vec<_> = [0, 1].map(|n| Some(start(n))).into();
    let mut kills = 0;
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(3600), "it hangs");
        for worker in &mut workers {
            let mut process = worker.take().unwrap();
            if process.try_wait().unwrap().is_some() {
                let output = process.wait_with_output().unwrap();
                assert!(output.status.success(), "{output:?}");
                for other in workers.into_iter().flatten() {
                    let output = other.wait_with_output().unwrap();
                    assert!(output.status.success(), "{output:?}");
                }
                return kills;
            }
            *worker = Some(process);
        }
        if is_time() {
            let mut victim = workers[kills % 2].take().unwrap();
            cut(victim.id());
            victim.wait().unwrap();
            workers[kills % 2] = Some(start(kills % 2));
            kills += 1;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Films through a farm with kills: as of one worker that nothing happens to, byte by byte.
fn through_a_farm(count: usize, segment: &str, mut is_time: impl FnMut(&Films) -> bool) {
    let Some(films) = Films::new() else { return };
    folder_of(&films, count);
    let [model, input, out, alone] =
        ["film.safetensors", "in", "out", "alone"].map(|name| films.name(name));
    let all = ["--model", &model, "--segment", segment, &input];
    works(&[&all[..], &[&alone]].concat());
    let arguments = [&all[..], &[&out, "--wait"]].concat();
    let kills = farm(|_| self::start(&arguments), || is_time(&films));
    assert!(kills > 0, "nobody was killed");
    assert_same(&films.at("out"), &films.at("alone"));
    println!("{count} films, {kills} kills");
}

#[test]
fn a_small_farm_with_kills() {
    // Behind a segment, four times, at other places.
    let mut kills = 0;
    through_a_farm(8, "1", |films| {
        let is_time = kills < 4 && segments(&films.at("out")) > kills;
        kills += usize::from(is_time);
        is_time
    });
}

#[test]
#[ignore = "200 films, or TTTSEG_FARM_FILMS; kills every 20 s, or TTTSEG_FARM_SECONDS"]
fn two_hundred_films_through_a_farm() {
    let number =
        |name: &str, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let pause = Duration::from_secs(number("TTTSEG_FARM_SECONDS", 20));
    let mut since = None;
    through_a_farm(number("TTTSEG_FARM_FILMS", 200) as usize, "250", |_| {
        let last: &mut Instant = since.get_or_insert_with(Instant::now);
        let is_time = last.elapsed() >= pause;
        if is_time {
            *last = Instant::now();
        }
        is_time
    });
}
