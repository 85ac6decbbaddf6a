//! A stream of stills: a folder of frames, with labels of the same names.

use super::corruption::CorruptionError;
use super::still::images_of;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use tttseg::video::{
    ClassGroups, ClassMap, ColourScheme, ColourSchemeError, FrameError, LabelIds, LabelMap,
    LabelMapError, LeftOut, Rgb, Scaler, StillError, label_ids, nearest_labels, read_labels,
    read_rgb, scaled,
};

/// Why there is no stream, or no frame of it.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A folder or a file cannot be read.
    #[error(transparent)]
    Still(#[from] StillError),
    /// A folder without images.
    #[error("{path}: no JPEG or PNG file in this folder", path = path.display())]
    NoFrames {
        /// The folder.
        path: PathBuf,
    },
    /// Labels that all have other names.
    #[error("{path}: none of {labels} labels has the name of one of {frames} frames", path = path.display())]
    NoLabels {
        /// The folder of the labels.
        path: PathBuf,
        /// Frames found.
        frames: usize,
        /// Labels found.
        labels: usize,
    },
    /// A label of another size than its frame.
    #[error(
        "{path}: label of {label_width}x{label_height} pixels for a frame of {width}x{height}",
        path = path.display()
    )]
    Size {
        /// The label.
        path: PathBuf,
        /// Width of the label in pixels.
        label_width: usize,
        /// Height of the label in pixels.
        label_height: usize,
        /// Width of the frame in pixels.
        width: usize,
        /// Height of the frame in pixels.
        height: usize,
    },
    /// A frame that cannot be brought to the stream's proportions.
    #[error("{path}: {source}", path = path.display())]
    Aspect {
        /// The frame.
        path: PathBuf,
        /// Why.
        source: FrameError,
    },
    /// A frame that cannot be corrupted.
    #[error("{path}: {source}", path = path.display())]
    Corrupt {
        /// The frame.
        path: PathBuf,
        /// Why.
        source: CorruptionError,
    },
}

/// One frame on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFrame {
    /// File name, less its extension.
    pub name: String,
    /// The image.
    pub frame: PathBuf,
    /// Its labels, if it has any.
    pub label: Option<PathBuf>,
}

impl StreamFrame {
    /// Reads the labels, if there are any, and checks that they have the frame's size.
    ///
    /// # Errors
    /// [`StreamError`] when they cannot be read or have another size.
    pub fn labels(&self, ids: &LabelIds, picture: &Rgb) -> Result<Option<ClassMap>, StreamError> {
        let Some(path) = &self.label else {
            return Ok(None);
        };
        let labels = read_labels(path, ids)?;
        let (label_height, label_width) = labels.dim();
        let (height, width, _) = picture.dim();
        if (label_height, label_width) != (height, width) {
            return Err(StreamError::Size {
                path: path.clone(),
                label_width,
                label_height,
                width,
                height,
            });
        }
        Ok(Some(labels))
    }
}

/// Frames sorted by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// The frames; at least one.
    pub frames: Vec<StreamFrame>,
    /// Files that are not used, and why: what is no image, and labels without a frame.
    pub left_out: Vec<LeftOut>,
    /// Width over height of the frames, where it is not that of their pixels' numbers: of stills that were squeezed.
    pub aspect: Option<f32>,
    /// What the ids of its labels stand for; the classes of the model without one.
    pub label_map: Option<LabelMap>,
    /// What the colours of RGB label files stand for; they are refused without one.
    pub colours: Option<ColourScheme>,
}

impl Stream {
    /// Lists a folder of JPEG or PNG frames and, if given, one of PNG labels. A frame without a label is part of the stream
    /// and is not scored. Nothing is decoded yet.
    ///
    /// # Errors
    /// [`StreamError`] when a folder is missing or empty, or no label belongs to a frame.
    pub fn open(frames: &Path, labels: Option<&Path>) -> Result<Self, StreamError> {
        let mut left_out = Vec::new();
        let mut list = |dir: &Path| -> Result<Vec<(String, PathBuf)>, StreamError> {
            let images = images_of(dir, &mut left_out)?;
            if images.is_empty() {
                return Err(StreamError::NoFrames {
                    path: dir.to_owned(),
                });
            }
            Ok(images)
        };
        let images = list(frames)?;
        let mut by_name: BTreeMap<String, PathBuf> = match labels {
            Some(dir) => list(dir)?.into_iter().collect(),
            None => BTreeMap::new(),
        };
        let count = by_name.len();
        let frames: Vec<StreamFrame> = images
            .into_iter()
            .map(|(name, frame)| StreamFrame {
                label: by_name.remove(&name),
                name,
                frame,
            })
            .collect();
        if let (Some(dir), true) = (labels, by_name.len() == count) {
            return Err(StreamError::NoLabels {
                path: dir.to_owned(),
                frames: frames.len(),
                labels: count,
            });
        }
        left_out.extend(by_name.into_values().map(|path| LeftOut {
            path,
            reason: "no frame of this name".to_owned(),
        }));
        Ok(Self {
            frames,
            left_out,
            aspect: None,
            label_map: None,
            colours: None,
        })
    }

