//! Files that appear as a whole: written under a temporary name, flushed to the disk, renamed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a file cannot be written; what stood there before is untouched.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot be written: {source}", path = path.display())]
pub struct Error {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl Error {
    /// Whether the file system has no room for the file, or the user's quota or limit on the size of a file has not.
    pub fn is_no_room(&self) -> bool {
        use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(
            self.source.kind(),
            StorageFull | QuotaExceeded | FileTooLarge
        )
    }
}

/// A file that is being written under its temporary name. It is removed unless [`Pending::commit`] gives it its own.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    temporary: PathBuf,
    is_committed: bool,
}

impl Pending {
    /// A hidden temporary name beside `path` that no other writer of the same file has. Nothing is created yet.
    ///
    /// # Errors
    /// When `path` ends in no file name, or is a folder.
    pub fn new(path: &Path) -> Result<Self, Error> {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let kind = match path.file_name() {
            None => Err(ErrorKind::InvalidInput),
            Some(_) if path.is_dir() => Err(ErrorKind::IsADirectory),
            Some(name) => Ok(name),
        };
        let name = kind.map_err(|kind| Error {
            path: path.to_owned(),
            source: kind.into(),
        })?;
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.{number}.part", std::process::id()));
        Ok(Self::under(path, path.with_file_name(hidden)))
    }

    /// The name of `path` with `.part` behind it, for a file that has one writer at a time: what a killed one has left is
    /// overwritten by the next.
    pub fn by_one_writer(path: &Path) -> Self {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".part");
        Self::under(path, temporary.into())
    }

    /// A temporary name of the caller's choice, on the same file system.
    pub fn under(path: &Path, temporary: PathBuf) -> Self {
        Self {
            path: path.to_owned(),
            temporary,
            is_committed: false,
        }
    }

    /// Where to write to.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives the file its name once it is on the disk; when this returns, the name is on the disk as well.
    ///
    /// # Errors
    /// What the operating system says; the temporary file is gone then.
    pub fn commit(self) -> Result<(), Error> {
        let synced = File::open(&self.temporary).and_then(|file| file.sync_all());
        synced.map_err(|source| self.error(source))?;
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        self.commit_unsynced()?;
        // Not every file system can do this.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// Gives the file its name without waiting for the disk: for files that are easily made again.
    ///
    /// # Errors
    /// As [`Pending::commit`].
    pub fn commit_unsynced(mut self) -> Result<(), Error> {
        let renamed = fs::rename(&self.temporary, &self.path);
        renamed.map_err(|source| self.error(source))?;
        self.is_committed = true;
        Ok(())
    }

    /// An error of writing to [`Pending::temporary`], as one of the file.
    pub fn error(&self, source: io::Error) -> Error {
        Error {
            path: self.path.clone(),
            source,
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_committed {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes `bytes` to `path`: a reader sees either the old file or the whole new one, even after a power cut.
///
/// # Errors
/// What the operating system says; the temporary file is gone then.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
    let file = Pending::new(path.as_ref())?;
    fs::write(file.temporary(), bytes).map_err(|e| file.error(e))?;
    file.commit()
}

/// Whether a name in a folder is not of what people put there: hidden files, among them macOS' `._` beside every file on shares
/// and disks of other systems, and what Windows and network storage leave behind.
pub fn is_clutter(path: &Path) -> bool {
    const LEFT: [&str; 6] = [
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "@eadir",
        "$recycle.bin",
        "system volume information",
    ];
    let Some(name) = path.file_name() else {
        return false;
    };
    let name = name.as_encoded_bytes();
    name.starts_with(b".")
        || LEFT
            .iter()
            .any(|left| name.eq_ignore_ascii_case(left.as_bytes()))
}

/// Whether [`write()`] could write `path` now, for work that ends with it hours later.
///
/// # Errors
/// What the operating system says.
pub fn check_writable(path: impl AsRef<Path>) -> Result<(), Error> {
    let file = Pending::new(path.as_ref())?;
    File::create(file.temporary())
        .map(drop)
        .map_err(|e| file.error(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let all = fs::read_dir(folder).unwrap();
        all.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_there_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        check_writable(&path).unwrap();
        assert!(names(folder.path()).is_empty());
        write(&path, b"old").unwrap();
        for given_up in [Pending::new(&path).unwrap(), Pending::by_one_writer(&path)] {
            fs::write(given_up.temporary(), b"half").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"old");
        }
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/such/folder/a.bin");
        for error in [check_writable(&path), write(&path, b"")] {
            let error = error.unwrap_err();
            assert!(!error.is_no_room());
            let text = format!("{}: cannot be written: ", path.display());
            assert!(error.to_string().starts_with(&text), "{error}");
        }
        assert!(write(folder.path(), b"").is_err());
        assert!(check_writable(folder.path()).is_err());
        assert!(write("/", b"").is_err());
    }

    #[test]
    fn what_systems_leave_in_folders() {
        for name in [
            "._film.mp4",
            ".DS_Store",
            ".hidden.png",
            "Thumbs.db",
            "a/desktop.ini",
            "@eaDir",
        ] {
            assert!(is_clutter(Path::new(name)), "{name}");
        }
        for name in ["film.mp4", "_film.mp4", "a.b.png", "thumbs.png", "/", ""] {
            assert!(!is_clutter(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn no_room() {
        for (kind, is_no_room) in [
            (ErrorKind::StorageFull, true),
            (ErrorKind::QuotaExceeded, true),
            (ErrorKind::FileTooLarge, true),
            (ErrorKind::PermissionDenied, false),
        ] {
            let error = Pending::by_one_writer(Path::new("a")).error(kind.into());
            assert_eq!(error.is_no_room(), is_no_room);
        }
    }
}
