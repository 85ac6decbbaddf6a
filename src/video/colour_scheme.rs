//! Colour schemes: which classes the colours of RGB label files stand for.

use std::collections::HashMap;

use super::label_map::{ClassGroups, Ordered};
use super::{LabelColours, LabelIds};

/// The name of what a colour stands for that is no label.
const VOID: &str = "void";
/// The scheme whose files hold the id itself, in red.
const KITTI_STEP: &str = "kitti-step";

/// A built-in scheme: its name, and the colours of each class.
type BuiltIn = (&'static str, &'static [(&'static str, &'static [[u8; 3]])]);

/// CamVid's eleven classes in the colours of its 32 and in those that papers draw the eleven in; the 32; Cityscapes' 19.
/// (mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid; cityscapesScripts, helpers/labels.py.)
#[rustfmt::skip]
const BUILT_IN: [BuiltIn; 3] = [
    ("camvid11", &[
        ("sky", &[[128, 128, 128]]),
        // Archway, bridge, building, tunnel, wall.
        ("building", &[[192, 0, 128], [0, 128, 64], [128, 0, 0], [64, 0, 64], [64, 192, 0]]),
        // Pole, traffic cone.
        ("pole", &[[192, 192, 128], [0, 0, 64]]),
        // Road, markings to drive by and others; the markings again, as they are drawn.
        ("road", &[[128, 64, 128], [128, 0, 192], [192, 0, 64], [255, 69, 0]]),
        // Sidewalk, parking block, shoulder; the sidewalk again.
        ("pavement", &[[0, 0, 192], [64, 192, 128], [128, 128, 192], [60, 40, 222]]),
        ("tree", &[[128, 128, 0], [192, 192, 0]]),
        // Sign, other text, traffic light.
        ("sign", &[[192, 128, 128], [128, 128, 64], [0, 64, 64]]),
        ("fence", &[[64, 64, 128]]),
        // Car, pickup, truck or bus, train, others that move.
        ("car", &[[64, 0, 128], [64, 128, 192], [192, 128, 192], [192, 64, 128], [128, 64, 64]]),
        // Pedestrian, child, pram or luggage, animal.
        ("pedestrian", &[[64, 64, 0], [192, 128, 64], [64, 0, 192], [64, 128, 64]]),
        ("bicyclist", &[[0, 128, 192], [192, 0, 192]]),
        (VOID, &[[0, 0, 0]]),
    ]),
    ("camvid32", &[
        ("Animal", &[[64, 128, 64]]), ("Archway", &[[192, 0, 128]]), ("Bicyclist", &[[0, 128, 192]]),
        ("Bridge", &[[0, 128, 64]]), ("Building", &[[128, 0, 0]]), ("Car", &[[64, 0, 128]]),
        ("CartLuggagePram", &[[64, 0, 192]]), ("Child", &[[192, 128, 64]]), ("Column_Pole", &[[192, 192, 128]]),
        ("Fence", &[[64, 64, 128]]), ("LaneMkgsDriv", &[[128, 0, 192]]), ("LaneMkgsNonDriv", &[[192, 0, 64]]),
        ("Misc_Text", &[[128, 128, 64]]), ("MotorcycleScooter", &[[192, 0, 192]]), ("OtherMoving", &[[128, 64, 64]]),
        ("ParkingBlock", &[[64, 192, 128]]), ("Pedestrian", &[[64, 64, 0]]), ("Road", &[[128, 64, 128]]),
        ("RoadShoulder", &[[128, 128, 192]]), ("Sidewalk", &[[0, 0, 192]]), ("SignSymbol", &[[192, 128, 128]]),
        ("Sky", &[[128, 128, 128]]), ("SUVPickupTruck", &[[64, 128, 192]]), ("TrafficCone", &[[0, 0, 64]]),
        ("TrafficLight", &[[0, 64, 64]]), ("Train", &[[192, 64, 128]]), ("Tree", &[[128, 128, 0]]),
        ("Truck_Bus", &[[192, 128, 192]]), ("Tunnel", &[[64, 0, 64]]), ("VegetationMisc", &[[192, 192, 0]]),
        ("Wall", &[[64, 192, 0]]), (VOID, &[[0, 0, 0]]),
    ]),
    ("cityscapes", &[
        ("road", &[[128, 64, 128]]), ("sidewalk", &[[244, 35, 232]]), ("building", &[[70, 70, 70]]),
        ("wall", &[[102, 102, 156]]), ("fence", &[[190, 153, 153]]), ("pole", &[[153, 153, 153]]),
        ("traffic light", &[[250, 170, 30]]), ("traffic sign", &[[220, 220, 0]]), ("vegetation", &[[107, 142, 35]]),
        ("terrain", &[[152, 251, 152]]), ("sky", &[[70, 130, 180]]), ("person", &[[220, 20, 60]]),
        ("rider", &[[255, 0, 0]]), ("car", &[[0, 0, 142]]), ("truck", &[[0, 0, 70]]), ("bus", &[[0, 60, 100]]),
        ("train", &[[0, 80, 100]]), ("motorcycle", &[[0, 0, 230]]), ("bicycle", &[[119, 11, 32]]),
        // Unlabelled, dynamic, ground, parking, rail track, guard rail, bridge, tunnel, caravan, trailer.
        (VOID, &[
            [0, 0, 0], [111, 74, 0], [81, 0, 81], [250, 170, 160], [230, 150, 140], [180, 165, 180], [150, 100, 100],
            [150, 120, 90], [0, 0, 90], [0, 0, 110],
        ]),
    ]),
];

