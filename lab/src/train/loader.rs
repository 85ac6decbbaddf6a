//! Batches, prepared while the network is busy with the one before.

use super::augment::{Augmentation, Viewer};
use super::batch::{BatchSize, LoaderError};
use super::mix::{LabelledSource, Mix};
use super::random::{Purpose, chance, random};
use crate::data::PictureSet;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use tttseg::adapt::graphs::Size;

impl BatchSize {
    /// The size of each image.
    pub(super) fn frame(self) -> Size {
        Size {
            height: self.height,
            width: self.width,
        }
    }
}

/// Views of images, and what the main task is to find in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which iteration it is for.
    pub iteration: u64,
    /// Its size.
    pub size: BatchSize,
    /// Interleaved RGB, (images + masked) × height × width × 3: the labelled ones, then those to reconstruct.
    pub images: Vec<u8>,
    /// What the main task is to find: class ids, images × height × width, 255 where nothing is labelled; or the colours,
    /// interleaved RGB, images × height × width × 3.
    pub labels: Vec<u8>,
    /// Which of the run's schemes each of the labelled images is labelled in; 0 where there is but one.
    pub schemes: Vec<u8>,
}

impl Batch {
    /// A batch to be filled, with so many bytes of labels a pixel.
    pub(super) fn empty(iteration: u64, size: BatchSize, channels: usize) -> Self {
        let pixels = size.height * size.width;
        Self {
            iteration,
            size,
            images: vec![0; (size.images + size.masked) * pixels * 3],
            labels: vec![0; size.images * pixels * channels],
            schemes: vec![0; size.images],
        }
    }
}

/// Where images come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Sets of images with labels, at least one.
    pub labelled: Vec<LabelledSource>,
    /// Pictures without labels, for reconstruction only; may be empty.
    pub pictures: Arc<PictureSet>,
    /// How many of the images to reconstruct are such pictures, from 0 to 1; the others are the batch's labelled ones.
    pub share: f32,
}

/// Makes batches on the calling thread; [`Loader`] does so on others. What a batch holds depends on the set, the
/// settings, the seed and the iteration only.
#[derive(Debug)]
pub struct Batches {
    sources: Sources,
    augmentation: Augmentation,
    size: BatchSize,
    seed: u64,
    viewer: Viewer,
    mix: Mix,
}

pub(super) fn check_size(size: BatchSize) -> Result<(), LoaderError> {
    let sides = 1..=8192;
    let fits = (1..=4096).contains(&size.images)
        && size.masked <= size.images
        && sides.contains(&size.width)
        && sides.contains(&size.height);
    fits.then_some(()).ok_or(LoaderError::Size(size))
}

/// A source of the batches of a run.
pub trait Supply: Send {
    /// The batch of an iteration, the same one at every call.
    ///
    /// # Errors
    /// [`LoaderError::Image`] when a picture can no longer be read or be resized.
    fn batch(&mut self, iteration: u64) -> Result<Batch, LoaderError>;
}

impl<S: Supply + ?Sized> Supply for Box<S> {
    fn batch(&mut self, iteration: u64) -> Result<Batch, LoaderError> {
        (**self).batch(iteration)
    }
}

impl Batches {
    /// Batches of `size` from `sources`.
    ///
    /// # Errors
    /// [`LoaderError`] when a setting, the share of pictures or the size is out of range.
    pub fn new(
        sources: Sources,
        augmentation: Augmentation,
        size: BatchSize,
        seed: u64,
    ) -> Result<Self, LoaderError> {
        augmentation.validate()?;
        if !(0.0..=1.0).contains(&sources.share) {
            return Err(LoaderError::Share(sources.share));
        }
        check_size(size)?;
        let mix = Mix::new(&sources.labelled, augmentation.rare, seed)?;
        Ok(Self {
            sources,
            augmentation,
            size,
            seed,
            viewer: Viewer::default(),
            mix,
        })
    }
}

impl Supply for Batches {
    /// Images of a set come in a new random order every time all have been seen, but for the views that are chosen for a
    /// rare class (more often the fewer pixels it has in its set: with the inverse of their root).
    fn batch(&mut self, iteration: u64) -> Result<Batch, LoaderError> {
        let BatchSize {
            images,
            height,
            width,
            ..
        } = self.size;
        let pixels = width * height;
        let mut batch = Batch::empty(iteration, self.size, 1);
        let views = batch.images.chunks_exact_mut(pixels * 3);
        for (i, (image, labels)) in views.zip(batch.labels.chunks_exact_mut(pixels)).enumerate() {
            let mut rng = random(self.seed, iteration, i as u64, Purpose::View);
            let position = iteration.wrapping_mul(images as u64).wrapping_add(i as u64);
            let choice = self.mix.choose(&self.sources.labelled, position, &mut rng);
            let source = &self.sources.labelled[choice.set];
            let sample = &source.set.samples()[choice.image];
            batch.schemes[i] = source.scheme;
            self.viewer
                .view(
                    sample,
                    &self.augmentation,
                    choice.class,
                    &mut rng,
                    (width, height),
                    image,
                    labels,
                )
                .map_err(LoaderError::Image)?;
        }
        let (labelled, hidden) = batch.images.split_at_mut(images * pixels * 3);
        let views = hidden.chunks_exact_mut(pixels * 3);
        for (i, (image, same)) in views.zip(labelled.chunks_exact(pixels * 3)).enumerate() {
            let mut rng = random(self.seed, iteration, i as u64, Purpose::Picture);
            let chosen = chance(&mut rng, self.sources.share);
            if chosen && !self.sources.pictures.is_empty() {
                self.picture(&mut rng, (width, height), image)?;
            } else {
                image.copy_from_slice(same);
            }
        }
        Ok(batch)
    }
}

impl Batches {
    /// A view of a random picture, filled by it.
    fn picture(
        &mut self,
        rng: &mut ChaCha8Rng,
        (width, height): (usize, usize),
        image: &mut [u8],
    ) -> Result<(), LoaderError> {
        let pictures = &self.sources.pictures;
        let index = rng.random_range(0..pictures.len() as u64) as usize;
        let sample = pictures.read(index).map_err(LoaderError::Image)?;
        let augmentation = self.augmentation.clone();
        let augmentation = augmentation.filling(sample.shown_size(), (width, height));
        let mut labels = vec![0; width * height];
        self.viewer
            .view(
                &sample,
                &augmentation,
                None,
                rng,
                (width, height),
                image,
                &mut labels,
            )
            .map_err(LoaderError::Image)
    }
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
    /// Starts `threads` (at least 1) threads that prepare the batches from `first` on, each with what `supply` makes.
    /// Their number makes no difference to the batches.
    ///
    /// # Errors
    /// What `supply` returns, or that a thread cannot be started.
    pub fn new<S: Supply + 'static>(
        supply: impl Fn() -> Result<S, LoaderError>,
        first: u64,
        threads: usize,
    ) -> Result<Self, LoaderError> {
        let threads = threads.max(1);
        let mut channels = Vec::with_capacity(threads);
        let mut handles = Vec::with_capacity(threads);
        for t in 0..threads as u64 {
            let mut batches = supply()?;
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
            // What a thread panicked with was printed then.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
