//! Label maps: which of a model's classes the ids of coarser labels stand for.

use ndarray::{Array3, ArrayRef3, Axis};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use super::LabelIds;

/// A built-in map: its name, and each coarse class with the Cityscapes classes that belong to it, in the order of the ids.
type BuiltIn = (
    &'static str,
    &'static [(&'static str, &'static [&'static str])],
);

/// CamVid's eleven classes and the seven groups of IDD-lite.
const BUILT_IN: [BuiltIn; 2] = [
    (
        "camvid11",
        &[
            ("sky", &["sky"]),
            ("building", &["building", "wall"]),
            ("pole", &["pole"]),
            ("road", &["road"]),
            ("pavement", &["sidewalk"]),
            ("tree", &["vegetation", "terrain"]),
            ("sign", &["traffic light", "traffic sign"]),
            ("fence", &["fence"]),
            ("car", &["car", "truck", "bus", "train"]),
            ("pedestrian", &["person"]),
            ("bicyclist", &["rider", "motorcycle", "bicycle"]),
        ],
    ),
    (
        "idd7",
        &[
            ("drivable", &["road"]),
            ("non-drivable", &["sidewalk", "terrain"]),
            ("living thing", &["person", "rider"]),
            (
                "vehicle",
                &["car", "truck", "bus", "train", "motorcycle", "bicycle"],
            ),
            (
                "roadside object",
                &["wall", "fence", "pole", "traffic light", "traffic sign"],
            ),
            ("far object", &["building", "vegetation"]),
            ("sky", &["sky"]),
        ],
    ),
];

/// Why a label map cannot be used; names the map or its file.
#[derive(Debug, thiserror::Error)]
pub enum LabelMapError {
    /// A file that cannot be read, by a name that is not built in either.
    #[error("label map {map}: {source} (built in: camvid11, idd7)")]
    Read {
        /// The name that was given.
        map: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A file that does not hold an object of lists of names.
    #[error("label map {map}: {source}")]
    Json {
        /// The file.
        map: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// No coarse class, or more than a byte can tell apart.
    #[error("label map {map}: {count} classes; possible is 1 to 255")]
    Count {
        /// The map.
        map: String,
        /// Coarse classes in it.
        count: usize,
    },
    /// A name that the model does not have.
    #[error("label map {map}: the model has no class `{class}`")]
    Unknown {
        /// The map.
        map: String,
        /// The name.
        class: String,
    },
    /// A name that occurs more than once.
    #[error("label map {map}: `{class}` occurs in it twice")]
    Twice {
        /// The map.
        map: String,
        /// The name.
        class: String,
    },
}

/// For every id of coarser labels, in order: its name, and the names of the model's classes that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    source: String,
    coarse: Vec<(String, Vec<String>)>,
}

impl LabelMap {
    /// A built-in map by its name (`camvid11`, `idd7`; both for the names of Cityscapes), or that of a JSON file: an object of
    /// lists, `{"coarse name": ["class", …], …}`, in the order of the ids.
    ///
    /// # Errors
    /// [`LabelMapError`] when there is no such file, or it holds something else.
    pub fn open(name_or_file: &str) -> Result<Self, LabelMapError> {
        if let Some(map) = Self::built_in().find(|map| map.source == name_or_file) {
            return Ok(map);
        }
        let map = name_or_file.to_owned();
        let text = std::fs::read_to_string(Path::new(name_or_file));
        let text = text.map_err(|source| LabelMapError::Read {
            map: map.clone(),
            source,
        })?;
        let read = serde_json::from_str(&text);
        let Ordered(coarse) = read.map_err(|source| LabelMapError::Json {
            map: map.clone(),
            source,
        })?;
        if !(1..=255).contains(&coarse.len()) {
            let count = coarse.len();
            return Err(LabelMapError::Count { map, count });
        }
        let source = map;
        Ok(Self { source, coarse })
    }

    /// The maps that are built in.
    pub fn built_in() -> impl Iterator<Item = Self> {
        BUILT_IN.iter().map(|(name, coarse)| {
            let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
            let each = coarse.iter();
            let each = each.map(|(name, classes)| ((*name).to_owned(), owned(classes)));
            Self {
                source: (*name).to_owned(),
                coarse: each.collect(),
            }
        })
    }

