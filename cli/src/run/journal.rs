//! The record of what is finished of a film, on disk: `OUT.part/journal.json`, beside the segments and the last state.

use gst_video::ValidVideoTimeCode;
use serde::{Deserialize, Serialize};

use super::decode::Damage;
use super::encode::Segment;
use super::error::Error;
use super::quirks::Start;
use super::session::Session;
use super::settings::{Identity, differs};
use super::sound::Sound;
use super::source::Source;
use super::work::{JOURNAL, Work};

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
    /// The journal of an earlier run of this job, or a new one.
    ///
    /// # Errors
    /// When the earlier run was another job, or its journal cannot be read.
    pub fn open(work: &Work, job: Job, restart: bool) -> Result<Self, Error> {
        let read: Option<Self> = if restart { None } else { work.read(JOURNAL)? };
        let Some(journal) = read else {
            let journal = Self {
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
            journal.store(work)?;
            return Ok(journal);
        };
        if let Some(difference) = job.difference(&journal.job) {
            return Err(Error::of(
                work.folder(),
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
            let file = work.at(&name);
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
    pub fn store(&self, work: &Work) -> Result<(), Error> {
        work.write(JOURNAL, self)
    }

    /// Removes what is not on record: what was begun and never finished.
    pub fn tidy(&self, work: &Work) {
        let sound = self.sound.as_ref();
        let tracks = sound.map_or(&[][..], |sound| &sound.tracks);
        let known = |name: &str| {
            name == JOURNAL
                || self.state.as_deref() == Some(name)
                || self
                    .segments
                    .iter()
                    .any(|s| s.file == name || s.luma() == name)
                || tracks.iter().any(|track| track.file == name)
        };
        work.tidy(known);
    }

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
