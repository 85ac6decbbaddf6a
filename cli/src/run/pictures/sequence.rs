//! All pictures, one after the other; goes on after an interruption.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tttseg::files::Pending;

use super::super::error::Error;
use super::super::progress::Done;
use super::super::provenance::{Model, Named, Provenance};
use super::super::references::{Bound, forget_colours, used};
use super::super::session::Session;
use super::super::settings::Identity;
use super::super::stills::{self, Format};
use super::super::work::Work;
use super::super::worker::Worker;
use super::super::{Context, extension};
use super::names::{missing, place};
use super::picture::{APART, Picture};

const RECORD: &str = "pictures.json";

/// What an unfinished run has on record.
#[derive(Serialize, Deserialize)]
struct Record {
    identity: Identity,
    /// Seconds since 1970; pictures that are older are of another run.
    begun: u64,
    /// What was learned so far.
    state: Option<String>,
    /// What each process has done.
    #[serde(default)]
    sessions: Vec<Session>,
    /// The format that was asked for.
    pictures: Option<Format>,
}

/// Works on all of them; what is wrong with one does not stop the others.
///
/// # Errors
/// When one or more could not be read, the disk says no, or the user wants an end.
pub fn run(context: &Context, files: &[PathBuf], output: &Path) -> Result<(), Error> {
    if context.codec.is_some() || context.depth.is_some() {
        return Err("--codec and --depth are about films; --pictures is about pictures".into());
    }
    let from = files
        .first()
        .and_then(|f| f.parent())
        .and_then(|f| f.canonicalize().ok());
    if from.is_some() && from == output.canonicalize().ok() {
        return Err(Error::of(output, "this is the folder of the pictures"));
    }
    if let Some(references) = &context.references {
        references.check_pictures(files)?;
    }
    let work = Work::open(context, output)?;
    let done = sequence(context, &work, files, output);
    match done {
        Ok(done) => {
            work.remove();
            context.progress.finished(&done);
            Ok(())
        }
        Err(error) => Err(error.with_kept(|| "finished pictures are kept".to_owned())),
    }
}

fn record(context: &Context, work: &Work, there: usize, output: &Path) -> Result<Record, Error> {
    let identity = context.settings.identity();
    let read: Option<Record> = match context.restart {
        true => None,
        false => work.read(RECORD)?,
    };
    if let Some(record) = read {
        let difference = identity.difference(&record.identity);
        let is_other = record.pictures != context.pictures;
        let difference = difference.or(is_other.then(|| "--pictures was another".to_owned()));
        return match difference {
            None => Ok(record),
            Some(difference) => Err(Error::of(
                output,
                format!(
                    "pictures of another run are here: {difference}. Run it as it was, or begin anew with --restart"
                ),
            )),
        };
    }
    if there > 0 && !context.overwrite && !context.restart {
        return Err(Error::of(
            output,
            format!(
                "{there} pictures of these names are there already (--overwrite replaces them)"
            ),
        ));
    }
    let begun = SystemTime::now().duration_since(UNIX_EPOCH);
    let record = Record {
        identity: identity.clone(),
        begun: begun.map_or(0, |d| d.as_secs()),
        state: None,
        sessions: vec![],
        pictures: context.pictures,
    };
    work.write(RECORD, &record)?;
    Ok(record)
}

