//! The record of what is finished of a film, on disk: `OUT.part/journal.json`, beside the segments and the last state.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use gst::glib;
use gst_video::ValidVideoTimeCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tttseg::files::{self, Pending};

use super::Context;
use super::claim::{self, Claim};
use super::decode::Damage;
use super::encode::Segment;
use super::error::Error;
use super::fixity::hex;
use super::quirks::Start;
use super::session::Session;
use super::settings::{Identity, differs};
use super::sound::Sound;

const NAME: &str = "journal.json";
/// The folder of claims.
const CLAIMS: &str = "claims";
/// What OUT is once it is written, on record before it has its name.
const JOINED: &str = "joined.json";
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

/// How a film ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// With its last frame.
    Whole,
    /// Before its end: cut off, or with an error of the decoder.
    Early(String),
}

/// What makes a run the same as an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub source: Source,
    pub identity: Identity,
    pub codec: String,
    pub depth: Option<u32>,
}

impl Job {
    /// What is another than in an earlier run.
    fn difference(&self, earlier: &Self) -> Option<String> {
        if self.source != earlier.source {
            return Some("the film is another, or was changed".to_owned());
        }
        let depth = |depth: &Option<u32>| depth.map_or("not there".to_owned(), |d| d.to_string());
        differs("--codec", &earlier.codec, &self.codec, String::clone)
            .or_else(|| differs("--depth", &earlier.depth, &self.depth, depth))
            .or_else(|| self.identity.difference(&earlier.identity))
    }
}

/// What is finished.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Journal {
    pub job: Job,
    /// Format, size and shape of pixels of all that is written, as caps.
    pub shape: Option<String>,
    /// Frames a second, as a fraction, where there is such a number.
    pub rate: Option<(i32, i32)>,
    pub segments: Vec<Segment>,
    /// What was learned by the end of the last segment.
    pub state: Option<String>,
    pub timecode: Option<Start>,
    /// Its sound, which is read first.
    pub sound: Option<Sound>,
    pub damage: Damage,
    pub ended: Option<Ended>,
    /// What each process has done.
    #[serde(default)]
    pub sessions: Vec<Session>,
    /// SHA-256 of the whole film, once it is known.
    #[serde(default)]
    pub sha256: Option<String>,
}

impl Journal {
    /// Frames in all segments.
    pub fn frames(&self) -> u64 {
        self.segments.iter().map(|s| s.frames).sum()
    }

    /// Time of the last finished frame.
    pub fn last(&self) -> Option<gst::ClockTime> {
        self.segments.last().map(Segment::last)
    }

    /// The time code of the film's beginning.
    pub fn timecode(&self) -> Option<ValidVideoTimeCode> {
        self.timecode.as_ref()?.timecode()
    }
}

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

    /// The journal of an earlier run of this job, or a new one.
    ///
    /// # Errors
    /// When the earlier run was another job, or its journal cannot be read.
    pub fn journal(&self, job: Job, restart: bool) -> Result<Journal, Error> {
        let read: Option<Journal> = if restart { None } else { self.read(NAME)? };
        let Some(journal) = read else {
            let journal = Journal {
                job,
                shape: None,
                rate: None,
                segments: vec![],
                state: None,
                timecode: None,
                sound: None,
                damage: Damage::default(),
                ended: None,
                sessions: vec![],
                sha256: None,
            };
            self.store(&journal)?;
            return Ok(journal);
        };
        if let Some(difference) = job.difference(&journal.job) {
            return Err(Error::of(
                &self.folder,
                format!(
                    "{} frames of another run are here: {difference}. Run it as it was, or begin anew with --restart",
                    journal.frames()
                ),
            ));
        }
        let tracks = journal.sound.iter().flat_map(|sound| &sound.tracks);
        let segments = journal.segments.iter();
        let segments = segments.flat_map(|segment| [segment.file.clone(), segment.luma()]);
        for name in segments.chain(tracks.map(|track| track.file.clone())) {
            let file = self.at(&name);
            if !file.is_file() {
                return Err(Error::of(
                    &file,
                    "a finished part of it is missing; --restart begins anew",
                ));
            }
        }
        Ok(journal)
    }

    /// Puts it on disk: as a whole, or not at all.
    pub fn store(&self, journal: &Journal) -> Result<(), Error> {
        self.write(NAME, journal)
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

    /// Removes what is not on record: what was begun and never finished.
    pub fn tidy(&self, journal: &Journal) {
        let sound = journal.sound.as_ref();
        let tracks = sound.map_or(&[][..], |sound| &sound.tracks);
        let known = |name: &str| {
            name == NAME
                || name == CLAIMS
                || journal.state.as_deref() == Some(name)
                || journal
                    .segments
                    .iter()
                    .any(|s| s.file == name || s.luma() == name)
                || tracks.iter().any(|track| track.file == name)
        };
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_none_or(|name| !known(name)) {
                // What cannot be removed does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Gives it back untouched.
    pub fn leave(self) {
        if !self.at(NAME).exists() {
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
}
