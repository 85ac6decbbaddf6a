//! A folder of films, one after the other.

use std::path::{Path, PathBuf};

use super::child;
use super::encode::Codec;
use super::error::Error;
use super::{Context, extension};
use tttseg::files::is_clutter;

/// Extensions of files that are taken for films.
const FILMS: [&str; 20] = [
    "avi", "dv", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "ogm",
    "ogv", "qt", "ts", "vob", "webm", "wmv", "y4m",
];

/// Names of pictures that media centres put beside films; as the end of a longer name as well.
const POSTERS: [&str; 9] = [
    "poster",
    "folder",
    "cover",
    "fanart",
    "banner",
    "thumb",
    "landscape",
    "clearart",
    "backdrop",
];

/// The films of a folder, sorted by name. Hidden files, and those of operating systems, are none.
pub fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |e| Error::of(folder, e);
    let mut films = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !is_clutter(&path) && path.is_file() && FILMS.contains(&&*extension(&path)) {
            films.push(path);
        }
    }
    films.sort();
    Ok(films)
}

/// Whether a picture in a folder of films belongs to them: it has a name for that, or the name of one of them.
pub fn is_poster(picture: &Path, films: &[PathBuf]) -> bool {
    let Some(stem) = picture.file_stem() else {
        return false;
    };
    let name = stem.to_string_lossy().to_lowercase();
    let last = name.rsplit(['-', '_', '.', ' ']).next().unwrap_or(&name);
    POSTERS.contains(&last) || films.iter().any(|film| film.file_stem() == Some(stem))
}

/// Films without those that others of them have become, where both are in one folder; and how many these are.
fn without_outputs(films: &[PathBuf], output: &Path, codec: Codec) -> (Vec<PathBuf>, usize) {
    let is_same = |film: &PathBuf| {
        let folder = film.parent().and_then(|folder| folder.canonicalize().ok());
        folder.is_some() && folder == output.canonicalize().ok()
    };
    if !films.iter().any(is_same) {
        return (films.to_vec(), 0);
    }
    let extension = codec.description().extension;
    let is_output = |film: &&PathBuf| {
        let becomes_it =
            |other: &PathBuf| other != *film && other.with_extension(extension) == **film;
        films.iter().any(becomes_it)
    };
    let (outputs, inputs): (Vec<_>, Vec<_>) = films.iter().partition(is_output);
    (inputs.into_iter().cloned().collect(), outputs.len())
}

/// Works on all of them; what is wrong with one does not stop the others. Returns whether every film that was worked on has
/// an end.
///
/// # Errors
/// When one or more could not be finished, or the user wants an end.
pub fn run(context: &Context, films: &[PathBuf], output: &Path) -> Result<bool, Error> {
    let codec = context.codec.unwrap_or(Codec::Ffv1);
    // With --overwrite it would not be known which of them is to be replaced.
    let (films, made) = match context.overwrite {
        true => (films.to_vec(), 0),
        false => without_outputs(films, output, codec),
    };
    if made > 0 {
        let note = format!("{made} films are what others in this folder have become");
        context.progress.note(&note);
    }
    let outputs = outputs(&films, output, codec)?;
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
    fn posters_of_films() {
        let films = [PathBuf::from("a/reel 1.mp4")];
        for name in [
            "poster.jpg",
            "Folder.JPG",
            "reel 1-fanart.png",
            "reel 1.jpg",
        ] {
            assert!(is_poster(Path::new(name), &films), "{name}");
        }
        for name in ["scan-1.png", "posters.png", "reel 10.jpg"] {
            assert!(!is_poster(Path::new(name), &films), "{name}");
        }
    }

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
