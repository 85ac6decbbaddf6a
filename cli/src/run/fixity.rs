//! The hash of a file's bytes, SHA-256.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::error::Error;
use super::stop::Stop;

/// What is kept of a film whose frames are finished.
pub const FINISHED: &str = "all frames are finished; the same command puts them together";
/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// Bytes as text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// That of bytes in memory.
pub fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// That of a file. `go_on` is asked between blocks; an end that it wants is an error of the kind [`io::ErrorKind::Interrupted`].
pub fn sha256(path: &Path, go_on: impl Fn() -> bool) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        if !go_on() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file.read(&mut block) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(n) => hash.update(block.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// The hash of a file that is computed beside other work.
pub struct Hashing {
    path: PathBuf,
    thread: JoinHandle<io::Result<String>>,
}

impl Hashing {
    /// Begins to read the file.
    pub fn begin(path: &Path, stop: &Stop) -> Self {
        let (path, stop) = (path.to_owned(), stop.clone());
        let of_thread = path.clone();
        let thread = std::thread::spawn(move || sha256(&of_thread, || !stop.is_asked()));
        Self { path, thread }
    }

    /// Waits for it; `alive` is called from time to time.
    pub fn wait(self, alive: impl Fn()) -> Result<String, Error> {
        while !self.thread.is_finished() {
            alive();
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let hash = self.thread.join();
        let hash = hash.map_err(|_| Error::of(&self.path, "its hash could not be computed"))?;
        hash.map_err(|e| error(&self.path, e, FINISHED))
    }
}

/// An error of [`sha256`]; `kept` is what is kept when the user wants an end.
pub fn error(path: &Path, error: io::Error, kept: &str) -> Error {
    match error.kind() {
        io::ErrorKind::Interrupted => Error::Interrupted(kept.to_owned()),
        _ => Error::of(path, error),
    }
}
