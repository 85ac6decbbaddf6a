//! `tttseg run`: films and pictures through the element.
//!
//! The path of a frame, which `film` draws; each `[ ]` is a pipeline of GStreamer:
//!
//! ```text
//! decode::Frames::next   [ filesrc → decodebin → videoconvert → appsink ]   + depth, time, what is damaged
//! Worker::frame          [ appsrc → tttsegfilter → appsink ]                one frame in, one frame out
//! encode::Writer::frame  [ appsrc → crop, scale → encoder → muxer → filesink ]   a segment in OUT.part
//! Sound::read            [ filesrc → parsebin → appsink ]   before all that: what becomes of the sound
//! mux::join              [ appsrc → muxer → filesink ]                      all segments, sound, time code: OUT
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `film`, `queue`, `pictures` | a film, films one after the other, a sequence of pictures |
//! | `films`, `summary` | which films of a folder or a list; what became of each |
//! | `child` | a film of several in a process of its own |
//! | `settings`, `journal` | the properties of the element; the record of what is finished, on disk |
//! | `claim`, `owner` | a film is one worker's at a time; whose, and whether it lives |
//! | `worker` | the element by itself |
//! | `decode` | a film's frames |
//! | `encode` | frames in files: segments |
//! | `sound` | a film's sound, read and brought to what the container holds |
//! | `mux` | segments joined, with sound and time code, and checked |
//! | `quirks` | work-arounds for GStreamer's elements |
//! | `progress`, `stop`, `error`, `pipeline`, `names` | what all of them need |
//! | `plugin` | the element, part of the program |
//!
//! Arrows point down this list: mux → sound; sound, decode → encode, quirks → what all of them need.

mod child;
mod claim;
mod decode;
mod encode;
mod error;
mod film;
mod films;
mod journal;
mod mux;
mod names;
mod owner;
mod pictures;
mod pipeline;
mod plugin;
mod progress;
mod queue;
mod quirks;
mod settings;
mod sound;
mod stop;
pub mod summary;
mod worker;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tttseg::files::is_clutter;

use encode::Codec;
use error::Error;
use films::Shard;
use progress::Progress;
use settings::Settings;
use stop::Stop;

/// What is done to the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Colours for black-and-white film.
    Colorize,
    /// Classes painted over the frames.
    Segment,
}

/// Colour a film, a sequence of pictures, or the films of a folder or a list; goes on after an interruption.
///
/// What is done is kept in OUT.part until OUT is complete: the same command goes on there. Sound is copied from the film.
/// Several workers may be given the same films and OUT, on one machine or many: each film is worked on by one at a time.
#[derive(Args)]
#[command(after_help = KINDS, override_usage = USAGE)]
pub struct Arguments {
    /// A film, a folder of pictures (PNG, JPEG), their names as in scan-%05d.png, or a folder of films.
    #[arg(value_name = "IN")]
    first: PathBuf,
    /// The film to write (.mkv, .mov, .mp4), or a folder for pictures or films.
    #[arg(
        value_name = "OUT",
        required_unless_present = "list",
        conflicts_with = "list"
    )]
    second: Option<PathBuf>,
    /// A file with the path of a film on each line, in place of IN; they begin at its folder. # begins a comment, - is standard input.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Work on the i-th of n shares of the films only.
    #[arg(long, value_name = "i/n")]
    shard: Option<Shard>,
    /// Wait for films that other workers have; go on with those whose worker dies.
    #[arg(long)]
    wait: bool,
    /// Write what became of each film to a file of JSON, which goes on with that of an earlier run. `tttseg summary` puts those
    /// of several workers together.
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Seconds after which others may take a film over if nothing is heard of the process that works on it.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    claim_timeout: u64,
    /// What is done to the frames.
    #[arg(long, value_enum, default_value_t = Task::Colorize)]
    task: Task,
    /// Model to use (.safetensors), in place of the built-in one for the task.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Any other property of the element (gst-inspect-1.0 tttsegfilter lists them); can be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// How films are encoded. If not given, OUT's name decides; in a folder it is ffv1.
    #[arg(long, value_enum)]
    codec: Option<Codec>,
    /// Bits of a sample. If not given: 8 for h264, 10 for prores, for ffv1 those of the film and at least 10.
    #[arg(long, value_parser = ["8", "10", "12"])]
    depth: Option<String>,
    /// Frames after which what is done is put on record: that many are lost at most.
    #[arg(long, value_name = "FRAMES", default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..))]
    segment: u64,
    /// Throw away what an earlier run has left unfinished, and begin anew.
    #[arg(long)]
    restart: bool,
    /// Replace OUT where it is there already.
    #[arg(long)]
    overwrite: bool,
    /// Print progress and results as lines of JSON.
    #[arg(long)]
    json: bool,
    /// Seconds after which a film of a folder of which nothing comes is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    patience: u64,
    /// Work on a film of a folder, for a parent that reads what is printed.
    #[arg(long, hide = true)]
    child: bool,
}

