//! The values behind the properties.

use std::path::PathBuf;
use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use tttseg::adapt;
use tttseg::video::Grade;

use super::class_style::{ClassStyle, ModelClasses};
use super::signals::{LOAD_STATE, SAVE_STATE};
use super::{ExecutionProvider, Method, NO_COLOUR, Output, Pace, Recipe, Task};

pub(super) const DEFAULT_OPACITY: f64 = 0.5;
pub(super) const DEFAULT_SATURATION: f64 = 1.0;
pub(super) const DEFAULT_CHROMA_SMOOTHING: f64 = 0.7;
pub(super) const DEFAULT_HINT_RADIUS: f64 = 0.03;
const REFERENCE_LOCATION: &str = "reference-location";

/// Properties that make a picture of classes, or hand them on.
const ABOUT_CLASSES: [&str; 6] = [
    "output",
    "contours",
    "legend",
    ClassStyle::PALETTE,
    ClassStyle::SELECTED,
    ClassStyle::HIDDEN,
];

/// Values of all properties that can be written.
#[derive(Clone)]
pub(super) struct Settings {
    pub model_file: Option<String>,
    pub model_instance_id: Option<String>,
    pub load_state: Option<String>,
    pub save_state: Option<String>,
    pub reference_location: Option<String>,
    pub runtime_library: Option<String>,
    pub execution_provider: ExecutionProvider,
    pub device: u32,
    pub threads: u32,
    pub deterministic: bool,
    pub asynchronous: bool,
    pub task: Task,
    pub output: Output,
    pub recipe: Recipe,
    pub chosen: Chosen,
    pub seed: u64,
    pub live: Live,
}

/// What a recipe decides until it is set by itself.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    method: Option<Method>,
    window: Option<u32>,
    learning_rate: Option<f64>,
    batch_size: Option<u32>,
    steps: Option<u32>,
    mask_ratio: Option<f64>,
    surprise: Option<f64>,
    training_interval: Option<u32>,
    reference_steps: Option<u32>,
    self_training: Option<u32>,
}

/// What may change from one frame to the next.
#[derive(Clone)]
pub(super) struct Live {
    pub adapt: bool,
    pub passthrough: bool,
    pub opacity: f64,
    pub contours: u32,
    pub legend: bool,
    /// Shared: the values are copied for every frame.
    pub look: Arc<ClassStyle>,
    pub saturation: f64,
    pub temperature: f64,
    /// How much of the last frame's chroma stays where nothing moves.
    pub chroma_smoothing: f64,
    /// The colour of hints that are clicked, 0xRRGGBB or [`NO_COLOUR`].
    pub hint_colour: u32,
    /// The radius of hints, as a share of the frame's width.
    pub hint_radius: f64,
    pub pace: Pace,
    /// Milliseconds of learning per frame; 0 sets no limit.
    pub training_budget: f64,
    pub post_messages: bool,
}

/// What else has to happen when a property has been set.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// The engine is told.
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            model_file: None,
            model_instance_id: None,
            load_state: None,
            save_state: None,
            reference_location: None,
            runtime_library: None,
            execution_provider: ExecutionProvider::default(),
            device: 0,
            threads: 0,
            deterministic: false,
            asynchronous: false,
            task: Task::default(),
            output: Output::default(),
            recipe: Recipe::default(),
            chosen: Chosen::default(),
            seed: 0,
            live: Live {
                adapt: true,
                passthrough: false,
                opacity: DEFAULT_OPACITY,
                contours: 0,
                legend: false,
                look: Arc::default(),
                saturation: DEFAULT_SATURATION,
                temperature: 0.0,
                chroma_smoothing: DEFAULT_CHROMA_SMOOTHING,
                hint_colour: NO_COLOUR,
                hint_radius: DEFAULT_HINT_RADIUS,
                pace: Pace::default(),
                training_budget: 0.0,
                post_messages: true,
            },
        }
    }
}

impl Settings {
    /// The engine's settings: the recipe's, then what was set by itself.
    pub fn method(&self) -> adapt::Settings {
        let of_recipe = adapt::Settings::recipe(self.recipe.into());
        let chosen = &self.chosen;
        let count = |value: Option<u32>, otherwise| value.map_or(otherwise, |v| v as usize);
        adapt::Settings {
            method: chosen.method.map_or(of_recipe.method, Into::into),
            window: count(chosen.window, of_recipe.window),
            learning_rate: chosen.learning_rate.unwrap_or(of_recipe.learning_rate),
            batch_size: count(chosen.batch_size, of_recipe.batch_size),
            steps: count(chosen.steps, of_recipe.steps),
            mask_ratio: chosen.mask_ratio.unwrap_or(of_recipe.mask_ratio),
            surprise: chosen.surprise.unwrap_or(of_recipe.surprise),
            training_interval: count(chosen.training_interval, of_recipe.training_interval),
            reference_steps: count(chosen.reference_steps, of_recipe.reference_steps),
            self_training: count(chosen.self_training, of_recipe.self_training),
            seed: self.seed,
            ..of_recipe
        }
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

    /// Takes the value of a property. GObject has checked its type and range.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> Change {
        // Before there is a model, properties come in any order, and are checked when it is loaded.
        let other_task = match self.task {
            Task::Colorize => ABOUT_CLASSES.contains(&name),
            Task::Segment => name == REFERENCE_LOCATION,
        };
        if other_task && self.live.look.has_model() {
            let mut trial = self.clone();
            // Without names of classes nothing can be wrong with those that are set.
            let _ = trial.set_known(None);
            trial.put(name, value);
            if let Err(why) = trial.check() {
                return Change::Refused(why);
            }
        }
        self.put(name, value)
    }

