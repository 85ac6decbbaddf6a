//! The fate of a test where something it needs is missing. Shared by the tests of all crates.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::Command;

/// To be called when something is missing that `make test` provides. With `TTTSEG_REQUIRE_RUNTIME=1`, which that sets, the
/// test fails; without it a line says what is missing, and the caller skips the test.
#[track_caller]
pub fn missing(what: impl Display) {
    let required = std::env::var_os("TTTSEG_REQUIRE_RUNTIME").is_some_and(|v| v == "1");
    assert!(!required, "missing: {what}");
    skipped(what);
}

/// To be called when something is missing that set-up cannot provide: a GPU, root, data outside the project.
pub fn skipped(why: impl Display) {
    eprintln!("skipped: {why}");
}

/// A Python in which an import works: the one that TTTSEG_PYTHON names, or one of this machine.
#[track_caller]
pub fn python_with(import: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TTTSEG_PYTHON").map(PathBuf::from);
    // Debian's packages are seen by its own Python only, which need not be the first one.
    let others = ["python3", "/usr/bin/python3"].map(PathBuf::from);
    let found = named.into_iter().chain(others).find(|python| {
        let done = Command::new(python).args(["-c", import]).output();
        done.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        missing(format!(
            "a Python where `{import}` works (TTTSEG_PYTHON names another)"
        ));
    }
    found
}
