//! Frames that were understood: what a video showed in good light, with what the model on disk said of it.
//!
//! In bad light such a frame is the best teacher for the same things; labels that are made in bad light are a gamble.

use std::sync::Arc;

use ndarray::Array3;

use crate::adapt::objective::VOID;
use crate::video::{ClassMap, Rgb};
use crate::weights::{Pictures, WeightsError};

/// Size of the thumbnails by which places are compared.
const THUMBNAIL: (usize, usize) = (9, 16);
/// Mean difference of two thumbnails, in steps of 8 bits, above which they show different places.
const OTHER_PLACE: f32 = 12.0;
/// As many frames are to show every class.
const FRAMES_OF_CLASS: usize = 3;
/// Share of the pixels that a class has where a frame shows it.
const SHOWN: f32 = 1e-3;
/// The exponent of rarity in what a class counts, and what it counts at least and at most.
const RARITY: f32 = 0.5;
const WEIGHTS: (f32, f32) = (0.5, 4.0);

/// How names of saved frames begin, and how they end: for those in range, and for others.
const PREFIX: &str = "memory.";
const KINDS: [&str; 2] = ["in-range", "first"];

/// A frame with labels.
#[derive(Clone, Debug)]
pub(in crate::adapt) struct Remembered {
    /// RGB at the model size of its time.
    pub rgb: Arc<Rgb>,
    /// The class of every pixel; 255 where the model was not sure.
    pub labels: Arc<ClassMap>,
    /// Whether the video was in range at that time; the first frames of a stream that never was are remembered as well.
    pub in_range: bool,
    thumbnail: Array3<f32>,
    /// Pixels of every class.
    counts: Box<[usize; 256]>,
    /// Whether it shows a class.
    shows: Box<[bool; 256]>,
}

impl Remembered {
    /// A frame and its labels, of the same size.
    pub fn new(rgb: Arc<Rgb>, labels: Arc<ClassMap>, in_range: bool) -> Self {
        let mut counts = [0_usize; 256];
        labels
            .iter()
            .for_each(|&label| counts[usize::from(label)] += 1);
        counts[usize::from(VOID)] = 0;
        let least = SHOWN * labels.len() as f32;
        Self {
            thumbnail: thumbnail(&rgb),
            shows: Box::new(counts.map(|count| count > 0 && count as f32 >= least)),
            counts: Box::new(counts),
            rgb,
            labels,
            in_range,
        }
    }

    /// Frames as they are saved by [`Understood::pictures`], the oldest first; `file` is how errors name the file.
    ///
    /// # Errors
    /// A frame without labels, or one of another shape.
    pub fn from_pictures(file: &str, pictures: &Pictures) -> Result<Vec<Self>, WeightsError> {
        let mut frames = vec![];
        for (name, frame) in pictures.range(PREFIX.to_owned()..) {
            let Some((number, kind)) = name.strip_prefix(PREFIX).and_then(|n| n.split_once('.'))
            else {
                continue;
            };
            let Some(in_range) = KINDS.iter().position(|k| *k == kind) else {
                continue;
            };
            let labels_name = format!("{PREFIX}{number}.labels");
            let labels = pictures
                .get(&labels_name)
                .ok_or_else(|| WeightsError::Missing {
                    file: file.to_owned(),
                    tensor: labels_name.clone(),
                })?;
            let other_shape =
                |name: &str, found: &[usize], expected: &[usize]| WeightsError::Shape {
                    file: file.to_owned(),
                    tensor: name.to_owned(),
                    found: found.to_vec(),
                    expected: expected.to_vec(),
                };
            let (height, width) = match *frame.shape() {
                [height, width, 3] if height > 0 && width > 0 => (height, width),
                ref found => return Err(other_shape(name, found, &[1, 1, 3])),
            };
            let rgb = frame.clone().into_dimensionality();
            let rgb = rgb.map_err(|_| other_shape(name, frame.shape(), &[height, width, 3]))?;
            let labels = match labels.clone().into_dimensionality() {
                Ok(found) if labels.shape() == [height, width] => found,
                _ => return Err(other_shape(&labels_name, labels.shape(), &[height, width])),
            };
            frames.push(Self::new(Arc::new(rgb), Arc::new(labels), in_range == 0));
        }
        Ok(frames)
    }

    fn distance(&self, other: &Self) -> f32 {
        let differences = self.thumbnail.iter().zip(&other.thumbnail);
        let sum: f32 = differences.map(|(a, b)| (a - b).abs()).sum();
        sum / self.thumbnail.len() as f32
    }
}

/// What a stream remembers: a few frames, the oldest first.
#[derive(Clone, Debug, Default)]
pub(in crate::adapt) struct Understood {
    frames: Vec<Remembered>,
    /// How often frames have come or gone.
    changes: u64,
}

