//! Pictures to learn colours from: which colours there are, and grey views with what they were.

use super::augment::{Augmentation, Viewer};
use super::batch::{BatchSize, LoaderError};
use super::film_degradation::FilmDegradation;
use super::loader::{Batch, Supply, check_size};
use super::random::{Purpose, random, shuffled};
use crate::data::{PictureSet, PictureSetError};
use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;
use tttseg::model::ChromaConfig;
use tttseg::ndarray::s;
use tttseg::video::{GREY, LeftOut, Rgb, bt601_chroma};

/// Distance of neighbours on the grid of chroma: 132 bins hold 99.7 % of what photographs show.
const STEP: u8 = 12;
/// Least share of the pictures that makes a bin.
const LEAST: f64 = 1e-4;
/// Lively, and smooth in space. The paper has 0.38; on two films 0.3 was nearer to the truth by PSNR and LPIPS taken together.
const TEMPERATURE: f32 = 0.3;
/// Side of the blocks whose mean colour counts: a token of the network.
const BLOCK: usize = 4;
/// Bins to either side of grey.
const REACH: i32 = 11;

/// Pictures in colour, and how often each colour occurs in them.
#[derive(Clone, Debug)]
pub struct ColourSet {
    pictures: PictureSet,
    chroma: ChromaConfig,
    /// Share of every bin, spread over its neighbours as in [`tttseg::model::chroma_target`].
    shares: Vec<f64>,
}

/// How often colours of the grid occur, and in how much of what.
#[derive(Clone)]
struct Histogram {
    counts: Vec<u64>,
    distance: f64,
    blocks: u64,
}

impl ColourSet {
    /// Finds the pictures in each folder, or in its folder `frames` if it has one ([`PictureSet::open`]). Pictures
    /// without colour are left out as well. The bins of chroma are those that occur, or `bins` where they are given.
    ///
    /// # Errors
    /// [`PictureSetError`] when a folder cannot be read or holds no picture, or none has colours.
    pub fn open<P: AsRef<Path>>(
        dirs: &[P],
        bins: Option<ChromaConfig>,
    ) -> Result<Self, PictureSetError> {
        let mut pictures = PictureSet::open(dirs)?;
        let found: Vec<Result<Histogram, String>> = (0..pictures.len())
            .into_par_iter()
            .map(|i| Ok(Histogram::of(&pictures.read(i)?.rgb)))
            .collect();
        let mut all = Histogram::empty();
        let mut found = found.into_iter();
        pictures.retain(|_| match found.next() {
            Some(Ok(one)) if one.is_coloured() => {
                all.add(&one);
                Ok(())
            }
            Some(Ok(_)) => Err("has no colours".to_owned()),
            Some(Err(reason)) => Err(reason),
            None => Ok(()),
        });
        if pictures.is_empty() {
            return Err(PictureSetError::Grey {
                left_out: pictures.left_out().to_vec(),
            });
        }
        let chroma = bins.unwrap_or_else(|| ChromaConfig {
            bins: all.bins(),
            step: STEP,
            temperature: TEMPERATURE,
        });
        let shares = all.shares(&chroma);
        Ok(Self {
            pictures,
            chroma,
            shares,
        })
    }

    /// The pictures; at least one.
    pub fn pictures(&self) -> &PictureSet {
        &self.pictures
    }

    /// Files that are not used, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        self.pictures.left_out()
    }

    /// The bins of chroma.
    pub fn chroma(&self) -> &ChromaConfig {
        &self.chroma
    }

    /// Weights of the bins in the loss: the inverse of a bin's share mixed with an even distribution, of which `1 −
    /// rebalance` is taken; scaled so that their mean over the pictures is 1. 0 leaves all alike, 1 gives every colour the same weight as a whole.
    /// Photographs are mostly nearly grey: without it a network's colours are.
    pub fn weights(&self, rebalance: f64) -> Vec<f32> {
        let even = 1.0 / self.shares.len().max(1) as f64;
        // A bin of another set need not occur at all: it gets no more than one with a thousandth of an even share.
        let least = 1e-3 * even;
        let raw: Vec<f64> = self
            .shares
            .iter()
            .map(|&share| 1.0 / (rebalance * share.max(least) + (1.0 - rebalance) * even))
            .collect();
        let mean: f64 = raw.iter().zip(&self.shares).map(|(w, s)| w * s).sum();
        raw.iter().map(|w| (w / mean) as f32).collect()
    }
}

impl Histogram {
    fn empty() -> Self {
        let side = (2 * REACH + 1) as usize;
        Self {
            counts: vec![0; side * side],
            distance: 0.0,
            blocks: 0,
        }
    }

