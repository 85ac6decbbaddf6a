//! Optimisers as graphs.