    /// Every `every`-th frame from the first on, and no more than `most` of them.
    #[must_use]
    pub fn thinned(mut self, every: NonZeroUsize, most: Option<NonZeroUsize>) -> Self {
        let most = most.map_or(usize::MAX, NonZeroUsize::get);
        let frames = self.frames.into_iter().step_by(every.get());
        self.frames = frames.take(most).collect();
        self
    }

    /// For a model with these classes, which of them the ids of the labels stand for; `None` where each is one.
    ///
    /// # Errors
    /// [`LabelMapError`] when the label map does not fit the classes.
    pub fn groups(&self, classes: &[String]) -> Result<Option<ClassGroups>, LabelMapError> {
        let map = self.label_map.as_ref();
        map.map(|map| map.groups(classes)).transpose()
    }

    /// What its label files mean, for a model with these classes and [`Stream::groups`] of them.
    ///
    /// # Errors
    /// [`ColourSchemeError`] when the colours do not fit the classes of the labels.
    pub fn label_ids(
        &self,
        classes: &[String],
        groups: Option<&ClassGroups>,
    ) -> Result<LabelIds, ColourSchemeError> {
        label_ids(classes, groups, self.colours.as_ref())
    }

    /// Reads one of the frames and its labels, if it has any, and brings both to the stream's proportions: their height
    /// stays, and labels are the nearest.
    ///
    /// # Errors
    /// [`StreamError`] when they cannot be read, or differ in size.
    pub fn read(
        &self,
        frame: &StreamFrame,
        ids: &LabelIds,
    ) -> Result<(Rgb, Option<ClassMap>), StreamError> {
        let picture = read_rgb(&frame.frame)?;
        let labels = frame.labels(ids, &picture)?;
        let (height, width, _) = picture.dim();
        let shown = self.aspect.map_or(width, |aspect| {
            ((height as f32 * aspect).round() as usize).max(1)
        });
        if shown == width {
            return Ok((picture, labels));
        }
        let picture = scaled(&picture, shown, height, &mut Scaler::new());
        let picture = picture.map_err(|source| StreamError::Aspect {
            path: frame.frame.clone(),
            source,
        })?;
        let labels = labels.map(|labels| nearest_labels(&labels, (height, shown)));
        Ok((picture, labels))
    }

