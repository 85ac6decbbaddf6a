//! The ONNX Runtime library: where it is searched for, and opening it once per process.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::ffi::CStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use ort::environment::Environment;

use super::provider::Tried;
use super::{Error, Options, Result, log};

/// Opening a library takes milliseconds; one that takes longer than this hangs in its initialisers.
const PATIENCE: Duration = Duration::from_secs(20);
/// The environment variable that names the library.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// glibc's words for a library that it found nowhere.
const CANNOT_OPEN: &str = "cannot open shared object file";

static RUNTIME: OnceCell<Runtime> = OnceCell::new();
/// The library that `ort` holds, and its version. Set before the environment is: `ort` keeps its first
/// library even when the environment then fails.
static HELD: OnceCell<(PathBuf, String)> = OnceCell::new();

/// ONNX Runtime, loaded. There is one per process, for as long as the process lives: ONNX Runtime
/// allows no second environment.
pub struct Runtime {
    pub(super) environment: Environment,
    pub(super) tried: Tried,
    library: PathBuf,
    version: String,
}

impl Runtime {
    /// Version of the library, as in `1.31.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// File of the library.
    pub fn library(&self) -> &Path {
        &self.library
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("library", &self.library)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Loads ONNX Runtime, or returns the one already loaded.
///
/// A library named in the options is the only one tried; else the one named in `ORT_DYLIB_PATH`; else
/// `libonnxruntime.so*` next to the file this code is in and next to the executable, then
/// `libonnxruntime.so.1` and `libonnxruntime.so` wherever the system looks. After an error it can be
/// called again.
///
/// # Errors
/// [`Error::LibraryNotFound`] with everything tried, [`Error::AnotherLibrary`] when the options name
/// another library than the one in use, [`Error::Environment`] when the library does not start.
pub fn load(options: &Options) -> Result<&'static Runtime> {
    let wanted = options.library.as_deref();
    let runtime = RUNTIME.get_or_try_init(|| first_of(candidates(wanted)))?;
    match wanted {
        Some(wanted) if !same_file(wanted, &runtime.library) => Err(Error::AnotherLibrary {
            loaded: runtime.library.clone(),
            wanted: wanted.to_owned(),
        }),
        _ => Ok(runtime),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    let real = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
    a == b || real(a) == real(b) || is_bare(a) && a.file_name() == b.file_name()
}

/// A name without a folder, which the system's loader looks for.
fn is_bare(path: &Path) -> bool {
    path.components().count() == 1 && !path.exists()
}

fn candidates(wanted: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = wanted {
        return vec![path.to_owned()];
    }
    if let Some(path) = std::env::var_os(VARIABLE).filter(|p| !p.is_empty()) {
        return vec![path.into()];
    }
    let mut all = vec![];
    let here = mapped_file(first_of as *const () as usize);
    for file in [here, std::env::current_exe().ok()].into_iter().flatten() {
        if let Some(folder) = file.parent() {
            all.extend(libraries_in(folder));
        }
    }
    all.extend(["libonnxruntime.so.1".into(), "libonnxruntime.so".into()]);
    let mut seen = BTreeSet::new();
    all.retain(|p: &PathBuf| seen.insert(p.clone()));
    all
}

/// `libonnxruntime.so*` in a folder, the highest version first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let version = |p: &Path| -> Vec<u32> {
        let name = p.file_name().map(|n| n.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        name.split('.')
            .filter_map(|part| part.parse().ok())
            .collect()
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| is_library_name(p))
        .collect();
    found.sort_by_key(|p| std::cmp::Reverse(version(p)));
    found
}

fn is_library_name(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy());
    name.is_some_and(|n| n == "libonnxruntime.so" || n.starts_with("libonnxruntime.so."))
}

/// The file that is mapped at an address of this process: the executable, or the plugin.
fn mapped_file(address: usize) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        let path = line.find('/').map(|at| PathBuf::from(&line[at..]));
        (start..end).contains(&address).then_some(path)?
    })
}

/// Whether `ort` may be used. Without a library most of its calls try to load one, and panic when
/// there is none.
pub(super) fn is_loaded() -> bool {
    RUNTIME.get().is_some()
}

