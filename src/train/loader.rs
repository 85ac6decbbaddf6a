//! Batches, prepared while the network is busy with the one before.

use super::augment::{Augmentation, AugmentationError, Viewer, chance};
use super::balance::ClassDraw;
use super::data::LabelledSet;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// Why there are no batches.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// A knob is out of range.
    #[error(transparent)]
    Augmentation(#[from] AugmentationError),
    /// Batches without pixels, or far too large.
    #[error(
        "batch of {images} images of {width}x{height} pixels (1 to 4096 images, sides from 1 to 8192)"
    )]
    Size {
        /// Images in a batch.
        images: usize,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// An image could not be resized.
    #[error("preparing a batch: {0}")]
    Image(String),
    /// A thread could not be started.
    #[error("starting a loader thread: {0}")]
    Spawn(std::io::Error),
    /// A thread ended before its time.
    #[error("a loader thread has stopped")]
    Stopped,
}

/// Size of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// Images.
    pub images: usize,
    /// Height of each in pixels.
    pub height: usize,
    /// Width of each in pixels.
    pub width: usize,
}

/// Views of labelled images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which iteration it is for.
    pub iteration: u64,
    /// Its size.
    pub size: BatchSize,
    /// Interleaved RGB, images × height × width × 3.
    pub images: Vec<u8>,
    /// Class ids, images × height × width; 255 where nothing is labelled.
    pub labels: Vec<u8>,
}

/// Makes batches on the calling thread; [`Loader`] does so on others. What a batch holds depends on the set, the
/// settings, the seed and the iteration only.
#[derive(Debug)]
pub struct Batches {
    set: Arc<LabelledSet>,
    knobs: Augmentation,
    size: BatchSize,
    seed: u64,
    viewer: Viewer,
    classes: ClassDraw,
    epoch: Option<(u64, Vec<u32>)>,
}

/// Streams of random numbers that must not coincide.
#[derive(Clone, Copy)]
enum Purpose {
    View = 1,
    Order = 2,
}

