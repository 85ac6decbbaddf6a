//! Exported graphs, looked at by ONNX's own checker.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::process::Command;

use tttseg::weights::Precision;

/// Checks a model, then prints `domain:operator` of every node, sorted and without repetition.
const CHECK: &str = "
import sys, onnx
onnx.checker.check_model(sys.argv[1], full_check=True)
m = onnx.load(sys.argv[1])
print('\\n'.join(sorted({f'{n.domain}:{n.op_type}' for n in m.graph.node})))
";

fn export(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tttseg"));
    command
        .arg("export")
        .args(arguments)
        .current_dir(folder)
        // Graphs are written without any runtime.
        .env("ORT_DYLIB_PATH", "/nonexistent");
    command.output().unwrap()
}

#[test]
fn onnx_accepts_every_graph() {
    let folder = tempfile::tempdir().unwrap();
    common::model(1)
        .save(folder.path().join("m.safetensors"), Precision::Half)
        .unwrap();
    let python = common::python_with("import onnx");
    for (what, recipe, target) in [
        ("step", "default", "cpu"),
        ("step", "code", "cpu"),
        ("step", "default", "any"),
        ("step", "code", "any"),
        ("predict", "default", "cpu"),
        ("predict", "default", "any"),
    ] {
        let file = format!("{what}-{recipe}-{target}.onnx");
        #[rustfmt::skip]
        let output = export(folder.path(), &[
            what, "m.safetensors", "-o", &file, "--recipe", recipe, "--target", target, "--height", "64", "--batch", "2",
        ]);
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8_lossy(&output.stdout);
        let batch = if what == "step" { 2 } else { 1 };
        let images = format!("input   images U8 [{batch}, 64, 64, 3]");
        assert!(printed.contains(&images), "{printed}");
        assert_eq!(printed.contains("branches"), recipe == "code", "{printed}");
        let Some(python) = &python else { continue };
        let output = Command::new(python)
            .args(["-c", CHECK])
            .arg(folder.path().join(&file))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{file}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let operators = String::from_utf8_lossy(&output.stdout);
        let has = |name: &str| operators.lines().any(|l| l == name);
        assert!(has(":MatMul") || has(":Gemm"), "{operators}");
        assert_eq!(
            has("tttseg:ScatterRows"),
            (what, target) == ("step", "cpu"),
            "{file}"
        );
        assert_eq!(
            has(":ScatterND"),
            (what, target) == ("step", "any"),
            "{file}"
        );
        let own = operators.lines().any(|l| l.starts_with("tttseg:"));
        assert_eq!(own, target == "cpu", "{file}");
    }
}

#[test]
fn what_cannot_be_exported_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    common::model(1)
        .save(folder.path().join("m.safetensors"), Precision::Half)
        .unwrap();
    for (arguments, wanted) in [
        (
            &["predict", "m.safetensors", "-o", "x.onnx", "--width", "50"][..],
            "50×48 is no multiple of 16×16",
        ),
        (
            &["step", "m.safetensors", "-o", "x.onnx", "--height", "0"],
            "64×0",
        ),
        (
            &["step", "m.safetensors", "-o", "x.onnx", "--batch", "0"],
            "batch-size",
        ),
        (
            &["step", "m.safetensors", "-o", "no/folder/x.onnx"],
            "no/folder/x.onnx: cannot be written",
        ),
        (
            &["step", "missing", "-o", "x.onnx"],
            "missing: no such file",
        ),
    ] {
        let output = export(folder.path(), arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(wanted), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
