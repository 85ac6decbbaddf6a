//! A set of labelled stills in memory.

use super::still::{Sample, Stills, images_of};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tttseg::video::{LabelIds, LeftOut, StillError, read_labels, read_rgb};

/// Why there is no labelled set.
#[derive(Debug, thiserror::Error)]
pub enum LabelledSetError {
    /// A folder cannot be read.
    #[error(transparent)]
    Folder(#[from] StillError),
    /// A sequence whose frames and labels have no name in common.
    #[error("{path}: none of {frames} frames has a label of the same name ({labels} labels)", path = path.display())]
    NoPair {
        /// The sequence's folder.
        path: PathBuf,
        /// Frames found.
        frames: usize,
        /// Labels found.
        labels: usize,
    },
    /// No pair at all could be used.
    #[error("no labelled image is left{}", first_reason(.left_out))]
    Empty {
        /// What was left out, and why.
        left_out: Vec<LeftOut>,
    },
}

fn first_reason(left_out: &[LeftOut]) -> String {
    match left_out {
        [] => ": no folder was given".to_owned(),
        [first, ..] => format!(" ({} left out; the first: {first})", left_out.len()),
    }
}

/// Labelled images, decoded once and kept as bytes, in the order of the folders and of the names within them.
#[derive(Clone, Debug)]
pub struct LabelledSet {
    samples: Vec<Sample>,
    left_out: Vec<LeftOut>,
    class_pixels: Vec<u64>,
    containing: Vec<Vec<u32>>,
}

impl LabelledSet {
    /// Reads every pair of `DIR/frames/NAME.{jpg,png}` and `DIR/labels/NAME.png` of each folder. Files without a partner,
    /// files that cannot be read and pairs of different size are left out and listed in [`LabelledSet::left_out`].
    ///
    /// # Errors
    /// [`LabelledSetError`] when a folder is missing, has no pair, or nothing is left.
    pub fn open<P: AsRef<Path>>(dirs: &[P], ids: &LabelIds) -> Result<Self, LabelledSetError> {
        let mut pairs = Vec::new();
        let mut left_out = Vec::new();
        for dir in dirs {
            pairs.extend(pairs_of(dir.as_ref(), &mut left_out)?);
        }
        let read: Vec<Result<Sample, LeftOut>> =
            pairs.into_par_iter().map(|pair| pair.read(ids)).collect();
        let mut samples = Vec::with_capacity(read.len());
        for sample in read {
            match sample {
                Ok(sample) => samples.push(sample),
                Err(reason) => left_out.push(reason),
            }
        }
        let mut set =
            Self::from_samples(samples, ids.classes).map_err(|_| LabelledSetError::Empty {
                left_out: left_out.clone(),
            })?;
        set.left_out.extend(left_out);
        Ok(set)
    }

    /// A set of samples from elsewhere. Those without pixels or with labels of another size, or whose labels are neither below
    /// `classes` nor 255, are left out.
    ///
    /// # Errors
    /// [`LabelledSetError::Empty`] when none is left.
    pub fn from_samples(samples: Vec<Sample>, classes: usize) -> Result<Self, LabelledSetError> {
        let mut set = Self {
            samples: Vec::with_capacity(samples.len()),
            left_out: Vec::new(),
            class_pixels: vec![0; classes],
            containing: vec![Vec::new(); classes],
        };
        for sample in samples {
            match sample.count(classes) {
                Ok(counts) => {
                    for (class, &pixels) in counts.iter().enumerate().filter(|(_, p)| **p > 0) {
                        set.class_pixels[class] += pixels;
                        set.containing[class].push(set.samples.len() as u32);
                    }
                    set.samples.push(sample);
                }
                Err(reason) => set.left_out.push(LeftOut {
                    path: sample.name.into(),
                    reason,
                }),
            }
        }
        if set.samples.is_empty() {
            return Err(LabelledSetError::Empty {
                left_out: set.left_out,
            });
        }
        Ok(set)
    }

    /// The same with every picture of these proportions, width over height, whatever the number of its pixels.
    #[must_use]
    pub fn with_aspect(mut self, aspect: Option<f32>) -> Self {
        let samples = self.samples.into_iter();
        self.samples = samples.map(|s| s.with_aspect(aspect)).collect();
        self
    }

    /// The images; at least one.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Files that are not used, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.class_pixels.len()
    }

    /// Pixels of each class in the whole set.
    pub fn class_pixels(&self) -> &[u64] {
        &self.class_pixels
    }

    /// Indices of the images that hold a class.
    pub fn containing(&self, class: usize) -> &[u32] {
        self.containing.get(class).map_or(&[], Vec::as_slice)
    }
}

