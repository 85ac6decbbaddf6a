//! What one process has done of a film: when, with what, and what was learned. A film that was interrupted has several.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::worker::Worker;

/// Frames and steps of learning, as the element counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// Frames that were learned from.
    pub frames_learned: u64,
    /// Frames that went out with learned weights.
    pub frames_adapted: u64,
    pub steps: u64,
    /// Steps towards the colours of references, or towards the model's own.
    pub colour_steps: u64,
    /// How often what was learned was undone because it did harm.
    pub rollbacks: u64,
}

impl Learned {
    fn of(worker: &Worker) -> Self {
        let count = |name| worker.count(name);
        Self {
            frames_learned: count("frames-learned"),
            frames_adapted: count("adapted-frames"),
            steps: count("total-steps"),
            colour_steps: count("total-directed-steps"),
            rollbacks: count("rollbacks"),
        }
    }

    fn combined(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            frames_learned: with(self.frames_learned, other.frames_learned),
            frames_adapted: with(self.frames_adapted, other.frames_adapted),
            steps: with(self.steps, other.steps),
            colour_steps: with(self.colour_steps, other.colour_steps),
            rollbacks: with(self.rollbacks, other.rollbacks),
        }
    }
}

/// The sum of all.
pub fn all_learned(sessions: &[Session]) -> Learned {
    let all = sessions.iter().map(|session| session.learned);
    all.fold(Learned::default(), |sum, one| {
        sum.combined(one, u64::saturating_add)
    })
}

/// What one process has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// In UTC.
    begun: String,
    ended: String,
    /// Number of its first frame, from 0.
    first_frame: u64,
    frames: u64,
    tttseg: String,
    gstreamer: String,
    onnx_runtime: String,
    /// Where the network ran.
    execution_provider: String,
    learned: Learned,
    /// What was counted before its first frame.
    #[serde(skip)]
    before: Learned,
}

fn gstreamer() -> String {
    let (major, minor, micro, _) = gst::version();
    format!("{major}.{minor}.{micro}")
}

/// The time of day, in UTC.
fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

impl Session {
    /// Begins with a frame.
    pub fn begin(worker: &Worker, first_frame: u64) -> Self {
        let now = now();
        let runtime = tttseg::runtime::load(&tttseg::runtime::Options::default());
        Self {
            begun: now.clone(),
            ended: now,
            first_frame,
            frames: 0,
            tttseg: env!("CARGO_PKG_VERSION").to_owned(),
            gstreamer: gstreamer(),
            onnx_runtime: runtime.map_or_else(|e| e.to_string(), |r| r.version().to_owned()),
            execution_provider: worker.provider(),
            learned: Learned::default(),
            before: Learned::of(worker),
        }
    }

    /// Puts it behind the others, or in place of what it was before.
    pub fn put_into(&self, sessions: &mut Vec<Self>) {
        match sessions.last_mut() {
            Some(last) if (&last.begun, last.first_frame) == (&self.begun, self.first_frame) => {
                *last = self.clone();
            }
            _ => sessions.push(self.clone()),
        }
    }

    /// So many frames of all are finished; those before its first are not its own.
    pub fn finish(&mut self, worker: &Worker, all: u64) {
        self.ended = now();
        self.frames = all.saturating_sub(self.first_frame);
        self.learned = Learned::of(worker).combined(self.before, u64::saturating_sub);
    }
}