    /// The name or the file that it was opened by.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The coarse names in the order of their ids.
    pub fn names(&self) -> Vec<String> {
        self.coarse.iter().map(|(name, _)| name.clone()).collect()
    }

    /// What the map means for a model with these classes. One whose classes are the coarse ones has nothing to add up.
    ///
    /// # Errors
    /// [`LabelMapError`] for a class that the model does not have, or that belongs to two coarse ones.
    pub fn groups(&self, classes: &[String]) -> Result<ClassGroups, LabelMapError> {
        let names = self.names();
        if names == classes {
            return Ok(ClassGroups::own(classes));
        }
        let mut groups = vec![None; classes.len()];
        for (id, (name, members)) in (0u8..).zip(&self.coarse) {
            if names[..usize::from(id)].contains(name) {
                return Err(self.twice(name));
            }
            for class in members {
                let at = classes.iter().position(|known| known == class);
                let at = at.ok_or_else(|| LabelMapError::Unknown {
                    map: self.source.clone(),
                    class: class.clone(),
                })?;
                if groups[at].replace(id).is_some() {
                    return Err(self.twice(class));
                }
            }
        }
        Ok(ClassGroups { names, groups })
    }

    fn twice(&self, class: &str) -> LabelMapError {
        LabelMapError::Twice {
            map: self.source.clone(),
            class: class.to_owned(),
        }
    }
}

/// For each of a model's classes the group that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassGroups {
    names: Vec<String>,
    groups: Vec<Option<u8>>,
}

impl ClassGroups {
    /// Every class a group of its own.
    pub fn own(classes: &[String]) -> Self {
        Self {
            names: classes.to_vec(),
            groups: (0..=254).map(Some).take(classes.len()).collect(),
        }
    }

    /// Names of the groups in the order of their ids.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The group of every class, `None` for one that belongs to none.
    pub fn groups(&self) -> &[Option<u8>] {
        &self.groups
    }

    /// Whether every class is a group of its own.
    pub fn is_own(&self) -> bool {
        self.names.len() == self.groups.len()
            && self.groups.iter().zip(0..).all(|(g, id)| *g == Some(id))
    }

    /// Probabilities of the groups (groups, height, width): the sums of those of their classes (classes, height, width).
    /// What a class of no group has counts for none.
    pub fn sums(&self, probabilities: &ArrayRef3<f32>) -> Array3<f32> {
        let (_, height, width) = probabilities.dim();
        let mut sums = Array3::zeros((self.names.len(), height, width));
        for (class, group) in probabilities.outer_iter().zip(&self.groups) {
            if let Some(id) = group {
                let mut sum = sums.index_axis_mut(Axis(0), usize::from(*id));
                sum += &class;
            }
        }
        sums
    }

    /// A colour for each group: that of the first of its classes, of which these are the colours.
    pub fn colours(&self, classes: &[[u8; 3]]) -> Vec<[u8; 3]> {
        let of = |id| {
            let first = self.groups.iter().position(|g| *g == Some(id));
            first.and_then(|class| classes.get(class)).copied()
        };
        let ids = (0..=254).take(self.names.len());
        ids.map(|id| of(id).unwrap_or_default()).collect()
    }

    /// The ids of labels in this scheme: whatever is no group is void.
    pub fn ids(&self) -> LabelIds {
        LabelIds {
            classes: self.names.len(),
            void: (0..255).skip(self.names.len()).collect(),
            colours: None,
        }
    }
}

