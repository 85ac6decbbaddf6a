//! Folders to train on, with what is particular to each.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::options::aspect;

/// `DIR[,map=NAME|FILE][,colours=NAME|FILE][,aspect=W:H][,share=S]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// A built-in label map or the file of one.
    pub map: Option<String>,
    /// A built-in scheme of the colours of its labels or the file of one.
    pub colours: Option<String>,
    /// Proportions of its pictures, width over height.
    pub aspect: Option<f32>,
    /// Share of the labelled views that come from it.
    pub share: Option<f32>,
    /// As it was given, but for the folder.
    options: String,
}

impl Folder {
    /// The folder by the last two parts of its path, which identify it without the path of the user's own; and in
    /// brackets the label map, if there is one.
    pub fn shown(&self) -> String {
        let parts: Vec<_> = self.path.iter().collect();
        let last: PathBuf = parts[parts.len().saturating_sub(2)..].iter().collect();
        let map = self.map.as_deref().map(Path::new);
        let map = map.map(|map| map.file_name().unwrap_or(map.as_os_str()));
        match map {
            Some(map) => format!("{} ({})", last.display(), map.display()),
            None => last.display().to_string(),
        }
    }

    /// What is particular to the folder, as it was given: empty, or beginning with a comma.
    pub fn options(&self) -> &str {
        &self.options
    }
}

impl FromStr for Folder {
    type Err = String;

    /// Options are read from the end, so that the name of a folder may hold a comma.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut folder = Self {
            path: PathBuf::new(),
            map: None,
            colours: None,
            aspect: None,
            share: None,
            options: String::new(),
        };
        let mut rest = text;
        while let Some((before, last)) = rest.rsplit_once(',') {
            let Some((key, value)) = last.split_once('=') else {
                break;
            };
            let again = match key {
                "map" => folder.map.replace(value.to_owned()).is_some(),
                "colours" => folder.colours.replace(value.to_owned()).is_some(),
                "aspect" => folder.aspect.replace(aspect(value)?).is_some(),
                "share" => folder.share.replace(share(value)?).is_some(),
                _ => break,
            };
            if again {
                return Err(format!("`{key}` is given twice"));
            }
            rest = before;
        }
        if rest.is_empty() {
            return Err("a folder is needed before its options".into());
        }
        folder.options = text[rest.len()..].to_owned();
        folder.path = rest.into();
        Ok(folder)
    }
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!(
            "`{text}` is no share: a number from 0 to 1 is needed"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_options() {
        let plain: Folder = "a/b,c".parse().unwrap();
        assert_eq!((plain.path.to_str(), plain.options()), (Some("a/b,c"), ""));
        assert_eq!((plain.map, plain.aspect, plain.share), (None, None, None));
        let all: Folder = "a/b,c,share=0.25,colours=x,aspect=2:1,map=idd7"
            .parse()
            .unwrap();
        assert_eq!(all.path.to_str(), Some("a/b,c"));
        assert_eq!(all.options(), ",share=0.25,colours=x,aspect=2:1,map=idd7");
        assert_eq!(all.colours.as_deref(), Some("x"));
        assert_eq!(all.map.as_deref(), Some("idd7"));
        assert_eq!((all.aspect, all.share), (Some(2.0), Some(0.25)));
    }

    #[test]
    fn folders_are_known_by_their_last_parts() {
        for (given, shown) in [
            (
                "/home/me/cityscapes/train,aspect=2:1,share=0.5",
                "cityscapes/train",
            ),
            (
                "/home/me/camvid/0016E5,map=camvid11",
                "camvid/0016E5 (camvid11)",
            ),
            ("stills,map=/home/me/groups.json", "stills (groups.json)"),
        ] {
            assert_eq!(given.parse::<Folder>().unwrap().shown(), shown);
        }
    }

    #[test]
    fn options_that_make_no_sense() {
        for (text, wanted) in [
            ("a,aspect=2", "`2` is no aspect"),
            ("a,aspect=0:1", "no aspect"),
            ("a,aspect=nan:1", "no aspect"),
            ("a,share=2", "`2` is no share"),
            ("a,map=x,map=y", "`map` is given twice"),
            (",map=x", "a folder is needed"),
            ("", "a folder is needed"),
        ] {
            let error = text.parse::<Folder>().unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
