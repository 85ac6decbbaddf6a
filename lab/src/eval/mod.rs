//! Measuring on streams that are labelled, or in colour: metrics, protocols, datasets, reports; checking against recorded
//! tensors; timing. Streams with a known shift are made of any stream: [`Shift`].

mod alignment;
pub mod bench;
mod colour;
mod metrics;
mod protocol;
pub mod recorded;
mod report;
mod scores;
mod sheet;
mod shift;
mod stream;
mod tally;
pub mod tune;

pub use alignment::{Alignment, PartAlignment, alignment};
pub use colour::{
    ColourOptions, ColourReport, ColourScores, LumaColours, Perceptual, SeenColours,
    evaluate_colours,
};
pub use metrics::{Averaging, Confusion, MetricError, StreamScore};
pub use protocol::{EvalError, Seen, check_classes, evaluate};
pub use report::{EvalReport, MapsFrom};
pub use scores::{ScoresError, scores_to_labels};
pub use sheet::{Column, Sheet};
pub use shift::{Playback, Played, Shift, drift, pan, pan_size};
pub use stream::{ModelFrame, Stream, StreamError, StreamFrame, rgb_at};
