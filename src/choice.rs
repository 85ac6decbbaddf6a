//! Enumerations whose values have names: those of settings, files, properties and options.

/// Names and descriptions of the values of an enumeration.
#[derive(Debug)]
pub struct Choices {
    /// Name of the enumeration, as in `Method`.
    pub name: &'static str,
    /// Name of each value, as in `no-memory`, and what it means, in the order of the enumeration.
    pub values: &'static [(&'static str, &'static str)],
}

impl Choices {
    /// All names, separated by commas.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.values.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// The place of a name among the values.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.values.iter().position(|(other, _)| *other == name)
    }
}

/// An enumeration that [`choices!`](crate::choices!) has declared.
pub trait Choice: Copy + PartialEq + 'static {
    /// Names and descriptions of its values.
    const CHOICES: &'static Choices;

    /// The value at a place of [`Choice::CHOICES`].
    fn at(index: usize) -> Option<Self>;

    /// The place of the value in [`Choice::CHOICES`].
    fn index(self) -> usize;

    /// The value of this name.
    fn from_name(name: &str) -> Option<Self> {
        Self::CHOICES.index(name).and_then(Self::at)
    }
}

/// Declares an enumeration with a name and a description for each value.
///
/// ```
/// use tttseg::choice::Choice;
///
/// tttseg::choices! {
///     /// What to do first.
///     #[derive(Default)]
///     pub enum Order: "Order" {
///         #[default]
///         LearnFirst = "learn-first", "A step, then the prediction";
///         PredictFirst = "predict-first", "The prediction, then a step";
///     }
/// }
///
/// assert_eq!(Order::from_name("predict-first"), Some(Order::PredictFirst));
/// assert_eq!(Order::default().name(), "learn-first");
/// assert_eq!(Order::CHOICES.names(), "learn-first, predict-first");
/// ```
#[macro_export]
macro_rules! choices {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $Type:ident: $label:literal {
            $($(#[$of_value:meta])* $Value:ident = $name:literal, $description:literal;)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visibility enum $Type {
            $($(#[$of_value])* #[doc = $description] $Value,)+
        }

        impl $Type {
            /// All values.
            pub const EVERY: [Self; <[&str]>::len(&[$($name),+])] = [$(Self::$Value),+];

            /// Its name in files, properties and options.
            pub fn name(self) -> &'static str {
                <Self as $crate::choice::Choice>::CHOICES.values[self as usize].0
            }
        }

        impl $crate::choice::Choice for $Type {
            const CHOICES: &'static $crate::choice::Choices = &$crate::choice::Choices {
                name: $label,
                values: &[$(($name, $description)),+],
            };

            fn at(index: usize) -> Option<Self> {
                Self::EVERY.get(index).copied()
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
