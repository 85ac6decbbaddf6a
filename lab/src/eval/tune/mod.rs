//! The search for a recipe: a space of settings, a file of runs, a ranking of them.

mod ranking;
mod runs;
mod space;

pub use ranking::{Ranked, ranking};
pub use runs::{Run, RunFile, Scores, Trial, TuneError};
pub use space::{Search, Space};
