//! The recipes of docs/farm.md, under the schedulers that they are for, with workers that are killed in the middle.

mod slurm;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::common::{missing, python_with, skipped};
use super::farm::{assert_same, cut, folder_of, segments, summary, wait_for};
use super::films::Films;
use super::program::text;
use super::{QUICK, works};

/// Films of a list, with what comes of them where nothing happens, and a program of its own.
struct Farm {
    films: Films,
    path: String,
}

impl Farm {
    fn new() -> Option<Self> {
        let films = Films::new()?;
        folder_of(&films, 5);
        let [model, input, alone] = ["film.safetensors", "in", "alone"].map(|n| films.name(n));
        works(&["--model", &model, "--segment", "1", &input, &alone]);
        let names = (0..5).map(|n| format!("in/{n:03}.mkv\n"));
        fs::write(films.at("films.txt"), names.collect::<String>()).unwrap();
        // The recipes name no options of tests.
        fs::create_dir(films.at("bin")).unwrap();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = run ] || exec {program} \"$@\"\nshift\n\
             exec {program} run --model {model} --segment 1 {} \"$@\"\n",
            QUICK.join(" "),
            program = env!("CARGO_BIN_EXE_tttseg"),
        );
        fs::write(films.at("bin/tttseg"), script).unwrap();
        let made = Command::new("chmod")
            .arg("+x")
            .arg(films.at("bin/tttseg"))
            .status();
        assert!(made.unwrap().success());
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", films.name("bin"));
        Some(Self { films, path })
    }

    /// A command in the folder of the farm, where `tttseg` is the program that is tested.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(self.films.at(""))
            .env("PATH", &self.path);
        command
    }

    /// Kills a worker of a film that is begun, with all that it has started.
    fn kill_a_worker(&self) {
        let mut victim = None;
        wait_for("worker", || {
            let begun = segments(&self.films.at("out")) > 0;
            victim = begun.then(|| self.worker()).flatten();
            victim.is_some()
        });
        cut(victim.unwrap());
    }

    /// A process of the farm that has a film in a child.
    fn worker(&self) -> Option<u32> {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let mut pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.find(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = text(&line);
            let is_ours = line.starts_with(env!("CARGO_BIN_EXE_tttseg"))
                && line.contains(&self.films.name("film.safetensors"));
            is_ours && line.contains("--list")
        })
    }

    /// All films are what they are without a kill, and beside them are summaries only.
    fn check(&self) {
        let out = self.films.at("out");
        for entry in fs::read_dir(&out).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_string_lossy().starts_with("shard-") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        assert_same(&out, &self.films.at("alone"));
    }
}

/// The file of a recipe.
fn recipe(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("docs/farm").join(name)
}

/// What a command prints that works.
fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    text(&output.stdout)
}

