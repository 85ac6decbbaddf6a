//! Settings as properties of GObject: their definitions, made from the table and shared with the bin, and their values.

use std::sync::{Mutex, PoisonError};

use gst::glib;
use gst::glib::gobject_ffi;
use gst::glib::translate::{FromGlib, IntoGlib, ToGlibPtr, from_glib_none};
use gst::prelude::*;
use tttseg::adapt::settings::{Changes, Kind, Value};
use tttseg::choice::Choices;

use super::settings::{Change, Row, Settings};

pub(super) const STATS: &str = "stats";
pub(super) const PROVIDER_IN_USE: &str = "execution-provider-in-use";

/// Definitions of all properties, made anew at every call: a definition belongs to one class.
pub(crate) fn all() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    let rows = Row::all().iter();
    let mut all: Vec<_> = rows.map(|row| definition(*row, &defaults)).collect();
    all.push(
        glib::ParamSpecBoxed::builder::<gst::Structure>(STATS)
            .nick("Statistics")
            .blurb("The last frame's message and counters since READY")
            .read_only()
            .build(),
    );
    all.push(
        glib::ParamSpecString::builder(PROVIDER_IN_USE)
            .nick("Execution provider in use")
            .blurb("Where the network really runs, as in 'cpu' or 'cuda:0'; empty below READY")
            .read_only()
            .build(),
    );
    all
}

fn definition(row: Row, defaults: &Settings) -> glib::ParamSpec {
    let about = row.about();
    let property = about.property.expect("a row of Row::all() is a property");
    let blurb = row.description();
    let flags = glib::ParamFlags::READWRITE
        | match property.changes {
            Changes::Ready => gst::PARAM_FLAG_MUTABLE_READY,
            Changes::Live => gst::PARAM_FLAG_MUTABLE_PLAYING,
            Changes::Controlled => gst::PARAM_FLAG_MUTABLE_PLAYING | gst::PARAM_FLAG_CONTROLLABLE,
        };
    macro_rules! build {
        ($Type:ident $(, $limit:ident($value:expr))*) => {
            glib::$Type::builder(about.name)
                .nick(property.nick)
                .blurb(&blurb)
                .flags(flags)
                $(.$limit($value))*
                .build()
        };
    }
    match (property.kind, defaults.value(row)) {
        (Kind::Flag, Value::Flag(default)) => build!(ParamSpecBoolean, default_value(default)),
        (Kind::Count(least, most), Value::Count(default)) => build!(
            ParamSpecUInt,
            minimum(saturated(least)),
            maximum(saturated(most)),
            default_value(saturated(default))
        ),
        (Kind::Seed, Value::Count(default)) => build!(ParamSpecUInt64, default_value(default)),
        (Kind::Real(least, most), Value::Real(default)) => {
            let end = |bound, otherwise| match bound {
                std::ops::Bound::Included(end) | std::ops::Bound::Excluded(end) => end,
                std::ops::Bound::Unbounded => otherwise,
            };
            build!(
                ParamSpecDouble,
                minimum(end(least, f64::MIN)),
                maximum(end(most, f64::MAX)),
                default_value(default)
            )
        }
        (Kind::Choice(choices), Value::Choice(default)) => {
            let default = i32::try_from(default).unwrap_or(0);
            // SAFETY: the strings end with a zero and live during the call, which copies them; the type is an enumeration and
            // has the default among its values. What comes back is a definition with a floating reference.
            unsafe {
                from_glib_none(gobject_ffi::g_param_spec_enum(
                    about.name.to_glib_none().0,
                    property.nick.to_glib_none().0,
                    blurb.to_glib_none().0,
                    enum_type(choices).into_glib(),
                    default,
                    flags.into_glib(),
                ))
            }
        }
        _ => build!(ParamSpecString),
    }
}