impl Stills for LabelledSet {
    fn count(&self) -> usize {
        self.samples().len()
    }

    fn still(&self, index: usize) -> Result<Cow<'_, Sample>, String> {
        let sample = self.samples().get(index);
        let sample = sample.ok_or_else(|| format!("image {index} of {}", self.count()))?;
        Ok(Cow::Borrowed(sample))
    }
}

/// Several labelled sets, one after the other.
impl Stills for Vec<Arc<LabelledSet>> {
    fn count(&self) -> usize {
        self.iter().map(|set| set.count()).sum()
    }

    fn still(&self, index: usize) -> Result<Cow<'_, Sample>, String> {
        let mut at = index;
        for set in self {
            if at < set.count() {
                return set.still(at);
            }
            at -= set.count();
        }
        Err(format!("image {index} of {}", self.count()))
    }
}

impl Sample {
    /// Pixels per class, or what is wrong.
    fn count(&self, classes: usize) -> Result<Vec<u64>, String> {
        let (height, width) = self.labels.dim();
        if self.labels.is_empty() || self.rgb.dim() != (height, width, 3) {
            return Err(format!(
                "RGB of shape {:?} with labels of shape {:?}",
                self.rgb.shape(),
                self.labels.shape()
            ));
        }
        let mut counts = [0u64; 256];
        for &label in &self.labels {
            counts[usize::from(label)] += 1;
        }
        let classes = classes.min(255);
        match counts[classes..255].iter().position(|&n| n > 0) {
            Some(beyond) => Err(format!(
                "label {} is none of the {classes} classes",
                classes + beyond
            )),
            None => Ok(counts[..classes].to_vec()),
        }
    }
}

/// A frame and its label.
struct Pair {
    name: String,
    frame: PathBuf,
    label: PathBuf,
}

impl Pair {
    fn read(self, ids: &LabelIds) -> Result<Sample, LeftOut> {
        let unreadable = |path: &Path, e: StillError| LeftOut {
            path: path.to_owned(),
            reason: e.to_string(),
        };
        let rgb = read_rgb(&self.frame).map_err(|e| unreadable(&self.frame, e))?;
        let labels = read_labels(&self.label, ids).map_err(|e| unreadable(&self.label, e))?;
        let sample = Sample {
            name: self.name,
            rgb,
            labels,
            pixel_aspect: 1.0,
        };
        let (width, height) = sample.size();
        let (label_height, label_width) = sample.labels.dim();
        if (label_width, label_height) != (width, height) {
            return Err(LeftOut {
                path: self.label,
                reason: format!(
                    "label of {label_width}x{label_height} pixels for a frame of {width}x{height}"
                ),
            });
        }
        Ok(sample)
    }
}

