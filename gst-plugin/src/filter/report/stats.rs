//! Counters: the property `stats`.

use super::message::{FrameReport, Skipped};

/// What has happened since READY.
#[derive(Debug, Default)]
pub(in crate::filter) struct Stats {
    last: Option<FrameReport>,
    frames: u64,
    learned: u64,
    steps: u64,
    directed_steps: u64,
    late: u64,
    over_budget: u64,
    reused: u64,
    not_finite: u64,
    resets: u64,
}

impl Stats {
    /// Counts a frame; `reused` when it went out with the result of an earlier one.
    pub fn count(&mut self, report: FrameReport, reused: bool) {
        self.frames += 1;
        self.reused += u64::from(reused);
        self.steps += u64::from(report.steps);
        self.directed_steps += u64::from(report.directed_steps);
        match report.skipped {
            Some(Skipped::Late) => self.late += 1,
            Some(Skipped::Budget) => self.over_budget += 1,
            Some(Skipped::NotFinite) => self.not_finite += 1,
            Some(Skipped::Off | Skipped::Familiar | Skipped::Interval | Skipped::RolledBack) => {}
            None => self.learned += u64::from(report.steps > 0),
        }
        self.last = Some(report);
    }

    /// The weights are again those of the model file.
    pub fn count_reset(&mut self) {
        self.resets += 1;
    }

    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// Frames, and how many of them went out with the result of an earlier one.
    pub fn frames_and_reused(&self) -> (u64, u64) {
        (self.frames, self.reused)
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
            ("frames-over-budget", self.over_budget),
            ("frames-reused", self.reused),
            ("frames-not-finite", self.not_finite),
            ("total-steps", self.steps),
            ("total-directed-steps", self.directed_steps),
            ("resets", self.resets),
        ] {
            structure.set(name, value);
        }
        structure
    }
}
