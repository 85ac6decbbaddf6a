//! When not to learn.

mod novelty;

pub(super) use novelty::{Novelty, unexplained};
