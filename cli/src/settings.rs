//! Settings of the method on the command line: a recipe, and one option for every knob.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};
use tttseg::adapt::{KNOBS, Knob, Recipe, Settings};

/// A recipe and what overrides it. With `LISTS` every option takes values separated by commas.
#[derive(Clone, Debug)]
pub struct SettingsArguments<const LISTS: bool> {
    recipe: Recipe,
    /// What was given, in the order of the knobs; all of it can be read.
    given: Vec<(&'static Knob, Vec<String>)>,
}

impl<const LISTS: bool> SettingsArguments<LISTS> {
    /// The settings of the recipe.
    pub fn recipe(&self) -> Settings {
        Settings::recipe(self.recipe)
    }

    /// What was given, in the order of the knobs.
    pub fn given(&self) -> &[(&'static Knob, Vec<String>)] {
        &self.given
    }
}

impl SettingsArguments<false> {
    /// The settings: the recipe's, then what was given.
    pub fn settings(&self) -> Result<Settings, tttseg::adapt::Error> {
        let mut settings = self.recipe();
        for (knob, values) in &self.given {
            for value in values {
                knob.set(&mut settings, value)?;
            }
        }
        Ok(settings)
    }
}

impl<const LISTS: bool> Args for SettingsArguments<LISTS> {
    fn augment_args(command: Command) -> Command {
        let recipe = Arg::new("recipe")
            .long("recipe")
            .value_name("RECIPE")
            .help("default, paper or code; options for single settings override it")
            .default_value("default")
            .value_parser(value_parser!(Recipe));
        KNOBS.iter().fold(command.arg(recipe), |command, knob| {
            let arg = Arg::new(knob.name)
                .long(knob.name)
                .value_name(knob.value)
                .help(knob.help)
                // Out of range is for the check of the settings to say.
                .allow_negative_numbers(true);
            command.arg(if LISTS {
                arg.value_delimiter(',').action(ArgAction::Append)
            } else {
                arg
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const LISTS: bool> FromArgMatches for SettingsArguments<LISTS> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let recipe = matches.get_one::<Recipe>("recipe");
        let recipe = recipe.copied().unwrap_or_default();
        let mut given = vec![];
        for knob in &KNOBS {
            let Some(values) = matches.get_many::<String>(knob.name) else {
                continue;
            };
            let values: Vec<String> = values.cloned().collect();
            for value in &values {
                let tried = knob.set(&mut Settings::recipe(recipe), value);
                tried.map_err(|e| Error::raw(ErrorKind::ValueValidation, e))?;
            }
            given.push((knob, values));
        }
        Ok(Self { recipe, given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
