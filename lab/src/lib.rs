//! Joint training and evaluation of the models of [`tttseg`]: what happens before and beside a stream.
//!
//! Arrows point down this list only: an evaluation may take a loss from [`train`], both take their pictures from [`data`].
//!
//! | room | what it holds |
//! |---|---|
//! | [`eval`] | metrics, protocols, searches over settings, reports |
//! | [`train`] | joint training of f, g and h on still images: losses, augmentation, the loader, the trainer |
//! | [`data`] | labelled sets, picture sets, streams; corruptions and a virtual camera; pictures at model size |
//!
//! Names of the method: f is the encoder, h the main-task head, g the reconstruction head.
#![deny(missing_docs)]

pub mod data;
pub mod eval;
pub mod train;