/// Random numbers for one purpose.
fn random(seed: u64, a: u64, b: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (to, from) in key.chunks_exact_mut(8).zip([seed, a, b, purpose as u64]) {
        to.copy_from_slice(&from.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

impl Batches {
    /// Batches of `size` from `set`.
    ///
    /// # Errors
    /// [`LoaderError`] when a knob or the size is out of range.
    pub fn new(
        set: Arc<LabelledSet>,
        knobs: Augmentation,
        size: BatchSize,
        seed: u64,
    ) -> Result<Self, LoaderError> {
        knobs.validate()?;
        let sides = 1..=8192;
        if !(1..=4096).contains(&size.images)
            || !sides.contains(&size.width)
            || !sides.contains(&size.height)
        {
            return Err(LoaderError::Size {
                images: size.images,
                width: size.width,
                height: size.height,
            });
        }
        let classes = ClassDraw::new(set.class_pixels());
        Ok(Self {
            set,
            knobs,
            size,
            seed,
            viewer: Viewer::default(),
            classes,
            epoch: None,
        })
    }

    /// The batch of an iteration. Images come in a new random order every time all have been seen, but for the views that
    /// are chosen for a rare class (more often the fewer pixels it has: with the inverse of their root).
    ///
    /// # Errors
    /// [`LoaderError::Image`] when an image cannot be resized.
    pub fn batch(&mut self, iteration: u64) -> Result<Batch, LoaderError> {
        let BatchSize {
            images,
            height,
            width,
        } = self.size;
        let pixels = width * height;
        let mut batch = Batch {
            iteration,
            size: self.size,
            images: vec![0; images * pixels * 3],
            labels: vec![0; images * pixels],
        };
        let views = batch.images.chunks_exact_mut(pixels * 3);
        for (i, (image, labels)) in views.zip(batch.labels.chunks_exact_mut(pixels)).enumerate() {
            let mut rng = random(self.seed, iteration, i as u64, Purpose::View);
            let position = iteration.wrapping_mul(images as u64).wrapping_add(i as u64);
            let (index, class) = self.choose(position, &mut rng);
            let sample = &self.set.samples()[index];
            self.viewer
                .view(
                    sample,
                    &self.knobs,
                    class,
                    &mut rng,
                    (width, height),
                    image,
                    labels,
                )
                .map_err(LoaderError::Image)?;
        }
        Ok(batch)
    }

    /// Which image to look at, and which class to have in view.
    fn choose(&mut self, position: u64, rng: &mut ChaCha8Rng) -> (usize, Option<u8>) {
        if chance(rng, self.knobs.rare)
            && let Some(class) = self.classes.draw(rng)
        {
            let holding = self.set.containing(usize::from(class));
            if !holding.is_empty() {
                let index = holding[rng.random_range(0..holding.len() as u64) as usize];
                return (index as usize, Some(class));
            }
        }
        let count = self.set.samples().len() as u64;
        let (epoch, place) = (position / count, (position % count) as usize);
        if self.epoch.as_ref().is_none_or(|(e, _)| *e != epoch) {
            self.epoch = Some((epoch, shuffled(self.seed, epoch, count)));
        }
        let index = self.epoch.as_ref().map_or(0, |(_, order)| order[place]);
        (index as usize, None)
    }
}

/// A random order of `count` images.
fn shuffled(seed: u64, epoch: u64, count: u64) -> Vec<u32> {
    let mut rng = random(seed, epoch, 0, Purpose::Order);
    let mut order: Vec<u32> = (0..count as u32).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, rng.random_range(0..=i as u64) as usize);
    }
    order
}

/// Prepares batches on threads of its own, a few ahead, and hands them out in the order of the iterations.
#[derive(Debug)]
pub struct Loader {
    /// One channel per thread, taken in turn; `None` once the loader is dropped.
    channels: Option<Vec<Receiver<Result<Batch, LoaderError>>>>,
    threads: Vec<JoinHandle<()>>,
    next: usize,
}

/// Batches each thread keeps ready.
const AHEAD: usize = 2;

impl Loader {
    /// Starts `threads` (at least 1) threads that prepare the batches from `first` on. Their number makes no difference
    /// to the batches.
    ///
    /// # Errors
    /// [`LoaderError`] when a knob or the size is out of range or a thread cannot be started.
    pub fn new(
        set: Arc<LabelledSet>,
        knobs: Augmentation,
        size: BatchSize,
        seed: u64,
        first: u64,
        threads: usize,
    ) -> Result<Self, LoaderError> {
        let threads = threads.max(1);
        let mut channels = Vec::with_capacity(threads);
        let mut handles = Vec::with_capacity(threads);
        for t in 0..threads as u64 {
            let mut batches = Batches::new(Arc::clone(&set), knobs.clone(), size, seed)?;
            let (send, receive) = sync_channel(AHEAD);
            let work = move || {
                let mine = (first.saturating_add(t)..).step_by(threads);
                for iteration in mine {
                    // Ends when the loader is gone.
                    if send.send(batches.batch(iteration)).is_err() {
                        return;
                    }
                }
            };
            let handle = std::thread::Builder::new()
                .name(format!("loader-{t}"))
                .spawn(work)
                .map_err(LoaderError::Spawn)?;
            channels.push(receive);
            handles.push(handle);
        }
        Ok(Self {
            channels: Some(channels),
            threads: handles,
            next: 0,
        })
    }

    /// The next batch; waits for it.
    ///
    /// # Errors
    /// [`LoaderError`] when an image could not be prepared or a thread has stopped.
    pub fn next_batch(&mut self) -> Result<Batch, LoaderError> {
        let channels = self.channels.as_ref().ok_or(LoaderError::Stopped)?;
        let batch = channels[self.next]
            .recv()
            .map_err(|_| LoaderError::Stopped)??;
        self.next = (self.next + 1) % channels.len();
        Ok(batch)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // Without receivers the threads' next send fails, and they end.
        self.channels = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing more to say here.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Sample;

    const SIZE: BatchSize = BatchSize {
        images: 3,
        height: 24,
        width: 32,
    };

    /// Seven images, each of one colour; the last holds the only pixel of class 2.
    fn set() -> Arc<LabelledSet> {
        let samples = (0..7u8).map(|i| Sample {
            name: format!("{i}"),
            width: 40,
            height: 30,
            rgb: vec![i * 10; 40 * 30 * 3],
            labels: (0..1200)
                .map(|p| {
                    if i == 6 && p == 77 {
                        2
                    } else {
                        u8::from(p > 300)
                    }
                })
                .collect(),
        });
        Arc::new(LabelledSet::from_samples(samples.collect(), 4).unwrap())
    }

    fn take(threads: usize, first: u64, count: usize) -> Vec<Batch> {
        let mut loader =
            Loader::new(set(), Augmentation::default(), SIZE, 5, first, threads).unwrap();
        (0..count).map(|_| loader.next_batch().unwrap()).collect()
    }

    #[test]
    fn the_same_batches_from_any_number_of_threads() {
        let mut here = Batches::new(set(), Augmentation::default(), SIZE, 5).unwrap();
        let wanted: Vec<Batch> = (3..10).map(|i| here.batch(i).unwrap()).collect();
        assert_eq!(take(1, 3, 7), wanted);
        assert_eq!(take(3, 3, 7), wanted);
        // And from any order of asking.
        assert_eq!(here.batch(4).unwrap(), wanted[1]);
        let mut other = Batches::new(set(), Augmentation::default(), SIZE, 6).unwrap();
        assert_ne!(other.batch(4).unwrap(), wanted[1]);
        assert_ne!(wanted[0].images, wanted[1].images);
        assert_eq!(wanted[2].iteration, 5);
        assert_eq!(wanted[2].images.len(), 3 * 24 * 32 * 3);
        assert_eq!(wanted[2].labels.len(), 3 * 24 * 32);
    }

    #[test]
    fn an_epoch_shows_every_image_once() {
        let mut batches = Batches::new(set(), Augmentation::none(), SIZE, 1).unwrap();
        let colours: Vec<u8> = (0..7)
            .flat_map(|i| {
                let images = batches.batch(i).unwrap().images;
                [0, 1, 2].map(|k| images[k * 24 * 32 * 3])
            })
            .collect();
        for epoch in colours.chunks(7) {
            let mut sorted = epoch.to_vec();
            sorted.sort();
            assert_eq!(sorted, [0, 10, 20, 30, 40, 50, 60]);
        }
        assert_ne!(colours[..7], colours[7..14]);
    }

    #[test]
    fn rare_classes_come_into_view() {
        let share = |rare: f32| {
            let knobs = Augmentation {
                rare,
                ..Augmentation::none()
            };
            let mut batches = Batches::new(set(), knobs, SIZE, 1).unwrap();
            let all = (0..60).map(|i| batches.batch(i).unwrap());
            all.filter(|b| b.labels.contains(&2)).count()
        };
        // One pixel of thousands: by chance it is in view of a few batches at most, when looked for in most.
        assert!(share(1.0) > 50, "{}", share(1.0));
        assert!(share(0.0) < 30, "{}", share(0.0));
    }

    #[test]
    fn dropping_ends_the_threads() {
        let mut loader = Loader::new(set(), Augmentation::default(), SIZE, 5, 0, 2).unwrap();
        loader.next_batch().unwrap();
        drop(loader);
    }

    #[test]
    fn what_makes_no_batch() {
        let size = BatchSize { images: 0, ..SIZE };
        let refused = Batches::new(set(), Augmentation::none(), size, 0).unwrap_err();
        assert!(matches!(refused, LoaderError::Size { images: 0, .. }));
        let knobs = Augmentation {
            stretch: 0.5,
            ..Augmentation::none()
        };
        let refused = Loader::new(set(), knobs, SIZE, 0, 0, 1).unwrap_err();
        assert!(refused.to_string().contains("stretch"));
    }
}