    fn put(&mut self, name: &str, value: &glib::Value) -> Change {
        fn get<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value) -> Option<T>
        where
            <T::Checker as glib::value::ValueTypeChecker>::Error: std::fmt::Debug,
        {
            value.get::<T>().ok()
        }
        /// An empty text stands for none, as in a launch line.
        fn text(value: &glib::Value) -> Option<String> {
            value
                .get()
                .ok()
                .flatten()
                .filter(|s: &String| !s.is_empty())
        }
        // A property under control is set for every frame, mostly to what it is already.
        macro_rules! put {
            ($field:expr, $change:expr) => {
                match get(value) {
                    Some(value) if $field != value => {
                        $field = value;
                        $change
                    }
                    _ => Change::None,
                }
            };
        }
        macro_rules! choose {
            ($field:expr) => {
                match get(value) {
                    value if $field != value => {
                        $field = value;
                        Change::Engine
                    }
                    _ => Change::None,
                }
            };
        }
        match name {
            "model-file" => {
                self.model_file = text(value);
                Change::None
            }
            "model-instance-id" => {
                self.model_instance_id = text(value);
                Change::None
            }
            LOAD_STATE => {
                self.load_state = text(value);
                Change::None
            }
            SAVE_STATE => {
                self.save_state = text(value);
                Change::None
            }
            REFERENCE_LOCATION => {
                self.reference_location = text(value);
                Change::References
            }
            "runtime-library" => {
                self.runtime_library = text(value);
                Change::None
            }
            "execution-provider" => put!(self.execution_provider, Change::None),
            "device" => put!(self.device, Change::None),
            "threads" => put!(self.threads, Change::None),
            "deterministic" => put!(self.deterministic, Change::None),
            "asynchronous" => put!(self.asynchronous, Change::None),
            "task" => put!(self.task, Change::Caps),
            "output" => put!(self.output, Change::Caps),
            "recipe" => put!(self.recipe, Change::Engine),
            "seed" => put!(self.seed, Change::Engine),
            "method" => choose!(self.chosen.method),
            "window" => choose!(self.chosen.window),
            "learning-rate" => choose!(self.chosen.learning_rate),
            "batch-size" => choose!(self.chosen.batch_size),
            "steps" => choose!(self.chosen.steps),
            "mask-ratio" => choose!(self.chosen.mask_ratio),
            "surprise" => choose!(self.chosen.surprise),
            "training-interval" => choose!(self.chosen.training_interval),
            "reference-steps" => choose!(self.chosen.reference_steps),
            "self-training" => choose!(self.chosen.self_training),
            "hint-colour" => put!(self.live.hint_colour, Change::None),
            "hint-radius" => put!(self.live.hint_radius, Change::None),
            "adapt" => put!(self.live.adapt, Change::None),
            "passthrough" => put!(self.live.passthrough, Change::Caps),
            "opacity" => put!(self.live.opacity, Change::None),
            "pace" => put!(self.live.pace, Change::None),
            "training-budget" => put!(self.live.training_budget, Change::None),
            "post-messages" => put!(self.live.post_messages, Change::None),
            "contours" => put!(self.live.contours, Change::None),
            "legend" => put!(self.live.legend, Change::None),
            "saturation" => put!(self.live.saturation, Change::None),
            "temperature" => put!(self.live.temperature, Change::None),
            "chroma-smoothing" => put!(self.live.chroma_smoothing, Change::None),
            ClassStyle::PALETTE | ClassStyle::SELECTED | ClassStyle::HIDDEN => {
                match Arc::make_mut(&mut self.live.look).set(name, text(value)) {
                    Ok(()) => Change::None,
                    Err(why) => Change::Refused(why),
                }
            }
            _ => Change::None,
        }
    }

    /// The value of a property that can be written.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        let method = self.method();
        // What came in as u32 goes out as u32.
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_value();
        Some(match name {
            "model-file" => self.model_file.to_value(),
            "model-instance-id" => self.model_instance_id.to_value(),
            LOAD_STATE => self.load_state.to_value(),
            SAVE_STATE => self.save_state.to_value(),
            REFERENCE_LOCATION => self.reference_location.to_value(),
            "reference-steps" => count(method.reference_steps),
            "self-training" => count(method.self_training),
            "hint-colour" => self.live.hint_colour.to_value(),
            "hint-radius" => self.live.hint_radius.to_value(),
            "runtime-library" => self.runtime_library.to_value(),
            "execution-provider" => self.execution_provider.to_value(),
            "device" => self.device.to_value(),
            "threads" => self.threads.to_value(),
            "deterministic" => self.deterministic.to_value(),
            "asynchronous" => self.asynchronous.to_value(),
            "task" => self.task.to_value(),
            "output" => self.output.to_value(),
            "recipe" => self.recipe.to_value(),
            "method" => Method::from(method.method).to_value(),
            "window" => count(method.window),
            "learning-rate" => method.learning_rate.to_value(),
            "batch-size" => count(method.batch_size),
            "steps" => count(method.steps),
            "mask-ratio" => method.mask_ratio.to_value(),
            "surprise" => method.surprise.to_value(),
            "training-interval" => count(method.training_interval),
            "seed" => self.seed.to_value(),
            "adapt" => self.live.adapt.to_value(),
            "passthrough" => self.live.passthrough.to_value(),
            "opacity" => self.live.opacity.to_value(),
            "contours" => self.live.contours.to_value(),
            "legend" => self.live.legend.to_value(),
            "saturation" => self.live.saturation.to_value(),
            "temperature" => self.live.temperature.to_value(),
            "chroma-smoothing" => self.live.chroma_smoothing.to_value(),
            ClassStyle::PALETTE | ClassStyle::SELECTED | ClassStyle::HIDDEN => {
                self.live.look.get(name).to_value()
            }
            "pace" => self.live.pace.to_value(),
            "training-budget" => self.live.training_budget.to_value(),
            "post-messages" => self.live.post_messages.to_value(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_overrides_the_recipe() {
        gst::init().unwrap();
        let mut settings = Settings::default();
        assert_eq!(settings.method(), adapt::Settings::default());
        settings.set("mask-ratio", &0.5.to_value());
        settings.set("recipe", &Recipe::Code.to_value());
        let method = settings.method();
        assert_eq!(method.mask_ratio, 0.5);
        assert_eq!(method.batch_size, 32);
        assert_eq!(method.loss_over, adapt::LossOver::All);
        assert_eq!(
            settings.get("batch-size").unwrap().get::<u32>().unwrap(),
            32
        );
    }

    #[test]
    fn a_wrong_palette_leaves_the_old_one() {
        gst::init().unwrap();
        let mut settings = Settings::default();
        assert_eq!(settings.set("palette", &"ff0000".to_value()), Change::None);
        let refused = settings.set("palette", &"ff0000,reddish".to_value());
        assert!(matches!(refused, Change::Refused(why) if why.contains("reddish")));
        let palette =
            |settings: &Settings| settings.get("palette").unwrap().get::<Option<String>>();
        assert_eq!(palette(&settings), Ok(Some("ff0000".to_owned())));
        settings.set("palette", &"".to_value());
        assert_eq!(palette(&settings), Ok(None));
    }

    #[test]
    fn what_is_about_classes_is_refused_with_colours() {
        gst::init().unwrap();
        for (name, value) in [
            ("output", Output::ClassMap.to_value()),
            ("output", Output::Metadata.to_value()),
            ("contours", 2u32.to_value()),
            ("legend", true.to_value()),
            ("palette", "ff0000".to_value()),
            ("selected-classes", "car".to_value()),
            ("hidden-classes", "car".to_value()),
        ] {
            let mut settings = Settings::default();
            settings.set("task", &Task::Colorize.to_value());
            assert_eq!(settings.check(), Ok(()));
            // In any order as long as there is no model, and then not at all.
            assert!(!matches!(settings.set(name, &value), Change::Refused(_)));
            let why = settings.check().unwrap_err();
            assert!(why.contains(name) && why.contains("task=colorize"), "{why}");
            let mut settings = Settings::default();
            settings.set("task", &Task::Colorize.to_value());
            settings.set_known(Some(ModelClasses::default())).unwrap();
            let before = format!("{:?}", settings.get(name));
            assert_eq!(settings.set(name, &value), Change::Refused(why));
            assert_eq!(format!("{:?}", settings.get(name)), before);
            settings.set("task", &Task::Segment.to_value());
            assert_eq!(settings.check(), Ok(()));
        }
    }

    #[test]
    fn every_writable_property_can_be_read_and_set() {
        gst::init().unwrap();
        for definition in super::super::properties::all() {
            if !definition.flags().contains(glib::ParamFlags::WRITABLE) {
                continue;
            }
            let mut settings = Settings::default();
            let name = definition.name();
            let value = settings
                .get(name)
                .unwrap_or_else(|| panic!("{name} cannot be read"));
            assert_eq!(value.type_(), definition.value_type(), "{name}");
            settings.set(name, &value);
            let again = settings.get(name).unwrap();
            assert_eq!(format!("{value:?}"), format!("{again:?}"));
        }
    }
}