/// OUT is written, and a film ends before its end.
pub const INCOMPLETE: u8 = 3;
/// Another process works on the film: EX_TEMPFAIL of sysexits.h, try again later.
const HELD: u8 = 75;

const USAGE: &str = "tttseg run [OPTIONS] <IN> <OUT>
       tttseg run [OPTIONS] --list <FILE> <OUT>";

const KINDS: &str = "\
Encodings:
  ffv1    .mkv  lossless; the luma of Y'CbCr and grey film stays what it is, with zeros behind it in more bits
  prores  .mov  ProRes 422 HQ, or 4444 for film in 4:4:4
  h264    .mp4  for looking at it

Exit codes: 0 all is well, 1 something is not, 3 OUT is written, and frames or sound of a film in IN are not in
it (cut off, cannot be decoded), 75 another process works on this film, 130 interrupted (the same command goes on)";

/// What all that runs needs.
pub struct Context {
    settings: Settings,
    codec: Option<Codec>,
    depth: Option<u32>,
    segment: u64,
    restart: bool,
    overwrite: bool,
    patience: Duration,
    shard: Option<Shard>,
    wait: bool,
    /// Where it is said what became of each film.
    summary: Option<PathBuf>,
    claim_timeout: Duration,
    /// Options of a child.
    child: Vec<OsString>,
    progress: Progress,
    stop: Stop,
}

/// What the input is.
enum Input {
    Film,
    Pictures(Vec<PathBuf>),
    /// And how many pictures beside them belong to them.
    Films(Vec<PathBuf>, usize),
}

/// Runs it; the exit code says how it went.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    if arguments.child {
        child::follow_parent();
    }
    let input = look_at(arguments)?;
    if let (Input::Films(..) | Input::Pictures(_), true) = (&input, arguments.output().is_file()) {
        let why = "there has to be a folder, and this is a file";
        return Err(Error::of(arguments.output(), why).into());
    }
    check_options(arguments, &input)?;
    plugin::register()?;
    let context = Context {
        settings: Settings::new(arguments.task, arguments.model.as_deref(), &arguments.set)?,
        codec: arguments.codec,
        depth: arguments.depth.as_deref().and_then(|d| d.parse().ok()),
        segment: arguments.segment,
        restart: arguments.restart,
        overwrite: arguments.overwrite,
        patience: Duration::from_secs(arguments.patience),
        shard: arguments.shard,
        wait: arguments.wait,
        summary: arguments.summary.clone(),
        claim_timeout: Duration::from_secs(arguments.claim_timeout),
        child: child::options(arguments),
        progress: match arguments.child {
            true => Progress::of_child(),
            false => Progress::new(arguments.json),
        },
        stop: Stop::watch()?,
    };
    let posters = match &input {
        Input::Films(_, posters) => *posters,
        _ => 0,
    };
    let (given, output) = (arguments.input(), arguments.output());
    left_out(&context.progress, given, posters)?;
    let done = match input {
        Input::Film => queue::one(&context, given, output),
        Input::Pictures(files) => pictures::run(&context, &files, output).map(|()| true),
        Input::Films(files, _) => queue::run(&context, &files, output),
    };
    match done {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::from(INCOMPLETE)),
        Err(Error::Interrupted(kept)) => {
            context.progress.interrupted(&kept);
            Ok(ExitCode::from(130))
        }
        Err(error) => {
            context.progress.failed(given, &error);
            match (&error, arguments.child) {
                // The parent says it.
                (_, true) => Ok(ExitCode::FAILURE),
                (Error::Held(why), false) => {
                    eprintln!("tttseg: {why}");
                    Ok(ExitCode::from(HELD))
                }
                (_, false) => Err(error.into()),
            }
        }
    }
}

