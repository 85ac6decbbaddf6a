//! The element's properties, as text.

use std::collections::BTreeMap;

use gst::glib;
use gst::prelude::*;

/// Properties that stand elsewhere in the file, or are not about what is computed.
const ELSEWHERE: [&str; 4] = ["task", "model-file", "load-state", "save-state"];
/// Those that are named in any case.
const ALWAYS: [&str; 2] = ["method", "recipe"];

/// All properties of the element that are not at their default, and those that say how it learns.
pub fn of(element: &gst::Element) -> BTreeMap<String, String> {
    let all = element.list_properties();
    let own = all.iter().filter(|p| {
        p.owner_type() == element.type_() && p.flags().contains(glib::ParamFlags::READWRITE)
    });
    let changed = own.filter_map(|property| {
        let name = property.name();
        let value = text(&element.property_value(name));
        let is_named = ALWAYS.contains(&name) || value != text(property.default_value());
        (is_named && !ELSEWHERE.contains(&name)).then(|| (name.to_owned(), value))
    });
    changed.collect()
}

/// A value as it is written in a launch line.
fn text(value: &glib::Value) -> String {
    if let Ok(text) = value.get::<Option<String>>() {
        return text.unwrap_or_default();
    }
    if let Ok(number) = value.get::<f64>() {
        return number.to_string();
    }
    if let Some((_, choice)) = glib::EnumValue::from_value(value) {
        return choice.nick().to_owned();
    }
    let text = value.serialize();
    text.map_or_else(|_| format!("{value:?}"), |text| text.to_string())
}
