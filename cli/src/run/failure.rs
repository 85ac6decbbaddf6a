//! Why a run ends before its end.

use std::io;
use std::path::{Path, PathBuf};

/// Why a run ends before its end; the text says what can be done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The user wants it to end. The text says what is kept.
    #[error("interrupted: {0}")]
    Interrupted(String),
    /// There is no room for what is written.
    #[error(
        "{folder}: no room left ({free} MB free): {why}; {kept}. Make room, and the same command goes on",
        folder = folder.display()
    )]
    NoRoom {
        /// Where it is written to.
        folder: PathBuf,
        /// Free space in megabytes.
        free: u64,
        /// What the system says.
        why: String,
        /// What is finished.
        kept: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

impl Failure {
    /// Something about a file.
    pub fn of(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::Other(format!("{}: {error}", path.display()))
    }

    /// A file could not be written: for want of room, or for another reason.
    pub fn of_writing(path: &Path, error: &io::Error) -> Self {
        if is_about_room(error) {
            Self::no_room(path, &error.to_string())
        } else {
            Self::of(path, error)
        }
    }

    /// Nothing more goes into the folder of this file, or into the file.
    pub fn no_room(path: &Path, why: &str) -> Self {
        let folder = path.parent().unwrap_or(path).to_owned();
        let free = rustix::fs::statvfs(&folder).map_or(0, |s| s.f_bavail * s.f_frsize / 1_000_000);
        Self::NoRoom {
            folder,
            free,
            why: why.to_owned(),
            kept: "nothing was lost".to_owned(),
        }
    }

    /// Says what is finished, where that is of interest.
    pub fn with_kept(self, text: impl FnOnce() -> String) -> Self {
        match self {
            Self::NoRoom {
                folder, free, why, ..
            } => Self::NoRoom {
                folder,
                free,
                why,
                kept: text(),
            },
            other => other,
        }
    }
}

fn is_about_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// The same of a text with what the system said.
pub fn is_said_of_room(text: &str) -> bool {
    ["No space left", "File too large", "Disk quota exceeded"]
        .iter()
        .any(|said| text.contains(said))
}

/// What an error on a bus is about, with what the system says of it.
pub fn told(error: &gst::message::Error) -> String {
    let text = error.error().to_string();
    // Below the place in the sources stands what the system or a library says.
    let more = error.debug().and_then(|debug| {
        let (_, more) = debug.split_once('\n')?;
        let line = more.lines().next()?.trim();
        (!line.is_empty() && line.len() < 200).then(|| line.trim_end_matches('.').to_owned())
    });
    match more {
        Some(more) => format!("{} ({more})", text.trim_end_matches('.')),
        None => text.trim_end_matches('.').to_owned(),
    }
}

/// As [`told`], of a pipeline that writes this file.
pub fn of_writer(path: &Path, error: &gst::message::Error) -> Failure {
    let text = told(error);
    if error.error().matches(gst::ResourceError::NoSpaceLeft) || is_said_of_room(&text) {
        Failure::no_room(path, &text)
    } else {
        Failure::of(path, text)
    }
}
