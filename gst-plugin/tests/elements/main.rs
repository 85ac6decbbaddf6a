//! The elements, in one program: linking one for every file takes longer than running the tests. One file at a time:
//! `cargo test -p gst-plugin-tttseg --test elements events::`. Tests that need a process of their own are beside this folder.

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "analytics")]
mod analytics;
mod bin;
mod buffers;
mod class_style;
mod classes;
mod colour_targets;
mod colours;
mod concurrency;
mod controller;
mod embedding;
mod events;
mod filter;
mod formats;
mod fusion;
mod instances;
mod launch;
mod luma;
mod metas;
mod negotiation;
mod network;
mod orientation;
mod outputs;
mod pipelines;
mod replay_location;
mod robustness;
mod saved_state;
mod states;
mod troubleshooting;
