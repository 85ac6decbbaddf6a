//! Properties: their definitions, shared with the bin, and the values behind them.

use std::path::PathBuf;
use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use tttseg::adapt;
use tttseg::video::Palette;

use super::signals::{LOAD_STATE, SAVE_STATE};
use super::{ExecutionProvider, Method, Output, Pace, Recipe, Task};

pub(super) const STATS: &str = "stats";
pub(super) const PROVIDER_IN_USE: &str = "execution-provider-in-use";

const DEFAULT_OPACITY: f64 = 0.5;

/// Values of all properties that can be written.
#[derive(Clone)]
pub(super) struct Settings {
    pub model_file: Option<String>,
    pub model_instance_id: Option<String>,
    pub load_state: Option<String>,
    pub save_state: Option<String>,
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
}

/// What may change from one frame to the next.
#[derive(Clone)]
pub(super) struct Live {
    pub adapt: bool,
    pub passthrough: bool,
    pub opacity: f64,
    /// The text of the property, and the colours it stands for.
    pub palette_text: Option<String>,
    pub palette: Option<Arc<Palette>>,
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
    /// Caps may be others now.
    Caps,
    /// The value makes no sense; the old one stays.
    Refused(String),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model_file: None,
            model_instance_id: None,
            load_state: None,
            save_state: None,
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
                palette_text: None,
                palette: None,
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
            seed: self.seed,
            ..of_recipe
        }
    }

    pub fn model_path(&self) -> Option<PathBuf> {
        self.model_file.as_ref().map(PathBuf::from)
    }

    /// Takes the value of a property. GObject has checked its type and range.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> Change {
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
            "runtime-library" => {
                self.runtime_library = text(value);
                Change::None
            }
            "execution-provider" => put!(self.execution_provider, Change::None),
            "device" => put!(self.device, Change::None),
            "threads" => put!(self.threads, Change::None),
            "deterministic" => put!(self.deterministic, Change::None),
            "asynchronous" => put!(self.asynchronous, Change::None),
            "task" => put!(self.task, Change::None),
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
            "adapt" => put!(self.live.adapt, Change::None),
            "passthrough" => put!(self.live.passthrough, Change::Caps),
            "opacity" => put!(self.live.opacity, Change::None),
            "pace" => put!(self.live.pace, Change::None),
            "training-budget" => put!(self.live.training_budget, Change::None),
            "post-messages" => put!(self.live.post_messages, Change::None),
            "palette" => self.set_palette(text(value)),
            _ => Change::None,
        }
    }

    fn set_palette(&mut self, text: Option<String>) -> Change {
        let palette = match text.as_deref().map(str::parse::<Palette>).transpose() {
            Ok(palette) => palette,
            Err(e) => return Change::Refused(format!("palette: {e}")),
        };
        self.live.palette_text = text;
        self.live.palette = palette.map(Arc::new);
        Change::None
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
            "palette" => self.live.palette_text.to_value(),
            "pace" => self.live.pace.to_value(),
            "training-budget" => self.live.training_budget.to_value(),
            "post-messages" => self.live.post_messages.to_value(),
            _ => return None,
        })
    }
}

