//! Loading the library: one environment per process, so this has a process, and one test, of its own.

use std::io::Write;
use std::path::PathBuf;

use tttseg::runtime::{Error, Options, Tensor, load};

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
            }
            other => panic!("{other:?}"),
        }
    }
    // A file that is no library, and a library that is not ONNX Runtime.
    let mut file = tempfile::Builder::new().suffix(".so").tempfile().unwrap();
    file.write_all(b"not a library").unwrap();
    assert!(load(&with(&file.path().to_string_lossy())).is_err());
    match load(&with("libc.so.6")) {
        Err(Error::LibraryNotFound { tried }) => {
            assert!(tried[0].1.contains("OrtGetApiBase"), "{tried:?}");
        }
        other => panic!("{other:?}"),
    }

    let runtime = match load(&Options::default()) {
        Ok(runtime) => runtime,
        Err(e) if std::env::var_os("TTTSEG_REQUIRE_RUNTIME").is_some_and(|v| v == "1") => {
            panic!("{e}")
        }
        Err(e) => return eprintln!("skipped: {e}"),
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