fn saturated(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The enumeration of GObject for a list of choices, registered at the first call.
fn enum_type(choices: &'static Choices) -> glib::Type {
    static REGISTERING: Mutex<()> = Mutex::new(());
    let _guard = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
    let name = format!("GstTttSeg{}", choices.name);
    if let Some(known) = glib::Type::from_name(&name) {
        return known;
    }
    let values = choices.values.iter().zip(0..);
    let values = values.map(|((nick, meaning), value)| gobject_ffi::GEnumValue {
        value,
        value_name: meaning.to_glib_full(),
        value_nick: nick.to_glib_full(),
    });
    let end = gobject_ffi::GEnumValue {
        value: 0,
        value_name: std::ptr::null(),
        value_nick: std::ptr::null(),
    };
    let values: Vec<_> = values.chain([end]).collect();
    // SAFETY: the name ends with a zero and is copied; the values end with an empty one and are never freed, nor are their
    // strings. The lock keeps others from registering the same name meanwhile.
    let registered = unsafe {
        glib::Type::from_glib(gobject_ffi::g_enum_register_static(
            name.to_glib_none().0,
            values.leak().as_ptr(),
        ))
    };
    registered.mark_as_plugin_api(gst::PluginAPIFlags::empty());
    registered
}

impl Settings {
    /// Takes the value of a property. GObject has checked its type and range.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> Change {
        let Some(row) = Row::find(name) else {
            return Change::None;
        };
        let value = match row.about().kind {
            Kind::Flag => value.get().ok().map(Value::Flag),
            Kind::Count(..) => value.get::<u32>().ok().map(|n| Value::Count(n.into())),
            Kind::Seed => value.get().ok().map(Value::Count),
            Kind::Real(..) => value.get().ok().map(Value::Real),
            Kind::Choice(_) => glib::EnumValue::from_value(value)
                .and_then(|(_, value)| usize::try_from(value.value()).ok())
                .map(Value::Choice),
            // An empty text stands for none, as in a launch line.
            Kind::Text => value
                .get::<Option<String>>()
                .ok()
                .map(|text| Value::Text(text.filter(|text| !text.is_empty()))),
        };
        value.map_or(Change::None, |value| self.put(row, value))
    }

    /// The value of a property that can be written.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        let row = Row::find(name)?;
        Some(match (row.about().kind, self.value(row)) {
            (Kind::Choice(choices), Value::Choice(index)) => {
                let class = glib::EnumClass::with_type(enum_type(choices))?;
                return class.to_value(i32::try_from(index).ok()?);
            }
            (Kind::Seed, Value::Count(number)) => number.to_value(),
            (_, Value::Count(number)) => saturated(number).to_value(),
            (_, Value::Flag(flag)) => flag.to_value(),
            (_, Value::Real(number)) => number.to_value(),
            (_, Value::Text(text)) => text.to_value(),
            (_, Value::Choice(_)) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_writable_property_can_be_read_and_set() {
        gst::init().unwrap();
        for definition in all() {
            if !definition.flags().contains(glib::ParamFlags::WRITABLE) {
                continue;
            }
            let mut settings = Settings::default();
            let name = definition.name();
            let value = settings
                .get(name)
                .unwrap_or_else(|| panic!("{name} cannot be read"));
            assert_eq!(value.type_(), definition.value_type(), "{name}");
            assert_eq!(
                format!("{value:?}"),
                format!("{:?}", definition.default_value())
            );
            settings.set(name, &value);
            let again = settings.get(name).unwrap();
            assert_eq!(format!("{value:?}"), format!("{again:?}"));
        }
    }

    #[test]
    fn enumerations_keep_their_names_and_numbers() {
        gst::init().unwrap();
        for (name, type_, nicks) in [
            ("task", "GstTttSegTask", "segment, colorize"),
            (
                "output",
                "GstTttSegOutput",
                "overlay, class-map, reconstruction, side-by-side, metadata",
            ),
            (
                "method",
                "GstTttSegMethod",
                "online, none, no-memory, implicit, explicit, replay, consistency",
            ),
            ("recipe", "GstTttSegRecipe", "default, paper, code"),
            (
                "execution-provider",
                "GstTttSegExecutionProvider",
                "auto, cpu, cuda",
            ),
            ("pace", "GstTttSegPace", "auto, every-frame"),
        ] {
            let value = Settings::default().get(name).unwrap();
            assert_eq!(value.type_().name(), type_);
            let class = glib::EnumClass::with_type(value.type_()).unwrap();
            let values = class.values().iter();
            assert!(values.clone().map(|v| v.value()).eq(0..values.len() as i32));
            let found: Vec<&str> = values.map(|v| v.nick()).collect();
            assert_eq!(found.join(", "), nicks);
        }
    }
}
