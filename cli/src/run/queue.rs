//! Films one after the other, each in a process of its own; those that other workers have are left to them.

use std::time::{Duration, Instant};

use super::Context;
use super::child;
use super::error::Error;
use super::films::Film;
use super::journal::Work;
use super::summary::{Entry, State, Summary};

/// From one look at films that others have to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Works on all of them; what is wrong with one does not stop the others. What becomes of each is in the summary. Returns
/// whether every film that was worked on has an end.
///
/// # Errors
/// When one or more could not be finished, or the user wants an end.
pub fn run(context: &Context, films: &[Film], summary: &mut Summary) -> Result<bool, Error> {
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
            let entry = one(context, film)?;
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
    context.progress.summary(summary);
    match summary.count(State::Failed) {
        0 => Ok(summary.count(State::Incomplete) == 0),
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
fn one(context: &Context, film: &Film) -> Result<Tried, Error> {
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
