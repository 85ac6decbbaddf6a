//! Which films there are, in a folder or on a list; a share of them; and where each goes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tttseg::files::is_clutter;

use super::encode::Codec;
use super::error::Error;
use super::extension;

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

/// A film, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Film {
    pub input: PathBuf,
    pub output: PathBuf,
}

/// One of several shares of the films.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// From 1 on.
    number: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<usize>().ok();
        let parts = text.split_once('/');
        let parts = parts.and_then(|(a, b)| Some((number(a)?, number(b)?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("it has to be i/n, with i from 1 to n".to_owned()),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Shard {
    /// All shares of as many.
    pub fn all(self) -> impl Iterator<Item = Self> {
        (1..=self.of).map(move |number| Self { number, ..self })
    }

    /// Every n-th of what there is.
    fn share<T>(self, all: Vec<T>) -> Vec<T> {
        let all = all.into_iter().skip(self.number - 1);
        all.step_by(self.of).collect()
    }
}

/// The films of a list, which has a path on each line; they begin at its folder. `-` is standard input.
///
/// # Errors
/// When it cannot be read, or names no film.
pub fn of_list(list: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_stdin = list == Path::new("-");
    let text = match is_stdin {
        true => {
            let mut text = vec![];
            std::io::stdin().read_to_end(&mut text).map(|_| text)
        }
        false => std::fs::read(list),
    };
    let text = text.map_err(|e| Error::of(list, e))?;
    let folder = match list.parent() {
        Some(folder) if !is_stdin => folder,
        _ => Path::new(""),
    };
    let films = listed(&text, folder);
    match films.is_empty() {
        true => Err(Error::of(list, "there is no film on this list")),
        false => Ok(films),
    }
}

fn listed(text: &[u8], folder: &Path) -> Vec<PathBuf> {
    let lines = text.split(|byte| *byte == b'\n');
    // Lists are written on other systems too.
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let films = lines.filter(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"#"));
    films
        .map(|line| folder.join(OsStr::from_bytes(line)))
        .collect()
}

/// The share of the films that is worked on, and how many of a folder are left out because others in it have become them.
///
/// # Errors
/// When two films, of this share or another, would get one name.
pub fn share(
    films: &[PathBuf],
    output: &Path,
    codec: Codec,
    overwrite: bool,
    shard: Option<Shard>,
) -> Result<(Vec<Film>, usize), Error> {
    // With --overwrite it would not be known which of them is to be replaced.
    let (films, made) = match overwrite {
        true => (films.to_vec(), 0),
        false => without_outputs(films, output, codec),
    };
    let outputs = outputs(&films, output, codec)?;
    let all = films.into_iter().zip(outputs);
    let all = all.map(|(input, output)| Film { input, output }).collect();
    let films = match shard {
        Some(shard) => shard.share(all),
        None => all,
    };
    Ok((films, made))
}

/// Where each film goes: its name with another extension.
fn outputs(films: &[PathBuf], output: &Path, codec: Codec) -> Result<Vec<PathBuf>, Error> {
    let mut outputs: Vec<PathBuf> = vec![];
    let mut known: HashMap<PathBuf, usize> = HashMap::new();
    for (number, film) in films.iter().enumerate() {
        let stem = film.file_stem().unwrap_or(film.as_os_str());
        let mut name = stem.to_owned();
        name.push(".");
        name.push(codec.description().extension);
        let path = output.join(name);
        if let Some(other) = known.insert(path.clone(), number) {
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

    #[test]
    fn lists() {
        let text = b"a.mp4\n# not this one\n\n  \n/b/c d.mkv\r\nb/../caf\xe9.avi";
        let films = listed(text, Path::new("list"));
        let last = Path::new("list/b/..").join(OsStr::from_bytes(b"caf\xe9.avi"));
        assert_eq!(
            films,
            [Path::new("list/a.mp4"), Path::new("/b/c d.mkv"), &last]
        );
        assert_eq!(listed(b"a", Path::new("")), [Path::new("a")]);
        assert!(listed(b"", Path::new("")).is_empty());
    }

    #[test]
    fn shards_in_words() {
        for text in ["1/1", "3/8", "8/8"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_film_is_in_one_share(films in 0..50_usize, of in 1..9_usize) {
            let shares = Shard { number: 1, of }.all();
            let mut shares: Vec<_> = shares.map(|s| s.share((0..films).collect())).collect();
            let sizes = || shares.iter().map(Vec::len);
            assert!(sizes().max().unwrap() - sizes().min().unwrap() <= 1);
            let mut all = shares.drain(..).flatten().collect::<Vec<_>>();
            all.sort_unstable();
            assert_eq!(all, (0..films).collect::<Vec<_>>());
        }
    }
}
