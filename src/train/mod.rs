//! Joint training of f, g and h on still images.

mod graph;

pub use graph::{TrainOptions, train_graph};
