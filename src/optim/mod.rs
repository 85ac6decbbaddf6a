//! Optimisers as graphs: how learning weights travel ([`Layout`]), clipping, the finiteness guard
//! and AdamW ([`adamw`]).

mod adamw;
mod layout;

pub use adamw::{AdamW, MomentInputs, Rates, Update, adamw};
pub use layout::{Buffer, Group, Layout, LayoutError, Member};
