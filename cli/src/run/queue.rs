//! Films one after the other, each in a process of its own; those that other workers have are left to them. What became of each
//! goes into a file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Context;
use super::child;
use super::encode::Codec;
use super::error::Error;
use super::film;
use super::films::{self, Film};
use super::summary::{Entry, State, Summary};
use super::work::Work;
use tttseg::files;

/// From one look at films that others have to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Works on one film by itself. Returns whether all of it is in OUT.
///
/// # Errors
/// When it could not be finished, or the user wants an end.
pub fn one(context: &Context, input: &Path, output: &Path) -> Result<bool, Error> {
    let film = Film {
        input: input.to_owned(),
        output: output.to_owned(),
    };
    let earlier = earlier_summary(context)?;
    let began = Instant::now();
    let done = film::run(context, input, output);
    if let Ok(done) = &done {
        context.progress.finished(done);
    }
    let entry = Entry::of(&film).after(began.elapsed());
    let entry = match &done {
        Ok(done) => entry.done(done),
        Err(why @ Error::Interrupted(_)) => entry.with(State::Unfinished, why.to_string()),
        Err(why @ Error::Held(_)) => entry.with(State::Held, why.to_string()),
        Err(_) if output.exists() && !context.overwrite => Entry::of(&film).state(State::There),
        Err(why) => entry.with(State::Failed, why.to_string()),
    };
    let mut summary = Summary::new(&[film], None);
    summary.set(0, entry);
    let written = write(context, &mut summary, earlier);
    let done = done?;
    written?;
    Ok(done.incomplete.is_none())
}

/// Works on the films of a folder or a list, or a share of them. Returns whether each has an end.
///
/// # Errors
/// When one or more could not be finished, or the user wants an end.
pub fn run(context: &Context, films: &[PathBuf], output: &Path) -> Result<bool, Error> {
    let codec = context.codec.unwrap_or(Codec::Ffv1);
    let (films, made) = films::share(films, output, codec, context.overwrite, context.shard)?;
    if made > 0 {
        let note = format!("{made} films are what others in this folder have become");
        context.progress.note(&note);
    }
    std::fs::create_dir_all(output).map_err(|e| Error::of_writing(output, e))?;
    let earlier = earlier_summary(context)?;
    let mut summary = Summary::new(&films, context.shard);
    let done = work(context, &films, &mut summary);
    let written = write(context, &mut summary, earlier);
    done?;
    written?;
    Ok(summary.count(State::Incomplete) == 0)
}

/// What an earlier run has written, of which it is known now that it can be written again.
fn earlier_summary(context: &Context) -> Result<Option<Summary>, Error> {
    let Some(path) = &context.summary else {
        return Ok(None);
    };
    files::check_writable(path)?;
    path.exists().then(|| Summary::read(path)).transpose()
}

/// Puts a summary into its file, with what is known of films that are there.
fn write(context: &Context, summary: &mut Summary, earlier: Option<Summary>) -> Result<(), Error> {
    let Some(path) = &context.summary else {
        return Ok(());
    };
    let new = summary.count(State::Incomplete);
    summary.extend(earlier);
    let known = summary.count(State::Incomplete) - new;
    if known > 0 {
        let says = format!("as {} says", path.display());
        let note = format!("{known} of the films that are there are incomplete, {says}");
        context.progress.note(&note);
    }
    summary.write(path)
}

/// Works on all of them; what is wrong with one does not stop the others. What becomes of each is in the summary.
fn work(context: &Context, films: &[Film], summary: &mut Summary) -> Result<(), Error> {
    let mut left: Vec<usize> = (0..films.len()).collect();
    // What stopped an earlier run does not come before what has not been tried.
    left.sort_by_key(|n| child::has_crashed(&films[*n].output));
    'films: while !left.is_empty() {
        let mut held = vec![];
        let mut was_at_work = false;
        for number in left {
            let film = &films[number];
            if context.stop.is_asked() {
                return Err(Error::Interrupted("the same command goes on".to_owned()));
            }
            let entry = try_film(context, film)?;
            let (state, is_full) = (entry.entry.state, entry.is_full);
            summary.set(number, entry.entry);
            match state {
                State::Held => held.push(number),
                State::There => {}
                _ => was_at_work = true,
            }
            // The next one would find no room either.
            if is_full {
                break 'films;
            }
        }
        if !was_at_work && !context.wait {
            break;
        }
        if !was_at_work && !held.is_empty() {
            std::thread::sleep(LOOK_AGAIN);
        }
        left = held;
    }
    summary.print(&context.progress);
    match summary.count(State::Failed) {
        0 => Ok(()),
        n => Err(Error::Other(format!(
            "{n} of {} films could not be finished; the same command tries them again",
            films.len()
        ))),
    }
}

/// A film that was looked at.
struct Tried {
    entry: Entry,
    /// The disk is.
    is_full: bool,
}

impl From<Entry> for Tried {
    fn from(entry: Entry) -> Self {
        Self {
            entry,
            is_full: false,
        }
    }
}

/// Works on a film, if it is neither there nor another's.
///
/// # Errors
/// When the user wants an end.
fn try_film(context: &Context, film: &Film) -> Result<Tried, Error> {
    let Film { input, output } = film;
    let entry = Entry::of(film);
    if output.exists() && !context.overwrite {
        Work::clear(context, output);
        return Ok(entry.state(State::There).into());
    }
    if let Some(owner) = Work::owner(context, output) {
        let why = format!("{} is being worked on by {owner}", input.display());
        return Ok(entry.with(State::Held, why).into());
    }
    let began = Instant::now();
    let done = match input.is_file() {
        true => child::film(context, input, output),
        false => Err(Error::of(input, "there is no such file")),
    };
    let entry = entry.after(began.elapsed());
    match done {
        Ok(done) => {
            context.progress.finished(&done);
            Ok(entry.done(&done).into())
        }
        Err(Error::Interrupted(kept)) => Err(Error::Interrupted(kept)),
        // Another worker was faster.
        Err(_) if output.exists() && !context.overwrite => {
            Ok(Entry::of(film).state(State::There).into())
        }
        Err(error @ Error::Held(_)) => {
            Ok(Entry::of(film).with(State::Held, error.to_string()).into())
        }
        Err(error) => {
            context.progress.failed(input, &error);
            if !context.progress.is_json() {
                eprintln!("tttseg: {error}");
            }
            Ok(Tried {
                entry: entry.with(State::Failed, error.to_string()),
                is_full: error.is_no_room(),
            })
        }
    }
}
