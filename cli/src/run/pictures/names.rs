//! Names of pictures: those of a folder or of a pattern, gaps in their numbers, and where each goes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tttseg::files::is_clutter;

use super::super::error::Error;
use super::super::extension;
use super::super::stills::Format;

/// How many gaps are named one by one.
const NAMED: usize = 10;

/// The pictures of a folder, sorted by name.
///
/// # Errors
/// When the folder cannot be read, or two pictures differ in their extension only.
pub fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |e| Error::of(folder, e);
    let mut pictures = vec![];
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !is_clutter(&path) && Format::of_extension(&extension(&path)).is_some() {
            let stem = path.file_stem().unwrap_or_default().to_owned();
            pictures.push((stem, path));
        }
    }
    // Names without their extension can sort otherwise than with it ("a-1.png" comes before "a.png").
    pictures.sort();
    let twice = pictures.windows(2).find(|pair| pair[0].0 == pair[1].0);
    if let Some([_, (_, twice)]) = twice {
        return Err(Error::of(
            twice,
            "another picture differs from this one in its extension only: both would get one name",
        ));
    }
    Ok(pictures.into_iter().map(|(_, path)| path).collect())
}

/// The pictures that a pattern with one number stands for, as in `scan-%05d.png`, in the order of their numbers; none
/// where it is no such pattern.
///
/// # Errors
/// When the folder cannot be read or has no such picture.
pub fn of_pattern(pattern: &Path) -> Result<Option<Vec<PathBuf>>, Error> {
    fn name(path: &Path) -> &str {
        let name = path.file_name().and_then(|n| n.to_str());
        name.unwrap_or_default()
    }
    let Some((before, after)) = split(name(pattern)) else {
        return Ok(None);
    };
    let folder = match pattern.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |e| Error::of(folder, e);
    let mut found = vec![];
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let digits = name(&path)
            .strip_prefix(before)
            .and_then(|n| n.strip_suffix(after));
        let digits = digits.filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
        if let Some(Ok(number)) = digits.map(str::parse::<u64>) {
            found.push((number, path));
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Error::of(pattern, "there is no such picture"));
    }
    Ok(Some(found.into_iter().map(|(_, path)| path).collect()))
}

/// What stands before and after the number.
fn split(name: &str) -> Option<(&str, &str)> {
    let (before, rest) = name.split_once('%')?;
    let (digits, after) = rest.split_once('d')?;
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then_some((before, after))
}

/// Where a picture goes.
pub fn place(output: &Path, file: &Path, format: Format) -> PathBuf {
    let mut name = file.file_stem().unwrap_or(file.as_os_str()).to_owned();
    name.push(".");
    // Tools that look for `.tiff` find it again.
    let own = file.extension().and_then(OsStr::to_str);
    let is_own = own.is_some_and(|own| own != "jpg" && own != "jpeg")
        && Format::of_extension(&extension(file)) == Some(format);
    name.push(match own {
        Some(own) if is_own => own,
        _ => format.extension(),
    });
    output.join(name)
}

/// Gaps in the numbers of pictures, in words: the first ten, and how many there are. None
/// where not all names are numbers between the same texts.
pub fn missing(files: &[PathBuf]) -> Vec<String> {
    let numbered = files.iter().map(|file| Numbered::of(file));
    let Some(mut numbered) = numbered.collect::<Option<Vec<_>>>() else {
        return vec![];
    };
    // In the order of their names, 10 may come before 9.
    numbered.sort_by_key(|picture| picture.number);
    let pairs = numbered.windows(2).map(|pair| (&pair[0], &pair[1]));
    let is_one = pairs
        .clone()
        .all(|(a, b)| (a.before, a.after) == (b.before, b.after));
    let gaps: Vec<_> = match is_one {
        true => pairs
            .filter(|(a, b)| b.number.saturating_sub(a.number) > 1)
            .collect(),
        false => vec![],
    };
    let mut notes: Vec<String> = gaps
        .iter()
        .take(NAMED)
        .map(|(a, b)| match b.number - a.number {
            2 => format!("{} is not there", a.named(a.number + 1)),
            _ => format!(
                "{} to {} are not there",
                a.named(a.number + 1),
                a.named(b.number - 1)
            ),
        })
        .collect();
    if gaps.len() > NAMED {
        let all: u64 = gaps.iter().map(|(a, b)| b.number - a.number - 1).sum();
        notes.push(format!("{} gaps in all, of {all} pictures", gaps.len()));
    }
    notes
}

