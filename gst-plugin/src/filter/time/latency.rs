//! The latency reported to a live pipeline: the time that frames have taken.

use std::time::Duration;

use gst::ClockTime;

/// Frames over which a fall is judged; a rise counts at once. Steps that a live stream has time for only now and then have
/// to lie closer together, or the latency would change before and after each.
const PERIOD: u32 = 512;

#[derive(Debug, Default)]
pub(in crate::filter) struct Latency {
    reported: ClockTime,
    longest: Duration,
    frames: u32,
    live: bool,
}

impl Latency {
    /// What a live pipeline adds to its own.
    pub fn reported(&self) -> ClockTime {
        self.reported
    }

    /// Whether the last query found a live source upstream.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Answers a query that has found a live source upstream, or none. Only a live pipeline waits: elsewhere frames come
    /// as they are needed.
    pub fn answer(&mut self, live: bool) -> ClockTime {
        self.live = live;
        if live { self.reported } else { ClockTime::ZERO }
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
        latency.answer(true);
        assert!(latency.observe(Duration::from_millis(40)));
        assert_eq!(latency.reported(), ClockTime::from_mseconds(50));
        assert!(
            !latency.observe(Duration::from_millis(49)),
            "within the headroom"
        );
        assert!(latency.observe(Duration::from_millis(100)));
        assert_eq!(latency.reported(), ClockTime::from_mseconds(125));
        let changes = (0..PERIOD).filter(|_| latency.observe(Duration::from_millis(10)));
        assert_eq!(changes.count(), 1);
        assert_eq!(latency.reported(), ClockTime::from_mseconds(10));
    }

    #[test]
    fn only_a_live_pipeline_asks_again() {
        let mut latency = Latency::default();
        assert!(!latency.observe(Duration::from_secs(1)));
        assert_eq!(latency.reported(), ClockTime::from_mseconds(1250));
    }
}
