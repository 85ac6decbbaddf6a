//! Lateness, as syncing sinks report it.

use gst::ClockTime;

/// Lateness as last reported by QoS events, and what it has led to.
#[derive(Debug, Default)]
pub(in crate::filter) struct Lateness {
    /// Frames with a running time before this would arrive late.
    earliest: Option<ClockTime>,
    /// Frames since the first skipped one; none while nothing was skipped.
    spell: Option<Spell>,
    warned: bool,
}

/// How often was learned from a stretch of video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::filter) struct Spell {
    pub learned: u64,
    pub frames: u64,
}

/// Frames after which the rate is reported even when nothing has been caught up.
const LONG_SPELL: u64 = 50;

impl Lateness {
    /// A QoS event: the frame with this running time arrived `jitter` nanoseconds late (early when negative).
    pub fn observe(&mut self, running_time: Option<ClockTime>, jitter: i64) {
        let Some(running_time) = running_time else {
            return;
        };
        let by = ClockTime::from_nseconds(jitter.unsigned_abs());
        self.earliest = Some(if jitter > 0 {
            // By the time a frame gets there, as much time again has passed.
            running_time.saturating_add(by).saturating_add(by)
        } else {
            running_time.saturating_sub(by)
        });
    }

    /// Whether a frame would arrive late.
    pub fn is_late(&self, running_time: Option<ClockTime>) -> bool {
        matches!((running_time, self.earliest), (Some(t), Some(earliest)) if t < earliest)
    }

    /// Counts a frame; gives the rate once, when it is first known.
    pub fn count(&mut self, late: bool) -> Option<Spell> {
        if late {
            self.spell.get_or_insert_default();
        }
        let spell = self.spell.as_mut()?;
        spell.frames += 1;
        spell.learned += u64::from(!late);
        let known = !late || spell.frames >= LONG_SPELL;
        if !known || std::mem::replace(&mut self.warned, true) {
            return None;
        }
        Some(*spell)
    }

    /// Time starts anew: a seek, another stream.
    pub fn forget(&mut self) {
        self.earliest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Option<ClockTime> {
        Some(ClockTime::from_mseconds(n))
    }

    #[test]
    fn late_until_caught_up() {
        let mut lateness = Lateness::default();
        assert!(!lateness.is_late(ms(0)), "nothing reported yet");
        lateness.observe(ms(100), 50_000_000);
        assert!(lateness.is_late(ms(199)));
        assert!(!lateness.is_late(ms(200)));
        assert!(
            !lateness.is_late(None),
            "a frame without time is never late"
        );
        lateness.observe(ms(300), -20_000_000);
        assert!(!lateness.is_late(ms(280)));
        assert!(lateness.is_late(ms(279)));
        lateness.observe(None, i64::MAX);
        assert!(!lateness.is_late(ms(280)), "no running time, no change");
        lateness.forget();
        assert!(!lateness.is_late(ms(0)));
    }

    #[test]
    fn extreme_jitter() {
        let mut lateness = Lateness::default();
        lateness.observe(ms(100), i64::MIN);
        assert!(!lateness.is_late(ms(0)));
        lateness.observe(ms(100), i64::MAX);
        assert!(lateness.is_late(ms(100)));
    }

    #[test]
    fn the_rate_is_reported_once() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.count(false), None, "not late, nothing to report");
        assert_eq!(lateness.count(true), None);
        assert_eq!(lateness.count(true), None);
        let rate = lateness.count(false);
        assert_eq!(
            rate,
            Some(Spell {
                learned: 1,
                frames: 3
            })
        );
        lateness.count(true);
        assert_eq!(lateness.count(false), None);
    }

    #[test]
    fn never_caught_up() {
        let mut lateness = Lateness::default();
        let reported: Vec<_> = (0..200).filter_map(|_| lateness.count(true)).collect();
        assert_eq!(
            reported,
            [Spell {
                learned: 0,
                frames: LONG_SPELL
            }]
        );
    }
}
