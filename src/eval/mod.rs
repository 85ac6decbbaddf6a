//! Measuring on labelled streams: metrics, protocols, datasets, reports.

mod metrics;
mod report;
mod scores;
mod stream;

pub use metrics::{Averaging, Confusion, MetricError, StreamScore};
pub use report::{EvalReport, MapsFrom, Tally, method_name, method_named};
pub use scores::{ScoresError, scores_to_labels};
pub use stream::{ModelFrame, Stream, StreamError, StreamFrame, rgb_at};
