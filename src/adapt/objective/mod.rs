//! Objectives of a step that need more than the frame itself: colours that are given, frames with labels in the light of another
//! one, and what is said of a whole frame when parts of it are hidden.

mod class_quantiles;
mod colours;
mod consistency;
mod labels;
mod pseudo_labels;
mod style;
mod view;

pub(super) use class_quantiles::ClassQuantiles;
pub use colours::ColourTarget;
pub(super) use colours::colour_loss;
pub(super) use consistency::{PULL, QUANTILE, block_mask, consistency_loss};
pub(super) use labels::label_loss;
pub(super) use pseudo_labels::{PseudoLabels, VOID};
pub(super) use style::Style;
pub(super) use view::View;
