//! The folder of what is unfinished, `OUT.part`: files, and what is on record in them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tttseg::files::{self, Pending};

use super::Context;
use super::claim::{self, Claim};
use super::error::Error;
use super::source::Source;

/// The record of what is finished of a film.
pub const JOURNAL: &str = "journal.json";
/// The folder of claims.
const CLAIMS: &str = "claims";
/// What OUT is once it is written, on record before it has its name.
const JOINED: &str = "joined.json";

/// The folder `OUT.part`, which belongs to this process as long as this lives.
pub struct Work {
    folder: PathBuf,
    claim: Claim,
}

impl Work {
    /// Where it is.
    pub fn folder_of(output: &Path) -> PathBuf {
        let mut folder = output.as_os_str().to_owned();
        folder.push(".part");
        folder.into()
    }

    /// Who works on this output right now.
    pub fn owner(context: &Context, output: &Path) -> Option<String> {
        let claims = Self::folder_of(output).join(CLAIMS);
        claim::owner(&claims, context.claim_timeout)
    }

    /// Makes the folder, or takes the one that is there.
    ///
    /// # Errors
    /// When another process works in it, or it cannot be written to.
    pub fn open(context: &Context, output: &Path) -> Result<Self, Error> {
        let folder = Self::folder_of(output);
        fs::create_dir_all(&folder).map_err(|e| Error::of_writing(&folder, e))?;
        let claims = folder.join(CLAIMS);
        let is_foreign = || {
            let mut names = fs::read_dir(&folder).into_iter().flatten().flatten();
            names.any(|entry| entry.file_name() != CLAIMS) && !claims.is_dir()
        };
        // Twice: another process may be about to remove all of it, claims last.
        if is_foreign() && is_foreign() {
            return Err(Error::of(
                &folder,
                "unfinished work would go into this folder, and there are files in it that are not of a run; move them",
            ));
        }
        let claim = Claim::take(&claims, context.claim_timeout, &context.stop)?;
        Ok(Self { folder, claim })
    }

    /// Removes what a process has left that came to its end after `output` was complete. Whatever else is there stays.
    pub fn clear(context: &Context, output: &Path) {
        let is_left = |folder: &Path| {
            let names = fs::read_dir(folder).into_iter().flatten().flatten();
            let mut names = names.map(|entry| entry.file_name());
            let joined = fs::read(folder.join(JOINED)).ok();
            let joined = joined.and_then(|bytes| serde_json::from_slice::<Source>(&bytes).ok());
            match joined {
                Some(joined) => Source::of(output).is_ok_and(|source| source == joined),
                None => folder.is_dir() && names.all(|name| name == CLAIMS),
            }
        };
        let folder = Self::folder_of(output);
        if is_left(&folder)
            && let Ok(work) = Self::open(context, output)
            && is_left(&folder)
        {
            work.remove();
        }
    }

    /// Makes sure that this process still has the film.
    ///
    /// # Errors
    /// When another one has taken it over.
    pub fn keep(&self) -> Result<(), Error> {
        self.claim.keep()
    }

    /// The name of a file that no process before or after this one uses.
    pub fn file(&self, name: &str, extension: &str) -> String {
        match self.claim.number() {
            1 => format!("{name}.{extension}"),
            n => format!("{name}-{n}.{extension}"),
        }
    }

    /// Gives the film its name, of which there is a record then.
    ///
    /// # Errors
    /// When another process has taken it over, or the disk says no.
    pub fn commit(&self, joined: Pending) -> Result<(), Error> {
        self.write(JOINED, &Source::of(joined.temporary())?)?;
        self.keep()?;
        Ok(joined.commit()?)
    }

    /// A file in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is on record under a name; none where nothing is.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = self.at(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::of(&path, e)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            let why = format!("this is no record of a run ({e}); --restart begins anew");
            Error::of(&path, why)
        })
    }

    /// Puts something on record: as a whole, or not at all, and only while the film is this process's.
    pub fn write<T: Serialize>(&self, name: &str, record: &T) -> Result<(), Error> {
        self.keep()?;
        let path = self.at(name);
        let text = serde_json::to_vec_pretty(record).map_err(|e| Error::of(&path, e))?;
        Ok(files::write(path, &text)?)
    }

    /// Gives it back untouched.
    pub fn leave(self) {
        if !self.at(JOURNAL).exists() {
            self.remove();
        }
    }

    /// Removes the folder: the film is complete, or nothing of it is.
    pub fn remove(self) {
        if self.keep().is_err() {
            return;
        }
        let of_other_files = |path: &PathBuf| !path.ends_with(CLAIMS) && !path.ends_with(JOINED);
        let all = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        // What cannot be removed does no harm.
        for path in all.map(|entry| entry.path()).filter(of_other_files) {
            let _ = fs::remove_file(path);
        }
        // In this order: without claims, the rest would not look like that of a run.
        let _ = fs::remove_file(self.at(JOINED));
        let _ = fs::remove_dir_all(self.at(CLAIMS));
        let _ = fs::remove_dir(&self.folder);
    }

    /// Removes all files but claims and those that are known.
    pub fn tidy(&self, is_known: impl Fn(&str) -> bool) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_kept = |name: &str| name == CLAIMS || is_known(name);
            if name.to_str().is_none_or(|name| !is_kept(name)) {
                // What cannot be removed does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
