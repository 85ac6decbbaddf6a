//! Optimisers as graphs: how learning weights travel ([`Layout`]), and a gradient step on a loss ([`descend`]) with
//! clipping, [`AdamW`] and the finiteness guard.
//!
//! What appends to a graph fails where shapes do not fit or a name is taken ([`GraphError`](crate::graph::GraphError)).

mod adamw;
mod descent;
mod layout;

pub use adamw::{AdamW, Rates, Update};
pub use descent::{Descent, descend};
pub use layout::{Buffer, Group, Layout, LayoutError, Member};
