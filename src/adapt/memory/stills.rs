//! Stills that are learned beside what the stream itself remembers. They belong to the settings: nothing that a stream does
//! forgets them.

use std::path::Path;
use std::sync::Arc;

use ndarray::ArrayView3;

use super::understood::{Remembered, class_weights};
use crate::adapt::objective::PseudoLabels;
use crate::adapt::random::Draws;
use crate::adapt::size::Size;
use crate::adapt::{Error, Sampling};
use crate::video::{ClassGroups, ClassMap, LabelIds, LabelMap, Rgb, model_size, read_still_set};
use crate::weights::ModelFile;

/// How many stills are held at most: with labels, 44 MB at 288x384.
const MOST: usize = 100;
/// The file in a folder of stills that says what its labels mean, where these are not the model's classes ([`LabelMap`]).
const LABEL_MAP: &str = "label-map.json";
/// The stream of random numbers by which they are chosen, which no frame uses.
const CHOICE_STREAM: u64 = u64::MAX - 1;

/// One still, at the model's size for its proportions.
enum Still {
    Labelled(Remembered),
    /// One of which the model on disk has not said anything yet, and the group of classes of every pixel, if there are labels.
    Open(Arc<Rgb>, Option<ClassMap>),
}

/// Stills to learn.
#[derive(Default)]
pub(in crate::adapt) struct Stills {
    stills: Vec<Still>,
    /// The group that every class belongs to.
    groups: Vec<Option<u8>>,
    /// How often one of them has got labels.
    changes: u64,
}

impl Stills {
    /// Reads the stills of a folder ([`read_still_set`]), of a large one some that the seed chooses.
    ///
    /// # Errors
    /// [`Error::Setting`] for `replay-location`, which names the folder or file.
    pub fn read(folder: &Path, model: &ModelFile, seed: u64) -> Result<Self, Error> {
        let unusable = |detail: String| Error::Setting {
            name: "replay-location",
            detail,
        };
        let map = folder.join(LABEL_MAP);
        let groups = if map.exists() {
            let map = LabelMap::open(&map.display().to_string());
            let groups = map.and_then(|map| map.groups(&model.classes));
            Some(groups.map_err(|e| unusable(e.to_string()))?)
        } else {
            None
        };
        let ids = match &groups {
            Some(groups) => groups.ids(),
            None => LabelIds::with_void_last(model.classes.len()),
        };
        let coarser = groups.filter(|groups| !groups.is_own());
        let choose = |count: usize| {
            let mut draws = Draws::new(seed, CHOICE_STREAM);
            let mut chosen = draws.places(count, count, Sampling::Permutation);
            chosen.truncate(MOST);
            chosen
        };
        let (model_height, model_width) = model.size;
        let size = |width, height| model_size(width, height, model_width, model_height);
        let read = read_still_set(folder, &ids, choose, size);
        let read = read.map_err(|e| unusable(e.to_string()))?;
        let stills = read.into_iter().map(|still| match still.labels {
            Some(labels) if coarser.is_none() => {
                Still::Labelled(Remembered::new(still.rgb.into(), labels.into(), true))
            }
            labels => Still::Open(still.rgb.into(), labels),
        });
        let groups = coarser.as_ref().map_or(&[][..], ClassGroups::groups);
        Ok(Self {
            stills: stills.collect(),
            groups: groups.to_vec(),
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

    /// One of them, if it has labels of the model's classes.
    pub fn labelled(&self, place: usize) -> Option<&Remembered> {
        match self.stills.get(place) {
            Some(Still::Labelled(still)) => Some(still),
            _ => None,
        }
    }

    /// The picture of one of them that has none yet.
    pub fn open(&self, place: usize) -> Option<Arc<Rgb>> {
        match self.stills.get(place) {
            Some(Still::Open(rgb, _)) => Some(rgb.clone()),
            _ => None,
        }
    }

    /// Gives a still labels by the class probabilities (classes, height / 4, width / 4) that the model on disk finds in it: what
    /// that is sure of, or where its labels are coarser the likeliest class of each group.
    pub fn label(&mut self, place: usize, on_disk: ArrayView3<'_, f32>, size: Size) {
        let Some(still) = self.stills.get_mut(place) else {
            return;
        };
        let Still::Open(rgb, coarse) = still else {
            return;
        };
        let labels = match coarse {
            None => PseudoLabels::confident(on_disk, size),
            Some(coarse) => {
                let groups = &self.groups;
                let may = |class: u8, place: [usize; 2]| {
                    groups.get(usize::from(class)) == Some(&Some(coarse[place]))
                };
                let mut labels = PseudoLabels::default();
                labels.find(on_disk, size, may, |_| 0.0);
                labels
            }
        };
        *still = Still::Labelled(Remembered::new(rgb.clone(), labels.map.into(), true));
        self.changes += 1;
    }

    /// What a pixel of each class counts in a loss on one of them.
    pub fn class_weights(&self, classes: usize) -> Vec<f32> {
        let labelled = self.stills.iter().filter_map(|still| match still {
            Still::Labelled(still) => Some(still),
            Still::Open(..) => None,
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
                let rgb = stills.open(place).unwrap();
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

    /// Tokens of the model's first class at the left and of its second at the right.
    fn probabilities() -> ndarray::Array3<f32> {
        ndarray::Array3::from_shape_fn((3, 16, 16), |(class, _, x)| {
            [[0.7, 0.2], [0.2, 0.7], [0.1, 0.1]][class][usize::from(x >= 8)]
        })
    }

    const SIZE: Size = Size {
        height: 64,
        width: 64,
    };

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
        stills.label(0, probabilities().view(), SIZE);
        let labels = &stills.labelled(0).unwrap().labels;
        assert_eq!((labels[[9, 9]], labels[[9, 60]]), (0, 1));
        assert!(stills.open(0).is_none() && stills.open(1).is_none());
        assert_eq!(stills.changes(), 1);
        // What has its labels keeps them.
        stills.label(0, probabilities().view(), SIZE);
        assert_eq!(stills.changes(), 1);
    }

    #[test]
    fn coarser_labels_are_the_likeliest_class_of_their_group() {
        let dir = tempfile::tempdir().unwrap();
        for kind in ["frames", "labels"] {
            std::fs::create_dir(dir.path().join(kind)).unwrap();
        }
        let at = |name: &str| dir.path().join(name);
        write_png(&at("frames/a.png"), &Rgb::zeros((64, 64, 3))).unwrap();
        // From top to bottom: the group of both, that of the third class, none.
        let coarse = |(y, _)| [0, 1, 2, 255][y / 16];
        let coarse = ClassMap::from_shape_fn((64, 64), coarse);
        write_png(&at("labels/a.png"), &coarse).unwrap();
        let map = r#"{"ground": ["class 0", "class 1"], "sky": ["class 2"]}"#;
        std::fs::write(at(LABEL_MAP), map).unwrap();
        let model = untrained(tiny(3), 1);
        let mut stills = Stills::read(dir.path(), &model, 0).unwrap();
        stills.label(0, probabilities().view(), SIZE);
        let labels = &stills.labelled(0).unwrap().labels;
        let found = [0, 20, 40, 60].map(|y| (labels[[y, 9]], labels[[y, 60]]));
        assert_eq!(found, [(0, 1), (2, 2), (255, 255), (255, 255)]);

        std::fs::write(at(LABEL_MAP), r#"{"sea": ["fish"]}"#).unwrap();
        let said = Stills::read(dir.path(), &model, 0)
            .err()
            .unwrap()
            .to_string();
        assert!(
            said.contains(LABEL_MAP) && said.contains("`fish`"),
            "{said}"
        );
    }
}
