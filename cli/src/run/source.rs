//! The identity of a file that is worked on.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use gst::glib;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::Error;
use super::fixity::hex;

/// Bytes at the beginning and at the end of a film that are looked at.
const LOOKED_AT: u64 = 1 << 20;

/// The identity of a file, as far as it shows without reading all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    bytes: u64,
    /// In nanoseconds since 1970.
    modified: u64,
    /// SHA-256 of its first and last bytes.
    ends: String,
}

impl Source {
    /// Length of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Looks at a file.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let look = || -> std::io::Result<Self> {
            let mut file = File::open(path)?;
            let about = file.metadata()?;
            let modified = about.modified()?.duration_since(UNIX_EPOCH);
            let mut hash = Sha256::new();
            for from in [0, about.len().saturating_sub(LOOKED_AT)] {
                file.seek(SeekFrom::Start(from))?;
                let mut bytes = vec![];
                file.by_ref().take(LOOKED_AT).read_to_end(&mut bytes)?;
                hash.update(&bytes);
            }
            Ok(Self {
                bytes: about.len(),
                modified: modified.map_or(0, |d| d.as_nanos() as u64),
                ends: hex(&hash.finalize()),
            })
        };
        look().map_err(|e| Error::of(path, e))
    }

    /// A number that is another for other films.
    pub fn seed(&self) -> u32 {
        let first = self.ends.get(..8);
        let first = first.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        first.unwrap_or_default()
    }

    /// When it was changed last.
    pub fn date(&self) -> Option<glib::DateTime> {
        let seconds = i64::try_from(self.modified / 1_000_000_000).ok()?;
        glib::DateTime::from_unix_utc(seconds).ok()
    }
}