/// The pairs of one sequence, sorted by name.
fn pairs_of(dir: &Path, left_out: &mut Vec<LeftOut>) -> Result<Vec<Pair>, LabelledSetError> {
    let frames = images_of(&dir.join("frames"), left_out)?;
    let labels = images_of(&dir.join("labels"), left_out)?;
    let counts = (frames.len(), labels.len());
    let mut by_name: BTreeMap<String, PathBuf> = labels.into_iter().collect();
    let mut pairs = Vec::new();
    for (name, frame) in frames {
        match by_name.remove(&name) {
            Some(label) => pairs.push(Pair { name, frame, label }),
            None => left_out.push(LeftOut {
                path: frame,
                reason: "no label of this name".to_owned(),
            }),
        }
    }
    left_out.extend(by_name.into_values().map(|path| LeftOut {
        path,
        reason: "no frame of this name".to_owned(),
    }));
    if pairs.is_empty() {
        return Err(LabelledSetError::NoPair {
            path: dir.to_owned(),
            frames: counts.0,
            labels: counts.1,
        });
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tttseg::ndarray::{array, s};
    use tttseg::video::{ClassMap, Rgb, write_png};

    fn sequence(root: &Path, names: &[&str]) -> PathBuf {
        let file = |folder: &str, name: &str| root.join(folder).join(format!("{name}.png"));
        for folder in ["frames", "labels"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (i, name) in names.iter().enumerate() {
            let rgb = Rgb::from_elem((2, 4, 3), i as u8);
            write_png(&file("frames", name), &rgb).unwrap();
            write_png(&file("labels", name), &rgb.slice(s![.., .., 0])).unwrap();
        }
        root.to_owned()
    }

    #[test]
    fn pairs_in_order_and_void_as_255() {
        let dir = tempfile::tempdir().unwrap();
        let one = sequence(&dir.path().join("one"), &["b", "a"]);
        let two = sequence(&dir.path().join("two"), &["c", "d", "e"]);
        // Three ids, of which 2 is void: what "e" is labelled with throughout.
        let set = LabelledSet::open(&[one, two], &LabelIds::with_void_last(2)).unwrap();
        let names: Vec<&str> = set.samples().iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"]);
        assert!(set.left_out().is_empty());
        assert!(set.samples()[4].labels.iter().all(|&id| id == 255));
        assert!(set.samples()[4].rgb.iter().all(|&v| v == 2));
        assert_eq!(set.class_pixels(), [16, 16]);
        assert_eq!(set.containing(0), [1, 2]);
        assert_eq!(set.containing(1), [0, 3]);
        assert!(set.containing(9).is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let root = sequence(dir.path(), &["a", "b", "c", "d", "e"]);
        let file = |name: &str| root.join(name);
        std::fs::remove_file(file("labels/a.png")).unwrap();
        std::fs::remove_file(file("frames/b.png")).unwrap();
        std::fs::write(file("frames/c.png"), b"broken").unwrap();
        write_png(&file("labels/d.png"), &ClassMap::zeros((3, 3))).unwrap();
        std::fs::write(file("frames/readme.txt"), b"").unwrap();
        let set = LabelledSet::open(&[&root], &LabelIds::with_void_last(4)).unwrap();
        assert_eq!(set.samples().len(), 1);
        let mut left: Vec<String> = set.left_out().iter().map(|l| l.to_string()).collect();
        left.sort();
        let wanted = [
            "frames/a.png: no label of this name",
            "frames/c.png: ",
            "frames/readme.txt: not a JPEG or PNG file",
            "labels/b.png: no frame of this name",
            "labels/d.png: label of 3x3 pixels for a frame of 4x2",
        ];
        assert_eq!(left.len(), wanted.len(), "{left:#?}");
        for (line, wanted) in left.iter().zip(wanted) {
            assert!(line.contains(wanted), "{line}");
            assert_eq!(
                line.matches(".png: ").count() + line.matches(".txt: ").count(),
                1
            );
        }
    }

    #[test]
    fn folders_that_are_no_sequence() {
        let dir = tempfile::tempdir().unwrap();
        let ids = LabelIds::with_void_last(4);
        let missing = LabelledSet::open(&[dir.path().join("none")], &ids).unwrap_err();
        assert!(missing.to_string().contains("frames: "), "{missing}");
        let root = sequence(dir.path(), &["a"]);
        std::fs::rename(root.join("labels/a.png"), root.join("labels/b.png")).unwrap();
        let other = LabelledSet::open(&[&root], &ids).unwrap_err();
        assert!(matches!(
            other,
            LabelledSetError::NoPair {
                frames: 1,
                labels: 1,
                ..
            }
        ));
        std::fs::write(root.join("labels/a.png"), b"broken").unwrap();
        let empty = LabelledSet::open(&[&root], &ids).unwrap_err();
        assert!(empty.to_string().contains("2 left out"), "{empty}");
        let none = LabelledSet::open::<PathBuf>(&[], &ids).unwrap_err();
        assert!(none.to_string().contains("no folder was given"));
    }

    #[test]
    fn samples_that_do_not_fit() {
        let good = Sample {
            name: "good".into(),
            rgb: Rgb::zeros((1, 2, 3)),
            labels: array![[0, 255]],
            pixel_aspect: 1.0,
        };
        let mut beyond = good.clone();
        beyond.labels[[0, 0]] = 3;
        let mut short = good.clone();
        short.rgb = Rgb::zeros((1, 1, 3));
        let set = LabelledSet::from_samples(vec![beyond, good, short], 3).unwrap();
        assert_eq!((set.samples().len(), set.left_out().len()), (1, 2));
        assert!(set.left_out()[0].reason.contains("label 3"));
        assert!(LabelledSet::from_samples(vec![], 3).is_err());
    }

    #[test]
    fn camvid_where_it_is_at_hand() {
        let data = std::env::var_os("TTTSEG_DATA").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
            PathBuf::from,
        );
        let dir = data.join("camvid/0016E5_15hz");
        if !dir.is_dir() {
            tttseg::missing::skipped("no CamVid here (TTTSEG_DATA)");
            return;
        }
        let set = LabelledSet::open(&[dir], &LabelIds::with_void_last(11)).unwrap();
        assert_eq!(set.samples().len(), 101);
        assert!(set.left_out().is_empty());
        let names: Vec<&String> = set.samples().iter().map(|s| &s.name).collect();
        assert!(names.is_sorted());
        assert!(set.samples().iter().all(|s| s.size() == (480, 360)));
        assert!(set.class_pixels().iter().all(|&p| p > 0));
    }
}