    /// Of the mean colours of a picture's blocks.
    fn of(rgb: &Rgb) -> Self {
        let mut histogram = Self::empty();
        for block in rgb.exact_chunks((BLOCK, BLOCK, 3)) {
            let mean = [0, 1, 2].map(|c| {
                let channel = block.slice(s![.., .., c]);
                let sum: u32 = channel.iter().copied().map(u32::from).sum();
                sum as f32 / (BLOCK * BLOCK) as f32
            });
            histogram.count(bt601_chroma(mean));
        }
        histogram
    }

    fn count(&mut self, chroma: [f32; 2]) {
        let [u, v] = chroma.map(|c| {
            let bin = (c / f32::from(STEP)).round() as i32;
            (bin.clamp(-REACH, REACH) + REACH) as usize
        });
        self.counts[u * (2 * REACH as usize + 1) + v] += 1;
        self.distance += f64::from(chroma[0].hypot(chroma[1]));
        self.blocks += 1;
    }

    fn add(&mut self, other: &Self) {
        let each = self.counts.iter_mut().zip(&other.counts);
        each.for_each(|(a, b)| *a += b);
        self.distance += other.distance;
        self.blocks += other.blocks;
    }

    fn is_coloured(&self) -> bool {
        self.distance > f64::from(GREY) * self.blocks as f64
    }

    /// The chroma of every place of the grid with its count.
    fn places(&self) -> impl Iterator<Item = ([i16; 2], u64)> {
        let side = 2 * REACH as usize + 1;
        self.counts.iter().enumerate().map(move |(i, &n)| {
            let place = [i / side, i % side].map(|k| (k as i32 - REACH) as i16 * i16::from(STEP));
            (place, n)
        })
    }

    fn bins(&self) -> Vec<[i16; 2]> {
        let least = LEAST * self.blocks as f64;
        let often = self.places().filter(|(_, n)| *n as f64 >= least && *n > 0);
        often.map(|(place, _)| place).collect()
    }

    fn shares(&self, chroma: &ChromaConfig) -> Vec<f64> {
        let mut shares = vec![0.0; chroma.bins.len()];
        let variance = (f64::from(chroma.step) / 2.0).powi(2);
        for (place, count) in self.places().filter(|(_, n)| *n > 0) {
            let nearness: Vec<f64> = chroma
                .bins
                .iter()
                .map(|bin| {
                    let square = |i: usize| (f64::from(bin[i]) - f64::from(place[i])).powi(2);
                    -(square(0) + square(1)) / (2.0 * variance)
                })
                .collect();
            let most = nearness.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> = nearness.iter().map(|n| (n - most).exp()).collect();
            let sum: f64 = powers.iter().sum();
            for (share, power) in shares.iter_mut().zip(powers) {
                *share += power / sum * count as f64 / self.blocks.max(1) as f64;
            }
        }
        shares
    }
}

/// Makes batches of grey views as film shows them, with their true colours. What a batch holds depends on the set, the
/// settings, the seed and the iteration only. The first of the views are those to reconstruct.
#[derive(Debug)]
pub struct ColourBatches {
    set: Arc<ColourSet>,
    film: FilmDegradation,
    size: BatchSize,
    seed: u64,
    viewer: Viewer,
    work: [Vec<f32>; 2],
    epoch: Option<(u64, Vec<u32>)>,
}

impl ColourBatches {
    /// Batches of `size` from `set`.
    ///
    /// # Errors
    /// [`LoaderError`] when the size is out of range.
    pub fn new(
        set: Arc<ColourSet>,
        film: FilmDegradation,
        size: BatchSize,
        seed: u64,
    ) -> Result<Self, LoaderError> {
        check_size(size)?;
        Ok(Self {
            set,
            film,
            size,
            seed,
            viewer: Viewer::default(),
            work: Default::default(),
            epoch: None,
        })
    }

    fn index(&mut self, position: u64) -> usize {
        let count = self.set.pictures.len() as u64;
        let (epoch, place) = (position / count, (position % count) as usize);
        if self.epoch.as_ref().is_none_or(|(e, _)| *e != epoch) {
            self.epoch = Some((epoch, shuffled(self.seed, epoch, count)));
        }
        self.epoch.as_ref().map_or(0, |(_, order)| order[place]) as usize
    }
}

