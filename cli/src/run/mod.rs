//! `tttseg run`: films and pictures through the element.
//!
//! The path of a frame, which `film` draws; each `[ ]` is a pipeline of GStreamer:
//!
//! ```text
//! decode::Frames::next   [ filesrc → decodebin → videoconvert → appsink ]   + depth, time, what is damaged
//! Worker::frame          [ appsrc → tttsegfilter → appsink ]                one frame in, one frame out
//! encode::Writer::frame  [ appsrc → crop, scale → encoder → muxer → filesink ]   a segment in OUT.part
//! Sound::read            [ filesrc → parsebin → appsink ]   before all that: what becomes of the sound
//! mux::join              [ appsrc → muxer → filesink ]                      all segments, sound, time code, tags: OUT
//! mux::Reader            [ filesrc → demuxer → decoder → appsink ]          OUT once more, for `check` and `proof`
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | the command line |
//! | `film`, `queue`, `pictures` | a film, films one after the other, a sequence of pictures |
//! | `films`, `summary` | which films of a folder or a list; what became of each |
//! | `complete` | a film whose frames are finished, in its own file |
//! | `child` | a film of several in a process of its own |
//! | `trial` | the first frame of a film in a process of its own |
//! | `proof` | hashes of luma, before and after |
//! | `provenance` | where what was written comes from: the file beside it, and tags |
//! | `references` | pictures bound to frames, and stills to be painted |
//! | `journal` | the record of what is finished of a film, on disk |
//! | `work`, `source` | the folder of what is unfinished; a file by its identity |
//! | `claim`, `owner` | a film is one worker's at a time; whose, and whether it lives |
//! | `session` | what one process has done, and with what |
//! | `worker`, `settings` | the element by itself, and its properties |
//! | `mux` | segments joined, with sound and time code, and checked |
//! | `sound` | a film's sound, read and brought to what the container holds |
//! | `decode` | a film's frames |
//! | `encode` | frames in files: segments |
//! | `stills` | files of pictures |
//! | `quirks` | work-arounds for GStreamer's elements |
//! | `progress`, `stop`, `error`, `fixity`, `pipeline`, `names` | what all of them need |
//! | `plugin` | the element, part of the program |
//!
//! Arrows point down this list: complete → proof → provenance → references → worker, stills; mux → sound; sound, decode → encode, quirks → what
//! all of them need.

mod arguments;
mod child;
mod claim;
mod complete;
mod decode;
mod encode;
mod error;
mod film;
mod films;
mod fixity;
mod journal;
mod mux;
mod names;
mod owner;
mod pictures;
mod pipeline;
mod plugin;
mod progress;
mod proof;
mod provenance;
mod queue;
mod quirks;
mod references;
mod session;
mod settings;
mod sound;
mod source;
mod stills;
mod stop;
pub mod summary;
mod trial;
mod work;
mod worker;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use tttseg::files::is_clutter;

pub use arguments::Arguments;
use encode::Codec;
use error::Error;
use films::Shard;
use progress::Progress;
use references::References;
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

/// OUT is written, and a film ends before its end.
pub const INCOMPLETE: u8 = 3;
/// Another process works on the film: EX_TEMPFAIL of sysexits.h, try again later.
const HELD: u8 = 75;

/// What all that runs needs.
pub struct Context {
    settings: Settings,
    codec: Option<Codec>,
    depth: Option<u32>,
    pictures: Option<stills::Format>,
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
    /// Pictures that are bound to frames.
    references: Option<References>,
    progress: Progress,
    stop: Stop,
}

