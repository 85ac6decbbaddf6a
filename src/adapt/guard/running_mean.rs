//! A running mean.

/// A mean in which the newest value counts a given share, and those before ever less. From the first value on it is a mean of
/// what was seen, and of nothing else.
#[derive(Clone, Copy, Debug)]
pub(in crate::adapt) struct RunningMean {
    /// What values so far count when there is another one.
    kept: f32,
    sum: f32,
    weight: f32,
    count: u32,
}

impl RunningMean {
    /// One in which values so far count this share of themselves when another one comes.
    pub const fn new(kept: f32) -> Self {
        Self {
            kept,
            sum: 0.0,
            weight: 0.0,
            count: 0,
        }
    }

    /// Takes in a value. What is not finite is left out.
    pub fn add(&mut self, value: f32) {
        if value.is_finite() {
            self.sum = self.kept * self.sum + value;
            self.weight = self.kept * self.weight + 1.0;
            self.count = self.count.saturating_add(1);
        }
    }

    /// The mean, if there was a value.
    pub fn get(&self) -> Option<f32> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    /// How many values there were.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        *self = Self::new(self.kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_count_alike_and_old_ones_fade() {
        let mut mean = RunningMean::new(0.5);
        assert_eq!((mean.get(), mean.count()), (None, 0));
        mean.add(4.0);
        mean.add(f32::NAN);
        assert_eq!(mean.get(), Some(4.0));
        mean.add(1.0);
        assert_eq!(mean.get(), Some(2.0));
        (0..30).for_each(|_| mean.add(8.0));
        assert!((mean.get().unwrap() - 8.0).abs() < 1e-5);
        assert_eq!(mean.count(), 32);
        mean.clear();
        assert_eq!((mean.get(), mean.count()), (None, 0));
    }
}