/// A name with a number, which is the last one in it.
struct Numbered<'a> {
    before: &'a str,
    number: u64,
    digits: usize,
    after: &'a str,
}

impl<'a> Numbered<'a> {
    fn of(path: &'a Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let stem = path.file_stem()?.to_str()?;
        let end = stem.rfind(|c: char| c.is_ascii_digit())? + 1;
        let begin = stem[..end].rfind(|c: char| !c.is_ascii_digit());
        let begin = begin.map_or(0, |at| {
            at + stem[at..].chars().next().map_or(1, char::len_utf8)
        });
        Some(Self {
            before: &name[..begin],
            number: name[begin..end].parse().ok()?,
            digits: end - begin,
            after: &name[end..],
        })
    }

    fn named(&self, number: u64) -> String {
        format!(
            "{}{number:0width$}{}",
            self.before,
            self.after,
            width = self.digits
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_in_numbers() {
        let notes = |names: &[&str]| missing(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(
            notes(&["in/a_0008.dpx", "in/a_0009.dpx", "in/a_0010.dpx"]),
            Vec::<String>::new()
        );
        assert_eq!(
            notes(&["a_0008.dpx", "a_0010.dpx", "a_0014.dpx"]),
            [
                "a_0009.dpx is not there",
                "a_0011.dpx to a_0013.dpx are not there"
            ]
        );
        let unpadded: Vec<_> = [1, 10, 11, 2, 3, 4, 5, 6, 7, 9]
            .map(|n| format!("a{n}.png"))
            .to_vec();
        let unpadded: Vec<&str> = unpadded.iter().map(|name| &**name).collect();
        assert_eq!(notes(&unpadded), ["a8.png is not there"]);
        // Two reels, and names without numbers.
        assert!(notes(&["a_1.png", "b_5.png"]).is_empty());
        assert!(notes(&["a.png", "b_5.png"]).is_empty());
        assert_eq!(
            notes(&["reel2 1 von 3.tif", "reel2 1 von 5.tif"]),
            ["reel2 1 von 4.tif is not there"]
        );
        assert_eq!(notes(&["é7.tif", "é9.tif"]), ["é8.tif is not there"]);
        let many: Vec<PathBuf> = (0..30)
            .map(|n| PathBuf::from(format!("{:03}.png", 2 * n)))
            .collect();
        assert_eq!(missing(&many).len(), 11);
        assert_eq!(missing(&many)[10], "29 gaps in all, of 29 pictures");
    }

    #[test]
    fn pictures_keep_their_names() {
        let of = |name: &str, format| place(Path::new("out"), Path::new(name), format);
        assert_eq!(of("in/a.b.TIFF", Format::Tiff), Path::new("out/a.b.TIFF"));
        assert_eq!(of("in/a.jpg", Format::Png), Path::new("out/a.png"));
        assert_eq!(of("in/a.dpx", Format::Exr), Path::new("out/a.exr"));
    }

    #[test]
    fn patterns_of_names() {
        assert_eq!(split("scan-%05d.png"), Some(("scan-", ".png")));
        assert_eq!(split("%d.jpg"), Some(("", ".jpg")));
        assert_eq!(split("scan.png"), None);
        assert_eq!(split("100%-done.png"), None);
        let folder = tempfile::tempdir().unwrap();
        for name in ["a9.png", "a10.png", "ab.png", "a11.jpg"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let found = of_pattern(&folder.path().join("a%d.png")).unwrap().unwrap();
        assert_eq!(found, ["a9.png", "a10.png"].map(|n| folder.path().join(n)));
        assert!(of_pattern(&folder.path().join("b%d.png")).is_err());
        assert!(of_pattern(&folder.path().join("b.png")).unwrap().is_none());
    }
}
