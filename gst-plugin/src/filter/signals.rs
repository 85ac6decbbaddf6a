//! Action signals, shared with the bin.

use std::path::PathBuf;

use gst::glib::subclass::Signal;
use gst::prelude::*;

pub(crate) const RESET: &str = "reset";
pub(crate) const SAVE_STATE: &str = "save-state";
pub(crate) const LOAD_STATE: &str = "load-state";
pub(crate) const HINT: &str = "hint";
pub(crate) const CLEAR_HINTS: &str = "clear-hints";

/// What an application can ask for.
pub(crate) enum Action {
    /// Weights of the model file, an empty window, a new optimiser.
    Reset,
    /// Write the adapted weights to a file.
    Save(PathBuf),
    /// Read them back.
    Load(PathBuf),
    /// Give the colour (0xRRGGBB) of a place of the frame that is shown, in its pixels.
    Hint { x: f64, y: f64, colour: u32 },
    /// Drop all hints.
    ClearHints,
}

/// `reset()`, `save-state(path) -> boolean`, `load-state(path) -> boolean`, `hint(x, y, colour) -> boolean` and
/// `clear-hints()`. A failure is told by the result and, of those with a path, by a warning on the bus.
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
    let plain = |name, action: fn() -> Action| {
        Signal::builder(name)
            .action()
            .class_handler(move |args| {
                if let Some(element) = args.first().and_then(|v| v.get::<T>().ok()) {
                    act(&element, action());
                }
                None
            })
            .build()
    };
    vec![
        plain(RESET, || Action::Reset),
        with_path(SAVE_STATE, Action::Save),
        with_path(LOAD_STATE, Action::Load),
        Signal::builder(HINT)
            .param_types([f64::static_type(), f64::static_type(), u32::static_type()])
            .return_type::<bool>()
            .action()
            .class_handler(move |args| {
                let number = |at: usize| args.get(at).and_then(|v| v.get::<f64>().ok());
                let element = args.first().and_then(|v| v.get::<T>().ok());
                let colour = args.get(3).and_then(|v| v.get::<u32>().ok());
                let done = match (element, number(1), number(2), colour) {
                    (Some(element), Some(x), Some(y), Some(colour)) => {
                        act(&element, Action::Hint { x, y, colour })
                    }
                    _ => false,
                };
                Some(done.to_value())
            })
            .build(),
        plain(CLEAR_HINTS, || Action::ClearHints),
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
        Action::Hint { x, y, colour } => element.emit_by_name(HINT, &[&x, &y, &colour]),
        Action::ClearHints => {
            element.emit_by_name::<()>(CLEAR_HINTS, &[]);
            true
        }
        Action::Save(path) => element.emit_by_name(SAVE_STATE, &[&text(path)]),
        Action::Load(path) => element.emit_by_name(LOAD_STATE, &[&text(path)]),
    }
}
