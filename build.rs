//! Generates the ONNX protobuf types. `protox` parses the schema, so that no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=src/graph/onnx.proto");
    let schema = protox::compile(["src/graph/onnx.proto"], ["src/graph"])?;
    prost_build::Config::new().compile_fds(schema)?;
    Ok(())
}