impl Arguments {
    /// What there is to work on: IN, or the list.
    fn input(&self) -> &Path {
        self.list.as_ref().unwrap_or(&self.first)
    }

    /// Where it goes: it stands alone behind a list.
    fn output(&self) -> &Path {
        self.second.as_ref().unwrap_or(&self.first)
    }
}

/// Refuses options that are about something else than what is given.
fn check_options(arguments: &Arguments, input: &Input) -> Result<(), Error> {
    let (is_films, is_pictures) = match input {
        Input::Films(..) => (true, false),
        Input::Pictures(_) => (false, true),
        Input::Film => (false, false),
    };
    for (option, is_wrong, about) in [
        (
            "--shard",
            arguments.shard.is_some() && !is_films,
            "folders and lists of films",
        ),
        (
            "--wait",
            arguments.wait && !is_films,
            "folders and lists of films",
        ),
        (
            "--summary",
            arguments.summary.is_some() && is_pictures,
            "films",
        ),
    ] {
        if is_wrong {
            return Err(Error::of(
                arguments.input(),
                format!("{option} is about {about}"),
            ));
        }
    }
    Ok(())
}

fn look_at(arguments: &Arguments) -> Result<Input, Error> {
    if let Some(list) = &arguments.list {
        return Ok(Input::Films(films::of_list(list)?, 0));
    }
    let input = arguments.input();
    if input.is_file() {
        return Ok(Input::Film);
    }
    if input.is_dir() {
        let pictures = pictures::of_folder(input)?;
        let films = films::of_folder(input)?;
        let is_poster = |picture: &PathBuf| films::is_poster(picture, &films);
        if !films.is_empty() && pictures.iter().all(is_poster) {
            return Ok(Input::Films(films, pictures.len()));
        }
        return match (pictures.is_empty(), films.is_empty()) {
            (false, true) => Ok(Input::Pictures(pictures)),
            (true, _) => Err(Error::of(
                input,
                "there are neither pictures nor films in this folder",
            )),
            (false, false) => Err(Error::of(
                input,
                "there are pictures and films in this folder; give each a folder of its own",
            )),
        };
    }
    let pictures = pictures::of_pattern(input)?;
    let pictures = pictures.map(Input::Pictures);
    pictures.ok_or_else(|| Error::of(input, "no such file, folder or pattern of names"))
}

/// Says how many files of a folder are left out unseen.
fn left_out(progress: &Progress, input: &Path, posters: usize) -> Result<(), Error> {
    if !input.is_dir() {
        return Ok(());
    }
    let all = std::fs::read_dir(input).map_err(|e| Error::of(input, e))?;
    let clutter = all.flatten().filter(|entry| is_clutter(&entry.path()));
    for (count, what) in [
        (
            clutter.count(),
            "hidden files, or files of an operating system",
        ),
        (posters, "pictures that belong to films"),
    ] {
        if count > 0 {
            progress.note(&format!("left out: {count} {what}"));
        }
    }
    Ok(())
}

/// The extension of a file in small letters; empty where it has none.
fn extension(path: &Path) -> String {
    let extension = path.extension().and_then(|e| e.to_str());
    extension.unwrap_or_default().to_ascii_lowercase()
}