/// An object of lists, in the order of the file.
pub(super) struct Ordered<T>(pub Vec<(String, Vec<T>)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of lists by class names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = vec![];
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn probabilities_add_up_to_another_highest() {
        let classes = names(&["road", "sky", "car", "tram"]);
        let groups = ClassGroups {
            names: names(&["road", "vehicle"]),
            groups: vec![Some(0), None, Some(1), Some(1)],
        };
        // Of the first pixel: road is highest, but both vehicles together are more.
        let scores = array![[[0.4, 0.1]], [[0.0, 0.9]], [[0.3, 0.0]], [[0.3, 0.0]]];
        let sums = groups.sums(&scores);
        assert_eq!(sums, array![[[0.4, 0.1]], [[0.6, 0.0]]]);
        assert_eq!(ClassGroups::own(&classes).sums(&scores), scores);
        let colours = [[1; 3], [2; 3], [3; 3], [4; 3]];
        assert_eq!(groups.colours(&colours), [[1; 3], [3; 3]]);
        assert_eq!(groups.colours(&colours[..1]), [[1; 3], [0; 3]]);
    }

    const CITYSCAPES: [&str; 19] = [
        "road",
        "sidewalk",
        "building",
        "wall",
        "fence",
        "pole",
        "traffic light",
        "traffic sign",
        "vegetation",
        "terrain",
        "sky",
        "person",
        "rider",
        "car",
        "truck",
        "bus",
        "train",
        "motorcycle",
        "bicycle",
    ];

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    /// The ids of the Cityscapes classes in each group.
    fn members(map: &str) -> Vec<Vec<usize>> {
        let groups = LabelMap::open(map)
            .unwrap()
            .groups(&names(&CITYSCAPES))
            .unwrap();
        let of = |id: usize| {
            let each = groups.groups().iter().enumerate();
            each.filter(|(_, g)| g.map(usize::from) == Some(id))
                .map(|(class, _)| class)
                .collect()
        };
        (0..groups.names().len()).map(of).collect()
    }

    #[test]
    fn built_in_maps() {
        assert_eq!(
            members("camvid11"),
            [
                vec![10],
                vec![2, 3],
                vec![5],
                vec![0],
                vec![1],
                vec![8, 9],
                vec![6, 7],
                vec![4],
                vec![13, 14, 15, 16],
                vec![11],
                vec![12, 17, 18],
            ]
        );
        assert_eq!(
            members("idd7"),
            [
                vec![0],
                vec![1, 9],
                vec![11, 12],
                (13..=18).collect(),
                (3..=7).collect(),
                vec![2, 8],
                vec![10],
            ]
        );
        let map = LabelMap::open("idd7").unwrap();
        let coarse = map.groups(&names(&CITYSCAPES)).unwrap();
        assert!(!coarse.is_own());
        let ids = coarse.ids();
        assert_eq!((ids.classes, ids.void.len()), (7, 248));
        assert_eq!((ids.void[0], ids.void[247]), (7, 254));
        // A model of the coarse classes has nothing to add up.
        assert!(map.groups(&map.names()).unwrap().is_own());
    }

    #[test]
    fn maps_from_files_and_what_is_wrong_with_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("map.json");
        let path = path.to_str().unwrap();
        let classes = names(&["road", "sky", "car", "person"]);
        let groups = |text: &str| {
            std::fs::write(path, text).unwrap();
            let map = LabelMap::open(path).map_err(|e| e.to_string())?;
            map.groups(&classes).map_err(|e| e.to_string())
        };
        // Neither the alphabet nor the model orders the ids, the file does; what is in no list is in no group.
        let found = groups(r#"{"upwards": ["sky"], "down": ["road", "car"]}"#).unwrap();
        assert_eq!(found.names(), ["upwards", "down"]);
        assert_eq!(found.groups(), [Some(1), Some(0), Some(1), None]);

        for (text, wanted) in [
            (r#"{"a": ["tram"]}"#, "the model has no class `tram`"),
            (
                r#"{"a": ["sky"], "b": ["sky"]}"#,
                "`sky` occurs in it twice",
            ),
            (r#"{"a": ["sky"], "a": ["road"]}"#, "`a` occurs in it twice"),
            ("{}", "0 classes"),
            (r#"["sky"]"#, "an object of lists"),
            (r#"{"a": "sky"}"#, "expected a sequence"),
        ] {
            let error = groups(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
            assert!(error.contains("map.json"), "{error}");
        }
        let none = LabelMap::open("camvid12").unwrap_err().to_string();
        assert!(
            none.contains("camvid12") && none.contains("camvid11, idd7"),
            "{none}"
        );
    }
}
