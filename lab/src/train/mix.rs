//! Which image of which labelled set a view shows.

use super::balance::ClassDraw;
use super::batch::LoaderError;
use super::random::{chance, shuffled};
use crate::data::LabelledSet;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Views in which the sets' shares are met exactly.
const CYCLE: usize = 1000;

/// A number of an epoch that no epoch has.
const NO_EPOCH: u64 = u64::MAX;

/// A labelled set among several.
#[derive(Clone, Debug)]
pub struct LabelledSource {
    /// The images.
    pub set: Arc<LabelledSet>,
    /// Share of the labelled views that show one of them, from 0 to 1. Sets without a share have the rest, by the number
    /// of their images.
    pub share: Option<f32>,
    /// Which of the run's schemes its labels are in.
    pub scheme: u8,
}

/// What a view is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Which set.
    pub set: usize,
    /// Which of its images.
    pub image: usize,
    /// A class to have in view.
    pub class: Option<u8>,
}

/// Draws sets by their shares, and classes or the next image within a set.
#[derive(Debug)]
pub(super) struct Mix {
    /// The set of each view of a cycle, and how many views of the cycle show it before.
    cycle: Vec<(usize, u64)>,
    sets: Vec<Draw>,
    rare: f32,
    seed: u64,
}

/// What is drawn of one set.
#[derive(Debug)]
struct Draw {
    classes: ClassDraw,
    /// Views of a cycle.
    views: u64,
    epoch: u64,
    order: Vec<u32>,
}

impl Mix {
    /// Draws from `sources`, with this share of the views chosen for a class.
    pub(super) fn new(
        sources: &[LabelledSource],
        rare: f32,
        seed: u64,
    ) -> Result<Self, LoaderError> {
        let views = views(sources)?;
        let mut of_cycle: Vec<usize> = vec![];
        for (set, &views) in views.iter().enumerate() {
            of_cycle.extend(std::iter::repeat_n(set, views));
        }
        // In a random order, so that no set has the same place in every batch.
        let order = shuffled(seed, NO_EPOCH, CYCLE as u64);
        let mut before = vec![0; sources.len()];
        let cycle = order.into_iter().map(|at| {
            let set = of_cycle[at as usize];
            before[set] += 1;
            (set, before[set] - 1)
        });
        let cycle = cycle.collect();
        let draw = |(source, views): (&LabelledSource, usize)| Draw {
            classes: ClassDraw::new(source.set.class_pixels()),
            views: views as u64,
            epoch: NO_EPOCH,
            order: vec![],
        };
        Ok(Self {
            cycle,
            sets: sources.iter().zip(views).map(draw).collect(),
            rare,
            seed,
        })
    }

    /// What the view at a position, counted over all batches, shows of the sources that this was made for.
    pub(super) fn choose(
        &mut self,
        sources: &[LabelledSource],
        position: u64,
        rng: &mut ChaCha8Rng,
    ) -> Choice {
        let (cycle, place) = (position / CYCLE as u64, position % CYCLE as u64);
        let (set, before) = self.cycle[place as usize];
        let (draw, images) = (&mut self.sets[set], &sources[set].set);
        if chance(rng, self.rare)
            && let Some(class) = draw.classes.draw(rng)
        {
            let holding = images.containing(usize::from(class));
            if !holding.is_empty() {
                let image = holding[rng.random_range(0..holding.len() as u64) as usize];
                return Choice {
                    set,
                    image: image as usize,
                    class: Some(class),
                };
            }
        }
        let count = images.samples().len() as u64;
        let nth = cycle * draw.views + before;
        let (epoch, place) = (nth / count, (nth % count) as usize);
        if draw.epoch != epoch {
            draw.order = shuffled(self.seed, epoch, count);
            draw.epoch = epoch;
        }
        Choice {
            set,
            image: draw.order[place] as usize,
            class: None,
        }
    }
}

