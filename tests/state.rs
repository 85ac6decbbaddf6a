//! Saved state on disk: whole or not there, whatever happens while it is written.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use tttseg::weights::{Origin, State, Tensor, Weights, WeightsError};

/// Names the file that a child process is to write.
const CHILD: &str = "TTTSEG_STATE_CHILD";
/// The signal of a process that writes more than it may.
const SIGXFSZ: i32 = 25;

fn state(steps: u64) -> State {
    let data = (0..100_000).map(|i| (i as f32).sin() + steps as f32);
    let tensor = Tensor::new(vec![100_000], data.collect()).unwrap();
    State {
        origin: Origin {
            model: "test".into(),
            base: "0".repeat(64),
            frames: 2 * steps,
            steps,
            directed_steps: 0,
            references: 0,
            hints: 0,
            settings: [("seed".to_owned(), "7".to_owned())].into(),
            version: "0.1.0".into(),
            saved: "2026-11-22T09:15:14Z".into(),
        },
        weights: Weights::from_iter([("w".to_owned(), tensor)]),
        pictures: std::collections::BTreeMap::new(),
    }
}

/// Writes another state over `path` in a process that may write 64 KiB to a file, a sixth of it. What is done about that
/// is up to `before`, in the shell that starts it.
fn overwrite(path: &Path, before: &str) -> ExitStatus {
    Command::new("sh")
        .arg("-c")
        .arg(format!(
            "{before} ulimit -c 0; ulimit -f 128; exec \"$0\" --exact the_child --include-ignored"
        ))
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, path)
        .output()
        .unwrap()
        .status
}

#[test]
// Not a test, but a program for those below.
#[ignore = "started by other tests"]
fn the_child() {
    if let Some(path) = std::env::var_os(CHILD) {
        let refused = state(2).save(path).unwrap_err();
        assert!(matches!(refused, WeightsError::Write(_)), "{refused}");
    }
}

#[test]
fn a_process_killed_while_it_writes_leaves_the_old_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    state(1).save(&path).unwrap();
    let ended = overwrite(&path, "");
    assert_eq!(ended.signal(), Some(SIGXFSZ), "{ended}");
    assert_eq!(State::load(&path).unwrap(), state(1));
    // It was killed in the middle, not before.
    let sizes = fs::read_dir(folder.path()).unwrap();
    let mut sizes: Vec<u64> = sizes
        .map(|f| f.unwrap().metadata().unwrap().len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes.len(), 2);
    assert_eq!(sizes[0], 64 * 1024);

    // What is left of it is in the way of nothing.
    state(3).save(&path).unwrap();
    assert_eq!(State::load(&path).unwrap(), state(3));
}

#[test]
fn disk_full_on_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    state(1).save(&path).unwrap();
    // A limit that is reached fails a write as a full disk does: the old state stays, and nothing else.
    let ended = overwrite(&path, "trap '' XFSZ;");
    assert!(ended.success(), "{ended}");
    assert_eq!(State::load(&path).unwrap(), state(1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn threads_that_write_one_file_leave_one_whole_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    std::thread::scope(|scope| {
        for steps in 0..8 {
            let path = &path;
            scope.spawn(move || state(steps).save(path).unwrap());
        }
    });
    let read = State::load(&path).unwrap();
    assert_eq!(read, state(read.origin.steps));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_state_that_was_cut_short_and_a_broken_one_are_different_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    state(1).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in [9, 200, whole.len() / 2, whole.len() - 1] {
        let refused = State::from_bytes("s", &whole[..cut]).unwrap_err();
        assert!(
            matches!(refused, WeightsError::Truncated { .. }),
            "cut at {cut}: {refused}"
        );
    }
    // The last element, made infinite.
    let mut broken = whole.clone();
    let end = broken.len();
    broken[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let refused = State::from_bytes("s", &broken).unwrap_err();
    assert!(
        matches!(refused, WeightsError::NotFinite { .. }),
        "{refused}"
    );
    // Read and written again, it is the same file.
    State::from_bytes("s", &whole).unwrap().save(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
}
