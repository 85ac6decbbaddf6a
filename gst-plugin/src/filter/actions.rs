//! Actions: signals of applications, clicks of viewers, and properties that take more than a value.

use gst::glib;
use gst_base::BaseTransform;
use gst_base::prelude::*;

use super::colour::Place;
use super::engine::{Forget, saved_state};
use super::log::CAT;
use super::parts::Parts;
use super::settings::Change;
use super::signals::Action;
use super::stream::Negotiated;
use super::{NO_COLOUR, lock};

/// Sets a property, and does what follows from that.
pub(super) fn set_property(
    element: &BaseTransform,
    parts: &Parts,
    name: &str,
    value: &glib::Value,
) {
    let change = parts.control.set(name, value);
    gst::debug!(CAT, obj = element, "{name} = {value:?}: {change:?}");
    match change {
        Change::None | Change::Engine => {}
        Change::References => change_references(element, parts),
        Change::Caps => element.reconfigure_src(),
        Change::Refused(why) => {
            gst::element_warning!(element, gst::LibraryError::Settings, ("{why}"));
        }
    }
}

/// Takes up a new `reference-location`. One that cannot be used leaves the one before, with a warning. Below READY it is read
/// on the way there.
fn change_references(element: &BaseTransform, parts: &Parts) {
    let Some(engine) = parts.control.engine() else {
        return;
    };
    let mut location = None;
    let read = parts.colours.read_references(|| {
        location = parts.control.settings().reference_location;
        location.clone()
    });
    match read {
        Ok(()) => {
            let size = || parts.model_size();
            parts.colours.send_references(element, &engine, size);
        }
        Err(e) => {
            let in_force = parts.colours.given().location.clone();
            parts
                .control
                .restore_references(location.as_deref(), in_force);
            gst::element_warning!(
                element,
                gst::ResourceError::Read,
                ("{e}. The pictures of before stay")
            );
        }
    }
}

/// Carries out a signal; false if that fails, and a warning on the bus.
pub(super) fn act(element: &BaseTransform, parts: &Parts, action: Action) -> bool {
    let Some(engine) = parts.control.engine() else {
        gst::element_warning!(
            element,
            gst::CoreError::StateChange,
            ("Nothing is loaded below READY: there is nothing to reset, save, load or give hints to")
        );
        return false;
    };
    match action {
        Action::Reset => parts.forget(element, Forget::Everything),
        Action::Hint { x, y, colour } => return hint(element, parts, x, y, colour),
        Action::ClearHints => parts.colours.clear_hints(element, Some(&engine)),
        Action::Save(path) => return saved_state::save_to(element, &path, &engine),
        Action::Load(path) => {
            if let Err(e) = engine.load_state(&path) {
                gst::element_warning!(
                    element,
                    gst::ResourceError::Read,
                    ("The state could not be loaded from {}: {e}", path.display())
                );
                return false;
            }
        }
    }
    true
}

/// A click: with the first button a hint, if `hint-colour` has been set, with the third the end of all hints.
pub(super) fn on_click(element: &BaseTransform, parts: &Parts, button: i32, x: f64, y: f64) {
    let colour = parts.control.live().hint_colour;
    match button {
        _ if colour == NO_COLOUR => {}
        1 => {
            hint(element, parts, x, y, colour);
        }
        3 => {
            let engine = parts.control.engine();
            parts.colours.clear_hints(element, engine.as_deref());
        }
        _ => {}
    }
}

/// A hint at a place, in pixels of the source pad's frames; false when there is no such place or no frame yet.
fn hint(element: &BaseTransform, parts: &Parts, x: f64, y: f64, colour: u32) -> bool {
    let stream = lock(&parts.stream);
    let place = stream.negotiated.as_ref().and_then(|n| place(n, x, y));
    let orientation = stream.negotiated.as_ref().map(|n| n.orientation);
    let orientation = orientation.unwrap_or_default();
    let chroma = stream.results.chroma.clone();
    drop(stream);
    let [0, red, green, blue] = colour.to_be_bytes() else {
        return false;
    };
    let (Some(place), Some(chroma), Some(engine)) = (place, chroma, parts.control.engine()) else {
        return false;
    };
    gst::debug!(CAT, obj = element, "Hint {colour:06x} at {x}, {y}");
    let radius = parts.control.live().hint_radius;
    let colour = [red, green, blue];
    let added = parts.colours.add_hint(
        &engine,
        &orientation.upright(&chroma, [1, 2]),
        place,
        radius,
        colour,
    );
    added.unwrap_or_else(|e| {
        gst::element_warning!(element, gst::LibraryError::Settings, ("{e}"));
        false
    })
}

/// The place, in the upright picture, at these pixels of the source pad's frames, if they are in colours.
fn place(negotiated: &Negotiated, x: f64, y: f64) -> Option<Place> {
    let info = &negotiated.info;
    let (width, height) = (f64::from(info.width()), f64::from(info.height()));
    let left = negotiated.left() as f64;
    // Side by side both halves show the same.
    let x = if left > 0.0 && x >= left { x - left } else { x };
    let inside = (0.0..width).contains(&x) && (0.0..height).contains(&y);
    (negotiated.output?.is_coloured() && inside).then(|| {
        let (x, y) = negotiated
            .orientation
            .place_upright((x / width, y / height));
        Place { x, y }
    })
}
