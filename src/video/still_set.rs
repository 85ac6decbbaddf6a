//! A folder of stills to learn from, with labels or without, at the size at which a model sees them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::labels::{LabelIds, read_labels};
use super::reference::scaled;
use super::still::{StillError, list_stills, read_rgb};
use super::{ClassMap, FrameError, Rgb, Scaler, SizeError};

/// An error in reading a folder of stills.
#[derive(Debug, thiserror::Error)]
pub enum StillSetError {
    /// A folder or a file that cannot be read, or labels that mean nothing.
    #[error(transparent)]
    Still(#[from] StillError),
    /// A folder without pictures.
    #[error("{path}: there is no JPEG or PNG file in this folder", path = .0.display())]
    Empty(PathBuf),
    /// Pictures and labels that have no name in common.
    #[error("{path}: none of {frames} pictures has a label of the same name ({labels} labels)", path = path.display())]
    NoPair {
        /// The folder that holds both.
        path: PathBuf,
        /// Pictures found.
        frames: usize,
        /// Labels found.
        labels: usize,
    },
    /// A label of another size than its picture.
    #[error(
        "{path}: label of {label_width}x{label_height} pixels for a picture of {width}x{height}",
        path = path.display()
    )]
    LabelSize {
        /// The label.
        path: PathBuf,
        /// Width of the label in pixels.
        label_width: usize,
        /// Height of the label in pixels.
        label_height: usize,
        /// Width of the picture in pixels.
        width: usize,
        /// Height of the picture in pixels.
        height: usize,
    },
    /// A picture that no size can be found for.
    #[error("{path}: {reason}", path = path.display())]
    Size {
        /// The picture.
        path: PathBuf,
        /// Why.
        #[source]
        reason: SizeError,
    },
    /// A picture that cannot be brought to that size.
    #[error("{path}: {reason}", path = path.display())]
    Scale {
        /// The picture.
        path: PathBuf,
        /// Why.
        #[source]
        reason: FrameError,
    },
}

/// One still.
#[derive(Clone, Debug, PartialEq)]
pub struct SetStill {
    /// RGB (height, width, 3).
    pub rgb: Rgb,
    /// The class of every pixel, 255 for none; `None` for a picture without labels.
    pub labels: Option<ClassMap>,
}

/// Reads stills of a folder. It holds pictures (JPEG or PNG), or a folder `frames` with them and perhaps one `labels` with labels
/// of the same names (PNG, [`read_labels`]); pictures without a label are left out where there are labels. `choose` says which
/// are read, by their places in the order of their names, given how many there are, and `size` to which width and height each is
/// brought, given its own; of labels, the nearest is taken.
///
/// # Errors
/// [`StillSetError`] names the folder or the file.
pub fn read_still_set(
    folder: &Path,
    ids: &LabelIds,
    choose: impl FnOnce(usize) -> Vec<usize>,
    size: impl Fn(usize, usize) -> Result<(usize, usize), SizeError>,
) -> Result<Vec<SetStill>, StillSetError> {
    let files = files(folder)?;
    let mut scaler = Scaler::new();
    let chosen = choose(files.len());
    let mut read = |(picture, label): &(PathBuf, Option<PathBuf>)| {
        let rgb = read_rgb(picture)?;
        let (height, width, _) = rgb.dim();
        let labels = label.as_ref().map(|path| {
            let labels = read_labels(path, ids)?;
            let (label_height, label_width) = labels.dim();
            if (label_height, label_width) == (height, width) {
                return Ok(labels);
            }
            Err(StillSetError::LabelSize {
                path: path.clone(),
                label_width,
                label_height,
                width,
                height,
            })
        });
        let labels = labels.transpose()?;
        let (width, height) = size(width, height).map_err(|reason| StillSetError::Size {
            path: picture.clone(),
            reason,
        })?;
        let rgb = scaled(&rgb, width, height, &mut scaler);
        Ok(SetStill {
            rgb: rgb.map_err(|reason| StillSetError::Scale {
                path: picture.clone(),
                reason,
            })?,
            labels: labels.map(|labels| nearest_labels(&labels, (height, width))),
        })
    };
    let chosen = chosen.into_iter().filter_map(|place| files.get(place));
    chosen.map(&mut read).collect()
}

/// The pictures of a folder, and the labels of each, in the order of their names.
fn files(folder: &Path) -> Result<Vec<(PathBuf, Option<PathBuf>)>, StillSetError> {
    let (frames, labels) = (folder.join("frames"), folder.join("labels"));
    let has_labels = labels.is_dir();
    let frames = if has_labels || frames.is_dir() {
        frames
    } else {
        folder.to_owned()
    };
    let pictures = list_stills(&frames)?.images;
    if pictures.is_empty() {
        return Err(StillSetError::Empty(frames));
    }
    if !has_labels {
        return Ok(pictures.into_iter().map(|(_, path)| (path, None)).collect());
    }
    let labels = list_stills(&labels)?.images;
    let counts = (pictures.len(), labels.len());
    let mut by_name: BTreeMap<OsString, PathBuf> = labels.into_iter().collect();
    let pairs = pictures.into_iter().filter_map(|(name, path)| {
        let label = by_name.remove(&name)?;
        Some((path, Some(label)))
    });
    let pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() {
        return Err(StillSetError::NoPair {
            path: folder.to_owned(),
            frames: counts.0,
            labels: counts.1,
        });
    }
    Ok(pairs)
}

