//! A film's own file, when all of its frames are finished: joined, checked, with its proof and its provenance beside it.

use std::path::Path;

use tttseg::files::Pending;

use super::Context;
use super::encode::Codec;
use super::error::Error;
use super::fixity::{self, FINISHED, sha256};
use super::journal::{Ended, Journal};
use super::proof::{self, Findings, Proof};
use super::provenance::{self, Model, Named, Provenance};
use super::sound::Sound;
use super::work::Work;
use super::{mux, quirks, references};

/// A film in one file.
pub struct Complete {
    /// What there is to say.
    pub notes: Vec<String>,
    /// What of the film is not in it.
    pub losses: Vec<String>,
}

/// A film whose frames are finished, and where it goes.
pub struct Film<'a> {
    pub context: &'a Context,
    pub work: &'a Work,
    pub journal: &'a Journal,
    pub input: &'a Path,
    pub output: &'a Path,
    pub codec: Codec,
    pub sound: &'a Sound,
}

impl Film<'_> {
    /// Puts it together. OUT gets its name last: without it, the same command goes on.
    ///
    /// # Errors
    /// A disk without room, segments that are not what they were, an end that the user wants.
    pub fn complete(&self) -> Result<Complete, Error> {
        let Self {
            context,
            work,
            journal,
            output,
            codec,
            ..
        } = *self;
        let ended = journal.ended.as_ref();
        if journal.segments.is_empty() {
            let why = match ended {
                Some(Ended::Early(why)) => why,
                _ => "there is no frame in it",
            };
            return Err(Error::of(self.input, why));
        }
        let model = Model::of(context.settings.model(), context.settings.task())?;
        let joined = work.at(&work.file("joined", codec.description().extension));
        let joined = Pending::under(output, joined);
        let film = mux::Film {
            sound: &self.sound.tracks,
            codec,
            folder: work.folder(),
            segments: &journal.segments,
            rate: journal.rate,
            timecode: journal.timecode(),
            seed: journal.job.source.seed(),
            date: journal.job.source.date(),
            tags: provenance::tags(context.settings.task(), &model),
            until: match ended {
                Some(Ended::Early(_)) => journal.last(),
                _ => None,
            },
        };
        let mut notes = mux::join(&film, joined.temporary(), context)?;
        let shape = journal.shape.as_deref().map(str::parse::<gst::Caps>);
        let shape = shape.and_then(Result::ok).unwrap_or(gst::Caps::new_any());
        quirks::write_colours(joined.temporary(), &shape)
            .map_err(|e| Error::of_writing(joined.temporary(), e))?;
        let mut losses = self.lost_frames();
        losses.extend(self.sound.losses.clone());
        if let Some(references) = &context.references {
            losses.extend(references.beyond(journal.frames()));
        }
        let mut proof = Proof::begin(output, work, &journal.segments, journal.rate)?;
        let check = mux::check(&film, &shape, joined.temporary(), context, |sample| {
            proof.frame(sample)
        });
        losses.extend(check?);
        let (proof, findings) = proof.finish()?;
        losses.extend(self.lost_luma(&findings));
        notes.extend(self.sound.notes.clone());
        notes.extend(journal.damage.notes());
        let complete = Complete { notes, losses };
        let provenance = self.provenance(model, joined.temporary(), &findings, &complete)?;
        work.keep()?;
        proof.commit()?;
        provenance.commit()?;
        work.commit(joined)?;
        Ok(complete)
    }

    /// What of the film's frames is missing: an end before its end, or fewer of them than its container says.
    fn lost_frames(&self) -> Vec<String> {
        let journal = self.journal;
        if let Some(Ended::Early(why)) = &journal.ended {
            return vec![why.clone()];
        }
        let frames = journal.frames();
        let lost = quirks::frames_in(self.input).map_or(0, |all| all.saturating_sub(frames));
        let skipped = match lost {
            0 => journal.damage.skipped(),
            _ => Some(format!(
                "{lost} of its {} frames could not be had of it{}",
                frames + lost,
                journal.damage.places()
            )),
        };
        skipped.into_iter().collect()
    }

    /// What of the film's luma is not in OUT, as its proof has it.
    fn lost_luma(&self, findings: &Findings) -> Option<String> {
        let all = self.journal.frames();
        if findings.frames < all {
            let lost = all - findings.frames;
            return Some(format!(
                "{lost} of {all} frames in the file cannot be decoded"
            ));
        }
        let is_to_be_kept = self.codec == Codec::Ffv1
            && self.context.settings.keeps_luma()
            && self.journal.damage.is_steady();
        (is_to_be_kept && findings.changed > 0).then(|| {
            format!(
                "the luma of {} frames is not the film's, as of frames {:?}",
                findings.changed, findings.first
            )
        })
    }

    /// Where it comes from; `written` is the file under its temporary name.
    fn provenance(
        &self,
        model: Model,
        written: &Path,
        findings: &Findings,
        complete: &Complete,
    ) -> Result<Pending, Error> {
        let (context, journal) = (self.context, self.journal);
        let go_on = || {
            context.progress.alive();
            !context.stop.is_asked()
        };
        let hash = sha256(written, go_on).map_err(|e| fixity::error(written, e, FINISHED))?;
        let length = std::fs::metadata(written).map_err(|e| Error::of(written, e))?;
        let bytes = journal.job.source.bytes();
        let files = (
            Named::new(self.input, Some(bytes), journal.sha256.clone()),
            Named::new(self.output, Some(length.len()), Some(hash)),
        );
        let (settings, sessions) = (&context.settings, &journal.sessions);
        let provenance = Provenance::new(settings, model, files, journal.frames(), sessions)?;
        let luma = provenance::Luma::new(&proof::path_of(self.output), findings.kept);
        let damage = provenance::Damage {
            notes: complete.notes.clone(),
            losses: complete.losses.clone(),
        };
        let used = references::used(context, journal.frames())?;
        let provenance = provenance
            .of_film(self.codec.description().name, luma, damage)
            .with_references(used);
        provenance.pending(
            self.output,
            &self.work.at(&self.work.file("provenance", "json")),
        )
    }
}
