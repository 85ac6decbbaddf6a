//! The frames of a stream: its stills read one after the other, moved and corrupted.

use super::shift::{Shift, drift};
use super::stream::{Stream, StreamError};
use super::virtual_camera::pan;
use tttseg::ndarray::s;
use tttseg::video::{ClassMap, LabelIds, Rgb};

/// One frame as it is shown to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// Index of its still in the stream.
    pub still: usize,
    /// The picture.
    pub picture: Rgb,
    /// Its labels, of the picture's size, if the still has any. A corruption leaves them as they are.
    pub labels: Option<ClassMap>,
}

/// The frames of a stream under a shift, in order; each still is read once, when its turn comes. The virtual camera
/// comes first: rain falls in front of it, and noise is its own. Ends after the first error.
#[derive(Debug)]
pub struct Playback<'a> {
    stream: &'a Stream,
    shift: Shift,
    seed: u64,
    ids: LabelIds,
    next: usize,
    still: Option<(Rgb, Option<ClassMap>)>,
}

impl<'a> Playback<'a> {
    /// Plays a stream from its start. `seed` is that of grain and rain; `ids` is the meaning of label files.
    pub fn new(stream: &'a Stream, shift: Shift, seed: u64, ids: LabelIds) -> Self {
        Self {
            stream,
            shift,
            seed,
            ids,
            next: 0,
            still: None,
        }
    }

    fn frames(&self) -> usize {
        self.shift.frames(self.stream.frames.len())
    }

    fn frame(&mut self, index: usize) -> Result<Played, StreamError> {
        let each = self.shift.frames(1);
        let still = index / each;
        let file = &self.stream.frames[still];
        let (picture, labels) = match self.still.take() {
            Some(read) if !index.is_multiple_of(each) => read,
            _ => self.stream.read(file, &self.ids)?,
        };
        let mut played = if self.shift.pan.is_some() {
            let moved = moved(index, &picture, labels.as_ref());
            self.still = Some((picture, labels));
            Played {
                still,
                picture: moved.0,
                labels: moved.1,
            }
        } else {
            Played {
                still,
                picture,
                labels,
            }
        };
        if let Some(corruption) = self.shift.corrupt {
            let strength = corruption.strength() * drift(index, self.frames());
            let kind = corruption.kind();
            kind.apply(&mut played.picture, strength, self.seed, index as u64)
                .map_err(|source| StreamError::Corrupt {
                    path: file.frame.clone(),
                    source,
                })?;
        }
        Ok(played)
    }
}

/// What the camera sees in frame `index` of a picture and of its labels.
fn moved(index: usize, picture: &Rgb, labels: Option<&ClassMap>) -> (Rgb, Option<ClassMap>) {
    let (height, width, _) = picture.dim();
    let (rows, columns) = pan(index, width, height);
    // The labels have the picture's size.
    let labels = labels.map(|l| l.slice(s![rows.clone(), columns.clone()]).to_owned());
    (picture.slice(s![rows, columns, ..]).to_owned(), labels)
}