fn spawn(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn gnu_parallel() {
    // Another program has this name as well.
    let version = Command::new("parallel").arg("--version").output();
    if !version.is_ok_and(|output| text(&output.stdout).contains("GNU parallel")) {
        missing("GNU parallel");
        return;
    }
    let Some(farm) = Farm::new() else { return };
    let parallel = || {
        let mut parallel = farm.command("parallel");
        parallel.args(
            "--will-cite --jobs 2 --joblog farm.log --resume-failed --halt soon,fail=3".split(' '),
        );
        parallel
    };
    let job = "tttseg run --wait --list films.txt --shard {}/2 --summary share-{}.json out ::: 1 2";
    let mut all = parallel();
    all.args("--retries 3".split(' ')).args(job.split(' '));
    let running = spawn(&mut all);
    farm.kill_a_worker();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    farm.check();
    let results = ["share-1.json", "share-2.json"];
    let printed = output_of(farm.command("tttseg").arg("summary").args(results));
    let both: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(both["counts"]["done"], 5);

    // Not tried again by itself, it is on the log of jobs.
    fs::remove_dir_all(farm.films.at("out")).unwrap();
    for name in ["farm.log", results[0], results[1]] {
        fs::remove_file(farm.films.at(name)).unwrap();
    }
    let mut once = parallel();
    let running = spawn(once.args(job.split(' ')));
    farm.kill_a_worker();
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    output_of(parallel().args(job.split(' ')));
    farm.check();
    let states = results.map(|name| summary(&farm.films.at(name))["counts"]["done"].as_u64());
    assert_eq!(states.into_iter().flatten().sum::<u64>(), 5);
}

#[test]
fn open_job_description() {
    let Some(python) = python_with("import openjd.cli") else {
        return;
    };
    let Some(farm) = Farm::new() else { return };
    let template = recipe("openjd.yaml");
    let openjd = |command: &str| {
        let mut openjd = farm.command(&python);
        openjd.args(["-m", "openjd", command]).arg(&template);
        openjd
    };
    output_of(&mut openjd("check"));
    let run = || {
        let mut run = openjd("run");
        let options = "-p List=films.txt -p Out=out -p Shards=2 --run-dependencies --step Summary";
        run.args(options.split(' '));
        run
    };
    let running = spawn(&mut run());
    farm.kill_a_worker();
    let output = running.wait_with_output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let printed = output_of(&mut run());
    assert!(printed.contains("\"missing_shards\": []"), "{printed}");
    farm.check();
}

#[test]
#[ignore = "boots Slurm, which set-up does not install (slurm-wlm, munge; it takes root)"]
fn slurm_arrays() {
    let Some(farm) = Farm::new() else { return };
    let Some(slurm) = slurm::Slurm::boot(&farm.films.at("slurm"))
        .map_err(skipped)
        .ok()
    else {
        return;
    };
    let script = recipe("slurm.sh");
    let sbatch = |options: &str| {
        let mut sbatch = slurm.command(&mut farm.command("sbatch"));
        sbatch
            .args(options.split(' '))
            .arg("--parsable")
            .arg(&script);
        sbatch.args(["films.txt", "out"]);
        sbatch
    };
    // Killed: its job has failed, and the same command goes on.
    let running = spawn(&mut sbatch("--array=1-2 --wait"));
    farm.kill_a_worker();
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(137), "{output:?}");
    output_of(&mut sbatch("--array=1-2 --wait"));
    farm.check();

    // Told that its time is over: the rest is in the queue again.
    fs::remove_dir_all(farm.films.at("out")).unwrap();
    let job = output_of(&mut sbatch("--array=1-1"));
    let job = job.trim();
    wait_for("segment", || segments(&farm.films.at("out")) > 0);
    let slurm_says = |line: String| {
        let mut words = line.split(' ');
        let mut command = farm.command(words.next().unwrap());
        output_of(slurm.command(&mut command).args(words))
    };
    slurm_says(format!("scancel --batch --signal=TERM {job}_1"));
    let state = || {
        std::thread::sleep(Duration::from_millis(200));
        slurm_says(format!("scontrol show job {job}_1"))
    };
    wait_for("job in the queue", || {
        let state = state();
        state.contains("Restarts=1") && state.contains("JobState=PENDING")
    });
    assert!(
        !farm.films.at("out/004.mkv").exists(),
        "it was not interrupted"
    );
    // Not in two minutes only; at once, Slurm takes it for the one that was ended.
    slurm_says(format!("scontrol update JobId={job}_1 StartTime=now+5"));
    wait_for("end", || {
        let state = state();
        let log = || fs::read_to_string(farm.films.at("slurm/slurmd.log"));
        assert!(!state.contains("JobState=FAILED"), "{:?}", log());
        state.contains("JobState=COMPLETED")
    });
    farm.check();
}

#[test]
fn kubernetes() {
    let Some(python) = python_with("import kubernetes_validate") else {
        return;
    };
    let check = |file: &Path| {
        let mut check = Command::new(&python);
        check.args("-m kubernetes_validate --strict -k 1.33".split(' '));
        check.arg(file).output().unwrap()
    };
    let file = recipe("kubernetes.yaml");
    let output = check(&file);
    assert!(output.status.success(), "{output:?}");
    // It would say so.
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.yaml");
    let yaml = fs::read_to_string(&file).unwrap();
    fs::write(
        &wrong,
        yaml.replace("backoffLimitPerIndex:", "backoffLimitsPerIndex:"),
    )
    .unwrap();
    assert!(!check(&wrong).status.success());

    // What its container runs.
    let Some(farm) = Farm::new() else { return };
    let (_, line) = yaml.split_once(">-\n").unwrap();
    let (line, _) = line.split_once("resources:").unwrap();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line
        .replace("/films/in-colour", "out")
        .replace("/films/", "");
    assert!(line.starts_with("exec tttseg run"), "{line}");
    for index in 0..8 {
        let mut pod = farm.command("sh");
        let index = index.to_string();
        output_of(pod.args(["-c", &line]).env("JOB_COMPLETION_INDEX", index));
    }
    farm.check();
}