impl Understood {
    /// The frames.
    pub fn frames(&self) -> &[Remembered] {
        &self.frames
    }

    /// A number that is another one once frames have come or gone.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The frames and their labels by name, to be saved.
    pub fn pictures(&self) -> Pictures {
        let named = self.frames.iter().enumerate().flat_map(|(number, frame)| {
            let kind = KINDS[usize::from(!frame.in_range)];
            [
                (
                    format!("{PREFIX}{number:03}.{kind}"),
                    (*frame.rgb).clone().into_dyn(),
                ),
                (
                    format!("{PREFIX}{number:03}.labels"),
                    (*frame.labels).clone().into_dyn(),
                ),
            ]
        });
        named.collect()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.changes += 1;
        self.frames.clear();
    }

    /// Takes in frames that were saved.
    pub fn restore(&mut self, frames: Vec<Remembered>, capacity: usize) {
        self.changes += 1;
        self.frames = frames;
        self.shrink(capacity);
    }

    /// Whether a frame would be looked at, so that its labels are worth making.
    pub fn wants(&self, in_range: bool, capacity: usize) -> bool {
        in_range || (self.frames.len() < capacity && !self.frames.iter().any(|f| f.in_range))
    }

    /// Remembers a frame if it is worth it: the first ones, until one was in range; then those in range that there is room for,
    /// or that show another place or a rare class.
    pub fn offer(&mut self, frame: Remembered, capacity: usize) {
        self.shrink(capacity);
        if !self.wants(frame.in_range, capacity) {
            return;
        }
        let full = self.frames.len() >= capacity && self.frames.iter().all(|f| f.in_range);
        if full && !self.adds(&frame) {
            return;
        }
        self.changes += 1;
        self.frames.push(frame);
        self.shrink(capacity);
    }

    /// Lets go of what a memory of this capacity does not hold.
    pub fn shrink(&mut self, capacity: usize) {
        while self.frames.len() > capacity {
            let place = self.most_redundant();
            self.frames.remove(place);
            self.changes += 1;
        }
    }

    /// Whether a frame shows another place than all others, or a class that hardly any of them shows.
    fn adds(&self, frame: &Remembered) -> bool {
        let mut others = self.frames.iter();
        let is_rare = |class: usize| self.is_rare(class, 0);
        (0..256).any(|class| frame.shows[class] && is_rare(class))
            || others.all(|other| other.distance(frame) > OTHER_PLACE)
    }

    /// Whether fewer frames show a class than are to, and so many more.
    fn is_rare(&self, class: usize, more: usize) -> bool {
        let showing = self.frames.iter().filter(|f| f.shows[class]).count();
        showing < FRAMES_OF_CLASS + more
    }

