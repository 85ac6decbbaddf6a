//! The table of the element's own settings, and all rows in the order of the properties.

use std::sync::{Arc, LazyLock};

use tttseg::adapt;
use tttseg::adapt::settings::{About, Changes, Kind, Setting, Value};

use crate::filter::class_style::ClassStyle;
use crate::filter::{ExecutionProvider, NO_COLOUR, Output, Pace, Recipe, Task};

/// Declares [`Settings`], [`Live`] and the table. A row is what the setting does, then a field with its type and default,
/// of `Settings` (`element`) or of `Live` (`live`), or a text of [`ClassStyle`] (`look`), then its name and how it is a property.
macro_rules! settings {
    ($(
        $(#[doc = $help:literal])+
        $(element $field:ident: $Type:ty = $default:expr;)?
        $(live $live_field:ident: $LiveType:ty = $live_default:expr;)?
        $(look $look:expr;)?
        $name:literal $(.$column:ident($($argument:tt)*))+;
    )+) => {
        /// Values of all properties that can be written.
        #[derive(Clone)]
        pub(crate) struct Settings {
            $($(pub $field: $Type,)?)+
            pub live: Live,
            /// Settings of the method that were set, instead of those of the recipe.
            pub overrides: Vec<(&'static Setting<adapt::Settings>, Value)>,
        }

        /// What may change from one frame to the next, copied for every frame.
        #[derive(Clone)]
        pub(crate) struct Live {
            $($(pub $live_field: $LiveType,)?)+
            pub look: Arc<ClassStyle>,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $($($field: $default,)?)+
                    live: Live {
                        $($($live_field: $live_default,)?)+
                        look: Arc::default(),
                    },
                    overrides: vec![],
                }
            }
        }

        static ELEMENT: [Setting<Settings>; <[&str]>::len(&[$($name),+])] = [$(
            $(tttseg::field!($name, Settings, $Type, $field))?
            $(tttseg::field!($name, Settings, $LiveType, live.$live_field))?
            $(look!($name, $look))?
            $(.$column($($argument)*))+
            .help(concat!($($help),+).trim_ascii())
        ),+];
    };
}

/// A row for a text of [`ClassStyle`], which refuses one that makes no sense.
macro_rules! look {
    ($name:literal, $property:expr) => {
        Setting::<Settings>::new(
            $name,
            Kind::Text,
            |settings| Value::Text(settings.live.look.get($property).map(str::to_owned)),
            |settings, value| match value {
                Value::Text(text) => Arc::make_mut(&mut settings.live.look).set($property, text),
                other => Err(format!("{other:?} is no text")),
            },
        )
    };
}