/// What the input is.
pub enum Input {
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
    if arguments.trial {
        child::follow_parent();
        trial::decode(arguments.input())?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.verify {
        return verify(arguments);
    }
    let input = look_at(arguments)?;
    let (given, output) = (arguments.input(), arguments.output());
    if let (Input::Films(..) | Input::Pictures(_), true) = (&input, output.is_file()) {
        let why = "there has to be a folder, and this is a file";
        return Err(Error::of(output, why).into());
    }
    arguments.check(&input)?;
    plugin::register()?;
    let progress = match arguments.child {
        true => Progress::of_child(),
        false => Progress::new(arguments.json),
    };
    let mut settings = Settings::new(arguments.task, arguments.model.as_deref(), &arguments.set)?;
    let mut references = None;
    if let Some(folder) = &arguments.references {
        if let Input::Films(..) = input {
            let why = "--references is for one film, or for one sequence of pictures";
            return Err(Error::of(arguments.input(), why).into());
        }
        let set = References::open(folder, &progress)?;
        settings = settings.with_references(set.identity())?;
        references = Some(set);
    }
    let context = Context {
        settings,
        codec: arguments.codec,
        depth: arguments.depth.as_deref().and_then(|d| d.parse().ok()),
        pictures: arguments.pictures,
        segment: arguments.segment,
        restart: arguments.restart,
        overwrite: arguments.overwrite,
        patience: Duration::from_secs(arguments.patience),
        shard: arguments.shard,
        wait: arguments.wait,
        summary: arguments.summary.clone(),
        claim_timeout: Duration::from_secs(arguments.claim_timeout),
        child: child::options(arguments),
        references,
        progress,
        stop: Stop::watch()?,
    };
    let posters = match &input {
        Input::Films(_, posters) => *posters,
        _ => 0,
    };
    left_out(&context.progress, given, posters)?;
    if let Some(folder) = &arguments.export_references {
        return ended(
            &context,
            arguments,
            export(&context, arguments, input, folder),
        );
    }
    let done = match input {
        Input::Film => {
            tried(&context, arguments).and_then(|()| queue::one(&context, given, output))
        }
        Input::Pictures(files) => pictures::run(&context, &files, output).map(|()| true),
        Input::Films(files, _) => queue::run(&context, &files, output),
    };
    ended(&context, arguments, done)
}

/// Stills of a film or of a sequence of pictures; whether all of it could be looked at.
fn export(
    context: &Context,
    arguments: &Arguments,
    input: Input,
    folder: &Path,
) -> Result<bool, Error> {
    let from = arguments.input();
    let done = match input {
        Input::Film => references::export_film(context, from, folder)?,
        Input::Pictures(files) => references::export_pictures(context, from, &files, folder)?,
        Input::Films(..) => {
            let why = "--export-references is for one film, or for one sequence of pictures";
            return Err(Error::of(from, why));
        }
    };
    context.progress.finished(&done);
    Ok(done.incomplete.is_none())
}

/// The exit code of what ended so.
fn ended(
    context: &Context,
    arguments: &Arguments,
    done: Result<bool, Error>,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match done {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::from(INCOMPLETE)),
        Err(Error::Interrupted(kept)) => {
            context.progress.interrupted(&kept);
            Ok(ExitCode::from(130))
        }
        Err(error) => {
            context.progress.failed(arguments.input(), &error);
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

/// A film against its proof, or all films of a folder that have one.
fn verify(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let input = arguments.input();
    let films = match input.is_dir() {
        true => films::of_folder(input)?,
        false => vec![input.to_owned()],
    };
    let has_proof = |film: &PathBuf| !input.is_dir() || proof::path_of(film).is_file();
    let (films, others): (Vec<_>, Vec<_>) = films.into_iter().partition(has_proof);
    if films.is_empty() {
        let why = "there is no film with a proof (.framemd5) beside it in this folder";
        return Err(Error::of(input, why).into());
    }
    gst::init()?;
    let (progress, stop) = (Progress::new(arguments.json), Stop::watch()?);
    if !others.is_empty() {
        progress.note(&format!("left out: {} films without a proof", others.len()));
    }
    let mut wrong = vec![];
    for film in &films {
        let verified = proof::verify(film, &progress, &stop).inspect(|v| progress.verified(v));
        match verified.map(|verified| verified.why_not()) {
            Ok(None) => {}
            Ok(Some(why)) => wrong.push(Error::of(film, why)),
            Err(Error::Interrupted(kept)) => {
                progress.interrupted(&kept);
                return Ok(ExitCode::from(130));
            }
            Err(error) => {
                progress.failed(film, &error);
                wrong.push(error);
            }
        }
    }
    match (wrong.pop(), films.len()) {
        (None, _) => Ok(ExitCode::SUCCESS),
        (Some(only), 1) => Err(only.into()),
        (Some(last), all) => {
            let count = wrong.len() + 1;
            for error in wrong.into_iter().chain([last]) {
                eprintln!("tttseg: {error}");
            }
            Err(Error::Other(format!("{count} of {all} films are not what they were")).into())
        }
    }
}

/// Sees whether a decoder crashes, if that would end more than a child.
fn tried(context: &Context, arguments: &Arguments) -> Result<(), Error> {
    match arguments.child {
        true => Ok(()),
        false => trial::run(context, arguments.input()),
    }
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
