//! Calling the program, and a folder of files to call it with.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tttseg::video::{ClassMap, write_png};
use tttseg::weights::Precision;

use crate::common;

/// The program with arguments.
pub fn program<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tttseg"));
    command.args(arguments);
    command
}

/// What was printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a call that works prints.
pub fn works<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    let output = program(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

/// The one line of a call that fails; a crash or a panic is no failure but a fault.
pub fn refused(output: &Output) -> String {
    let code = output.status.code();
    assert!(matches!(code, Some(1 | 2)), "{output:?}");
    let error = text(&output.stderr);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("tttseg: "), "{error}");
    error
}

/// As [`refused`], of a call with these arguments.
pub fn refuses<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    refused(&program(arguments).output().unwrap())
}

/// Everything below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

/// A folder with a small model, frames and labels.
pub struct Bench(pub tempfile::TempDir);

impl Bench {
    /// `mini.safetensors`; `data` with frames and labels `a` and `b`; labels of `others`; an `empty` folder.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self(folder);
        let model = common::model(1);
        model
            .save(bench.at("mini.safetensors"), Precision::Half)
            .unwrap();
        for folder in ["data/frames", "data/labels", "others", "empty"] {
            fs::create_dir_all(bench.at(folder)).unwrap();
        }
        let (width, height) = (96, 80);
        let size = tttseg::adapt::graphs::Size { height, width };
        for (i, name) in ["a", "b"].iter().enumerate() {
            let rgb = common::picture(size, i);
            write_png(&bench.at(format!("data/frames/{name}.png")), &rgb).unwrap();
            let ids = ClassMap::from_shape_fn((height, width), |(y, x)| {
                ((width * y + x) / 1000 % 3) as u8
            });
            for place in [format!("data/labels/{name}"), format!("others/not-{name}")] {
                write_png(&bench.at(format!("{place}.png")), &ids).unwrap();
            }
        }
        bench
    }

    /// A path in it.
    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same as text.
    pub fn name(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }
}
