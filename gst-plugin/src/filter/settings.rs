//! The values behind the properties.

mod table;

use std::path::PathBuf;
use std::sync::Arc;

use tttseg::adapt;
use tttseg::adapt::settings::{Kind, Setting, Value};
use tttseg::video::Grade;

use super::class_style::{ClassStyle, ModelClasses};
use super::{Output, Task};

pub(super) use table::{Live, Row, Settings};

/// Properties that make a picture of classes, or hand them on.
const ABOUT_CLASSES: [&str; 6] = [
    "output",
    "contours",
    "legend",
    ClassStyle::PALETTE,
    ClassStyle::SELECTED,
    ClassStyle::HIDDEN,
];

const REFERENCE_LOCATION: &str = "reference-location";

/// What else has to happen when a property has been set.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// The engine gets the method's settings.
    Engine,
    /// The references are others.
    References,
    /// Caps may be others now.
    Caps,
    /// The value makes no sense; the old one stays.
    Refused(String),
}

impl Live {
    /// What is made of the colours that are found.
    pub fn grade(&self) -> Grade {
        Grade {
            saturation: self.saturation as f32,
            temperature: self.temperature as f32,
        }
    }
}

impl Settings {
    /// The engine's settings: the recipe's, then what was set by itself.
    pub fn method(&self) -> adapt::Settings {
        let mut settings = adapt::Settings::recipe(self.recipe);
        for (setting, value) in &self.overrides {
            // A value of the property's type always fits.
            let _ = setting.set(&mut settings, value.clone());
        }
        settings
    }

    pub fn model_path(&self) -> Option<PathBuf> {
        self.model_file.as_ref().map(PathBuf::from)
    }

    /// The model that is loaded, or none. The error names classes that it does not have.
    pub fn set_known(&mut self, known: Option<ModelClasses>) -> Result<(), String> {
        Arc::make_mut(&mut self.live.look).set_model(known)
    }

    /// What is asked for that the task has nothing for. The error says what can be done.
    pub fn check(&self) -> Result<(), String> {
        if self.task != Task::Colorize {
            return match &self.reference_location {
                Some(_) => Err(format!(
                    "{REFERENCE_LOCATION} gives colours, and task=segment finds classes: leave {REFERENCE_LOCATION} out, or \
                     set task=colorize"
                )),
                None => Ok(()),
            };
        }
        let output = match self.output {
            Output::ClassMap => Some("class-map"),
            Output::Metadata => Some("metadata"),
            Output::Overlay | Output::SideBySide | Output::Reconstruction => None,
        };
        if let Some(output) = output {
            return Err(format!(
                "output={output} gives classes, and task=colorize finds none: set output to overlay (the frame in colours), \
                 side-by-side or reconstruction, or set task=segment"
            ));
        }
        let look = |property| self.live.look.get(property).is_some();
        let drawn = [
            ("contours", self.live.contours > 0),
            ("legend", self.live.legend),
            (ClassStyle::PALETTE, look(ClassStyle::PALETTE)),
            (ClassStyle::SELECTED, look(ClassStyle::SELECTED)),
            (ClassStyle::HIDDEN, look(ClassStyle::HIDDEN)),
        ];
        match drawn.iter().find(|(_, is_set)| *is_set) {
            Some((property, _)) => Err(format!(
                "{property} is about how classes are drawn, and task=colorize finds none: leave {property} as it is, or set \
                 task=segment"
            )),
            None => Ok(()),
        }
    }

    /// Takes the value of a property, whose type and range have been checked.
    pub fn put(&mut self, row: Row, value: Value) -> Change {
        let name = row.about().name;
        // Before there is a model, properties come in any order, and are checked when it is loaded.
        let other_task = match self.task {
            Task::Colorize => ABOUT_CLASSES.contains(&name),
            Task::Segment => name == REFERENCE_LOCATION,
        };
        if other_task && self.live.look.has_model() {
            let mut trial = self.clone();
            // Without names of classes nothing can be wrong with those that are set.
            let _ = trial.set_known(None);
            trial.put_unchecked(row, value.clone());
            if let Err(why) = trial.check() {
                return Change::Refused(why);
            }
        }
        self.put_unchecked(row, value)
    }

    fn put_unchecked(&mut self, row: Row, value: Value) -> Change {
        let setting = match row {
            Row::Element(setting) => setting,
            Row::Method(setting) => return self.override_recipe(setting, value),
        };
        // A property under control is set for every frame, mostly to what it is already. The same text can be another file.
        if !matches!(setting.about.kind, Kind::Text) && setting.get(self) == value {
            return Change::None;
        }
        match setting.set(self, value) {
            Ok(()) => {}
            Err(adapt::Error::Setting { detail, .. }) => return Change::Refused(detail),
            Err(e) => return Change::Refused(e.to_string()),
        }
        match setting.name() {
            "task" | "output" | "passthrough" => Change::Caps,
            "recipe" => Change::Engine,
            REFERENCE_LOCATION => Change::References,
            _ => Change::None,
        }
    }