impl Iterator for Playback<'_> {
    type Item = Result<Played, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        if index >= self.frames() {
            return None;
        }
        let played = self.frame(index);
        self.next = if played.is_ok() {
            index + 1
        } else {
            self.frames()
        };
        Some(played)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.frames() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Playback<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Corruption, CorruptionKind};
    use std::num::NonZeroUsize;
    use std::path::Path;
    use tttseg::video::{read_rgb, write_png};

    const SIZE: (usize, usize) = (48, 40);

    /// Three stills whose labels follow from their pixels: the label is the red level divided by 10.
    fn stream(dir: &Path) -> Stream {
        let (frames, labels) = (dir.join("frames"), dir.join("labels"));
        std::fs::create_dir(&frames).unwrap();
        std::fs::create_dir(&labels).unwrap();
        for still in 0..3 {
            let ids = ClassMap::from_shape_fn((SIZE.1, SIZE.0), |(y, x)| {
                (((y * SIZE.0 + x) * 7 + y * 5 + still) % 19) as u8
            });
            let rgb = Rgb::from_shape_fn((SIZE.1, SIZE.0, 3), |(y, x, c)| {
                [ids[[y, x]] * 10, 100, 77][c]
            });
            let name = format!("f{still}.png");
            write_png(&frames.join(&name), &rgb).unwrap();
            // The last still has no labels.
            if still < 2 {
                write_png(&labels.join(&name), &ids).unwrap();
            }
        }
        Stream::open(&frames, Some(&labels)).unwrap()
    }

    fn play(stream: &Stream, shift: Shift, seed: u64) -> Vec<Played> {
        let playback = Playback::new(stream, shift, seed, LabelIds::with_void_last(19));
        let promised = playback.len();
        let played: Vec<Played> = playback.map(Result::unwrap).collect();
        assert_eq!(played.len(), promised);
        played
    }

    #[test]
    fn nothing_asked_for_nothing_changed() {
        let dir = tempfile::tempdir().unwrap();
        let stream = stream(dir.path());
        let played = play(&stream, Shift::default(), 0);
        assert_eq!(played.len(), 3);
        for (frame, file) in played.iter().zip(&stream.frames) {
            assert_eq!(frame.picture, read_rgb(&file.frame).unwrap());
            assert_eq!(frame.labels.is_some(), file.label.is_some());
        }
    }

    #[test]
    fn labels_move_along_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let stream = stream(dir.path());
        let shift = Shift {
            pan: NonZeroUsize::new(5),
            ..Shift::default()
        };
        let played = play(&stream, shift, 0);
        assert_eq!(played.len(), 15);
        let stills: Vec<usize> = played.iter().map(|p| p.still).collect();
        assert_eq!(stills, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
        for (index, frame) in played.iter().enumerate() {
            assert_eq!(frame.picture.dim(), (32, 36, 3));
            let Some(labels) = &frame.labels else {
                assert!(index >= 10);
                continue;
            };
            assert_eq!(labels.dim(), (32, 36));
            let red = frame.picture.slice(s![.., .., 0]);
            assert_eq!(red, labels.mapv(|id| id * 10));
        }
        // It is no still: the camera has moved.
        assert_ne!(played[0].picture, played[4].picture);
    }

    #[test]
    fn a_corruption_drifts_in_and_leaves_labels_alone() {
        let dir = tempfile::tempdir().unwrap();
        let stream = stream(dir.path());
        let pan = NonZeroUsize::new(4);
        let plain = play(&stream, Shift { pan, corrupt: None }, 0);
        let corrupt = Some(Corruption::new(CorruptionKind::Cast, 1.0).unwrap());
        let played = play(&stream, Shift { pan, corrupt }, 0);
        assert_eq!(played[0], plain[0]);
        // Blue, the same everywhere in these pictures, falls until the middle.
        let blue: Vec<u8> = played.iter().map(|p| p.picture[[0, 0, 2]]).collect();
        assert!(blue[..7].windows(2).all(|p| p[1] < p[0]), "{blue:?}");
        assert!(blue[6..].iter().all(|&b| b == blue[6]), "{blue:?}");
        for (frame, plain) in played.iter().zip(&plain) {
            assert_eq!(frame.labels, plain.labels);
        }
    }

    #[test]
    fn a_seed_replays() {
        let dir = tempfile::tempdir().unwrap();
        let stream = stream(dir.path());
        let shift = Shift {
            pan: NonZeroUsize::new(2),
            corrupt: Some(Corruption::new(CorruptionKind::Noise, 1.0).unwrap()),
        };
        let played = play(&stream, shift, 9);
        assert_eq!(play(&stream, shift, 9), played);
        assert_ne!(play(&stream, shift, 10), played);
    }

    #[test]
    fn a_broken_still_is_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let stream = stream(dir.path());
        std::fs::write(&stream.frames[1].frame, b"broken").unwrap();
        let mut playback =
            Playback::new(&stream, Shift::default(), 0, LabelIds::with_void_last(19));
        assert!(playback.next().unwrap().is_ok());
        let error = playback.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("f1.png"), "{error}");
        assert!(playback.next().is_none());
    }
}
