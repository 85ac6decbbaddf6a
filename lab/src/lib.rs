//! Joint training and evaluation of the models of [`tttseg`]: what happens before and beside a stream.
//!
//! | room | what it holds |
//! |---|---|
//! | [`eval`] | metrics, protocols, streams with a known shift, searches over settings, reports |
//! | [`train`] | joint training of f, g and h on still images: data, augmentation, losses, the trainer |
//! | [`data`] | pictures on their way to a model |
//!
//! Names of the method: f is the encoder, h the main-task head, g the reconstruction head.
#![deny(missing_docs)]

pub mod data;
pub mod eval;
pub mod train;
