//! Guards: conditions under which nothing is learned.

mod novelty;

pub(super) use novelty::{Novelty, unexplained};
