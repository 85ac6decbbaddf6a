//! Settings of the method on the command line: a recipe, and one option for every row of their table.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};
use tttseg::adapt::settings::Kind;
use tttseg::adapt::{Recipe, SETTINGS, Setting, Settings};
use tttseg::choice::{Choice, Choices};

/// A setting, and texts that its value can be read from.
pub type Given = (&'static Setting<Settings>, Vec<String>);

/// A recipe and what overrides it. With `LISTS` every option takes values separated by commas.
#[derive(Clone, Debug)]
pub struct SettingsArguments<const LISTS: bool> {
    recipe: Recipe,
    /// What was given, in the order of the table; all of it can be read.
    given: Vec<Given>,
}

impl<const LISTS: bool> SettingsArguments<LISTS> {
    /// The settings of the recipe.
    pub fn recipe(&self) -> Settings {
        Settings::recipe(self.recipe)
    }

    /// What was given, in the order of the table.
    pub fn given(&self) -> &[Given] {
        &self.given
    }
}

impl SettingsArguments<false> {
    /// The settings: the recipe's, then what was given.
    pub fn settings(&self) -> Result<Settings, tttseg::adapt::Error> {
        let mut settings = self.recipe();
        for (setting, values) in &self.given {
            for value in values {
                setting.parse(&mut settings, value)?;
            }
        }
        Ok(settings)
    }
}

/// An option with its help, which lists what it takes if that has names.
fn option(name: &'static str, help: String, choices: Option<&Choices>) -> Arg {
    let arg = Arg::new(name).long(name);
    let Some(choices) = choices else {
        return arg.help(help);
    };
    let each = choices.values.iter();
    let each: String = each
        .map(|(n, meaning)| format!("\n- {n}: {meaning}"))
        .collect();
    arg.help(format!("{help}: {}", choices.names()))
        .long_help(format!("{help}:{each}"))
}

impl<const LISTS: bool> Args for SettingsArguments<LISTS> {
    fn augment_args(command: Command) -> Command {
        let help = "Named settings of the method; options for single settings override them";
        let recipe = option("recipe", help.into(), Some(Recipe::CHOICES))
            .value_name("RECIPE")
            .default_value("default")
            .value_parser(value_parser!(Recipe));
        SETTINGS
            .iter()
            .fold(command.arg(recipe), |command, setting| {
                let about = &setting.about;
                let choices = match about.kind {
                    Kind::Choice(choices) => Some(choices),
                    _ => None,
                };
                let arg = option(about.name, setting.description(), choices)
                    .visible_aliases(about.alias)
                    .value_name(about.placeholder)
                    // Ranges are checked with the settings.
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
        for setting in &SETTINGS {
            let Some(values) = matches.get_many::<String>(setting.name()) else {
                continue;
            };
            let values: Vec<String> = values.cloned().collect();
            for value in &values {
                let tried = setting.parse(&mut Settings::recipe(recipe), value);
                tried.map_err(|e| Error::raw(ErrorKind::ValueValidation, e))?;
            }
            given.push((setting, values));
        }
        Ok(Self { recipe, given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_an_option_with_its_help() {
        let command = SettingsArguments::<false>::augment_args(Command::new("eval"));
        let options: Vec<&Arg> = command.get_arguments().skip(1).collect();
        assert_eq!(options.len(), SETTINGS.len());
        for (option, setting) in options.iter().zip(&SETTINGS) {
            assert_eq!(option.get_long(), Some(setting.name()));
            let help = option.get_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.starts_with(&setting.description()), "{help}");
        }
    }

    #[test]
    fn a_former_name_is_understood() {
        let command = SettingsArguments::<true>::augment_args(Command::new("tune"));
        let matches = command.get_matches_from(["tune", "--batch", "1,2", "--recipe", "paper"]);
        let given = SettingsArguments::<true>::from_arg_matches(&matches).unwrap();
        assert_eq!(given.recipe(), Settings::recipe(Recipe::Paper));
        let [(setting, values)] = given.given() else {
            panic!("{:?}", given.given());
        };
        assert_eq!(setting.name(), "batch-size");
        assert_eq!(values, &["1", "2"]);
    }
}
