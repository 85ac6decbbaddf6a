//! Guards: conditions under which nothing is learned, and those under which what was learned is undone.

mod class_balance;
mod novelty;
mod rollback;
mod running_mean;

pub(super) use class_balance::compare;
pub(super) use novelty::{Novelty, unexplained};
pub(super) use rollback::Rollback;
pub(super) use running_mean::RunningMean;