impl Supply for ColourBatches {
    fn batch(&mut self, iteration: u64) -> Result<Batch, LoaderError> {
        let BatchSize {
            images,
            masked,
            height,
            width,
        } = self.size;
        let bytes = width * height * 3;
        let mut batch = Batch::empty(iteration, self.size, 3);
        let mut nothing = vec![0; width * height];
        for i in 0..images {
            let mut rng = random(self.seed, iteration, i as u64, Purpose::View);
            let position = iteration.wrapping_mul(images as u64).wrapping_add(i as u64);
            let index = self.index(position);
            let sample = self.set.pictures.read(index).map_err(LoaderError::Image)?;
            let augmentation = Augmentation {
                flip: 0.5,
                ..Augmentation::none()
            };
            let augmentation = augmentation.filling(sample.size(), (width, height));
            let colours = &mut batch.labels[i * bytes..][..bytes];
            let size = (width, height);
            self.viewer
                .view(
                    &sample,
                    &augmentation,
                    None,
                    &mut rng,
                    size,
                    colours,
                    &mut nothing,
                )
                .map_err(LoaderError::Image)?;
            let grey = &mut batch.images[i * bytes..][..bytes];
            self.film
                .show(colours, width, grey, &mut rng, &mut self.work);
        }
        batch.images.copy_within(..masked * bytes, images * bytes);
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tttseg::video::write_png;

    fn folder(colours: &[[u8; 3]]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (i, colour) in colours.iter().enumerate() {
            let rgb = Rgb::from_shape_fn((16, 24, 3), |(_, _, c)| colour[c]);
            write_png(&dir.path().join(format!("{i}.png")), &rgb).unwrap();
        }
        dir
    }

    #[test]
    fn bins_are_the_colours_that_occur() {
        let dir = folder(&[
            [200, 100, 100],
            [100, 100, 200],
            [90, 90, 90],
            [200, 100, 100],
        ]);
        let set = ColourSet::open(&[dir.path()], None).unwrap();
        assert_eq!((set.pictures().len(), set.left_out().len()), (3, 1));
        assert!(set.left_out()[0].reason.contains("no colours"));
        // Red is -17, 50; blue is 50, -8.
        assert_eq!(set.chroma().bins, [[-12, 48], [48, -12]]);
        let even = set.weights(0.0);
        assert!(even.iter().all(|w| (w - 1.0).abs() < 1e-6), "{even:?}");
        let full = set.weights(1.0);
        assert!((full[1] / full[0] - 2.0).abs() < 1e-3, "{full:?}");
        let mean = full[0] * 2.0 / 3.0 + full[1] / 3.0;
        assert!((mean - 1.0).abs() < 1e-5);

        let given = ChromaConfig {
            bins: vec![[0, 0], [48, 0], [100, 100]],
            ..set.chroma().clone()
        };
        let other = ColourSet::open(&[dir.path()], Some(given.clone())).unwrap();
        assert_eq!(other.chroma(), &given);
        assert!(other.weights(1.0).iter().all(|w| w.is_finite()));

        let grey = folder(&[[10; 3], [70; 3]]);
        let none = ColourSet::open(&[grey.path()], None).unwrap_err();
        assert!(none.to_string().contains("no colours"), "{none}");
    }

    #[test]
    fn batches_are_grey_views_with_their_colours() {
        let dir = folder(&[[200, 100, 50], [40, 90, 220], [30, 160, 60]]);
        let set = Arc::new(ColourSet::open(&[dir.path()], None).unwrap());
        let size = BatchSize {
            images: 3,
            masked: 2,
            height: 32,
            width: 32,
        };
        let film = FilmDegradation::default().often(0.0);
        let mut batches = ColourBatches::new(set.clone(), film, size, 4).unwrap();
        let batch = batches.batch(5).unwrap();
        assert_eq!(batch, batches.batch(5).unwrap());
        assert_ne!(batch.labels, batches.batch(6).unwrap().labels);
        let bytes = 32 * 32 * 3;
        assert_eq!(
            (batch.images.len(), batch.labels.len()),
            (5 * bytes, 3 * bytes)
        );
        assert_eq!(batch.images[..2 * bytes], batch.images[3 * bytes..]);
        // An epoch shows every picture once, without padding.
        let mut reds: Vec<u8> = batch.labels.chunks(bytes).map(|c| c[0]).collect();
        reds.sort_unstable();
        assert_eq!(reds, [30, 40, 200]);
        for (colours, grey) in batch.labels.chunks(bytes).zip(batch.images.chunks(bytes)) {
            assert!(colours.chunks(3).all(|p| p == &colours[..3]));
            assert!(grey.iter().all(|&g| g == grey[0]));
        }
        let wrong = BatchSize { masked: 4, ..size };
        assert!(ColourBatches::new(set, FilmDegradation::default(), wrong, 4).is_err());
    }
}
