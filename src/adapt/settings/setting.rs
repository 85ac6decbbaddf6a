//! A row of a table of settings: what a setting is called, what it takes, and how it is read and written.

use std::fmt;
use std::ops::{Bound, RangeBounds};

use crate::adapt::Error;
use crate::choice::{Choice, Choices};

/// What a setting takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// True or false.
    Flag,
    /// A whole number of a range, both ends included.
    Count(u64, u64),
    /// A whole number of 64 bits.
    Seed,
    /// A number of a range.
    Real(Bound<f64>, Bound<f64>),
    /// One of a few things that have names.
    Choice(&'static Choices),
    /// A text, or none.
    Text,
}

impl Kind {
    fn parse(&self, text: &str) -> Result<Value, String> {
        let no_number = |e: &dyn fmt::Display| format!("'{text}': {e}");
        Ok(match self {
            Self::Flag => Value::Flag(text.parse().map_err(|e| no_number(&e))?),
            Self::Count(..) | Self::Seed => Value::Count(text.parse().map_err(|e| no_number(&e))?),
            Self::Real(..) => Value::Real(text.parse().map_err(|e| no_number(&e))?),
            Self::Choice(choices) => Value::Choice(
                choices
                    .index(text)
                    .ok_or_else(|| format!("unknown '{text}' ({})", choices.names()))?,
            ),
            Self::Text => Value::Text((!text.is_empty()).then(|| text.to_owned())),
        })
    }

    fn write(&self, value: &Value) -> String {
        match (self, value) {
            (_, Value::Flag(flag)) => flag.to_string(),
            (_, Value::Count(number)) => number.to_string(),
            (_, Value::Real(number)) => number.to_string(),
            (Self::Choice(choices), Value::Choice(index)) => {
                choices.values.get(*index).map_or("", |(n, _)| n).to_owned()
            }
            (_, Value::Choice(index)) => index.to_string(),
            (_, Value::Text(text)) => text.clone().unwrap_or_default(),
        }
    }

    /// Whether a value lies in the range; the error says what the range is.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Self::Count(least, most), Value::Count(number)) => {
                if (least..=most).contains(&number) {
                    return Ok(());
                }
                Err(match *most {
                    u64::MAX => format!("{number} is less than {least}"),
                    _ => format!("{number} is not from {least} to {most}"),
                })
            }
            (Self::Real(..), Value::Real(number)) if !number.is_finite() => {
                Err(format!("{number} is not finite"))
            }
            (&Self::Real(low, high), Value::Real(number)) => {
                if (low, high).contains(number) {
                    return Ok(());
                }
                let low = match low {
                    Bound::Included(low) => format!("at least {low}"),
                    Bound::Excluded(low) => format!("above {low}"),
                    Bound::Unbounded => "any number".to_owned(),
                };
                let high = match high {
                    Bound::Included(high) => format!(" and at most {high}"),
                    Bound::Excluded(high) => format!(" and below {high}"),
                    Bound::Unbounded => String::new(),
                };
                Err(format!("{number} is not {low}{high}"))
            }
            _ => Ok(()),
        }
    }
}

/// A value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Kind::Flag`].
    Flag(bool),
    /// Of [`Kind::Count`] or [`Kind::Seed`].
    Count(u64),
    /// Of [`Kind::Real`].
    Real(f64),
    /// Of [`Kind::Choice`]: its place among the choices.
    Choice(usize),
    /// Of [`Kind::Text`].
    Text(Option<String>),
}

/// A type that a setting can have.
pub trait Field: Sized {
    /// What such a setting takes, unless its row has a narrower range.
    const KIND: Kind;
    /// The field's value.
    fn get(&self) -> Value;
    /// The field that has this value; none for a value of another kind.
    fn of(value: Value) -> Option<Self>;
}

macro_rules! fields {
    ($($type:ty: $kind:expr, $Value:ident;)+) => {$(
        impl Field for $type {
            const KIND: Kind = $kind;

            fn get(&self) -> Value {
                Value::$Value(self.clone().into())
            }

            fn of(value: Value) -> Option<Self> {
                match value {
                    Value::$Value(value) => Some(value),
                    _ => None,
                }
            }
        }
    )+};
}

fields! {
    bool: Kind::Flag, Flag;
    u64: Kind::Seed, Count;
    f64: Kind::Real(Bound::Unbounded, Bound::Unbounded), Real;
    Option<String>: Kind::Text, Text;
}

macro_rules! counts {
    ($($type:ty: $most:expr;)+) => {$(
        impl Field for $type {
            const KIND: Kind = Kind::Count(0, $most);

            fn get(&self) -> Value {
                Value::Count(*self as u64)
            }

            fn of(value: Value) -> Option<Self> {
                match value {
                    Value::Count(number) => number.try_into().ok(),
                    _ => None,
                }
            }
        }
    )+};
}

counts! {
    u32: u32::MAX as u64;
    usize: usize::MAX as u64;
}

impl<T: Choice> Field for T {
    const KIND: Kind = Kind::Choice(T::CHOICES);

    fn get(&self) -> Value {
        Value::Choice(self.index())
    }

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Choice(index) => T::at(index),
            _ => None,
        }
    }
}

/// When an element lets a property change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// In the states NULL and READY.
    Ready,
    /// At any time.
    Live,
    /// At any time, and a `GstController` can drive it.
    Controlled,
}

