//! Paths as text. Names of files are bytes, while properties and signals of elements take text: what is no UTF-8 is reached
//! through an open folder or file, under a name that the system gives it.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use super::error::Error;

/// A path as text, which works as long as this lives.
pub struct TextPath {
    text: String,
    _open: Option<File>,
}

impl TextPath {
    /// Of a file that is there, or of one that is to be written to a folder that is there.
    ///
    /// # Errors
    /// When neither can be opened.
    pub fn of(path: &Path) -> Result<Self, Error> {
        if let Some(text) = path.to_str() {
            return Ok(Self {
                text: text.to_owned(),
                _open: None,
            });
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let opened = match (name, path.parent()) {
            (Some(_), Some(folder)) => folder,
            _ => path,
        };
        let open = File::open(opened).map_err(|e| Error::of(path, e))?;
        let number = open.as_raw_fd();
        let text = match name {
            Some(name) => format!("/proc/self/fd/{number}/{name}"),
            None => format!("/proc/self/fd/{number}"),
        };
        Ok(Self {
            text,
            _open: Some(open),
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn names_of_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
        std::fs::create_dir(&inside).unwrap();
        for name in [&b"state"[..], b"stat\xe9"] {
            let path = inside.join(OsStr::from_bytes(name));
            std::fs::write(&path, name).unwrap();
            let text = TextPath::of(&path).unwrap();
            assert_eq!(std::fs::read(text.as_str()).unwrap(), name);
        }
        let new = TextPath::of(&inside.join("new")).unwrap();
        std::fs::write(new.as_str(), b"new").unwrap();
        assert_eq!(std::fs::read(inside.join("new")).unwrap(), b"new");
        let plain = TextPath::of(Path::new("a/b")).unwrap();
        assert_eq!(plain.as_str(), "a/b");
    }
}
