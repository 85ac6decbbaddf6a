//! Metrics, protocols and reports of streams that are labelled, or in colour; checking against recorded tensors; timing;
//! searches over settings.

mod alignment;
pub mod bench;
mod colour;
mod contact_sheet;
pub mod fit;
mod metrics;
mod protocol;
pub mod recorded;
mod report;
mod run_summary;
mod scores;
pub mod tune;

pub use alignment::{Alignment, PartAlignment, alignment};
pub use colour::{
    ColourOptions, ColourReport, ColourScores, LumaColours, Perceptual, evaluate_colours,
};
pub use contact_sheet::{Column, ContactSheet};
pub use metrics::{Averaging, Confusion, MetricError, StreamScore};
pub use protocol::{EvalError, EvaluatedFrame, Predicted, check_classes, evaluate};
pub use report::{EvalReport, MapsFrom};
pub use run_summary::{RunConditions, TimesAndLosses};
pub use scores::{ScoresError, scores_to_labels};
