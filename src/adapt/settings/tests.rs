use std::ops::Bound::{Excluded, Included};

use super::*;
use crate::adapt::Trainable;

#[test]
fn every_set_of_parameters_that_learns_has_a_name() {
    let setting = Setting::find("learn").unwrap();
    let mut settings = Settings::default();
    for learn in Trainable::EVERY {
        setting.parse(&mut settings, learn.name()).unwrap();
        assert_eq!(settings.learn, learn);
    }
    assert!(setting.parse(&mut settings, "everything").is_err());
}

#[test]
fn every_setting_goes_to_text_and_back() {
    for recipe in Recipe::EVERY {
        let of_recipe = Settings::recipe(recipe);
        let (mut odd, mut settings) = (of_recipe.clone(), of_recipe.clone());
        for setting in &SETTINGS {
            let other = match (setting.about.kind, setting.get(&of_recipe)) {
                (Kind::Seed, _) => Value::Count(u64::MAX),
                (_, Value::Count(number)) => Value::Count(number + 1007),
                (_, Value::Real(_)) => Value::Real(0.1 + 0.2),
                (_, Value::Choice(index)) => Value::Choice(usize::from(index == 0)),
                (_, Value::Flag(flag)) => Value::Flag(!flag),
                (_, Value::Text(_)) => Value::Text(Some("odd".into())),
            };
            setting.set(&mut odd, other.clone()).unwrap();
            assert_eq!(setting.get(&odd), other, "{}", setting.name());
            setting.parse(&mut settings, &setting.text(&odd)).unwrap();
            assert_ne!(setting.text(&settings), setting.text(&of_recipe));
        }
        assert_eq!(settings, odd, "{recipe:?}");
        assert!(settings.check().is_ok());
    }
}

#[test]
fn equal_values_have_the_same_text() {
    let rate = Setting::find("learning-rate").unwrap();
    let mut settings = Settings::default();
    let mut texts = ["1e-3", "0.001", "0.0010"].map(|text| {
        rate.parse(&mut settings, text).unwrap();
        rate.text(&settings)
    });
    texts.sort();
    assert_eq!(texts[0], texts[2]);
}

#[test]
fn what_is_no_value_is_refused_by_name() {
    for (name, text) in [
        ("mask-ratio", "much"),
        ("steps", "-1"),
        ("window", "1.5"),
        ("learn", "nothing"),
        ("method", "soup"),
        ("seed", ""),
    ] {
        let before = Settings::default();
        let mut settings = before.clone();
        let error = Setting::find(name).unwrap().parse(&mut settings, text);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(text), "{error}");
        assert_eq!(settings, before);
    }
    assert!(Setting::find("recipe").is_none());
}

#[test]
fn what_is_out_of_range_is_refused_with_the_range() {
    for (name, text, said) in [
        ("learning-rate", "0", "0 is not above 0"),
        ("learning-rate", "inf", "inf is not finite"),
        ("surprise", "NaN", "NaN is not finite"),
        ("surprise", "-1", "-1 is not at least 0"),
        ("batch-size", "0", "0 is less than 1"),
        ("crop", "1.5", "1.5 is not above 0 and at most 1"),
        ("mask-ratio", "1", "1 is not above 0 and below 1"),
        ("pull", "1", "1 is not at least 0 and below 1"),
    ] {
        let mut settings = Settings::default();
        Setting::find(name)
            .unwrap()
            .parse(&mut settings, text)
            .unwrap();
        let error = settings.check().unwrap_err().to_string();
        assert_eq!(error, format!("setting {name}: {said}"));
    }
}

/// Files of older versions have it.
#[test]
fn a_former_name_is_found() {
    assert_eq!(Setting::find("batch").unwrap().name(), "batch-size");
}

#[test]
fn a_recipe_decides_where_recipes_differ() {
    let decided = |name| {
        let description = Setting::find(name).unwrap().description();
        description.ends_with(" (if not set: the recipe's)")
    };
    assert!(decided("mask-ratio") && decided("batch-size") && !decided("seed"));
}

/// What properties take, the method takes as well.
#[test]
fn ranges_of_properties_lie_within_those_of_settings() {
    for setting in &SETTINGS {
        let about = &setting.about;
        let Some(property) = about.property else {
            continue;
        };
        let ends = match property.kind {
            Kind::Count(least, most) => [least, most].map(Value::Count),
            Kind::Real(Included(least), Included(most)) => [least, most].map(Value::Real),
            _ => continue,
        };
        for end in ends {
            let mut settings = Settings::default();
            setting.set(&mut settings, end).unwrap();
            settings.check().unwrap();
        }
        let inside = setting.get(&Settings::default());
        assert_eq!(property.kind.check(&inside), Ok(()), "{}", about.name);
    }
}

/// A table of something else.
#[test]
fn any_structure_can_have_a_table() {
    #[derive(Default)]
    struct Lamp {
        on: bool,
        name: Option<String>,
        brightness: f64,
    }
    static TABLE: [Setting<Lamp>; 3] = [
        crate::field!("on", Lamp, bool, on).property("On", Changes::Live),
        crate::field!("name", Lamp, Option<String>, name).help("What it is called"),
        crate::field!("brightness", Lamp, f64, brightness).between(Included(0.0), Excluded(2.0)),
    ];
    let mut lamp = Lamp::default();
    for (setting, text) in TABLE.iter().zip(["true", "desk", "1.5"]) {
        setting.parse(&mut lamp, text).unwrap();
        setting.check(&lamp).unwrap();
        assert_eq!(setting.text(&lamp), text);
    }
    assert!(lamp.on && lamp.name.as_deref() == Some("desk") && lamp.brightness == 1.5);
    let wrong = TABLE[0].set(&mut lamp, Value::Real(1.0)).unwrap_err();
    assert_eq!(wrong.to_string(), "setting on: a value of another kind");
    TABLE[2].parse(&mut lamp, "2").unwrap();
    assert!(TABLE[2].check(&lamp).is_err());
}

#[test]
fn labels_are_for_models_with_classes() {
    for method in Method::EVERY {
        assert_eq!(method.for_task(Task::Segment), method);
        assert!(!method.for_task(Task::Colorize).learns_labels());
    }
    for method in [Method::Replay, Method::Consistency] {
        assert!(method.learns_labels());
        assert_eq!(method.for_task(Task::Colorize), Method::Online);
    }
    let default = Settings::default().method;
    assert_eq!((default, Method::default()), (Method::Replay, default));
}
