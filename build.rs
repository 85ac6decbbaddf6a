//! The ONNX protobuf types, and the models to embed, at build time.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    onnx_types()?;
    embedded_models();
    Ok(())
}

/// Generates the ONNX protobuf types. `protox` parses the schema, so that no `protoc` is needed.
fn onnx_types() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/graph/onnx.proto");
    let schema = protox::compile(["src/graph/onnx.proto"], ["src/graph"])?;
    prost_build::Config::new().compile_fds(schema)?;
    Ok(())
}

/// Sets `embedded_model` and `embedded_colours` when the trained defaults for segmentation and for colours are in the tree
/// and wanted, so that a tree without them builds.
fn embedded_models() {
    // The folder, not the file: cargo would run this again at every build while the file does not exist.
    println!("cargo::rerun-if-changed=models");
    let wanted = std::env::var_os("CARGO_FEATURE_EMBEDDED_MODELS").is_some();
    for (file, name) in [
        ("street-nano", "embedded_model"),
        ("film-nano", "embedded_colours"),
    ] {
        println!("cargo::rustc-check-cfg=cfg({name})");
        let file = format!("models/{file}.safetensors");
        if wanted && Path::new(&file).is_file() {
            println!("cargo::rustc-cfg={name}");
        }
    }
}
