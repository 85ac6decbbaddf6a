//! Action signals, shared with the bin.

use std::path::PathBuf;

use gst::glib::subclass::Signal;
use gst::prelude::*;

pub(crate) const RESET: &str = "reset";
pub(crate) const SAVE_STATE: &str = "save-state";
pub(crate) const LOAD_STATE: &str = "load-state";

/// What an application can ask for.
pub(crate) enum Action {
    /// Weights of the model file, an empty window, a new optimiser.
    Reset,
    /// Write the adapted weights to a file.
    Save(PathBuf),
    /// Read them back.
    Load(PathBuf),
}

/// `reset()`, `save-state(path) -> boolean` and `load-state(path) -> boolean`. A failure is told by the result and by a
/// warning on the bus.
pub(crate) fn all<T: IsA<gst::Element>>(act: fn(&T, Action) -> bool) -> Vec<Signal> {
    let with_path = |name, action: fn(PathBuf) -> Action| {
        Signal::builder(name)
            .param_types([String::static_type()])
            .return_type::<bool>()
            .action()
            .class_handler(move |args| {
                let element = args.first().and_then(|v| v.get::<T>().ok());
                let path = args.get(1).and_then(|v| v.get::<Option<String>>().ok()?);
                let done = match (element, path) {
                    (Some(element), Some(path)) => act(&element, action(path.into())),
                    _ => false,
                };
                // Without a value the emission would panic.
                Some(done.to_value())
            })
            .build()
    };
    vec![
        Signal::builder(RESET)
            .action()
            .class_handler(move |args| {
                if let Some(element) = args.first().and_then(|v| v.get::<T>().ok()) {
                    act(&element, Action::Reset);
                }
                None
            })
            .build(),
        with_path(SAVE_STATE, Action::Save),
        with_path(LOAD_STATE, Action::Load),
    ]
}

/// The same signal on another element.
pub(crate) fn forward(element: &gst::Element, action: Action) -> bool {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    match action {
        Action::Reset => {
            element.emit_by_name::<()>(RESET, &[]);
            true
        }
        Action::Save(path) => element.emit_by_name(SAVE_STATE, &[&text(path)]),
        Action::Load(path) => element.emit_by_name(LOAD_STATE, &[&text(path)]),
    }
}