fn sequence(
    context: &Context,
    work: &Work,
    files: &[PathBuf],
    output: &Path,
) -> Result<Done, Error> {
    fs::create_dir_all(output).map_err(|e| Error::of_writing(output, e))?;
    let format = |file: &Path| {
        let own = || Format::of_extension(&extension(file)).unwrap_or(Format::Png);
        context.pictures.unwrap_or_else(own)
    };
    let place = |file: &Path| place(output, file, format(file));
    let there = files.iter().filter(|file| place(file).exists());
    let mut record = record(context, work, there.count(), output)?;
    let state = record.state.as_ref().map(|name| work.at(name));
    let mut worker = Worker::start(&context.settings, state.as_deref())?;
    let window = worker.seen_again();
    let (mut before, mut frames, mut since_state) = (0, 0, 0);
    let mut session: Option<Session> = None;
    let (references, mut bound) = (context.references.as_ref(), Bound::default());
    let mut failed = vec![];
    // Finished pictures that the element has not seen in this run.
    let mut unseen: Vec<&Path> = vec![];
    context.progress.begin(output, Some(files.len() as u64), 0);
    let gaps = missing(files);
    gaps.iter().for_each(|text| context.progress.note(text));
    for (n, file) in files.iter().enumerate() {
        if context.stop.is_asked() {
            keep_state(work, &mut worker, &mut record, n)?;
            return Err(Error::Interrupted(format!(
                "{n} of {} pictures are finished in {}; the same command goes on after them",
                files.len(),
                output.display()
            )));
        }
        let path = place(file);
        let time = APART * n as u64;
        if is_done(&path, record.begun) {
            before += 1;
            unseen.push(file);
            context.progress.frames(n as u64 + 1);
            continue;
        }
        if !unseen.is_empty() {
            worker.set_learning(false);
            let begin = unseen.len().saturating_sub(window);
            for file in unseen.drain(..).skip(begin) {
                if let Ok(picture) = Picture::read(file, context.settings.task()) {
                    picture.through(&mut worker, time)?;
                }
            }
            worker.set_learning(true);
        }
        bound.before(n as u64, references, &mut worker)?;
        let session = session.get_or_insert_with(|| Session::begin(&worker, n as u64));
        let made = match Picture::read(file, context.settings.task()) {
            Ok(picture) => {
                let (raster, header) = picture.through(&mut worker, time)?;
                let bytes = format(file).encode(raster, &header);
                bytes.map_err(|e| Error::of(file, e))
            }
            Err(error) => Err(error),
        };
        match made {
            Ok(bytes) => {
                let whole = Pending::by_one_writer(&path);
                fs::write(whole.temporary(), bytes).map_err(|e| whole.error(e))?;
                whole.commit()?;
                frames += 1;
                since_state += 1;
                session.finish(&worker, n as u64 + 1);
                session.put_into(&mut record.sessions);
            }
            Err(error) => {
                context.progress.note(&error.to_string());
                failed.push(error.to_string());
            }
        }
        for warning in worker.warnings() {
            context.progress.note(&warning);
        }
        if since_state >= context.segment {
            keep_state(work, &mut worker, &mut record, n + 1)?;
            since_state = 0;
        }
        context.progress.frames(n as u64 + 1);
    }
    if let Some(first) = failed.first() {
        keep_state(work, &mut worker, &mut record, files.len())?;
        return Err(Error::Other(format!(
            "{} of {} pictures could not be worked on, the first: {first}; all others are in {}",
            failed.len(),
            files.len(),
            output.display()
        )));
    }
    let folder = files.first().and_then(|file| file.parent());
    let named = |path| Named::new(path, None, None);
    let both = (named(folder.unwrap_or(output)), named(output));
    let model = Model::of(context.settings.model(), context.settings.task())?;
    let all = before + frames;
    let provenance = Provenance::new(&context.settings, model, both, all, &record.sessions)?
        .with_references(used(context, all)?);
    let temporary = work.at("provenance.json");
    provenance.pending(output, &temporary)?.commit()?;
    Ok(Done {
        output: output.to_owned(),
        frames: all,
        before,
        notes: gaps,
        incomplete: None,
    })
}

/// Whether a picture is finished: of this run, and one that can be read.
fn is_done(path: &Path, begun: u64) -> bool {
    let modified = fs::metadata(path).and_then(|m| m.modified());
    let modified = modified
        .ok()
        .and_then(|m| m.duration_since(UNIX_EPOCH).ok());
    modified.is_some_and(|m| m.as_secs() >= begun) && stills::read(path).is_ok()
}

fn keep_state(
    work: &Work,
    worker: &mut Worker,
    record: &mut Record,
    pictures: usize,
) -> Result<(), Error> {
    let name = format!("state-{pictures:06}.safetensors");
    worker.save(&work.at(&name))?;
    if record.identity.has_references() {
        forget_colours(&work.at(&name))?;
    }
    let old = record.state.replace(name.clone());
    work.write(RECORD, record)?;
    if let Some(old) = old.filter(|old| *old != name) {
        // What cannot be removed does no harm.
        let _ = fs::remove_file(work.at(&old));
    }
    Ok(())
}
