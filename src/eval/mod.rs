//! Measuring on labelled streams: metrics, protocols, datasets, reports.
