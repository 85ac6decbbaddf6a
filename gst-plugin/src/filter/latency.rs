//! The latency told to a live pipeline: what frames have been seen to take.

use std::time::Duration;

use gst::ClockTime;

/// Frames over which a fall is judged; a rise counts at once. Steps that a live stream has time for only now and then have
/// to lie closer together, or the pipeline would be told something else before and after each.
const PERIOD: u32 = 512;

#[derive(Debug, Default)]
pub(super) struct Latency {
    reported: ClockTime,
    longest: Duration,
    frames: u32,
    live: bool,
}

impl Latency {
    /// What a live pipeline is told.
    pub fn reported(&self) -> ClockTime {
        self.reported
    }

    /// Whether the last query found a live source upstream.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// What a query has found.
    pub fn set_live(&mut self, live: bool) {
        self.live = live;
    }

    /// Takes the time of a frame in; true when the pipeline has to ask again.
    pub fn observe(&mut self, took: Duration) -> bool {
        self.longest = self.longest.max(took);
        self.frames += 1;
        let longest = in_milliseconds(self.longest);
        let next = if longest > self.reported {
            // Headroom, so that noise does not reconfigure the pipeline again and again.
            longest + longest / 4
        } else if self.frames < PERIOD {
            return false;
        } else if longest * 2 < self.reported {
            longest
        } else {
            self.reported
        };
        let changed = next != self.reported;
        if changed || self.frames >= PERIOD {
            self.frames = 0;
            self.longest = Duration::ZERO;
        }
        self.reported = next;
        changed && self.live
    }
}

/// Rounded up.
fn in_milliseconds(time: Duration) -> ClockTime {
    ClockTime::from_mseconds(
        u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX >> 20),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_at_once_and_falls_late() {
        let mut latency = Latency::default();
        latency.set_live(true);
        assert!(latency.observe(Duration::from_millis(40)));
        assert_eq!(latency.reported(), ClockTime::from_mseconds(50));
        assert!(
            !latency.observe(Duration::from_millis(49)),
            "within the headroom"
        );
        assert!(latency.observe(Duration::from_millis(100)));
        assert_eq!(latency.reported(), ClockTime::from_mseconds(125));
        let told = (0..PERIOD).filter(|_| latency.observe(Duration::from_millis(10)));
        assert_eq!(told.count(), 1);
        assert_eq!(latency.reported(), ClockTime::from_mseconds(10));
    }

    #[test]
    fn nobody_is_told_without_a_live_source() {
        let mut latency = Latency::default();
        assert!(!latency.observe(Duration::from_secs(1)));
        assert_eq!(latency.reported(), ClockTime::from_mseconds(1250));
    }
}
