//! Searching for a recipe: a space of settings, the runs already there, and what they say.

mod ranking;
mod runs;
mod space;

pub use ranking::{Ranked, ranking};
pub use runs::{Outcome, Run, RunFile, Trial, TuneError};
pub use space::{Search, Space};
