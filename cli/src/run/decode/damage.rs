//! The damage of a film, in numbers and in words: missing and damaged frames, changes in the middle.

use serde::{Deserialize, Serialize};

use super::super::error::clock;

/// So many places of one kind are reported one by one; a film without a steady rate has a gap everywhere.
const REPORTED: u64 = 10;

/// What was not as it should be, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Damage {
    /// Frames that are not there, in how many places, and where the first of them should be.
    missing: u64,
    gaps: u64,
    first_missing: Option<u64>,
    /// The first of these places.
    missing_at: Vec<u64>,
    /// Places where the decoder gave up.
    skipped: Vec<u64>,
    /// Frames that the decoder says are damaged.
    damaged: u64,
    first_damaged: Option<u64>,
    /// How often frames became others than the first.
    changes: u64,
    /// What else there is to say.
    notes: Vec<String>,
}

impl Damage {
    /// Counts frames that are missing before one that comes at a time. Returns what there is to say at once.
    pub fn look_for_gap(
        &mut self,
        expected: gst::ClockTime,
        time: gst::ClockTime,
        lasted: gst::ClockTime,
    ) -> Option<String> {
        let (gap, frame) = (
            time.saturating_sub(expected).nseconds(),
            lasted.nseconds().max(1),
        );
        let missing = (gap + frame / 2) / frame;
        if missing == 0 {
            return None;
        }
        self.missing += missing;
        self.gaps += 1;
        self.first_missing.get_or_insert(expected.nseconds());
        if self.gaps <= REPORTED {
            self.missing_at.push(expected.nseconds());
        }
        match self.gaps {
            ..=REPORTED => Some(format!("missing frames at {}: {missing}", clock(expected))),
            n if n == REPORTED + 1 => {
                Some("further gaps are counted, and summed up at the end".to_owned())
            }
            _ => None,
        }
    }

    /// The decoder calls a frame damaged.
    pub fn add_damaged(&mut self, time: gst::ClockTime) {
        self.damaged += 1;
        self.first_damaged.get_or_insert(time.nseconds());
    }

    /// From a time on, frames are others than the first. Returns what there is to say at once.
    pub fn add_change(&mut self, time: gst::ClockTime, how: &str) -> Option<String> {
        self.changes += 1;
        let text = match self.changes {
            ..=REPORTED => format!("from {} on, frames are converted: {how}", clock(time)),
            n if n == REPORTED + 1 => "frames change more often than is reported here".to_owned(),
            _ => return None,
        };
        self.notes.push(text.clone());
        Some(text)
    }

    /// Whether all frames are like the first.
    pub fn is_steady(&self) -> bool {
        self.changes == 0
    }

    /// Anything else.
    pub fn add_note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// The decoder gave up at a time, and was wound behind it.
    pub fn add_skipped(&mut self, time: gst::ClockTime) {
        self.skipped.push(time.nseconds());
    }

    /// Where the decoder gave up, in words; none where it did not.
    pub fn skipped(&self) -> Option<String> {
        let places = places(&self.skipped);
        (!places.is_empty()).then(|| format!("nothing could be decoded at {places}"))
    }

    /// Where frames are missing, in words.
    pub fn places(&self) -> String {
        match places(&self.missing_at) {
            places if places.is_empty() => String::new(),
            places => format!(", at {places}"),
        }
    }

    /// All of it, in words.
    pub fn notes(&self) -> Vec<String> {
        let at = |time: Option<u64>| {
            time.map_or(String::new(), |t| {
                format!(", the first at {}", clock(gst::ClockTime::from_nseconds(t)))
            })
        };
        let mut notes = vec![];
        if self.missing > 0 {
            notes.push(format!(
                "frames that could not be decoded or are not there: {} in {} places{}; the frame before each gap is shown \
                 longer",
                self.missing,
                self.gaps,
                at(self.first_missing)
            ));
        }
        if self.damaged > 0 {
            notes.push(format!(
                "frames that the decoder calls damaged: {}{}",
                self.damaged,
                at(self.first_damaged)
            ));
        }
        notes.extend(self.notes.iter().cloned());
        notes
    }
}

/// Times, in words.
fn places(times: &[u64]) -> String {
    let shown = times.iter().take(REPORTED as usize);
    let mut words: Vec<_> = shown
        .map(|time| clock(gst::ClockTime::from_nseconds(*time)))
        .collect();
    if words.len() < times.len() {
        words.push("…".to_owned());
    }
    words.join(", ")
}
