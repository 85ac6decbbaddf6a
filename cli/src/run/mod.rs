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
//! | `film`, `queue`, `pictures` | a film, a folder of films, a sequence of pictures |
//! | `complete` | a film whose frames are finished, in its own file |
//! | `child` | a film of a folder in a process of its own |
//! | `proof` | hashes of luma, before and after |
//! | `provenance` | where what was written comes from: the file beside it, and tags |
//! | `references` | pictures bound to frames, and stills to be painted |
//! | `journal` | the record of what is finished, on disk |
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

mod child;
mod complete;
mod decode;
mod encode;
mod error;
mod film;
mod fixity;
mod journal;
mod mux;
mod names;
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
mod stills;
mod stop;
mod worker;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tttseg::files::is_clutter;

use encode::Codec;
use error::Error;
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

/// Colour a film, a sequence of pictures or a folder of films; goes on after an interruption.
///
/// What is done is kept in OUT.part until OUT is complete: the same command goes on there. Sound is copied from the film.
#[derive(Args)]
#[command(after_help = KINDS)]
pub struct Arguments {
    /// A film, a folder of pictures (PNG, JPEG, TIFF, DPX, EXR), their names as in scan-%05d.png, or a folder of films.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The film to write (.mkv, .mov, .mp4), or a folder for pictures or films.
    #[arg(value_name = "OUT", required_unless_present_any = ["verify", "export_references"])]
    output: Option<PathBuf>,
    /// Decode a film that was written (IN, here), or all films of a folder, and compare every frame with IN.framemd5.
    #[arg(long, conflicts_with_all = ["output", "model", "set", "codec", "depth", "restart", "overwrite", "references", "export_references"])]
    verify: bool,
    /// Pictures in colour, each for a frame of IN (from 0) and those after it: ref_000040.png holds from frame 40 until the
    /// next picture does.
    #[arg(long, value_name = "DIR")]
    references: Option<PathBuf>,
    /// Write the first frame of every shot of IN to a folder, named as --references wants it, and do nothing else.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "references", "codec", "depth", "restart"])]
    export_references: Option<PathBuf>,
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
    /// What pictures become. If not given: PNG and JPEG become PNG, all others stay what they are.
    #[arg(long, value_enum)]
    pictures: Option<stills::Format>,
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
const INCOMPLETE: u8 = 3;

const KINDS: &str = "\
Beside a film stands OUT.framemd5: the hashes of the luma of all frames, of IN (stream 0), of OUT (1), and of IN in
the samples of OUT (2). Where 1 and 2 agree, OUT has the luma of IN. --verify OUT decodes OUT again and compares it.
OUT.provenance.json says what was done, by which model and with which settings; OUT itself says so in its tags.

Encodings:
  ffv1    .mkv  lossless; the luma of Y'CbCr and grey film stays what it is, with zeros behind it in more bits
  prores  .mov  ProRes 422 HQ, or 4444 for film in 4:4:4
  h264    .mp4  for looking at it

Exit codes: 0 all is well, 1 something is not, 3 OUT is written, and frames or sound of a film in IN are not in
it (cut off, cannot be decoded), 130 interrupted (the same command goes on)";

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
    /// Options of a child.
    child: Vec<OsString>,
    /// Pictures that are bound to frames.
    references: Option<References>,
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
    if arguments.verify {
        return verify(arguments);
    }
    let input = look_at(&arguments.input)?;
    // Without one, the command line is refused.
    let output = arguments.output.as_deref().unwrap_or(Path::new(""));
    if let (Input::Films(..) | Input::Pictures(_), true) = (&input, output.is_file()) {
        let why = "there has to be a folder, and this is a file";
        return Err(Error::of(output, why).into());
    }
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
            return Err(Error::of(&arguments.input, why).into());
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
        child: child::options(arguments),
        references,
        progress,
        stop: Stop::watch()?,
    };
    let posters = match &input {
        Input::Films(_, posters) => *posters,
        _ => 0,
    };
    left_out(&context.progress, &arguments.input, posters)?;
    if let Some(folder) = &arguments.export_references {
        return ended(
            &context,
            arguments,
            export(&context, arguments, input, folder),
        );
    }
    let done = match input {
        Input::Film => film::run(&context, &arguments.input, output)
            .inspect(|done| context.progress.finished(done))
            .map(|done| done.incomplete.is_none()),
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
    let from = &arguments.input;
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
            context.progress.failed(&arguments.input, &error);
            match arguments.child {
                // The parent says it.
                true => Ok(ExitCode::FAILURE),
                false => Err(error.into()),
            }
        }
    }
}

/// A film against its proof, or all films of a folder that have one.
fn verify(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let input = &arguments.input;
    let films = match input.is_dir() {
        true => queue::of_folder(input)?,
        false => vec![input.clone()],
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

fn look_at(input: &Path) -> Result<Input, Error> {
    if input.is_file() {
        return Ok(Input::Film);
    }
    if input.is_dir() {
        let pictures = pictures::of_folder(input)?;
        let films = queue::of_folder(input)?;
        let is_poster = |picture: &PathBuf| queue::is_poster(picture, &films);
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
