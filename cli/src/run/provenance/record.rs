//! `OUT.provenance.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use tttseg::files::Pending;

use super::super::error::Error;
use super::super::references::Used;
use super::super::session::{Learned, Session, all_learned};
use super::super::settings::Settings;
use super::{model::Model, path_of, settings, source_type};

/// A file.
#[derive(Serialize)]
pub struct Named {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Named {
    /// A file or folder with its hash, if that was computed.
    pub fn new(path: &Path, bytes: Option<u64>, sha256: Option<String>) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            name: name.to_string_lossy().into_owned(),
            bytes,
            sha256,
        }
    }
}

/// What the proof says.
#[derive(Serialize)]
pub struct Luma {
    /// Name of the file that holds it.
    proof: String,
    /// Frames that have the luma of the film.
    kept: u64,
}

impl Luma {
    /// Of a proof, and the frames that have the film's luma by it.
    pub fn new(proof: &Path, kept: u64) -> Self {
        let name = proof.file_name().unwrap_or(proof.as_os_str());
        Self {
            proof: name.to_string_lossy().into_owned(),
            kept,
        }
    }
}

/// What was wrong with what came in, in words.
#[derive(Default, Serialize)]
pub struct Damage {
    pub notes: Vec<String>,
    /// What of it is not in OUT.
    pub losses: Vec<String>,
}

/// All that is written down.
#[derive(Serialize)]
pub struct Provenance {
    format: &'static str,
    version: u32,
    digital_source_type: &'static str,
    task: &'static str,
    input: Named,
    output: Named,
    frames: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<&'static str>,
    model: Model,
    settings: BTreeMap<String, String>,
    learned: Learned,
    sessions: Vec<Session>,
    #[serde(skip_serializing_if = "Option::is_none")]
    luma: Option<Luma>,
    damage: Damage,
    /// Frames that had references.
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<Vec<Used>>,
}

impl Provenance {
    /// Of what a run has made of IN: files, frames, and what each process has done.
    pub fn new(
        settings: &Settings,
        model: Model,
        (input, output): (Named, Named),
        frames: u64,
        sessions: &[Session],
    ) -> Result<Self, Error> {
        let task = settings.task();
        Ok(Self {
            format: "tttseg provenance",
            version: 1,
            digital_source_type: source_type::of(task),
            task: settings.task_name(),
            input,
            output,
            frames,
            codec: None,
            model,
            settings: settings::of(&settings.element()?),
            learned: all_learned(sessions),
            sessions: sessions.to_vec(),
            luma: None,
            damage: Damage::default(),
            references: None,
        })
    }

    /// Of a film: how it is encoded, what its proof says, and what was wrong with it.
    pub fn of_film(mut self, codec: &'static str, luma: Luma, damage: Damage) -> Self {
        (self.codec, self.luma, self.damage) = (Some(codec), Some(luma), damage);
        self
    }

    /// With the frames that had references, where some are bound to frames.
    pub fn with_references(mut self, references: Option<Vec<Used>>) -> Self {
        self.references = references;
        self
    }

    /// Writes it under a temporary name; `temporary` is on the file system of OUT.
    pub fn pending(&self, output: &Path, temporary: &Path) -> Result<Pending, Error> {
        let path = path_of(output);
        let mut text = serde_json::to_vec_pretty(self).map_err(|e| Error::of(&path, e))?;
        text.push(b'\n');
        let file = Pending::under(&path, temporary.to_owned());
        std::fs::write(file.temporary(), text).map_err(|e| file.error(e))?;
        Ok(file)
    }
}