/// How many views of a cycle show each set.
fn views(sources: &[LabelledSource]) -> Result<Vec<usize>, LoaderError> {
    let wrong = |what: String| LoaderError::SetShares {
        sets: sources.len(),
        what,
    };
    let given: f64 = sources.iter().filter_map(|s| s.share).map(f64::from).sum();
    let size = |s: &LabelledSource| match s.share {
        None => s.set.samples().len() as f64,
        Some(_) => 0.0,
    };
    let others: f64 = sources.iter().map(size).sum();
    let known = sources.iter().filter_map(|s| s.share);
    if let Some(share) = known.into_iter().find(|s| !(0.0..=1.0).contains(s)) {
        return Err(wrong(format!("{share} is none; possible is 0 to 1")));
    }
    if given > 1.0 + 1e-6 {
        return Err(wrong(format!(
            "they add up to {given:.3}, more than all views"
        )));
    }
    if others == 0.0 && given < 1.0 - 1e-6 {
        let what = format!("they add up to {given:.3}, and no set is there for the rest");
        return Err(wrong(what));
    }
    let exact = sources.iter().map(|s| {
        let share = s
            .share
            .map_or_else(|| (1.0 - given).max(0.0) * size(s) / others, f64::from);
        share * CYCLE as f64
    });
    // Rounded where they add up, so that the sum is right.
    let (mut sum, mut done) = (0.0, 0);
    let rounded = exact.map(|views| {
        sum += views;
        let upto = (sum.round() as usize).min(CYCLE);
        let views = upto - done;
        done = upto;
        views
    });
    Ok(rounded.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;
    use rand::SeedableRng;
    use tttseg::video::{ClassMap, Rgb};

    fn source(images: usize, share: Option<f32>) -> LabelledSource {
        let sample = |i| Sample {
            name: format!("{i}"),
            rgb: Rgb::zeros((2, 2, 3)),
            labels: ClassMap::from_elem((2, 2), u8::from(i == 0)),
            pixel_aspect: 1.0,
        };
        let samples = (0..images).map(sample).collect();
        LabelledSource {
            set: Arc::new(LabelledSet::from_samples(samples, 2).unwrap()),
            share,
            scheme: 0,
        }
    }

    #[test]
    fn shares_are_met_and_the_rest_goes_by_size() {
        let sources = [source(10, None), source(7, Some(0.5)), source(30, None)];
        assert_eq!(views(&sources).unwrap(), [125, 500, 375]);
        let mut mix = Mix::new(&sources, 0.0, 3).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = [vec![0; 10], vec![0; 7], vec![0; 30]];
        for position in 0..2 * CYCLE as u64 {
            let choice = mix.choose(&sources, position, &mut rng);
            assert_eq!(choice.class, None);
            seen[choice.set][choice.image] += 1;
        }
        // Every image of a set as often as the others, over both cycles.
        for (seen, views) in seen.iter().zip([250, 1000, 750]) {
            assert_eq!(seen.iter().sum::<usize>(), views);
            let (least, most) = (seen.iter().min(), seen.iter().max());
            assert!(most.unwrap() - least.unwrap() <= 1, "{seen:?}");
        }
        // No set has the batch's first place to itself.
        let first = |p: usize| mix.cycle[8 * p].0;
        let firsts: Vec<usize> = (0..100).map(first).collect();
        assert!((0..3).all(|set| firsts.contains(&set)));
    }

    #[test]
    fn rare_classes_are_those_of_the_set() {
        let sources = [source(10, None), source(20, None)];
        let mut mix = Mix::new(&sources, 1.0, 3).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for position in 0..200 {
            let choice = mix.choose(&sources, position, &mut rng);
            let image = &sources[choice.set].set.samples()[choice.image];
            assert_eq!(choice.class, Some(image.labels[[0, 0]]));
        }
    }

    #[test]
    fn shares_that_make_no_sense() {
        for (sources, wanted) in [
            (vec![source(1, Some(0.7)), source(1, Some(0.7))], "1.400"),
            (vec![source(1, Some(0.7))], "0.700, and no set"),
            (vec![source(1, Some(-0.1)), source(1, None)], "-0.1 is none"),
            (vec![source(1, Some(f32::NAN)), source(1, None)], "is none"),
            (vec![], "0.000"),
        ] {
            let error = Mix::new(&sources, 0.0, 1).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        assert_eq!(
            views(&[source(3, Some(1.0)), source(3, None)]).unwrap(),
            [1000, 0]
        );
    }
}
