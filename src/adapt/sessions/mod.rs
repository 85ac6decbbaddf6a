//! Sessions: kept by frame size for a stream, and shared between the streams of one model.

mod cache;
mod shared;

pub(super) use cache::{Program, SessionCache};
pub(super) use shared::Kind;
pub use shared::{SharedModel, WeakSharedModel};
