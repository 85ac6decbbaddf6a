//! A set of pictures without labels, on disk.

use super::still::{Sample, Stills, images_of};
use rayon::prelude::*;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use tttseg::video::{ClassMap, LeftOut, StillError, read_rgb};

/// Why there are no pictures.
#[derive(Debug, thiserror::Error)]
pub enum PictureSetError {
    /// A folder cannot be read.
    #[error(transparent)]
    Folder(#[from] StillError),
    /// A folder without a picture that can be read.
    #[error("{path}: none of its {files} files is a picture", path = path.display())]
    None {
        /// The folder.
        path: PathBuf,
        /// Files in it.
        files: usize,
    },
    /// Pictures to learn colours from, none of which has any.
    #[error("none of the pictures has colours to learn{}", .left_out.first().map_or_else(String::new, |l| format!(" (the first: {l})")))]
    Grey {
        /// What was left out, and why.
        left_out: Vec<LeftOut>,
    },
}

/// A picture on disk.
#[derive(Clone, Debug)]
struct Picture {
    path: PathBuf,
    /// Width over height, where it is not that of the pixels' numbers.
    aspect: Option<f32>,
}

/// JPEG and PNG files of which only the places are kept: thousands of photographs would fill the memory, and decoding
/// one takes a fraction of a step.
#[derive(Clone, Debug, Default)]
pub struct PictureSet {
    pictures: Vec<Picture>,
    left_out: Vec<LeftOut>,
}

impl PictureSet {
    /// Finds the pictures in each folder, or in its folder `frames` if it has one, in the order of the folders and of
    /// the names within them. What cannot be decoded is left out and listed.
    ///
    /// # Errors
    /// [`PictureSetError`] when a folder cannot be read or holds no picture.
    pub fn open<P: AsRef<Path>>(dirs: &[P]) -> Result<Self, PictureSetError> {
        let mut set = Self::default();
        for dir in dirs {
            let frames = dir.as_ref().join("frames");
            let dir = if frames.is_dir() {
                &frames
            } else {
                dir.as_ref()
            };
            let others = set.left_out.len();
            let images = images_of(dir, &mut set.left_out)?;
            let files = images.len() + set.left_out.len() - others;
            let before = set.pictures.len();
            // Decoding all once: a broken one is found before hours of training.
            let checked: Vec<_> = images
                .into_par_iter()
                .map(|(_, path)| match read_rgb(&path) {
                    Ok(_) => Ok(path),
                    Err(e) => Err(LeftOut {
                        path,
                        reason: e.to_string(),
                    }),
                })
                .collect();
            for one in checked {
                match one {
                    Ok(path) => set.pictures.push(Picture { path, aspect: None }),
                    Err(reason) => set.left_out.push(reason),
                }
            }
            if set.pictures.len() == before {
                let path = dir.to_owned();
                return Err(PictureSetError::None { path, files });
            }
        }
        Ok(set)
    }

    /// The same with every picture of these proportions, width over height, whatever the number of its pixels.
    #[must_use]
    pub fn with_aspect(mut self, aspect: Option<f32>) -> Self {
        self.pictures.iter_mut().for_each(|p| p.aspect = aspect);
        self
    }

    /// Adds the pictures of another set after its own.
    pub fn append(&mut self, mut other: Self) {
        self.pictures.append(&mut other.pictures);
        self.left_out.append(&mut other.left_out);
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// True without a single picture.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// Files that are not used, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Keeps the pictures for which `keep`, called in order, returns no reason against.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Path) -> Result<(), String>) {
        let left_out = &mut self.left_out;
        self.pictures
            .retain(|Picture { path, .. }| match keep(path) {
                Ok(()) => true,
                Err(reason) => {
                    let path = path.clone();
                    left_out.push(LeftOut { path, reason });
                    false
                }
            });
    }

    /// Decodes a picture, nothing of it labelled; or the reason why it can no longer be read.
    pub(crate) fn read(&self, index: usize) -> Result<Sample, String> {
        let Picture { path, aspect } = self
            .pictures
            .get(index)
            .ok_or_else(|| format!("picture {index} of {}", self.len()))?;
        let rgb = read_rgb(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let (height, width, _) = rgb.dim();
        let sample = Sample {
            name: path.display().to_string(),
            labels: ClassMap::from_elem((height, width), 255),
            rgb,
            pixel_aspect: 1.0,
        };
        Ok(sample.with_aspect(*aspect))
    }
}

impl Stills for PictureSet {
    fn count(&self) -> usize {
        self.len()
    }

    fn still(&self, index: usize) -> Result<Cow<'_, Sample>, String> {
        self.read(index).map(Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tttseg::video::{Rgb, write_png};

    #[test]
    fn pictures_are_found_and_the_rest_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let (flat, nested) = (dir.path().join("flat"), dir.path().join("nested"));
        std::fs::create_dir_all(&flat).unwrap();
        std::fs::create_dir_all(nested.join("frames")).unwrap();
        for (i, name) in ["flat/b", "flat/a", "nested/frames/c"].iter().enumerate() {
            let file = dir.path().join(format!("{name}.png"));
            write_png(&file, &Rgb::from_elem((2, 4, 3), i as u8)).unwrap();
        }
        std::fs::write(flat.join("broken.png"), b"broken").unwrap();
        std::fs::write(flat.join("notes.txt"), b"").unwrap();
        let set = PictureSet::open(&[&flat, &nested]).unwrap();
        assert_eq!((set.len(), set.left_out().len()), (3, 2));
        let first: Vec<u8> = (0..3)
            .map(|i| set.read(i).unwrap().rgb[[0, 0, 0]])
            .collect();
        assert_eq!(first, [1, 0, 2]);
        assert_eq!(
            set.read(0).unwrap().labels,
            ClassMap::from_elem((2, 4), 255)
        );
        assert!(set.read(3).unwrap_err().contains("3 of 3"));

        std::fs::remove_file(flat.join("a.png")).unwrap();
        assert!(set.read(0).unwrap_err().contains("a.png"));
        std::fs::remove_file(flat.join("b.png")).unwrap();
        let none = PictureSet::open(&[&flat]).unwrap_err().to_string();
        assert!(none.contains("none of its 2 files"), "{none}");
        assert!(PictureSet::open(&[dir.path().join("nowhere")]).is_err());
        assert!(PictureSet::open::<PathBuf>(&[]).unwrap().is_empty());
    }
}