/// Why a colour scheme cannot be used; names the scheme or its file.
#[derive(Debug, thiserror::Error)]
pub enum ColourSchemeError {
    /// A file that cannot be read, by a name that is not built in either.
    #[error(
        "colours of labels {scheme}: {source} (built in: camvid11, camvid32, cityscapes, kitti-step)"
    )]
    Read {
        /// The name that was given.
        scheme: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A file that does not hold an object of lists of colours.
    #[error("colours of labels {scheme}: {source}")]
    Json {
        /// The file.
        scheme: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A name that is no class of the labels.
    #[error(
        "colours of labels {scheme}: `{class}` is none of the classes of these labels ({known}); what is no label is `void`"
    )]
    Unknown {
        /// The scheme.
        scheme: String,
        /// The name.
        class: String,
        /// The classes.
        known: String,
    },
    /// A colour that stands for two classes.
    #[error("colours of labels {scheme}: {colour:?} stands for more than one class")]
    Twice {
        /// The scheme.
        scheme: String,
        /// Red, green and blue.
        colour: [u8; 3],
    },
}

/// For each class the colours that it has in RGB label files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColourScheme {
    source: String,
    /// `None` where red is the id.
    classes: Option<Vec<(String, Vec<[u8; 3]>)>>,
}

impl ColourScheme {
    /// A built-in scheme by its name (`camvid11`, `camvid32`, `cityscapes`; `kitti-step`, whose red is the id), or that of a
    /// JSON file: an object of lists of colours, `{"class": [[red, green, blue], …], …}`, in which `void` is no label.
    ///
    /// # Errors
    /// [`ColourSchemeError`] when there is no such file, or it holds something else.
    pub fn open(name_or_file: &str) -> Result<Self, ColourSchemeError> {
        if let Some(scheme) = Self::built_in(name_or_file) {
            return Ok(scheme);
        }
        let scheme = name_or_file.to_owned();
        let text = std::fs::read_to_string(name_or_file);
        let text = text.map_err(|source| ColourSchemeError::Read {
            scheme: scheme.clone(),
            source,
        })?;
        let read = serde_json::from_str(&text);
        let Ordered(classes) = read.map_err(|source| ColourSchemeError::Json {
            scheme: scheme.clone(),
            source,
        })?;
        Ok(Self {
            source: scheme,
            classes: Some(classes),
        })
    }

    /// The built-in scheme of this name; that of a label map has the map's.
    pub fn built_in(name: &str) -> Option<Self> {
        if name == KITTI_STEP {
            return Some(Self {
                source: name.to_owned(),
                classes: None,
            });
        }
        let (_, classes) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        let each = classes.iter();
        let each = each.map(|(class, colours)| ((*class).to_owned(), colours.to_vec()));
        Some(Self {
            source: name.to_owned(),
            classes: Some(each.collect()),
        })
    }

    /// The name or the file that it was opened by.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The ids of the colours for labels of these classes, in the order of their ids.
    ///
    /// # Errors
    /// [`ColourSchemeError`] for a name that is no class, or a colour that stands for two.
    fn colours(&self, names: &[String]) -> Result<LabelColours, ColourSchemeError> {
        let Some(classes) = &self.classes else {
            return Ok(LabelColours::RedIsId);
        };
        let mut ids = HashMap::new();
        for (class, colours) in classes {
            let position = names.iter().position(|name| name == class);
            let id = match position {
                Some(at) => u8::try_from(at).unwrap_or(255),
                None if class == VOID => 255,
                None => {
                    return Err(ColourSchemeError::Unknown {
                        scheme: self.source.clone(),
                        class: class.clone(),
                        known: names.join(", "),
                    });
                }
            };
            for colour in colours {
                if ids.insert(*colour, id).is_some_and(|other| other != id) {
                    return Err(ColourSchemeError::Twice {
                        scheme: self.source.clone(),
                        colour: *colour,
                    });
                }
            }
        }
        Ok(LabelColours::Table {
            source: self.source.clone(),
            ids,
        })
    }
}