/// Labels at another height and width: for every pixel the label that its centre falls on.
pub fn nearest_labels(labels: &ClassMap, (to_height, to_width): (usize, usize)) -> ClassMap {
    let (height, width) = labels.dim();
    let place = |i: usize, from: usize, to: usize| (2 * i + 1) * from / (2 * to);
    ClassMap::from_shape_fn((to_height, to_width), |(y, x)| {
        labels[[place(y, height, to_height), place(x, width, to_width)]]
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{array, s};

    use super::*;
    use crate::video::write_png;

    /// A folder of stills of 40 by 20 pixels, each of one grey, and of labels of one class; the ids have two classes.
    fn folder(pictures: &[(&str, u8)], labels: &[(&str, u8)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (kind, named) in [("frames", pictures), ("labels", labels)] {
            if !named.is_empty() {
                std::fs::create_dir(dir.path().join(kind)).unwrap();
            }
            for (name, value) in named {
                let path = dir.path().join(kind).join(name);
                match kind {
                    "frames" => write_png(&path, &Rgb::from_elem((20, 40, 3), *value)),
                    _ => write_png(&path, &ClassMap::from_elem((20, 40), *value)),
                }
                .unwrap();
            }
        }
        dir
    }

    fn read(folder: &Path) -> Result<Vec<SetStill>, StillSetError> {
        let ids = LabelIds::with_void_last(2);
        read_still_set(
            folder,
            &ids,
            |count| (0..count).collect(),
            |_, _| Ok((64, 32)),
        )
    }

    fn greys(stills: &[SetStill]) -> Vec<(u8, Option<u8>)> {
        let of = |still: &SetStill| {
            assert_eq!(still.rgb.dim(), (32, 64, 3));
            let label = still.labels.as_ref().map(|labels| {
                assert_eq!(labels.dim(), (32, 64));
                labels[[0, 0]]
            });
            (still.rgb[[0, 0, 0]], label)
        };
        stills.iter().map(of).collect()
    }

    #[test]
    fn pictures_with_labels_and_without() {
        let labelled = folder(
            &[("b.png", 20), ("a.png", 10), ("c.png", 30)],
            &[("a.png", 1), ("b.png", 2), ("d.png", 0)],
        );
        let found = read(labelled.path()).unwrap();
        // The id after the last class is void.
        assert_eq!(greys(&found), [(10, Some(1)), (20, Some(255))]);
        let plain = folder(&[("b.png", 20), ("a.png", 10)], &[]);
        let wanted = [(10, None), (20, None)];
        assert_eq!(greys(&read(plain.path()).unwrap()), wanted);
        let bare = read(&plain.path().join("frames")).unwrap();
        assert_eq!(greys(&bare), wanted);
    }

    #[test]
    fn only_what_is_chosen_is_read() {
        let stills = folder(&[("a.png", 10), ("b.png", 20), ("c.png", 30)], &[]);
        std::fs::write(stills.path().join("frames/a.png"), b"no picture").unwrap();
        let ids = LabelIds::with_void_last(2);
        let choose = |count| {
            assert_eq!(count, 3);
            vec![2, 1, 7]
        };
        let found = read_still_set(stills.path(), &ids, choose, |_, _| Ok((64, 32))).unwrap();
        assert_eq!(greys(&found), [(30, None), (20, None)]);
    }

    #[test]
    fn what_cannot_be_learned_from_is_named() {
        let refused = |dir: &tempfile::TempDir| read(dir.path()).unwrap_err().to_string();
        let nowhere = tempfile::tempdir().unwrap();
        let said = read(&nowhere.path().join("none")).unwrap_err().to_string();
        assert!(said.contains("none: No such file"), "{said}");
        assert!(refused(&nowhere).contains("no JPEG or PNG file in this folder"));
        let said = refused(&folder(&[], &[("a.png", 1)]));
        assert!(said.contains("frames: No such file"), "{said}");
        let said = refused(&folder(&[("a.png", 1)], &[("b.png", 1)]));
        assert!(said.contains("none of 1 pictures has a label"), "{said}");
        let said = refused(&folder(&[("a.png", 1)], &[("a.png", 3)]));
        assert!(
            said.contains("labels/a.png: label 3 is none of the 2 classes"),
            "{said}"
        );

        let other = folder(&[("a.png", 1)], &[("a.png", 1)]);
        let path = other.path().join("labels/a.png");
        write_png(&path, &ClassMap::zeros((10, 40))).unwrap();
        let said = refused(&other);
        assert!(
            said.contains("labels/a.png: label of 40x10 pixels for a picture of 40x20"),
            "{said}"
        );
        let small = folder(&[("a.png", 1)], &[]);
        let ids = LabelIds::with_void_last(2);
        let size = |width, height| Err(SizeError::Small { width, height });
        let said = read_still_set(small.path(), &ids, |_| vec![0], size).unwrap_err();
        assert!(
            said.to_string()
                .contains("frames/a.png: frame of 40x20 pixels is too small")
        );
    }

    #[test]
    fn labels_at_another_size_are_the_nearest() {
        let labels = array![[0, 1, 2, 3], [4, 5, 6, 255]];
        let at = |height, width| nearest_labels(&labels, (height, width));
        assert_eq!(at(2, 4), labels);
        assert_eq!(at(1, 2), array![[5, 255]]);
        assert_eq!(at(4, 4).slice(s![1..3, ..]), labels);
        assert_eq!(at(2, 8).row(0), array![0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
