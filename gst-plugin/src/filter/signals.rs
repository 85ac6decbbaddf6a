//! Action signals, shared with the bin.

use std::path::PathBuf;

use gst::glib;
use gst::glib::subclass::Signal;
use gst::glib::value::FromValue;
use gst::prelude::*;

pub(crate) const RESET: &str = "reset";
pub(crate) const SAVE_STATE: &str = "save-state";
pub(crate) const LOAD_STATE: &str = "load-state";
pub(crate) const HINT: &str = "hint";
pub(crate) const CLEAR_HINTS: &str = "clear-hints";

/// What the signals do.
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
/// `clear-hints()`. A failure gives false and, of those with a path, a warning on the bus.
pub(crate) fn all<T: IsA<gst::Element>>(act: fn(&T, Action) -> bool) -> Vec<Signal> {
    fn argument<'a, V: FromValue<'a>>(arguments: &'a [glib::Value], at: usize) -> Option<V> {
        arguments.get(at)?.get().ok()
    }
    fn path(arguments: &[glib::Value]) -> Option<PathBuf> {
        argument::<Option<String>>(arguments, 1)?.map(PathBuf::from)
    }
    let signal = |name, types: &[glib::Type], action: fn(&[glib::Value]) -> Option<Action>| {
        let builder = Signal::builder(name)
            .param_types(types.iter().copied())
            .action();
        let gives_result = !types.is_empty();
        let builder = if gives_result {
            builder.return_type::<bool>()
        } else {
            builder
        };
        let handler = move |arguments: &[glib::Value]| {
            let element = argument::<T>(arguments, 0);
            let done = element
                .zip(action(arguments))
                .is_some_and(|(element, action)| act(&element, action));
            // Without a value the emission would panic.
            gives_result.then(|| done.to_value())
        };
        builder.class_handler(handler).build()
    };
    vec![
        signal(RESET, &[], |_| Some(Action::Reset)),
        signal(SAVE_STATE, &[String::static_type()], |a| {
            path(a).map(Action::Save)
        }),
        signal(LOAD_STATE, &[String::static_type()], |a| {
            path(a).map(Action::Load)
        }),
        signal(
            HINT,
            &[f64::static_type(), f64::static_type(), u32::static_type()],
            |a| {
                let (x, y, colour) = (argument(a, 1)?, argument(a, 2)?, argument(a, 3)?);
                Some(Action::Hint { x, y, colour })
            },
        ),
        signal(CLEAR_HINTS, &[], |_| Some(Action::ClearHints)),
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
