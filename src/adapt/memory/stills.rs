//! Stills that are learned beside what the stream itself remembers. They belong to the settings: nothing that a stream does
//! forgets them.

use std::path::Path;
use std::sync::Arc;

use super::understood::{Remembered, class_weights};
use crate::adapt::random::Draws;
use crate::adapt::{Error, Sampling};
use crate::video::{ClassMap, LabelIds, Rgb, model_size, read_still_set};
use crate::weights::ModelFile;

/// How many stills are held at most: with labels, 44 MB at 288x384.
const MOST: usize = 100;
/// The stream of random numbers by which they are chosen, which no frame uses.
const CHOICE_STREAM: u64 = u64::MAX - 1;

/// One still, at the model's size for its proportions.
enum Still {
    Labelled(Remembered),
    /// One of which the model on disk has not said anything yet.
    Plain(Arc<Rgb>),
}

/// Stills to learn.
#[derive(Default)]
pub(in crate::adapt) struct Stills {
    stills: Vec<Still>,
    /// How often one of them has got labels.
    changes: u64,
}

impl Stills {
    /// Reads the stills of a folder ([`read_still_set`]), of a large one some that the seed chooses.
    ///
    /// # Errors
    /// [`Error::Setting`] for `replay-location`, which names the folder or file.
    pub fn read(folder: &Path, model: &ModelFile, seed: u64) -> Result<Self, Error> {
        let ids = LabelIds::with_void_last(model.classes.len());
        let choose = |count: usize| {
            let mut draws = Draws::new(seed, CHOICE_STREAM);
            let mut chosen = draws.places(count, count, Sampling::Permutation);
            chosen.truncate(MOST);
            chosen
        };
        let (model_height, model_width) = model.size;
        let size = |width, height| model_size(width, height, model_width, model_height);
        let read = read_still_set(folder, &ids, choose, size).map_err(|e| Error::Setting {
            name: "replay-location",
            detail: e.to_string(),
        })?;
        let stills = read.into_iter().map(|still| match still.labels {
            Some(labels) => Still::Labelled(Remembered::new(still.rgb.into(), labels.into(), true)),
            None => Still::Plain(still.rgb.into()),
        });
        Ok(Self {
            stills: stills.collect(),
            changes: 0,
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.stills.len()
    }

    /// A number that is another one once a still has got labels.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// One of them, if it has labels.
    pub fn labelled(&self, place: usize) -> Option<&Remembered> {
        match self.stills.get(place) {
            Some(Still::Labelled(still)) => Some(still),
            _ => None,
        }
    }

    /// One of them, if it has none.
    pub fn plain(&self, place: usize) -> Option<Arc<Rgb>> {
        match self.stills.get(place) {
            Some(Still::Plain(rgb)) => Some(rgb.clone()),
            _ => None,
        }
    }

    /// Gives a still labels, of its own size.
    pub fn label(&mut self, place: usize, labels: ClassMap) {
        if let Some(still) = self.stills.get_mut(place)
            && let Still::Plain(rgb) = still
        {
            *still = Still::Labelled(Remembered::new(rgb.clone(), labels.into(), true));
            self.changes += 1;
        }
    }

    /// What a pixel of each class counts in a loss on one of them.
    pub fn class_weights(&self, classes: usize) -> Vec<f32> {
        let labelled = self.stills.iter().filter_map(|still| match still {
            Still::Labelled(still) => Some(still),
            Still::Plain(_) => None,
        });
        class_weights(labelled, classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{tiny, untrained};
    use crate::video::write_png;

    #[test]
    fn of_a_large_folder_the_seed_chooses() {
        let dir = tempfile::tempdir().unwrap();
        for grey in 0..110 {
            let path = dir.path().join(format!("{grey:03}.png"));
            write_png(&path, &Rgb::from_elem((16, 16, 3), grey)).unwrap();
        }
        let model = untrained(tiny(3), 1);
        let greys = |seed| {
            let stills = Stills::read(dir.path(), &model, seed).unwrap();
            assert_eq!(stills.count(), MOST);
            let grey = |place| {
                let rgb = stills.plain(place).unwrap();
                assert_eq!(rgb.dim(), (64, 64, 3), "the model's area");
                rgb[[0, 0, 0]]
            };
            let mut greys: Vec<u8> = (0..MOST).map(grey).collect();
            greys.sort_unstable();
            greys.dedup();
            assert_eq!(greys.len(), MOST);
            greys
        };
        assert_eq!(greys(1), greys(1));
        assert_ne!(greys(1), greys(2));
    }

    #[test]
    fn labels_come_later_where_there_are_none() {
        let dir = tempfile::tempdir().unwrap();
        write_png(&dir.path().join("a.png"), &Rgb::zeros((16, 16, 3))).unwrap();
        let mut stills = Stills::read(dir.path(), &untrained(tiny(3), 1), 0).unwrap();
        assert!(stills.labelled(0).is_none());
        assert_eq!(
            (stills.changes(), stills.class_weights(3)),
            (0, vec![1.0; 3])
        );
        let mut labels = ClassMap::from_elem((64, 64), 0);
        labels.slice_mut(ndarray::s![..16, ..]).fill(2);
        stills.label(0, labels.clone());
        assert_eq!(*stills.labelled(0).unwrap().labels, labels);
        assert!(stills.plain(0).is_none() && stills.plain(1).is_none());
        assert_eq!(stills.changes(), 1);
        let weights = stills.class_weights(3);
        assert!(weights[2] > weights[0], "{weights:?}");
    }
}