    fn override_recipe(
        &mut self,
        setting: &'static Setting<adapt::Settings>,
        value: Value,
    ) -> Change {
        let mut overrides = self.overrides.iter_mut();
        match overrides.find(|(other, _)| std::ptr::eq(*other, setting)) {
            Some((_, old)) if *old == value => return Change::None,
            Some((_, old)) => *old = value,
            None => self.overrides.push((setting, value)),
        }
        Change::Engine
    }

    /// The value of a property.
    pub fn value(&self, row: Row) -> Value {
        match row {
            Row::Element(setting) => setting.get(self),
            Row::Method(setting) => setting.get(&self.method()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Recipe;
    use tttseg::adapt::Field;

    fn put(settings: &mut Settings, name: &str, value: impl Field) -> Change {
        settings.put(Row::find(name).unwrap(), value.get())
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_set_overrides_the_recipe() {
        let mut settings = Settings::default();
        assert_eq!(settings.method(), adapt::Settings::default());
        assert_eq!(put(&mut settings, "mask-ratio", 0.5), Change::Engine);
        assert_eq!(put(&mut settings, "mask-ratio", 0.5), Change::None);
        assert_eq!(put(&mut settings, "recipe", Recipe::Code), Change::Engine);
        assert_eq!(put(&mut settings, "recipe", Recipe::Code), Change::None);
        let method = settings.method();
        assert_eq!(method.mask_ratio, 0.5);
        assert_eq!(method.batch_size, 32);
        assert_eq!(method.loss_over, adapt::LossOver::All);
        let batch_size = settings.value(Row::find("batch-size").unwrap());
        assert_eq!(batch_size, Value::Count(32));
    }

    #[test]
    fn a_wrong_palette_leaves_the_old_one() {
        let mut settings = Settings::default();
        let put = |settings: &mut Settings, colours| put(settings, "palette", text(colours));
        assert_eq!(put(&mut settings, "ff0000"), Change::None);
        let refused = put(&mut settings, "ff0000,reddish");
        assert!(matches!(refused, Change::Refused(why) if why.contains("reddish")));
        let palette = |settings: &Settings| settings.value(Row::find("palette").unwrap());
        assert_eq!(palette(&settings), Value::Text(text("ff0000")));
        super::tests::put(&mut settings, "palette", None::<String>);
        assert_eq!(palette(&settings), Value::Text(None));
    }

    #[test]
    fn what_is_about_classes_is_refused_with_colours() {
        for (name, value) in [
            ("output", Output::ClassMap.get()),
            ("output", Output::Metadata.get()),
            ("contours", 2u32.get()),
            ("legend", true.get()),
            ("palette", text("ff0000").get()),
            ("selected-classes", text("car").get()),
            ("hidden-classes", text("car").get()),
        ] {
            let row = Row::find(name).unwrap();
            let mut settings = Settings::default();
            put(&mut settings, "task", Task::Colorize);
            assert_eq!(settings.check(), Ok(()));
            // In any order as long as there is no model, and then not at all.
            let change = settings.put(row, value.clone());
            assert!(!matches!(change, Change::Refused(_)));
            let why = settings.check().unwrap_err();
            assert!(why.contains(name) && why.contains("task=colorize"), "{why}");
            let mut settings = Settings::default();
            put(&mut settings, "task", Task::Colorize);
            settings.set_known(Some(ModelClasses::default())).unwrap();
            let before = settings.value(row);
            assert_eq!(settings.put(row, value), Change::Refused(why));
            assert_eq!(settings.value(row), before);
            put(&mut settings, "task", Task::Segment);
            assert_eq!(settings.check(), Ok(()));
        }
    }

    /// A number that is set for every frame costs no memory.
    #[test]
    fn the_same_value_is_no_change() {
        let mut settings = Settings::default();
        for row in Row::all() {
            let value = settings.value(*row);
            if !matches!(value, Value::Text(_)) {
                settings.put(*row, value.clone());
                assert_eq!(settings.put(*row, value), Change::None);
            }
        }
    }

    #[test]
    fn every_row_has_its_place() {
        for row in Row::all() {
            let property = row.about().property.unwrap();
            assert!(property.after.is_none_or(|name| Row::find(name).is_some()));
        }
        let of_method = adapt::SETTINGS
            .iter()
            .filter(|s| s.about.property.is_some());
        for setting in of_method {
            assert!(Row::find(setting.name()).is_some(), "{}", setting.name());
        }
    }
}
