//! Measuring on labelled streams: metrics, protocols, datasets, reports; checking against recorded
//! tensors; timing.

pub mod bench;
pub mod recorded;
