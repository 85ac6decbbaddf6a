//! Counters behind the property `stats`.

use super::{FrameReport, Skipped};

/// What has happened since READY.
#[derive(Debug, Default)]
pub(super) struct Stats {
    last: Option<FrameReport>,
    frames: u64,
    learned: u64,
    steps: u64,
    late: u64,
    not_finite: u64,
    resets: u64,
}

impl Stats {
    pub fn count(&mut self, report: FrameReport) {
        self.frames += 1;
        self.steps += u64::from(report.steps);
        match report.skipped {
            Some(Skipped::Late) => self.late += 1,
            Some(Skipped::NotFinite) => self.not_finite += 1,
            Some(Skipped::Off | Skipped::Familiar | Skipped::Interval) => {}
            None => self.learned += u64::from(report.steps > 0),
        }
        self.last = Some(report);
    }

    /// The weights are again those of the model file.
    pub fn count_reset(&mut self) {
        self.resets += 1;
    }

    /// The last message's fields under the name `tttseg-stats`, and the counters.
    pub fn structure(&self) -> gst::Structure {
        let mut structure = match &self.last {
            Some(report) => gst::Structure::from(report),
            None => gst::Structure::new_empty(FrameReport::NAME),
        };
        structure.set_name("tttseg-stats");
        for (name, value) in [
            ("frames", self.frames),
            ("frames-learned", self.learned),
            ("frames-late", self.late),
            ("frames-not-finite", self.not_finite),
            ("total-steps", self.steps),
            ("resets", self.resets),
        ] {
            structure.set(name, value);
        }
        structure
    }
}
