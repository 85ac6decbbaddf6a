//! A space of settings, and the points of it that are tried.

use std::collections::HashSet;
use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use tttseg::adapt::{Error, Setting, Settings};

/// How points of a space are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Different points, every one as likely as the others.
    Random,
    /// All points in their order; the last setting changes fastest.
    Grid,
}

impl FromStr for Search {
    type Err = String;

    /// `random` or `grid`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "random" => Ok(Self::Random),
            "grid" => Ok(Self::Grid),
            _ => Err(format!("unknown search '{name}' (random, grid)")),
        }
    }
}

/// Settings to search: some of them with the values each can take, the others as in a base.
#[derive(Clone, Debug)]
pub struct Space {
    base: Settings,
    /// Values as [`Setting::text`] writes them, each once; at least one.
    values: Vec<(&'static Setting<Settings>, Vec<String>)>,
}

impl Space {
    /// A space around a base. A setting without values keeps that of the base.
    ///
    /// # Errors
    /// When a value makes no sense or is out of range.
    pub fn new(
        base: Settings,
        given: &[(&'static Setting<Settings>, Vec<String>)],
    ) -> Result<Self, Error> {
        let mut varied = vec![];
        for (setting, texts) in given.iter().filter(|(_, texts)| !texts.is_empty()) {
            let mut values: Vec<String> = vec![];
            for text in texts {
                let mut tried = base.clone();
                setting.parse(&mut tried, text)?;
                tried.check()?;
                let value = setting.text(&tried);
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            varied.push((*setting, values));
        }
        Ok(Self {
            base,
            values: varied,
        })
    }

    /// Number of its points.
    pub fn size(&self) -> u64 {
        self.values.iter().fold(1, |size, (_, values)| {
            size.saturating_mul(values.len() as u64)
        })
    }

    /// Names of the settings that can take more than one value.
    pub fn varied(&self) -> Vec<&'static str> {
        let varied = self.values.iter().filter(|(_, values)| values.len() > 1);
        varied.map(|(setting, _)| setting.name()).collect()
    }

    /// Points to try, all different: `count` of them, or as many as there are. The first points are the same
    /// for every count, so a search can be made longer.
    ///
    /// # Errors
    /// None for the values that [`Space::new`] has checked.
    pub fn points(&self, search: Search, count: u64, seed: u64) -> Result<Vec<Settings>, Error> {
        let size = self.size();
        let count = count.min(size);
        match search {
            Search::Grid => (0..count).map(|index| self.point(index)).collect(),
            Search::Random => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let mut seen = HashSet::new();
                let mut points = vec![];
                while (points.len() as u64) < count {
                    let index = rng.random_range(0..size);
                    if seen.insert(index) {
                        points.push(self.point(index)?);
                    }
                }
                Ok(points)
            }
        }
    }

    fn point(&self, mut index: u64) -> Result<Settings, Error> {
        let mut settings = self.base.clone();
        for (setting, values) in self.values.iter().rev() {
            let count = values.len() as u64;
            setting.parse(&mut settings, &values[(index % count) as usize])?;
            index /= count;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(given: &[(&str, &[&str])]) -> Result<Space, Error> {
        let given: Vec<_> = given
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|&v| v.to_owned());
                (Setting::find(name).unwrap(), values.collect())
            })
            .collect();
        Space::new(Settings::default(), &given)
    }

    #[test]
    fn a_grid_is_every_combination_in_order() {
        let space = space(&[
            ("steps", &["1", "2"]),
            ("pull", &[]),
            ("mask-ratio", &["0.5", "0.8", "0.50"]),
            ("window", &["4"]),
        ])
        .unwrap();
        assert_eq!(space.size(), 4);
        assert_eq!(space.varied(), ["steps", "mask-ratio"]);
        let points = space.points(Search::Grid, 99, 0).unwrap();
        let seen: Vec<_> = points.iter().map(|s| (s.steps, s.mask_ratio)).collect();
        assert_eq!(seen, [(1, 0.5), (1, 0.8), (2, 0.5), (2, 0.8)]);
        assert!(points.iter().all(|s| (s.window, s.pull) == (4, 0.0)));
        assert_eq!(space.points(Search::Grid, 3, 0).unwrap(), points[..3]);
        assert_eq!(
            super::Space::new(Settings::default(), &[]).unwrap().size(),
            1
        );
    }

    #[test]
    fn random_points_are_different_and_can_be_continued() {
        let ten: Vec<String> = (1..=10).map(|n| n.to_string()).collect();
        let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
        let space = space(&[("steps", &ten), ("window", &ten)]).unwrap();
        let points = |count, seed| space.points(Search::Random, count, seed).unwrap();
        let all = points(1000, 3);
        let distinct: HashSet<_> = all.iter().map(|s| (s.steps, s.window)).collect();
        assert_eq!((all.len(), distinct.len()), (100, 100));
        assert_eq!(points(12, 3), all[..12]);
        assert_ne!(points(12, 4), all[..12]);
        // Not a corner of the grid.
        assert!(all[..12].iter().any(|s| s.steps > 5) && all[..12].iter().any(|s| s.steps < 6));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (name, value) in [
            ("mask-ratio", "1.5"),
            ("learning-rate", "fast"),
            ("pull", "1"),
        ] {
            let error = space(&[(name, &[value])]).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        assert!("best".parse::<Search>().is_err());
    }
}