    /// The frame that is missed least: the oldest that was not in range, else that which is most like a later one. One that is needed
    /// for a rare class stays as long as there is another.
    fn most_redundant(&self) -> usize {
        if let Some(place) = self.frames.iter().position(|f| !f.in_range) {
            return place;
        }
        let needed =
            |frame: &Remembered| (0..256).any(|class| frame.shows[class] && self.is_rare(class, 1));
        let nearest = |place: usize| {
            let later = self.frames[place + 1..].iter();
            let nearest = later.map(|other| other.distance(&self.frames[place]));
            nearest.fold(f32::INFINITY, f32::min)
        };
        let places = 0..self.frames.len();
        let key = |place: usize| (needed(&self.frames[place]), nearest(place));
        let order = |a: &usize, b: &usize| {
            let (a, b) = (key(*a), key(*b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        };
        places.min_by(order).unwrap_or_default()
    }
}

/// What a pixel of each class counts in a loss on one of these frames: thin things would thin out if all counted alike. The
/// root of how much rarer than on average a class is, within bounds.
pub(in crate::adapt) fn class_weights<'a>(
    frames: impl Iterator<Item = &'a Remembered>,
    classes: usize,
) -> Vec<f32> {
    let mut counts = vec![0; classes.min(256)];
    for frame in frames {
        let of_frame = counts.iter_mut().zip(frame.counts.iter());
        of_frame.for_each(|(sum, count)| *sum += count);
    }
    let pixels: Vec<f32> = counts.iter().map(|&count| count as f32).collect();
    let present = pixels.iter().filter(|&&n| n > 0.0).count().max(1);
    let mean = pixels.iter().sum::<f32>() / present as f32;
    let weight = |&n: &f32| match n {
        0.0 => 1.0,
        n => (mean / n).powf(RARITY).clamp(WEIGHTS.0, WEIGHTS.1),
    };
    pixels.iter().map(weight).collect()
}

/// How many frames are remembered in these pictures of a saved state.
pub fn remembered_frames(pictures: &Pictures) -> usize {
    let frames = pictures.keys().filter(|name| {
        let kind = name.strip_prefix(PREFIX).and_then(|n| n.split_once('.'));
        kind.is_some_and(|(_, kind)| KINDS.contains(&kind))
    });
    frames.count()
}

fn thumbnail(rgb: &Rgb) -> Array3<f32> {
    let (height, width, channels) = rgb.dim();
    let (rows, columns) = THUMBNAIL;
    let span = |at: usize, of: usize, whole: usize| {
        let start = (at * whole / of).min(whole.saturating_sub(1));
        start..((at + 1) * whole / of).max(start + 1).min(whole)
    };
    Array3::from_shape_fn((rows, columns, channels), |(y, x, c)| {
        let (down, across) = (span(y, rows, height), span(x, columns, width));
        let part = rgb.slice(ndarray::s![down, across, c]);
        let sum: u32 = part.iter().map(|&byte| u32::from(byte)).sum();
        sum as f32 / part.len().max(1) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 32;

    /// A frame of one grey that shows these classes in bands.
    fn frame(grey: u8, classes: &[u8], in_range: bool) -> Remembered {
        let rgb = Rgb::from_elem((SIDE, SIDE, 3), grey);
        let band = SIDE / classes.len();
        let labels = ClassMap::from_shape_fn((SIDE, SIDE), |(y, _)| {
            classes[(y / band).min(classes.len() - 1)]
        });
        Remembered::new(rgb.into(), labels.into(), in_range)
    }

    fn greys(memory: &Understood) -> Vec<u8> {
        memory.frames().iter().map(|f| f.rgb[[0, 0, 0]]).collect()
    }

    #[test]
    fn the_first_frames_are_kept_until_one_is_in_range() {
        let mut memory = Understood::default();
        for grey in 0..5 {
            memory.offer(frame(grey, &[1], false), 3);
        }
        assert_eq!(greys(&memory), [0, 1, 2]);
        for grey in 10..13 {
            memory.offer(frame(grey, &[1], true), 3);
        }
        assert_eq!(
            greys(&memory),
            [10, 11, 12],
            "those in range take their place"
        );
        assert!(!memory.wants(false, 3));
        memory.offer(frame(99, &[2], false), 3);
        assert_eq!(greys(&memory), [10, 11, 12]);
    }

    #[test]
    fn a_full_memory_takes_other_places_and_rare_classes() {
        let mut memory = Understood::default();
        for grey in [0, 100, 101, 200] {
            memory.offer(frame(grey, &[1], true), 4);
        }
        memory.offer(frame(205, &[1], true), 4);
        assert_eq!(greys(&memory), [0, 100, 101, 200], "nothing new");
        memory.offer(frame(50, &[1], true), 4);
        assert_eq!(
            greys(&memory),
            [0, 101, 200, 50],
            "in place of the older of two that are alike"
        );
        memory.offer(frame(201, &[1, 2], true), 4);
        assert_eq!(greys(&memory), [0, 101, 50, 201], "another class");
        // Though most like others, the one that shows a rare class stays.
        memory.offer(frame(203, &[1, 3], true), 4);
        memory.offer(frame(230, &[1], true), 4);
        let rare = memory.frames().iter().filter(|f| f.shows[2] || f.shows[3]);
        assert_eq!(rare.count(), 2, "{:?}", greys(&memory));
        assert_eq!(memory.frames().len(), 4);
    }

    #[test]
    fn a_smaller_memory_lets_go() {
        let mut memory = Understood::default();
        for grey in [0, 1, 100, 200] {
            memory.offer(frame(grey, &[1], true), 4);
        }
        memory.offer(frame(201, &[1], true), 2);
        assert_eq!(greys(&memory).len(), 2);
        memory.restore(vec![frame(1, &[1], true); 5], 3);
        assert_eq!(memory.frames().len(), 3);
        memory.clear();
        assert!(memory.frames().is_empty());
    }

    #[test]
    fn rare_classes_count_more() {
        let mut memory = Understood::default();
        let weights = |memory: &Understood| class_weights(memory.frames().iter(), 3);
        assert_eq!(weights(&memory), [1.0; 3]);
        let before = memory.changes();
        memory.offer(frame(0, &[0, 0, 0, 0, 0, 0, 0, 2], true), 4);
        assert_ne!(memory.changes(), before);
        let weights = weights(&memory);
        // On average a class has half of the pixels.
        let expected = [(4.0_f32 / 7.0).sqrt(), 1.0, 2.0];
        for (found, expected) in weights.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{weights:?}");
        }
    }

    #[test]
    fn specks_do_not_show_a_class() {
        let mut labels = ClassMap::from_elem((100, 100), 0);
        (labels[[0, 0]], labels[[5, 5]]) = (7, VOID);
        let frame = Remembered::new(Rgb::zeros((100, 100, 3)).into(), labels.into(), true);
        assert!(frame.shows[0] && !frame.shows[7] && !frame.shows[255]);
    }
}
