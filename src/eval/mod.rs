//! Measuring on labelled streams: metrics, protocols, datasets, reports; and checking against
//! recorded tensors.

pub mod recorded;
