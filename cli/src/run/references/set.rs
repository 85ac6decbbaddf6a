//! The pictures of a folder, each bound to a frame, and checked before anything is computed. None of them stays in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gst_video::VideoInfo;
use serde::Serialize;
use tttseg::files::is_clutter;
use tttseg::video::{ReferenceError, StillError, list_stills, read_references};

use super::super::Context;
use super::super::error::Error;
use super::super::fixity::{sha256, sha256_of};
use super::super::progress::Progress;
use super::super::stills;
use super::names::frame_of;

/// How far proportions may be from those of the film: a row or two that a program for painting has cut off.
const NEAR: f64 = 0.02;
/// How many pictures are named one by one.
const NAMED: usize = 10;

/// A picture of the set.
pub struct Reference {
    pub path: PathBuf,
    /// SHA-256 of its file.
    sha256: String,
    /// Width and height of what is kept of it.
    size: (usize, usize),
}

/// Pictures by the frames that they are bound to.
pub struct References {
    by_frame: BTreeMap<u64, Reference>,
}

/// A picture, and the frames that it held for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Used {
    pub file: String,
    pub sha256: String,
    pub first_frame: u64,
    pub last_frame: u64,
}

impl References {
    /// Reads every picture once.
    ///
    /// # Errors
    /// A folder without such pictures, two for one frame, and pictures that are broken: all of them, by name. Those without
    /// colour have not been painted yet, and are left out.
    pub fn open(folder: &Path, progress: &Progress) -> Result<Self, Error> {
        let failed = |e| Error::of(folder, e);
        let mut by_frame = BTreeMap::new();
        let (mut others, mut wrong) = (0, vec![]);
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_clutter(&path) {
                continue;
            }
            match frame_of(&path) {
                Some(frame) => {
                    if let Some(twice) = by_frame.insert(frame, path.clone()) {
                        let why = format!("{} is bound to the same frame", twice.display());
                        return Err(Error::of(&path, why));
                    }
                }
                None => others += 1,
            }
        }
        if by_frame.is_empty() {
            let why = "there is no picture named as in ref_000040.png in this folder";
            return Err(Error::of(folder, why));
        }
        if others > 0 {
            let note = format!("left out: {others} files whose names are not as in ref_000040.png");
            progress.note(&note);
        }
        let (mut read, mut grey) = (BTreeMap::new(), vec![]);
        for (frame, path) in by_frame {
            progress.alive();
            match Reference::read(path) {
                Ok(reference) => drop(read.insert(frame, reference)),
                Err(ReferenceError::Grey(path)) => grey.push(path),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        all_well(wrong)?;
        if let Some(first) = grey.first() {
            let (count, first) = (grey.len(), first.display());
            let note = format!("left out: {count} pictures without colour, the first is {first}");
            progress.note(&note);
        }
        if read.is_empty() {
            return Err(Error::of(
                folder,
                "no picture in this folder has any colour",
            ));
        }
        Ok(Self { by_frame: read })
    }

    /// What makes them others than those of another run.
    pub fn identity(&self) -> String {
        let all = self.by_frame.iter();
        let lines: String = all
            .map(|(frame, picture)| format!("{frame} {}\n", picture.sha256))
            .collect();
        let hash = sha256_of(lines.as_bytes());
        let hash = hash.get(..16).unwrap_or_default();
        format!("{} pictures ({hash})", self.by_frame.len())
    }

    /// That of a frame: its own, or the last one before.
    pub fn at(&self, frame: u64) -> Option<(u64, &Reference)> {
        let (of, reference) = self.by_frame.range(..=frame).next_back()?;
        Some((*of, reference))
    }

    /// Says which of them are bound to frames that a film of so many does not have.
    pub fn beyond(&self, frames: u64) -> Vec<String> {
        let beyond = self.by_frame.range(frames..);
        let texts = beyond.map(|(frame, picture)| {
            let path = picture.path.display();
            format!(
                "{path}: there is no frame {frame}, the last one is {}",
                frames.saturating_sub(1)
            )
        });
        texts.collect()
    }

    /// Checks that there are enough frames.
    pub fn check_frames(&self, frames: u64) -> Result<(), Error> {
        all_well(self.beyond(frames))
    }

    /// Checks all of them against the shape of a film's frames, in their own pixels or in square ones.
    pub fn check_shape(&self, film: &VideoInfo) -> Result<(), Error> {
        let (wide, high) = (film.par().numer().max(1), film.par().denom().max(1));
        let size = (film.width() as usize, film.height() as usize);
        let pixels = f64::from(wide) / f64::from(high);
        let all = self.by_frame.values();
        let wrong = all.filter_map(|picture| {
            let is_near = [1.0, pixels]
                .into_iter()
                .any(|pixels| picture.has_shape_of(size, pixels));
            (!is_near).then(|| picture.of_other_shape(size))
        });
        all_well(wrong.collect())
    }

    /// The same for pictures, each of a size of its own; either side may be up.
    pub fn check_pictures(&self, files: &[PathBuf]) -> Result<(), Error> {
        self.check_frames(files.len() as u64)?;
        let wrong = self.by_frame.iter().filter_map(|(frame, picture)| {
            let file = files.get(usize::try_from(*frame).ok()?)?;
            // What cannot be read is named in its turn.
            let size = stills::size(file).ok()?;
            let is_near =
                picture.has_shape_of(size, 1.0) || picture.has_shape_of((size.1, size.0), 1.0);
            (!is_near).then(|| picture.of_other_shape(size))
        });
        all_well(wrong.collect())
    }

    /// Which frames of a film of so many had which of them.
    fn used(&self, frames: u64) -> Vec<Used> {
        let begins = self.by_frame.range(..frames);
        let ends = begins.clone().skip(1).map(|(frame, _)| *frame);
        let ends = ends.chain([frames]);
        let used = begins.zip(ends).map(|((first, picture), end)| Used {
            file: name(&picture.path),
            sha256: picture.sha256.clone(),
            first_frame: *first,
            last_frame: end.saturating_sub(1),
        });
        used.collect()
    }
}

/// Which frames of so many had which pictures: those that are bound to frames, or those of the element's property, which hold for
/// all of them. None where there are none.
pub fn used(context: &Context, frames: u64) -> Result<Option<Vec<Used>>, Error> {
    if let Some(references) = &context.references {
        return Ok(Some(references.used(frames)));
    }
    let Some(location) = context.settings.reference_location() else {
        return Ok(None);
    };
    let pictures = match location.is_dir() {
        true => {
            let listing = list_stills(location).map_err(|e| Error::Other(e.to_string()))?;
            listing.images.into_iter().map(|(_, path)| path).collect()
        }
        false => vec![location.to_owned()],
    };
    let used = pictures.into_iter().map(|path| {
        Ok(Used {
            sha256: sha256(&path, || true).map_err(|e| Error::of(&path, e))?,
            file: name(&path),
            first_frame: 0,
            last_frame: frames.saturating_sub(1),
        })
    });
    used.collect::<Result<_, _>>().map(Some)
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

impl Reference {
    fn read(path: PathBuf) -> Result<Self, ReferenceError> {
        let pictures = read_references(&path)?;
        let hash = sha256(&path, || true).map_err(|source| StillError::Io {
            path: path.clone(),
            source,
        })?;
        let (height, width, _) = pictures.first().map_or((0, 0, 0), |picture| picture.dim());
        Ok(Self {
            path,
            sha256: hash,
            size: (width, height),
        })
    }

    fn has_shape_of(&self, size: (usize, usize), pixels: f64) -> bool {
        let aspect = |(width, height): (usize, usize)| width as f64 / height.max(1) as f64;
        (aspect(self.size) / (aspect(size) * pixels)).ln().abs() < NEAR
    }

    fn of_other_shape(&self, (width, height): (usize, usize)) -> String {
        let (path, (w, h)) = (self.path.display(), self.size);
        format!("{path}: it has other proportions ({w}:{h}) than the frame ({width}:{height})")
    }
}

/// Nothing wrong, or all that is wrong in one error.
fn all_well(wrong: Vec<String>) -> Result<(), Error> {
    if wrong.is_empty() {
        return Ok(());
    }
    let more = wrong.len().saturating_sub(NAMED);
    let named = wrong.into_iter().take(NAMED);
    let mut text = named.collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    Err(Error::Other(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_frame_has_the_last_one_before_it(
            bound in proptest::collection::btree_set(0_u64..60, 1..12),
            frames in 1_u64..50,
        ) {
            let picture = |frame: u64| Reference {
                path: format!("ref_{frame}.png").into(),
                sha256: String::new(),
                size: (1, 1),
            };
            let by_frame = bound.iter().map(|frame| (*frame, picture(*frame))).collect();
            let references = References { by_frame };
            let used = references.used(frames);
            for frame in 0..frames {
                let at = references.at(frame).map(|(_, of)| name(&of.path));
                let of = used.iter().find(|u| (u.first_frame..=u.last_frame).contains(&frame));
                prop_assert_eq!(at, of.map(|u| u.file.clone()), "frame {}", frame);
            }
            let beyond = references.beyond(frames).len();
            prop_assert_eq!(used.len() + beyond, bound.len());
            prop_assert_eq!(references.check_frames(frames).is_ok(), beyond == 0);
        }
    }
}