settings! {
    /// Model to start from (.safetensors); without one, the model for the task that is built in
    element model_file: Option<String> = None;
    "model-file".property("Model file", Changes::Ready);

    /// Elements of one process with the same id share one model and the memory to run it in, and take turns there; what each
    /// learns is its own. They need the same model-file; without an id, nothing is shared
    element model_instance_id: Option<String> = None;
    "model-instance-id".property("Model instance id", Changes::Ready);

    /// File with what was learned before (written by save-state), which every stream begins with instead of with the model
    /// alone. It has to be there, unless save-state names the same file and has not written it yet
    element load_state: Option<String> = None;
    "load-state".property("Load state", Changes::Ready);

    /// File to write what was learned to (.safetensors) at the end of every stream: at EOS, before another stream, on the way
    /// down to READY. An older one is replaced as a whole
    element save_state: Option<String> = None;
    "save-state".property("Save state", Changes::Live);

    /// What the network computes for a frame; a model does what it was trained for
    element task: Task = Task::default();
    "task".property("Task", Changes::Ready);

    /// What the source pad carries: a picture to look at, or the classes themselves
    element output: Output = Output::default();
    "output".property("Output", Changes::Live);

    /// Named settings of the method; properties that are set by themselves override them
    element recipe: Recipe = Recipe::default();
    "recipe".property("Recipe", Changes::Ready);

    /// Milliseconds that learning may take per frame, on average; 0 = no limit. What does not fit is left out: masked views,
    /// then steps, then learning on some frames. Without meaning with pace=every-frame
    live training_budget: f64 = 0.0;
    "training-budget".property("Training budget", Changes::Controlled).from_to(0.0, 1e6);

    /// Learn beside the stream: a frame waits for no step and is segmented with the newest weights there are. Frames that come
    /// during a step enter the window; the same input gives the same bytes no more
    element asynchronous: bool = false;
    "asynchronous".property("Asynchronous", Changes::Ready);

    /// Where the network runs
    element execution_provider: ExecutionProvider = ExecutionProvider::default();
    "execution-provider".property("Execution provider", Changes::Ready);

    /// Index of the CUDA device; without meaning on the CPU
    element device: u32 = 0;
    "device".property("Device", Changes::Ready).from_to(0.0, 255.0);

    /// CPU threads to compute with; 0 = as many as the process may use
    element threads: u32 = 0;
    "threads".property("Threads", Changes::Ready).from_to(0.0, 1024.0);

    /// Same input, same bytes on CUDA as well, at some cost in speed; the CPU does so anyway
    element deterministic: bool = false;
    "deterministic".property("Deterministic", Changes::Ready);

    /// ONNX Runtime's library, version 1.22 or newer. Without one it is searched for: ORT_DYLIB_PATH, the folder of the plugin,
    /// the system's. A process can hold only one; another one is an error
    element runtime_library: Option<String> = None;
    "runtime-library".property("Runtime library", Changes::Ready);

    /// Learn from the video; false freezes the weights as they are and resets nothing
    live adapt: bool = true;
    "adapt".property("Adapt", Changes::Controlled);

    /// Frames go out untouched, and nothing is computed or learned
    live passthrough: bool = false;
    "passthrough".property("Pass-through", Changes::Controlled);

    /// Opacity of the classes painted over the frame; 0 = not visible, 1 = nothing else is
    live opacity: f64 = 0.5;
    "opacity".property("Opacity", Changes::Controlled).from_to(0.0, 1.0);

    /// Width in pixels of opaque lines along the inside of each class's edges, over the frame; 0 = none. They are there with
    /// opacity=0 as well
    live contours: u32 = 0;
    "contours".property("Contours", Changes::Controlled).from_to(0.0, 100.0);

    /// List the classes that are drawn, with their colours, in the upper left corner
    live legend: bool = false;
    "legend".property("Legend", Changes::Controlled);

    /// Colours of the classes: camvid, cityscapes, distinct; RRGGBB in the order of classes, separated by commas; or
    /// class=RRGGBB for some of them. Without any, the model's
    look ClassStyle::PALETTE;
    "palette".property("Palette", Changes::Live);

    /// Names of the classes that are drawn, separated by commas; without any, all of them. Class maps have all
    look ClassStyle::SELECTED;
    "selected-classes".property("Selected classes", Changes::Live);

    /// Names of classes that are not drawn, separated by commas. Class maps have all
    look ClassStyle::HIDDEN;
    "hidden-classes".property("Hidden classes", Changes::Live);

    /// With task=colorize, how strong colours are; 0 = grey, 1 = as the network finds them
    live saturation: f64 = 1.0;
    "saturation".property("Saturation", Changes::Controlled).from_to(0.0, 3.0);

    /// With task=colorize, a cast over the whole picture: -1 = cold, 0 = none, 1 = warm
    live temperature: f64 = 0.0;
    "temperature".property("Temperature", Changes::Controlled).from_to(-1.0, 1.0);

    /// With task=colorize, how much of the last frame's colours stays, carried along motion, against flicker; 0 = none, 1 = all.
    /// Every scene starts anew
    live chroma_smoothing: f64 = 0.7;
    "chroma-smoothing".property("Chroma smoothing", Changes::Controlled).from_to(0.0, 1.0);

    /// With task=colorize, a picture in colour (JPEG or PNG), such as one frame of the film that was coloured by hand, or a
    /// folder of them: their colours are learned, and found in the frames that are like them
    element reference_location: Option<String> = None;
    "reference-location".property("Reference location", Changes::Live);

    /// With task=colorize, 0xRRGGBB: a click with the first button (a navigation event) says that this is the colour there, one
    /// with the third button drops what was said. 0xffffffff = clicks say nothing
    live hint_colour: u32 = NO_COLOUR;
    "hint-colour".property("Hint colour", Changes::Controlled);

    /// Radius of the disc that a hint is about, as a share of the frame's width
    live hint_radius: f64 = 0.03;
    "hint-radius".property("Hint radius", Changes::Controlled).from_to(0.0, 1.0);

    /// What happens when learning is slower than the stream
    live pace: Pace = Pace::default();
    "pace".property("Pace", Changes::Live);

    /// Post an element message 'tttseg' with the loss and more for every frame
    live post_messages: bool = true;
    "post-messages".property("Post messages", Changes::Live);
}

/// A setting that is a property.
#[derive(Clone, Copy)]
pub(in crate::filter) enum Row {
    /// The element's own.
    Element(&'static Setting<Settings>),
    /// The method's.
    Method(&'static Setting<adapt::Settings>),
}

impl Row {
    /// All of them, in the order of the properties.
    pub fn all() -> &'static [Self] {
        static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
            let mut rows: Vec<Row> = ELEMENT.iter().map(Row::Element).collect();
            let mut place = rows.len();
            for setting in &adapt::SETTINGS {
                let Some(property) = setting.about.property else {
                    continue;
                };
                if let Some(name) = property.after {
                    let before = rows.iter().position(|row| row.about().name == name);
                    place = before.map_or(rows.len(), |before| before + 1);
                }
                rows.insert(place, Row::Method(setting));
                place += 1;
            }
            rows
        });
        &ROWS
    }

    /// The row of a property.
    pub fn find(name: &str) -> Option<Self> {
        let mut rows = Self::all().iter();
        rows.find(|row| row.about().name == name).copied()
    }

    pub fn about(&self) -> &'static About {
        match self {
            Self::Element(setting) => &setting.about,
            Self::Method(setting) => &setting.about,
        }
    }

    /// What it does, with who decides if it is not set.
    pub fn description(&self) -> String {
        match self {
            Self::Element(setting) => setting.about.help.to_owned(),
            Self::Method(setting) => setting.description(),
        }
    }
}