/// What label files mean for a model with these classes: the ids of the groups that they are coarser by, if they are, and the
/// colours of RGB files.
///
/// # Errors
/// [`ColourSchemeError`] when the colours do not fit the classes of the labels.
pub fn label_ids(
    classes: &[String],
    groups: Option<&ClassGroups>,
    colours: Option<&ColourScheme>,
) -> Result<LabelIds, ColourSchemeError> {
    let names = groups.map_or(classes, ClassGroups::names);
    let colours = colours.map(|scheme| scheme.colours(names)).transpose()?;
    Ok(LabelIds {
        colours,
        ..groups.map_or_else(|| LabelIds::with_void_last(classes.len()), ClassGroups::ids)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::LabelMap;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    /// The id of a colour for labels of these classes.
    fn id(scheme: &str, classes: &[String], colour: [u8; 3]) -> Option<u8> {
        let scheme = ColourScheme::open(scheme).unwrap();
        match label_ids(classes, None, Some(&scheme)).unwrap().colours {
            Some(LabelColours::Table { ids, .. }) => ids.get(&colour).copied(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn built_in_schemes() {
        let camvid11 = LabelMap::open("camvid11").unwrap().names();
        // A child and an SUV of the raw files, a pavement as it is drawn, a colour of none.
        assert_eq!(id("camvid11", &camvid11, [192, 128, 64]), Some(9));
        assert_eq!(id("camvid11", &camvid11, [64, 128, 192]), Some(8));
        assert_eq!(id("camvid11", &camvid11, [60, 40, 222]), Some(4));
        assert_eq!(id("camvid11", &camvid11, [0, 0, 0]), Some(255));
        assert_eq!(id("camvid11", &camvid11, [1, 2, 3]), None);

        let named = |scheme: &str| {
            let classes = ColourScheme::built_in(scheme).unwrap().classes.unwrap();
            let names = classes.into_iter().map(|(name, _)| name);
            names.filter(|name| name != VOID).collect::<Vec<_>>()
        };
        let (camvid32, cityscapes) = (named("camvid32"), named("cityscapes"));
        // 32 with void.
        assert_eq!((camvid32.len(), cityscapes.len()), (31, 19));
        assert_eq!(id("camvid32", &camvid32, [64, 192, 0]), Some(30));
        assert_eq!(id("cityscapes", &cityscapes, [119, 11, 32]), Some(18));
        assert_eq!(id("cityscapes", &cityscapes, [111, 74, 0]), Some(255));
        // Each colour of the 32 is one of the eleven's.
        let raw = ColourScheme::built_in("camvid32").unwrap().classes.unwrap();
        for (class, colours) in raw {
            let found = id("camvid11", &camvid11, colours[0]);
            assert_eq!(found == Some(255), class == VOID, "{class}");
            assert!(found.is_some(), "{class}");
        }

        let step = ColourScheme::open("kitti-step").unwrap();
        let ids = label_ids(&cityscapes, None, Some(&step)).unwrap();
        assert_eq!(ids.colours, Some(LabelColours::RedIsId));
        assert_eq!(label_ids(&cityscapes, None, None).unwrap().colours, None);
    }

    #[test]
    fn colours_are_of_the_coarser_classes() {
        let classes = names(&["road", "sky"]);
        let dir = tempfile::tempdir().unwrap();
        let (map, table) = (dir.path().join("map.json"), dir.path().join("table.json"));
        std::fs::write(&map, r#"{"up": ["sky"], "down": ["road"]}"#).unwrap();
        std::fs::write(
            &table,
            r#"{"down": [[1, 1, 1]], "void": [], "up": [[2, 2, 2]]}"#,
        )
        .unwrap();
        let groups = LabelMap::open(map.to_str().unwrap()).unwrap();
        let groups = groups.groups(&classes).unwrap();
        let scheme = ColourScheme::open(table.to_str().unwrap()).unwrap();
        let ids = label_ids(&classes, Some(&groups), Some(&scheme)).unwrap();
        assert_eq!((ids.classes, ids.void[0]), (2, 2));
        let Some(LabelColours::Table { ids, source }) = ids.colours else {
            panic!("no table");
        };
        assert_eq!((ids[&[1, 1, 1]], ids[&[2, 2, 2]]), (1, 0));
        assert!(source.ends_with("table.json"));
    }

    #[test]
    fn what_is_wrong_with_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.json");
        let path = path.to_str().unwrap();
        let refused = |text: &str| {
            std::fs::write(path, text).unwrap();
            let scheme = ColourScheme::open(path).map_err(|e| e.to_string());
            let ids = scheme.and_then(|scheme| {
                label_ids(&names(&["road", "sky"]), None, Some(&scheme)).map_err(|e| e.to_string())
            });
            ids.unwrap_err()
        };
        for (text, wanted) in [
            (
                r#"{"rod": [[1, 2, 3]]}"#,
                "`rod` is none of the classes of these labels (road, sky)",
            ),
            (
                r#"{"road": [[1, 2, 3]], "sky": [[1, 2, 3]]}"#,
                "[1, 2, 3] stands for more than one class",
            ),
            (r#"{"road": [[1, 2, 300]]}"#, "300"),
            (r#"{"road": [1, 2, 3]}"#, "expected an array"),
            ("[]", "an object of lists"),
        ] {
            let error = refused(text);
            assert!(error.contains(wanted), "{text}: {error}");
            assert!(error.contains("table.json"), "{error}");
        }
        let none = ColourScheme::open("camvid12").unwrap_err().to_string();
        assert!(
            none.contains("camvid12") && none.contains("camvid32, cityscapes"),
            "{none}"
        );
    }
}