fn first_of(candidates: Vec<PathBuf>) -> Result<Runtime> {
    if let Some((library, version)) = HELD.get() {
        return start(library.clone(), version.clone());
    }
    let mut tried = vec![];
    for path in candidates {
        // `ort` opens it again by the same path, which gives the same library.
        let opened = open(&path).and_then(|opened| match ort::init_from(&opened.path) {
            Ok(_) => Ok(opened),
            Err(e) => Err(e.to_string()),
        });
        match opened {
            Ok(opened) => {
                let (library, version) = HELD.get_or_init(|| (opened.file, opened.version));
                return start(library.clone(), version.clone());
            }
            Err(why) => tried.push((path, why)),
        }
    }
    Err(Error::LibraryNotFound { tried })
}

struct Opened {
    /// What it was opened by.
    path: PathBuf,
    /// The file that turned out to be.
    file: PathBuf,
    version: String,
    /// Keeps it open until `ort` has opened it too.
    _library: libloading::Library,
}

/// Opens a library on a thread of its own, so that one that hangs does not take the caller with it,
/// and gives its file and version. Nothing of `ort` is touched before this has worked: it would load
/// a library by itself, and panic without one.
fn open(path: &Path) -> std::result::Result<Opened, String> {
    let (sender, receiver) = mpsc::channel();
    let target = if is_bare(path) {
        path.to_owned()
    } else {
        std::path::absolute(path).map_err(|e| e.to_string())?
    };
    std::thread::Builder::new()
        .name("onnxruntime-load".into())
        .spawn(move || {
            // The receiver is gone only when its patience was.
            let _ = sender.send(open_now(target));
        })
        .map_err(|e| e.to_string())?;
    match receiver.recv_timeout(PATIENCE) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Err(format!("not ready after {} seconds", PATIENCE.as_secs()))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("loading panicked".into()),
    }
}

/// What the system says about a library it did not open, and what that may mean: it says "No such file" of one for another
/// processor, too, and of a library that this one needs.
fn why_not(path: &Path, error: &libloading::Error) -> String {
    // The error itself says no more than "dlopen failed".
    let said = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    let own = format!("{}: ", path.display());
    match said.strip_prefix(&own) {
        Some(rest) if rest.starts_with(CANNOT_OPEN) && path.is_file() => {
            format!("{rest} (the file is there: it may be for another processor, or not readable)")
        }
        Some(rest) => rest.to_owned(),
        None if said.contains(CANNOT_OPEN) => {
            format!("{said} (a library that this one needs is missing)")
        }
        None => said,
    }
}

fn open_now(path: PathBuf) -> std::result::Result<Opened, String> {
    // SAFETY: runs the library's initialisers. The path was given by the user or is ONNX Runtime's
    // own file name; that it is ONNX Runtime is the meaning of naming it.
    let library = unsafe { libloading::Library::new(&path) }.map_err(|e| why_not(&path, &e))?;
    // SAFETY: the symbol is a function of this type in every version of ONNX Runtime's C API.
    let base = unsafe {
        library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase")
    }
    .map_err(|_| "not ONNX Runtime: it does not export OrtGetApiBase".to_owned())?;
    // SAFETY: takes no arguments; returns null or a table that lives as long as the library.
    let version = unsafe {
        let base = base();
        if base.is_null() {
            return Err("OrtGetApiBase returned nothing".into());
        }
        CStr::from_ptr(((*base).GetVersionString)())
    }
    .to_string_lossy()
    .into_owned();
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(1)), Some(Ok(minor))) if minor >= ort::MINOR_VERSION => {}
        _ => {
            return Err(format!(
                "version {version} is too old: 1.{} or newer is needed",
                ort::MINOR_VERSION
            ));
        }
    }
    let file = mapped_file(*base as *const () as usize).unwrap_or_else(|| path.clone());
    Ok(Opened {
        path,
        file,
        version,
        _library: library,
    })
}

fn start(library: PathBuf, version: String) -> Result<Runtime> {
    let mut builder = ort::init().with_name("tttseg").with_telemetry(false);
    if let Some(logger) = log::logger() {
        builder = builder.with_logger(logger);
    }
    let environment = builder.build().map_err(|e| Error::Environment {
        library: library.clone(),
        detail: e.to_string(),
    })?;
    Ok(Runtime {
        environment,
        tried: Tried::default(),
        library,
        version,
    })
}
