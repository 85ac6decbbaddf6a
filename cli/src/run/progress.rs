//! The progress of a run for its user: a bar, lines where there is no terminal, or JSON.

use std::cell::{Cell, RefCell};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::error::Error;

/// The least time between two lines of JSON about one file.
const OFTEN: Duration = Duration::from_secs(1);
/// The least time between two lines where there is no terminal.
const SELDOM: Duration = Duration::from_secs(60);

/// A file or folder that is complete.
pub struct Done {
    pub output: PathBuf,
    pub frames: u64,
    /// Frames of them that an earlier run had finished.
    pub before: u64,
    /// What there is to say.
    pub notes: Vec<String>,
    /// What was worked on ends before its end: why. All that there is of it is done.
    pub incomplete: Option<String>,
}

/// A film that was compared with its proof.
#[derive(Default)]
pub struct Verified {
    pub output: PathBuf,
    /// Frames that it should have, and how many of them have the luma of the film it was made from.
    pub frames: u64,
    pub kept: u64,
    /// Frames that could be decoded.
    pub decoded: u64,
    /// Those that are not what they were, and the first of them.
    pub differing: u64,
    pub first: Vec<u64>,
    /// The file is another than its provenance says.
    pub has_other_bytes: bool,
    /// Frames whose own checksums say that they are damaged.
    pub damaged: Vec<u64>,
}

impl Verified {
    /// What is wrong with it; none where all is as it was.
    pub fn why_not(&self) -> Option<String> {
        let list = |numbers: &[u64], count: u64| {
            let mut all: Vec<String> = numbers.iter().map(u64::to_string).collect();
            if count > numbers.len() as u64 {
                all.push("…".to_owned());
            }
            all.join(", ")
        };
        let mut wrong = vec![];
        if self.differing > 0 {
            wrong.push(format!(
                "{} of {} frames are not what they were: {}",
                self.differing,
                self.frames,
                list(&self.first, self.differing)
            ));
        }
        if self.decoded < self.frames {
            let missing = self.frames - self.decoded;
            wrong.push(format!("{missing} of {} frames are missing", self.frames));
        }
        if !self.damaged.is_empty() {
            let shown = &self.damaged[..self.damaged.len().min(10)];
            wrong.push(format!(
                "checksums of the encoding do not match in {} frames: {}",
                self.damaged.len(),
                list(shown, self.damaged.len() as u64)
            ));
        }
        if self.has_other_bytes {
            wrong.push("the file has not the SHA-256 that its provenance says".to_owned());
        }
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }
}

/// Reports what is done.
pub struct Progress {
    json: bool,
    /// All is read by a parent, and nothing by people.
    is_child: bool,
    said: Cell<Instant>,
    now: RefCell<Option<Now>>,
}

/// What is being worked on.
struct Now {
    name: String,
    bar: ProgressBar,
    total: Option<u64>,
    began_with: u64,
    done: u64,
    began: Instant,
    reported: Instant,
}

impl Now {
    fn rate(&self) -> f64 {
        (self.done - self.began_with) as f64 / self.began.elapsed().as_secs_f64().max(1e-3)
    }

    /// Seconds that are left, where that is known.
    fn left(&self) -> Option<f64> {
        let rate = self.rate();
        let left = self.total?.saturating_sub(self.done);
        (rate > 0.0).then(|| left as f64 / rate)
    }
}

impl Progress {
    /// Whether lines are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// In lines of JSON on standard output, or else for people, on standard error.
    pub fn new(json: bool) -> Self {
        Self {
            json,
            is_child: false,
            said: Cell::new(Instant::now()),
            now: RefCell::new(None),
        }
    }

    /// Of a child, for its parent.
    pub fn of_child() -> Self {
        Self {
            is_child: true,
            ..Self::new(true)
        }
    }