/// Definitions of all properties, made anew at every call: a definition belongs to one class.
pub(crate) fn properties() -> Vec<glib::ParamSpec> {
    let defaults = adapt::Settings::recipe(adapt::Recipe::Default);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    vec![
        glib::ParamSpecString::builder("model-file")
            .nick("Model file")
            .blurb("Model to start from (.safetensors); without one, the model that is built in")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("model-instance-id")
            .nick("Model instance id")
            .blurb(
                "Elements of one process with the same id share one model and the memory to run it in, and take turns \
                 there; what each learns is its own. They need the same model-file; without an id, nothing is shared",
            )
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder(LOAD_STATE)
            .nick("Load state")
            .blurb(
                "File with what was learned before (written by save-state), which every stream begins with instead of with \
                 the model alone. It has to be there, unless save-state names the same file and has not written it yet",
            )
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder(SAVE_STATE)
            .nick("Save state")
            .blurb(
                "File to write what was learned to (.safetensors) at the end of every stream: at EOS, before another \
                 stream, on the way down to READY. An older one is replaced as a whole",
            )
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder::<Task>("task")
            .nick("Task")
            .blurb("What the network computes for a frame")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<Output>("output")
            .nick("Output")
            .blurb("What the source pad carries: a picture to look at, or the classes themselves")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder::<Recipe>("recipe")
            .nick("Recipe")
            .blurb("Named settings of the method; properties that are set by themselves override them")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<Method>("method")
            .nick("Method")
            .blurb("Which gradient steps are taken and what is forgotten when (if not set: the recipe's)")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("window")
            .nick("Window")
            .blurb("Recent frames that gradient steps sample from; 0 = all of them, up to 512 (if not set: the recipe's)")
            .maximum(count(adapt::Settings::WINDOW_CAP))
            .default_value(count(defaults.window))
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecDouble::builder("learning-rate")
            .nick("Learning rate")
            .blurb("Learning rate of the reconstruction head; the encoder's is half of that under the default recipe, a tenth under the others (if not set: the recipe's)")
            .minimum(1e-9)
            .maximum(1.0)
            .default_value(defaults.learning_rate)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecUInt::builder("batch-size")
            .nick("Batch size")
            .blurb("Masked views of frames in the window per gradient step (if not set: the recipe's)")
            .minimum(1)
            .maximum(1024)
            .default_value(count(defaults.batch_size))
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("steps")
            .nick("Steps")
            .blurb("Gradient steps per frame (if not set: the recipe's)")
            .minimum(1)
            .maximum(1000)
            .default_value(count(defaults.steps))
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecDouble::builder("mask-ratio")
            .nick("Mask ratio")
            .blurb("Share of 16x16 patches that is hidden from the network during a step (if not set: the recipe's)")
            .minimum(0.01)
            .maximum(0.99)
            .default_value(defaults.mask_ratio)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecDouble::builder("surprise")
            .nick("Surprise")
            .blurb("Learn only while this many times more of the video than of the model's training pictures stays unexplained by reconstruction; 0 = learn from every frame (if not set: the recipe's)")
            .minimum(0.0)
            .maximum(1000.0)
            .default_value(defaults.surprise)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecUInt::builder("training-interval")
            .nick("Training interval")
            .blurb("Take gradient steps on every n-th frame only; every frame is segmented (if not set: the recipe's)")
            .minimum(1)
            .default_value(count(defaults.training_interval))
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecDouble::builder("training-budget")
            .nick("Training budget")
            .blurb(
                "Milliseconds that learning may take per frame, on average; 0 = no limit. What does not fit is left out: \
                 masked views, then steps, then learning on some frames. Without meaning with pace=every-frame",
            )
            .minimum(0.0)
            .maximum(1e6)
            .default_value(0.0)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecBoolean::builder("asynchronous")
            .nick("Asynchronous")
            .blurb(
                "Learn beside the stream: a frame waits for no step and is segmented with the newest weights there are. \
                 Frames that come during a step enter the window; the same input gives the same bytes no more",
            )
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt64::builder("seed")
            .nick("Seed")
            .blurb("Seed of masks and sampling: same seed, input and thread count, same bytes on the CPU")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<ExecutionProvider>("execution-provider")
            .nick("Execution provider")
            .blurb("Where the network runs")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("device")
            .nick("Device")
            .blurb("Index of the CUDA device; without meaning on the CPU")
            .maximum(255)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("threads")
            .nick("Threads")
            .blurb("CPU threads to compute with; 0 = as many as the process may use")
            .maximum(1024)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("deterministic")
            .nick("Deterministic")
            .blurb("Same input, same bytes on CUDA as well, at some cost in speed; the CPU does so anyway")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("runtime-library")
            .nick("Runtime library")
            .blurb(
                "ONNX Runtime's library, version 1.22 or newer. Without one it is searched for: ORT_DYLIB_PATH, the \
                 folder of the plugin, the system's. A process can hold only one; another one is an error",
            )
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("adapt")
            .nick("Adapt")
            .blurb("Learn from the video; false freezes the weights as they are and resets nothing")
            .default_value(true)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecBoolean::builder("passthrough")
            .nick("Pass-through")
            .blurb("Frames go out untouched, and nothing is computed or learned")
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecDouble::builder("opacity")
            .nick("Opacity")
            .blurb("Opacity of the classes painted over the frame; 0 = not visible, 1 = nothing else is")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(DEFAULT_OPACITY)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecString::builder("palette")
            .nick("Palette")
            .blurb("Colours of the classes as RRGGBB, separated by commas; without one, the model's")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder::<Pace>("pace")
            .nick("Pace")
            .blurb("What happens when learning is slower than the stream")
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("post-messages")
            .nick("Post messages")
            .blurb("Post an element message 'tttseg' with the loss and more for every frame")
            .default_value(true)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>(STATS)
            .nick("Statistics")
            .blurb("The last frame's message and counters since READY")
            .read_only()
            .build(),
        glib::ParamSpecString::builder(PROVIDER_IN_USE)
            .nick("Execution provider in use")
            .blurb("Where the network really runs, as in 'cpu' or 'cuda:0'; empty below READY")
            .read_only()
            .build(),
    ]
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
        assert_eq!(settings.live.palette_text.as_deref(), Some("ff0000"));
        settings.set("palette", &"".to_value());
        assert_eq!(settings.live.palette, None);
    }

    #[test]
    fn every_writable_property_can_be_read_and_set() {
        gst::init().unwrap();
        for definition in properties() {
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
