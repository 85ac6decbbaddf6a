//! A folder of films, one after the other.

use std::path::{Path, PathBuf};

use super::child;
use super::encode::Codec;
use super::error::Error;
use super::{Context, extension};

/// Extensions of files that are taken for films.
const FILMS: [&str; 20] = [
    "avi", "dv", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "ogm",
    "ogv", "qt", "ts", "vob", "webm", "wmv", "y4m",
];

/// The films of a folder, sorted by name.
pub fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |e| Error::of(folder, e);
    let mut films = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && FILMS.contains(&&*extension(&path)) {
            films.push(path);
        }
    }
    films.sort();
    Ok(films)
}

/// Works on all of them; what is wrong with one does not stop the others. Returns whether every film that was worked on has
/// an end.
///
/// # Errors
/// When one or more could not be finished, or the user wants an end.
pub fn run(context: &Context, films: &[PathBuf], output: &Path) -> Result<bool, Error> {
    let codec = context.codec.unwrap_or(Codec::Ffv1);
    let outputs = outputs(films, output, codec)?;
    std::fs::create_dir_all(output).map_err(|e| Error::of_writing(output, e))?;
    let (mut finished, mut there, mut incomplete, mut failed) = (0, 0, vec![], vec![]);
    let mut all: Vec<_> = films.iter().zip(outputs).collect();
    // What stopped an earlier run does not come before what has not been tried.
    all.sort_by_key(|(_, output)| child::has_crashed(output));
    for (film, output) in all {
        if output.exists() && !context.overwrite {
            there += 1;
            continue;
        }
        match child::film(context, film, &output) {
            Ok(done) => {
                context.progress.finished(&done);
                match done.incomplete {
                    Some(why) => incomplete.push((film.clone(), why)),
                    None => finished += 1,
                }
            }
            Err(Error::Interrupted(kept)) => return Err(Error::Interrupted(kept)),
            Err(error) => {
                context.progress.failed(film, &error);
                if !context.progress.is_json() {
                    eprintln!("tttseg: {error}");
                }
                failed.push((film.clone(), error.to_string()));
                // The next one would find no room either.
                if error.is_no_room() {
                    break;
                }
            }
        }
    }
    context
        .progress
        .summary(finished, there, &incomplete, &failed);
    match failed.len() {
        0 => Ok(incomplete.is_empty()),
        n => Err(Error::Other(format!(
            "{n} of {} films could not be finished; the same command tries them again",
            films.len()
        ))),
    }
}

/// Where each film goes: its name with another extension.
fn outputs(films: &[PathBuf], output: &Path, codec: Codec) -> Result<Vec<PathBuf>, Error> {
    let mut outputs: Vec<PathBuf> = vec![];
    for film in films {
        let stem = film.file_stem().unwrap_or(film.as_os_str());
        let mut name = stem.to_owned();
        name.push(".");
        name.push(codec.description().extension);
        let path = output.join(name);
        if let Some(other) = outputs.iter().position(|o| *o == path) {
            return Err(Error::Other(format!(
                "{} and {} would both become {}",
                films[other].display(),
                film.display(),
                path.display()
            )));
        }
        outputs.push(path);
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_film_has_a_name_of_its_own() {
        let films = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let made = outputs(
            &films(&["in/a.mp4", "in/b.c.avi"]),
            Path::new("out"),
            Codec::Ffv1,
        );
        assert_eq!(made.unwrap(), films(&["out/a.mkv", "out/b.c.mkv"]));
        let twice = outputs(
            &films(&["in/a.mp4", "in/a.avi"]),
            Path::new("out"),
            Codec::H264,
        );
        assert!(
            twice
                .unwrap_err()
                .to_string()
                .contains("would both become out/a.mp4")
        );
    }
}