    /// How many frames have labels.
    pub fn labelled(&self) -> usize {
        self.frames.iter().filter(|f| f.label.is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tttseg::ndarray::s;
    use tttseg::video::write_png;

    fn folder(root: &Path, name: &str, files: &[&str], channels: usize) -> PathBuf {
        let dir = root.join(name);
        std::fs::create_dir(&dir).unwrap();
        for file in files {
            let path = dir.join(format!("{file}.png"));
            let rgb = Rgb::from_elem((4, 6, 3), 9);
            match channels {
                3 => write_png(&path, &rgb).unwrap(),
                _ => write_png(&path, &rgb.slice(s![.., .., 0])).unwrap(),
            }
        }
        dir
    }

    #[test]
    fn frames_in_order_with_the_labels_they_have() {
        let dir = tempfile::tempdir().unwrap();
        let frames = folder(dir.path(), "frames", &["f3", "f1", "f2"], 3);
        let labels = folder(dir.path(), "labels", &["f2", "f9"], 1);
        std::fs::write(frames.join("notes.txt"), b"").unwrap();
        let stream = Stream::open(&frames, Some(&labels)).unwrap();
        let names: Vec<&str> = stream.frames.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["f1", "f2", "f3"]);
        assert_eq!(stream.labelled(), 1);
        assert_eq!(stream.left_out.len(), 2);
        assert!(stream.left_out[0].to_string().contains("notes.txt"));
        assert!(stream.left_out[1].to_string().contains("f9.png: no frame"));
        let ids = LabelIds::with_void_last(9);
        let frame = Rgb::zeros((4, 6, 3));
        assert_eq!(stream.frames[0].labels(&ids, &frame).unwrap(), None);
        let labels = stream.frames[1].labels(&ids, &frame).unwrap().unwrap();
        assert_eq!(labels, ClassMap::from_elem((4, 6), 255));
        let other = stream.frames[1]
            .labels(&ids, &Rgb::zeros((4, 7, 3)))
            .unwrap_err();
        let text = other.to_string();
        assert!(
            text.contains("label of 6x4 pixels for a frame of 7x4"),
            "{text}"
        );
        assert_eq!(Stream::open(&frames, None).unwrap().labelled(), 0);

        let thinned = |every, most| {
            let most = NonZeroUsize::new(most);
            let stream = stream
                .clone()
                .thinned(NonZeroUsize::new(every).unwrap(), most);
            let names = stream.frames.into_iter().map(|f| f.name);
            names.collect::<Vec<_>>()
        };
        assert_eq!(thinned(1, 0), ["f1", "f2", "f3"]);
        assert_eq!(thinned(2, 0), ["f1", "f3"]);
        assert_eq!(thinned(2, 1), ["f1"]);
        assert_eq!(thinned(9, 9), ["f1"]);
    }

    #[test]
    fn squeezed_stills_are_brought_to_their_proportions() {
        let dir = tempfile::tempdir().unwrap();
        let frames = folder(dir.path(), "frames", &["a"], 3);
        let labels = folder(dir.path(), "labels", &["a"], 1);
        let ids = ClassMap::from_shape_fn((4, 6), |(y, x)| (y + x) as u8);
        write_png(&labels.join("a.png"), &ids).unwrap();
        let grey = |y: usize, x: usize| (40 * y + 20 * x) as u8;
        let shown = Rgb::from_shape_fn((4, 6, 3), |(y, x, _)| grey(y, x));
        write_png(&frames.join("a.png"), &shown).unwrap();
        let mut stream = Stream::open(&frames, Some(&labels)).unwrap();
        let meaning = LabelIds::with_void_last(9);
        let read = |stream: &Stream| {
            let (picture, labels) = stream.read(&stream.frames[0], &meaning).unwrap();
            (picture, labels.unwrap())
        };
        assert_eq!(read(&stream), (shown.clone(), ids.clone()));
        // What it has already.
        stream.aspect = Some(1.5);
        assert_eq!(read(&stream), (shown.clone(), ids.clone()));
        stream.aspect = Some(3.0);
        let (wide, wide_labels) = read(&stream);
        assert_eq!((wide.dim(), wide_labels.dim()), ((4, 12, 3), (4, 12)));
        for ((y, x), id) in wide_labels.indexed_iter() {
            assert_eq!(*id, ids[[y, x / 2]]);
        }
        // Between two pixels there is something between them, but for labels.
        assert_eq!(wide.slice(s![0, ..4, 0]).to_vec(), [0, 5, 15, 25]);
        let wrong = stream.read(
            &StreamFrame {
                label: Some(frames.join("none.png")),
                ..stream.frames[0].clone()
            },
            &meaning,
        );
        assert!(wrong.unwrap_err().to_string().contains("none.png"));
    }

    #[test]
    fn folders_that_are_no_stream() {
        let dir = tempfile::tempdir().unwrap();
        let frames = folder(dir.path(), "frames", &["f1"], 3);
        let labels = folder(dir.path(), "labels", &["g1"], 1);
        let empty = folder(dir.path(), "empty", &[], 1);
        let missing = Stream::open(&dir.path().join("none"), None).unwrap_err();
        assert!(matches!(missing, StreamError::Still(StillError::Io { .. })));
        for pair in [(&empty, None), (&frames, Some(&*empty))] {
            let refused = Stream::open(pair.0, pair.1).unwrap_err();
            assert!(matches!(refused, StreamError::NoFrames { .. }));
        }
        let refused = Stream::open(&frames, Some(&labels)).unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("none of 1 labels has the name of one of 1 frames"),
            "{text}"
        );
    }
}
