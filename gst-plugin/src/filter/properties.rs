//! Definitions of the properties, shared with the bin.

use gst::glib;
use gst::prelude::*;
use tttseg::adapt;

use super::settings::{
    DEFAULT_CHROMA_SMOOTHING, DEFAULT_HINT_RADIUS, DEFAULT_OPACITY, DEFAULT_SATURATION,
};
use super::signals::{LOAD_STATE, SAVE_STATE};
use super::{ExecutionProvider, Method, NO_COLOUR, Output, Pace, Recipe, Task};

pub(super) const STATS: &str = "stats";
pub(super) const PROVIDER_IN_USE: &str = "execution-provider-in-use";

/// Definitions of all properties, made anew at every call: a definition belongs to one class.
pub(crate) fn all() -> Vec<glib::ParamSpec> {
    let defaults = adapt::Settings::recipe(adapt::Recipe::Default);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    vec![
        glib::ParamSpecString::builder("model-file")
            .nick("Model file")
            .blurb("Model to start from (.safetensors); without one, the model for the task that is built in")
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
            .blurb("What the network computes for a frame; a model does what it was trained for")
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
        glib::ParamSpecUInt::builder("contours")
            .nick("Contours")
            .blurb(
                "Width in pixels of opaque lines along the inside of each class's edges, over the frame; 0 = none. They \
                 are there with opacity=0 as well",
            )
            .maximum(100)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecBoolean::builder("legend")
            .nick("Legend")
            .blurb("List the classes that are drawn, with their colours, in the upper left corner")
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecString::builder("palette")
            .nick("Palette")
            .blurb(
                "Colours of the classes: camvid, cityscapes, distinct; RRGGBB in the order of classes, separated by \
                 commas; or class=RRGGBB for some of them. Without any, the model's",
            )
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("selected-classes")
            .nick("Selected classes")
            .blurb("Names of the classes that are drawn, separated by commas; without any, all of them. Class maps have all")
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("hidden-classes")
            .nick("Hidden classes")
            .blurb("Names of classes that are not drawn, separated by commas. Class maps have all")
            .mutable_playing()
            .build(),
        glib::ParamSpecDouble::builder("saturation")
            .nick("Saturation")
            .blurb("With task=colorize, how strong colours are; 0 = grey, 1 = as the network finds them")
            .minimum(0.0)
            .maximum(3.0)
            .default_value(DEFAULT_SATURATION)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecDouble::builder("temperature")
            .nick("Temperature")
            .blurb("With task=colorize, a cast over the whole picture: -1 = cold, 0 = none, 1 = warm")
            .minimum(-1.0)
            .maximum(1.0)
            .default_value(0.0)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecDouble::builder("chroma-smoothing")
            .nick("Chroma smoothing")
            .blurb(
                "With task=colorize, how much of the last frame's colours stays where nothing moves, against flicker; 0 = \
                 none, 1 = all. Every scene starts anew",
            )
            .minimum(0.0)
            .maximum(1.0)
            .default_value(DEFAULT_CHROMA_SMOOTHING)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecString::builder("reference-location")
            .nick("Reference location")
            .blurb(
                "With task=colorize, a picture in colour (JPEG or PNG), such as one frame of the film that somebody has \
                 coloured, or a folder of them: their colours are learned, and found in the frames that are like them",
            )
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("reference-steps")
            .nick("Reference steps")
            .blurb(
                "Gradient steps towards given colours that every picture of reference-location, and every frame with a hint, \
                 is worth when it is new (if not set: the recipe's)",
            )
            .maximum(10_000)
            .default_value(count(defaults.reference_steps))
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecUInt::builder("self-training")
            .nick("Self-training")
            .blurb(
                "With task=colorize, gradient steps per frame towards the colours that the model finds in the window's frames, so \
                 that it finds the same ones in all of them; none where references or hints say which (if not set: the recipe's)",
            )
            .maximum(100)
            .default_value(count(defaults.self_training))
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecUInt::builder("hint-colour")
            .nick("Hint colour")
            .blurb(
                "With task=colorize, 0xRRGGBB: a click with the first button (a navigation event) says that this is the colour \
                 there, one with the third button drops what was said. 0xffffffff = clicks say nothing",
            )
            .default_value(NO_COLOUR)
            .mutable_playing()
            .controllable()
            .build(),
        glib::ParamSpecDouble::builder("hint-radius")
            .nick("Hint radius")
            .blurb("Radius of the disc that a hint is about, as a share of the frame's width")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(DEFAULT_HINT_RADIUS)
            .mutable_playing()
            .controllable()
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
