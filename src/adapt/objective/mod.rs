//! Objectives of a step that need more than the frame itself: colours that are given, and frames with labels in the light of
//! another one.

mod colours;
mod labels;
mod pseudo_labels;
mod style;
mod view;

pub use colours::ColourTarget;
pub(super) use colours::colour_loss;
pub(super) use labels::label_loss;
pub(super) use pseudo_labels::{PseudoLabels, VOID};
pub(super) use style::Style;
pub(super) use view::View;
