//! A film of a folder in a process of its own, so that a decoder that crashes or hangs is that film's failure and no other's.
//!
//! The child is this program with the hidden option `--child`, and prints its progress as lines of JSON. It has a process group of
//! its own: a signal from the terminal reaches the parent alone, which hands it on once. When the parent dies, the system ends
//! the child.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use serde_json::Value;

use super::error::Error;
use super::progress::Done;
use super::work::Work;
use super::{Arguments, Context};

/// The record of a crash, beside what is finished of the film. The next try removes it.
const CRASHED: &str = "crashed.json";
/// From one look at what else may have happened to the next.
const A_WHILE: Duration = Duration::from_millis(100);

/// To be called by a child: that it ends with its parent.
pub fn follow_parent() {
    // Where the system cannot do that, the child goes on to its end.
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
}

/// Options of a child: those of its parent.
pub fn options(arguments: &Arguments) -> Vec<OsString> {
    use clap::ValueEnum;
    fn name(choice: &impl ValueEnum) -> OsString {
        let value = choice.to_possible_value();
        value.map_or(OsString::new(), |value| value.get_name().into())
    }
    let mut options: Vec<OsString> = vec!["run".into(), "--child".into()];
    let mut add = |option: &str, value: OsString| options.extend([option.into(), value]);
    add("--task", name(&arguments.task));
    add("--segment", arguments.segment.to_string().into());
    add(
        "--claim-timeout",
        arguments.claim_timeout.to_string().into(),
    );
    if let Some(model) = &arguments.model {
        add("--model", model.into());
    }
    if let Some(codec) = &arguments.codec {
        add("--codec", name(codec));
    }
    if let Some(depth) = &arguments.depth {
        add("--depth", depth.into());
    }
    for pair in &arguments.set {
        add("--set", pair.into());
    }
    let switches = [
        ("--restart", arguments.restart),
        ("--overwrite", arguments.overwrite),
    ];
    let switches = switches.iter().filter(|(_, is_given)| *is_given);
    options.extend(switches.map(|(switch, _)| (*switch).into()));
    options
}

/// Whether an earlier run crashed on the film of this output, or hung.
pub fn has_crashed(output: &Path) -> bool {
    Work::folder_of(output).join(CRASHED).is_file()
}

/// A process that is killed with its owner.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        // Usually it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Works on a film in a child until it is complete.
///
/// # Errors
/// Those of the child; a crash, or silence for longer than the user is patient.
pub fn film(context: &Context, input: &Path, output: &Path) -> Result<Done, Error> {
    let program = std::env::current_exe().map_err(|e| Error::of(input, e))?;
    let child = Command::new(program)
        .args(&context.child)
        .arg("--")
        .args([input, output])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|e| Error::of(input, e))?;
    let mut child = Kept(child);
    let lines = lines(&mut child.0);
    let (mut end, mut has_heard, mut since) = (None, false, Instant::now());
    loop {
        if context.stop.is_asked() && !has_heard {
            has_heard = true;
            let pid = i32::try_from(child.0.id()).ok().and_then(Pid::from_raw);
            // One that has ended already is waited for below.
            let _ = pid.map(|pid| kill_process(pid, Signal::INT));
        }
        match lines.recv_timeout(A_WHILE) {
            Ok(line) => {
                since = Instant::now();
                end = take(context, input, output, &line).or(end);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if since.elapsed() > context.patience => {
                let seconds = context.patience.as_secs();
                let why = format!("nothing came of it for {seconds} seconds: a decoder hangs");
                return Err(crashed(input, output, &why));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    let status = child.0.wait().map_err(|e| Error::of(input, e))?;
    end.unwrap_or_else(|| match context.stop.is_asked() {
        true => Err(Error::Interrupted(format!(
            "{} was being worked on; the same command goes on",
            input.display()
        ))),
        false => Err(crashed(input, output, &ended_by(status))),
    })
}

/// Lines that the child prints, as they come.
fn lines(child: &mut Child) -> Receiver<Vec<u8>> {
    let (sender, lines) = channel();
    if let Some(pipe) = child.stdout.take() {
        std::thread::spawn(move || {
            let lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
            for line in lines {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    lines
}

/// Takes in a line; the last event of a child is how it ended.
fn take(
    context: &Context,
    input: &Path,
    output: &Path,
    line: &[u8],
) -> Option<Result<Done, Error>> {
    // A library may print as well.
    let event: Value = serde_json::from_slice(line).ok()?;
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| event[name].as_u64();
    match event["event"].as_str()? {
        "begin" => {
            let done = number("frame").unwrap_or(0);
            context.progress.begin(input, number("frames"), done);
        }
        "progress" => context.progress.frames(number("frame").unwrap_or(0)),
        "note" => context.progress.note(&text("text")),
        "finished" => {
            let notes = event["notes"].as_array().into_iter().flatten();
            return Some(Ok(Done {
                output: output.to_owned(),
                frames: number("frames").unwrap_or(0),
                before: number("before").unwrap_or(0),
                notes: notes
                    .filter_map(|n| n.as_str().map(str::to_owned))
                    .collect(),
                incomplete: event["incomplete"].as_str().map(str::to_owned),
            }));
        }
        "interrupted" => return Some(Err(Error::Interrupted(text("kept")))),
        "failed" if event["held"] == true => return Some(Err(Error::Held(text("error")))),
        "failed" if event["no_room"] == true => return Some(Err(Error::Full(text("error")))),
        "failed" => return Some(Err(Error::Other(text("error")))),
        _ => {}
    }
    None
}

fn ended_by(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            format!("the process that worked on it crashed (signal {signal}), as a decoder may")
        }
        (None, code) => format!(
            "the process that worked on it ended with {} and without a word",
            code.unwrap_or(-1)
        ),
    }
}

/// Puts a crash on record.
fn crashed(input: &Path, output: &Path, why: &str) -> Error {
    let folder = Work::folder_of(output);
    let record = serde_json::json!({ "why": why }).to_string();
    let record = std::fs::write(PathBuf::from(&folder).join(CRASHED), record);
    let later = match record {
        Ok(()) => "; it is tried again behind the others",
        // The folder is not there if it crashed before it began.
        Err(_) => "",
    };
    Error::of(input, format!("{why}{later}"))
}
