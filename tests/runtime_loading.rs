//! Loading the library: one environment per process, so this has a process, and one test, of its own.

mod common;

use std::path::PathBuf;

use tttseg::runtime::{Error, Options, Tensor, load};

/// The contents of a library that this process has loaded.
fn loaded_library(name: &str) -> Vec<u8> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|l| l.ends_with(name)).unwrap();
    std::fs::read(&line[line.find('/').unwrap()..]).unwrap()
}

#[test]
fn a_failed_load_is_an_error_and_a_good_one_then_works() {
    assert!(
        matches!(Tensor::from_f32(&[1], &[1.0]), Err(Error::Tensor(_))),
        "a tensor before there is a runtime"
    );
    let with = |library: &str| Options {
        library: Some(library.into()),
        ..Options::default()
    };
    for missing in ["/no/such/folder/libonnxruntime.so", "libno-such-name.so"] {
        match load(&with(missing)) {
            Err(e @ Error::LibraryNotFound { .. }) => {
                let text = e.to_string();
                assert!(
                    text.contains(missing) && text.contains("ORT_DYLIB_PATH"),
                    "{text}"
                );
                assert!(text.contains("No such file or directory"), "{text}");
                assert!(!text.contains("this one needs"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    // Files that are no library, or none for this machine: the system's own words, and what it does not say.
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libonnxruntime.so");
    let why = |bytes: &[u8]| {
        std::fs::write(&library, bytes).unwrap();
        match load(&with(&library.to_string_lossy())) {
            Err(Error::LibraryNotFound { tried }) => tried[0].1.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(why(b"not a library").contains("file too short"));
    assert!(why(&[b'x'; 4096]).contains("invalid ELF header"));
    // One that this process has, with another byte for the processor: that of an old SPARC.
    let other = loaded_library("libgcc_s.so.1");
    let mut foreign = other.clone();
    foreign[18] = 2;
    let said = why(&foreign);
    assert!(said.contains("another processor"), "{said}");
    // It needs the C library: with another letter, one that does not exist.
    let name = b"libc.so.6\0";
    let at = other.windows(name.len()).position(|w| w == name).unwrap();
    let mut dependent = other;
    dependent[at + 3] = b'X';
    let said = why(&dependent);
    assert!(
        said.contains("libX.so.6") && said.contains("this one needs"),
        "{said}"
    );
    // A library that is not ONNX Runtime.
    match load(&with("libc.so.6")) {
        Err(Error::LibraryNotFound { tried }) => {
            assert!(tried[0].1.contains("OrtGetApiBase"), "{tried:?}");
        }
        other => panic!("{other:?}"),
    }

    let Some(runtime) = common::runtime() else {
        return;
    };
    assert!(runtime.version().starts_with("1."), "{}", runtime.version());
    assert!(
        runtime.library().is_absolute() && runtime.library().exists(),
        "{runtime:?}"
    );
    assert_eq!(
        Tensor::from_f32(&[1], &[1.0]).unwrap().to_f32().unwrap(),
        [1.0]
    );

    // The same library, by its own name and through a link.
    let again = load(&with(&runtime.library().to_string_lossy())).unwrap();
    assert!(std::ptr::eq(runtime, again));
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.so");
    std::os::unix::fs::symlink(runtime.library(), &link).unwrap();
    assert!(load(&with(&link.to_string_lossy())).is_ok());
    // Another one is an error that names both.
    assert_eq!(
        load(&with("/another/libonnxruntime.so")).unwrap_err(),
        Error::AnotherLibrary {
            loaded: runtime.library().to_owned(),
            wanted: PathBuf::from("/another/libonnxruntime.so"),
        }
    );
}