    /// Work on a file begins; `done` of its frames are finished already.
    pub fn begin(&self, path: &Path, total: Option<u64>, done: u64) {
        let name = path.file_name().map_or_else(
            || path.display().to_string(),
            |n| n.to_string_lossy().into_owned(),
        );
        let bar = match self.json {
            true => ProgressBar::hidden(),
            false => ProgressBar::new(total.unwrap_or(0)),
        };
        let style = match total {
            Some(_) => "{prefix} {pos}/{len} {wide_bar} {msg} {eta}",
            None => "{prefix} {pos} {spinner} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_prefix(name.clone());
        bar.set_position(done);
        bar.reset_eta();
        if done > 0 && !self.json {
            bar.suspend(|| eprintln!("{name}: going on after {done} finished frames"));
        }
        let now = Instant::now();
        *self.now.borrow_mut() = Some(Now {
            name,
            bar,
            total,
            began_with: done,
            done,
            began: now,
            reported: now,
        });
        self.event("begin", json!({ "frame": done, "frames": total }));
    }

    /// So many frames are done.
    pub fn frames(&self, done: u64) {
        let mut now = self.now.borrow_mut();
        let Some(now) = now.as_mut() else { return };
        now.done = done;
        now.bar.set_position(done);
        now.bar.set_message(format!("{:.1} fps", now.rate()));
        let pause = if self.json { OFTEN } else { SELDOM };
        if now.reported.elapsed() < pause {
            return;
        }
        now.reported = Instant::now();
        if self.json {
            line(json!({
                "event": "progress",
                "film": now.name,
                "frame": now.done,
                "frames": now.total,
                "fps": now.rate(),
                "seconds_left": now.left(),
            }));
        } else if now.bar.is_hidden() {
            let of = now.total.map_or(String::new(), |n| format!("/{n}"));
            eprintln!("{}: {done}{of} frames, {:.1} fps", now.name, now.rate());
        }
    }

    /// Work goes on, of which there is nothing to show.
    pub fn alive(&self) {
        if self.is_child && self.said.get().elapsed() >= OFTEN {
            self.said.set(Instant::now());
            line(json!({ "event": "alive" }));
        }
    }

    /// Something the user should know.
    pub fn note(&self, text: &str) {
        if self.json {
            self.event("note", json!({ "text": text }));
            return;
        }
        match self.now.borrow().as_ref() {
            Some(now) => now.bar.suspend(|| eprintln!("{}: {text}", now.name)),
            None => eprintln!("{text}"),
        }
    }

    /// A file is complete.
    pub fn finished(&self, done: &Done) {
        self.clear();
        if self.json {
            line(with_path(
                "output",
                &done.output,
                json!({
                    "event": "finished",
                    "frames": done.frames,
                    "before": done.before,
                    "notes": done.notes,
                    "incomplete": done.incomplete,
                }),
            ));
        } else {
            for note in &done.notes {
                eprintln!("{}: {note}", done.output.display());
            }
            println!("wrote {}: {} frames", done.output.display(), done.frames);
        }
        if let Some(why) = done.incomplete.as_ref().filter(|_| !self.is_child) {
            eprintln!(
                "tttseg: {why}; what could be had of it is in {}: {} frames",
                done.output.display(),
                done.frames
            );
        }
    }

    /// A film was compared with its proof.
    pub fn verified(&self, verified: &Verified) {
        self.clear();
        let Verified { frames, kept, .. } = verified;
        if self.json {
            line(with_path(
                "output",
                &verified.output,
                json!({
                    "event": "verified",
                    "frames": frames,
                    "luma_kept": kept,
                    "decoded": verified.decoded,
                    "differing": verified.differing,
                    "first": verified.first,
                    "damaged": verified.damaged,
                    "other_bytes": verified.has_other_bytes,
                    "error": verified.why_not(),
                }),
            ));
        } else if verified.why_not().is_none() {
            let film = match kept == frames {
                true => "all have the luma of the film".to_owned(),
                false => format!("{kept} have the luma of the film"),
            };
            let name = verified.output.display();
            println!("{name}: {frames} frames, all are what they were; {film}");
        }
    }

    /// The user has ended it.
    pub fn interrupted(&self, kept: &str) {
        self.clear();
        if self.json {
            line(json!({ "event": "interrupted", "kept": kept }));
        }
        if self.is_child {
            return;
        }
        eprintln!("tttseg: interrupted: {kept}");
    }

    /// A file is not complete; for people, the error itself is printed where it ends up.
    pub fn failed(&self, input: &Path, why: &Error) {
        self.clear();
        if self.json {
            let event = json!({
                "event": "failed",
                "error": why.to_string(),
                "no_room": why.is_no_room(),
                "held": matches!(why, Error::Held(_)),
            });
            line(with_path("input", input, event));
        }
    }

    /// A result, as a line.
    pub fn print(&self, text: &str) {
        self.clear();
        println!("{text}");
    }

    /// Takes the bar away.
    fn clear(&self) {
        if let Some(now) = self.now.take() {
            now.bar.finish_and_clear();
        }
    }

    fn event(&self, kind: &str, mut more: Value) {
        if !self.json {
            return;
        }
        more["event"] = kind.into();
        if let Some(now) = self.now.borrow().as_ref() {
            more["film"] = now.name.clone().into();
        }
        line(more);
    }
}

/// An event about a file. JSON is text, and names are bytes: what is no UTF-8 stands there a second time, in numbers.
fn with_path(name: &str, path: &Path, mut event: Value) -> Value {
    event[name] = path.to_string_lossy().into();
    if path.to_str().is_none() {
        event[format!("{name}_bytes")] = path.as_os_str().as_bytes().into();
    }
    event
}

fn line(value: Value) {
    println!("{value}");
}
