//! Up and down without ONNX Runtime, with a version of it that is too old, and then with a good one. A process of its own,
//! and one test: once a library is loaded it stays.

mod common;

use std::path::Path;
use std::process::Command;

use common::{error_on, init, model, watch_element};
use gst::prelude::*;

const NOWHERE: &str = "/nowhere/libonnxruntime.so";

#[test]
fn missing_runtime_library_and_wrong_runtime_version() {
    init();
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("libonnxruntime.so.1.9");
    let has_old = compile_old(&old);
    for name in ["tttsegfilter", "tttseg"] {
        fails_in_every_order(name, NOWHERE, &[NOWHERE]);
        // A file that is a library, but not the right one.
        fails_in_every_order(name, "libc.so.6", &["libc.so.6"]);
        if has_old {
            let path = old.to_str().unwrap();
            fails_in_every_order(name, path, &[path, "1.9.77", "too old"]);
        } else {
            common::missing("a C compiler (cc) for a library of an old version");
        }
    }
    works_after_the_error();
}

/// A library that says that it is ONNX Runtime 1.9.77.
fn compile_old(library: &Path) -> bool {
    let source = library.with_extension("c");
    std::fs::write(
        &source,
        "static const void *api(unsigned version) { (void)version; return 0; }\n\
         static const char *version(void) { return \"1.9.77\"; }\n\
         static const struct { const void *(*a)(unsigned); const char *(*v)(void); } base = { api, version };\n\
         const void *OrtGetApiBase(void) { return &base; }\n",
    )
    .unwrap();
    let mut cc = Command::new("cc");
    let command = cc.args(["-shared", "-fPIC", "-o"]).args([library, &source]);
    command.status().is_ok_and(|status| status.success())
}

fn fails_in_every_order(name: &str, library: &str, said: &[&str]) {
    let element = gst::ElementFactory::make(name)
        .property("model-file", model())
        .property("runtime-library", library)
        .build()
        .unwrap();
    let bus = watch_element(&element);
    for order in [
        [gst::State::Ready, gst::State::Null, gst::State::Playing],
        [gst::State::Paused, gst::State::Ready, gst::State::Playing],
        [gst::State::Playing, gst::State::Paused, gst::State::Null],
    ] {
        for state in order {
            let up = state != gst::State::Null;
            assert_eq!(element.set_state(state).is_err(), up, "{name} to {state:?}");
        }
        let error = error_on(&bus);
        for part in [said, &["ONNX Runtime", "runtime-library"]].concat() {
            assert!(error.contains(part), "{part}: {error}");
        }
        element.set_state(gst::State::Null).unwrap();
        while bus.pop().is_some() {}
    }
    assert_eq!(
        element.property::<Option<String>>("execution-provider-in-use"),
        None
    );
}

/// With a library, if the machine has one: the element that failed works.
fn works_after_the_error() {
    let element = gst::ElementFactory::make("tttsegfilter")
        .property("model-file", model())
        .property("runtime-library", NOWHERE)
        .build()
        .unwrap();
    assert!(element.set_state(gst::State::Ready).is_err());
    let Some(_) = common::runtime() else { return };
    let bus = watch_element(&element);
    assert!(element.set_state(gst::State::Ready).is_err());
    let error = error_on(&bus);
    assert!(
        error.contains(NOWHERE),
        "another library than the one in use: {error}"
    );
    element.set_property("runtime-library", None::<String>);
    element.set_state(gst::State::Playing).unwrap();
    element.set_state(gst::State::Null).unwrap();
}
