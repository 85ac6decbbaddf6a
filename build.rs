//! What the engine needs at build time: the ONNX protobuf types, and whether there is a model to embed.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    onnx_types()?;
    embedded_model();
    Ok(())
}

/// Generates the ONNX protobuf types. `protox` parses the schema, so that no `protoc` is needed.
fn onnx_types() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/graph/onnx.proto");
    let schema = protox::compile(["src/graph/onnx.proto"], ["src/graph"])?;
    prost_build::Config::new().compile_fds(schema)?;
    Ok(())
}

/// Sets `embedded_model` when the trained default is in the tree and wanted, so that a tree without it builds.
fn embedded_model() {
    // The folder, not the file: cargo would run this again at every build while the file does not exist.
    println!("cargo::rerun-if-changed=models");
    println!("cargo::rustc-check-cfg=cfg(embedded_model)");
    let wanted = std::env::var_os("CARGO_FEATURE_EMBEDDED_MODELS").is_some();
    if wanted && Path::new("models/camvid-nano.safetensors").is_file() {
        println!("cargo::rustc-cfg=embedded_model");
    }
}