/// How a setting appears as a property of the elements.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// A short title, as in `Mask ratio`.
    pub nick: &'static str,
    /// When it may change.
    pub changes: Changes,
    /// What it takes: both ends of the range belong to it.
    pub kind: Kind,
    /// The property that it is listed after; that of the row before if none.
    pub after: Option<&'static str>,
}

/// What there is to know about a setting without its values.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name as a property, as an option (`--mask-ratio`) and in files.
    pub name: &'static str,
    /// A former name; options and files may still have it.
    pub alias: Option<&'static str>,
    /// What stands for its value in the help of an option, as in `SHARE`.
    pub placeholder: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// How the elements have it, if they do.
    pub property: Option<Property>,
}

/// A setting of a `S`: a row of the table.
///
/// ```
/// use tttseg::adapt::{Setting, Settings};
///
/// let mut settings = Settings::default();
/// let setting = Setting::find("mask-ratio").expect("there is one");
/// setting.parse(&mut settings, "0.50")?;
/// assert_eq!((settings.mask_ratio, setting.text(&settings).as_str()), (0.5, "0.5"));
/// # Ok::<(), tttseg::adapt::Error>(())
/// ```
#[derive(Debug)]
pub struct Setting<S: 'static> {
    /// What it is.
    pub about: About,
    get: fn(&S) -> Value,
    set: fn(&mut S, Value) -> Result<(), String>,
}

impl<S> Setting<S> {
    /// A setting of a kind, that is no property yet. `set` refuses what it cannot take.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        get: fn(&S) -> Value,
        set: fn(&mut S, Value) -> Result<(), String>,
    ) -> Self {
        let about = About {
            name,
            alias: None,
            placeholder: "",
            help: "",
            kind,
            property: None,
        };
        Self { about, get, set }
    }

    /// With what it does.
    pub const fn help(mut self, help: &'static str) -> Self {
        self.about.help = help;
        self
    }

    /// With what stands for its value in help.
    pub const fn placeholder(mut self, placeholder: &'static str) -> Self {
        self.about.placeholder = placeholder;
        self
    }

    /// With a former name.
    pub const fn alias(mut self, alias: &'static str) -> Self {
        self.about.alias = Some(alias);
        self
    }

    /// Of whole numbers, not below this one.
    pub const fn at_least(mut self, least: u64) -> Self {
        self.about.kind = Kind::Count(least, u64::MAX);
        self
    }

    /// Of numbers between two bounds.
    pub const fn between(mut self, low: Bound<f64>, high: Bound<f64>) -> Self {
        self.about.kind = Kind::Real(low, high);
        self
    }

    /// As a property of the elements.
    pub const fn property(mut self, nick: &'static str, changes: Changes) -> Self {
        self.about.property = Some(Property {
            nick,
            changes,
            kind: self.about.kind,
            after: None,
        });
        self
    }

    /// As a property that takes no more than this: whole numbers if it is a count.
    pub const fn from_to(mut self, least: f64, most: f64) -> Self {
        if let Some(property) = &mut self.about.property {
            property.kind = match property.kind {
                Kind::Count(..) => Kind::Count(least as u64, most as u64),
                _ => Kind::Real(Bound::Included(least), Bound::Included(most)),
            };
        }
        self
    }

    /// As a property that is listed after another one.
    pub const fn after(mut self, name: &'static str) -> Self {
        if let Some(property) = &mut self.about.property {
            property.after = Some(name);
        }
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.about.name
    }

    /// Its value.
    pub fn get(&self, settings: &S) -> Value {
        (self.get)(settings)
    }

    /// Sets it. Ranges are not checked.
    ///
    /// # Errors
    /// [`Error::Setting`] when the value is of another kind, or refused.
    pub fn set(&self, settings: &mut S, value: Value) -> Result<(), Error> {
        (self.set)(settings, value).map_err(|detail| self.error(detail))
    }

    /// Its value as text, the same for equal values.
    pub fn text(&self, settings: &S) -> String {
        self.about.kind.write(&self.get(settings))
    }

    /// Sets it to what a text says. Ranges are not checked.
    ///
    /// # Errors
    /// [`Error::Setting`] when the text is no value of its kind.
    pub fn parse(&self, settings: &mut S, text: &str) -> Result<(), Error> {
        let value = self.about.kind.parse(text);
        let set = value.and_then(|value| (self.set)(settings, value));
        set.map_err(|detail| self.error(detail))
    }

    /// Whether its value lies in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] names the setting and the range.
    pub fn check(&self, settings: &S) -> Result<(), Error> {
        let checked = self.about.kind.check(&self.get(settings));
        checked.map_err(|detail| self.error(detail))
    }

    fn error(&self, detail: String) -> Error {
        let name = self.name();
        Error::Setting { name, detail }
    }
}

/// A row of a table for the field of a structure: `field!("name", Structure, Type, path.to.field)`.
#[macro_export]
macro_rules! field {
    ($name:expr, $Settings:ty, $Type:ty, $($field:ident).+) => {
        $crate::adapt::Setting::<$Settings>::new(
            $name,
            <$Type as $crate::adapt::Field>::KIND,
            |settings| $crate::adapt::Field::get(&settings.$($field).+),
            |settings, value| {
                let other = || "a value of another kind".to_owned();
                settings.$($field).+ = <$Type as $crate::adapt::Field>::of(value).ok_or_else(other)?;
                Ok(())
            },
        )
    };
}
