//! Errors of a run, and how GStreamer's messages and times read in them.

use std::io;
use std::path::{Path, PathBuf};

use gst::glib;
use rustix::io::Errno;
use tttseg::files;

/// Why a run ends before its end; the text says what can be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    /// Another process works on it, and this one leaves it alone.
    #[error("{0}")]
    Held(String),
    /// There is no room for what a child writes, in its words.
    #[error("{0}")]
    Full(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

macro_rules! other {
    ($($Type:ty),+) => {$(
        impl From<$Type> for Error {
            fn from(error: $Type) -> Self {
                Self::Other(error.to_string())
            }
        }
    )+};
}

// Of GStreamer: elements that are missing, pads that do not fit; launch lines that make no pipeline.
other!(String, &str, glib::BoolError, glib::Error);

impl From<files::Error> for Error {
    fn from(error: files::Error) -> Self {
        match error.is_no_room() {
            true => Self::no_room(&error.path, &error.source.to_string()),
            false => Self::Other(error.to_string()),
        }
    }
}

impl Error {
    /// Whether the disk is full.
    pub fn is_no_room(&self) -> bool {
        matches!(self, Self::NoRoom { .. } | Self::Full(_))
    }

    /// Something about a file.
    pub fn of(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::Other(format!("{}: {error}", path.display()))
    }

    /// A file or folder could not be written: for want of room, or for another reason.
    pub fn of_writing(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        files::Error { path, source }.into()
    }

    /// An error in a text that some library made: for want of room, where it says so, or `otherwise`.
    pub fn of_writing_text(
        path: &Path,
        text: String,
        otherwise: impl FnOnce(String) -> Self,
    ) -> Self {
        // The error number itself is lost; these are the system's words for it, whatever its language.
        let is_no_room = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG]
            .into_iter()
            .any(|number| {
                let words = io::Error::from(number).to_string();
                text.contains(words.split(" (os error").next().unwrap_or(&words))
            });
        match is_no_room {
            true => Self::no_room(path, &text),
            false => otherwise(text),
        }
    }

    /// An error of a pipeline that writes this file.
    pub fn of_writer(path: &Path, error: &gst::message::Error) -> Self {
        let text = message_text(error);
        if error.error().matches(gst::ResourceError::NoSpaceLeft) {
            return Self::no_room(path, &text);
        }
        Self::of_writing_text(path, text, |text| Self::of(path, text))
    }

    /// Nothing more goes into the folder of this file, or into the file.
    fn no_room(path: &Path, why: &str) -> Self {
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
    pub fn with_kept(mut self, text: impl FnOnce() -> String) -> Self {
        if let Self::NoRoom { kept, .. } = &mut self {
            *kept = text();
        }
        self
    }
}

/// What an error on a bus is about, with what the system or a library says of it.
pub fn message_text(error: &gst::message::Error) -> String {
    let text = error.error().to_string();
    let text = text.trim_end_matches('.');
    // That stands below the place in the sources.
    let more = error.debug().and_then(|debug| {
        let (_, more) = debug.split_once('\n')?;
        let line = more.lines().next()?.trim();
        (!line.is_empty() && line.len() < 200).then(|| line.trim_end_matches('.').to_owned())
    });
    match more {
        Some(more) => format!("{text} ({more})"),
        None => text.to_owned(),
    }
}

/// A time as people read it.
pub fn clock(time: gst::ClockTime) -> String {
    let ms = time.mseconds();
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", s / 3600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_room_in_the_words_of_the_system() {
        let of = |text: String| Error::of_writing_text(Path::new("/tmp/a"), text, Error::Other);
        for number in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::ACCESS] {
            let error = io::Error::from(number);
            let is_no_room = number != Errno::ACCESS;
            let text = of(format!("/tmp/a: cannot be written: {error}"));
            assert_eq!(matches!(text, Error::NoRoom { .. }), is_no_room, "{text}");
            let error = Error::of_writing(Path::new("/tmp/a"), error);
            assert_eq!(matches!(error, Error::NoRoom { .. }), is_no_room, "{error}");
        }
    }
}
