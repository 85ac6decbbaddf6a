//! Enumerations of the properties. The engine has its own; these carry what `gst-inspect-1.0` shows.

use gst::glib;
use gst::prelude::*;
use tttseg::adapt;

/// What is computed for a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstTttSegTask")]
#[repr(i32)]
pub enum Task {
    /// The class of every pixel.
    #[default]
    #[enum_value(
        name = "Semantic segmentation: the class of every pixel",
        nick = "segment"
    )]
    Segment,
    /// The colours of grey film.
    #[enum_value(
        name = "Colours for black-and-white film, beside the film's own luma",
        nick = "colorize"
    )]
    Colorize,
}

impl From<Task> for tttseg::weights::Task {
    fn from(task: Task) -> Self {
        match task {
            Task::Segment => Self::Segment,
            Task::Colorize => Self::Colorize,
        }
    }
}

/// What the source pad carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstTttSegOutput")]
#[repr(i32)]
pub enum Output {
    /// The frame with its classes painted over it.
    #[default]
    #[enum_value(
        name = "The frame with the classes painted over it; with task=colorize, the frame in colours",
        nick = "overlay"
    )]
    Overlay,
    /// One byte per pixel: the class.
    #[enum_value(
        name = "Class of each pixel as GRAY8 (255 = no class), at the size of the frame; not with task=colorize",
        nick = "class-map"
    )]
    ClassMap,
    /// What the network makes of a frame that it sees only in part.
    #[enum_value(
        name = "The network's reconstruction of the frame from its visible patches",
        nick = "reconstruction"
    )]
    Reconstruction,
    /// Both: twice the width.
    #[enum_value(
        name = "The frame, and to its right the frame with the classes painted over it; with task=colorize, grey and in colours",
        nick = "side-by-side"
    )]
    SideBySide,
    /// The frame as it is, with what was found in it for others to read.
    #[enum_value(
        name = "The frame untouched, with its class map as the meta GstTttSegMeta; not with task=colorize",
        nick = "metadata"
    )]
    Metadata,
}

/// Which gradient steps are taken and what is forgotten when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstTttSegMethod")]
#[repr(i32)]
pub enum Method {
    /// Weights carry over, steps sample from the window.
    #[default]
    #[enum_value(
        name = "Weights carry over from frame to frame, steps sample from the window",
        nick = "online"
    )]
    Online,
    /// No learning.
    #[enum_value(name = "The model as it is on disk, no learning", nick = "none")]
    None,
    /// Every frame starts afresh and learns from itself.
    #[enum_value(
        name = "Weights from disk before every frame, steps on the current frame only",
        nick = "no-memory"
    )]
    NoMemory,
    /// Memory in the weights only.
    #[enum_value(
        name = "Weights carry over from frame to frame, steps on the current frame only",
        nick = "implicit"
    )]
    Implicit,
    /// Memory in the window only.
    #[enum_value(
        name = "Weights from disk before every frame, steps sample from the window",
        nick = "explicit"
    )]
    Explicit,
}

impl From<Method> for adapt::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Online => Self::Online,
            Method::None => Self::MainTaskOnly,
            Method::NoMemory => Self::NoMemory,
            Method::Implicit => Self::ImplicitOnly,
            Method::Explicit => Self::ExplicitOnly,
        }
    }
}

impl From<adapt::Method> for Method {
    fn from(method: adapt::Method) -> Self {
        match method {
            adapt::Method::Online => Self::Online,
            adapt::Method::MainTaskOnly => Self::None,
            adapt::Method::NoMemory => Self::NoMemory,
            adapt::Method::ImplicitOnly => Self::Implicit,
            adapt::Method::ExplicitOnly => Self::Explicit,
        }
    }
}

/// Named settings of the method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstTttSegRecipe")]
#[repr(i32)]
pub enum Recipe {
    /// For a small model on two CPU cores.
    #[default]
    #[enum_value(name = "Suits a small model on two CPU cores", nick = "default")]
    Default,
    /// As the paper states it.
    #[enum_value(
        name = "As published: batch 32, mask ratio 0.80, loss over masked patches, sampling with replacement",
        nick = "paper"
    )]
    Paper,
    /// As the released code runs it.
    #[enum_value(
        name = "As the authors' code runs it: batch 32, mask ratio 0.85, loss over all patches, permutations, stochastic depth",
        nick = "code"
    )]
    Code,
}

impl From<Recipe> for adapt::Recipe {
    fn from(recipe: Recipe) -> Self {
        match recipe {
            Recipe::Default => Self::Default,
            Recipe::Paper => Self::Paper,
            Recipe::Code => Self::Code,
        }
    }
}

/// Where the network runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstTttSegExecutionProvider")]
#[repr(i32)]
pub enum ExecutionProvider {
    /// CUDA where it works, else the CPU.
    #[default]
    #[enum_value(
        name = "CUDA where it works, else the CPU; execution-provider-in-use tells which",
        nick = "auto"
    )]
    Auto,
    /// The CPU.
    #[enum_value(name = "The CPU", nick = "cpu")]
    Cpu,
    /// CUDA or an error.
    #[enum_value(name = "CUDA; an error where it does not work", nick = "cuda")]
    Cuda,
}

/// What happens when the element is slower than the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstTttSegPace")]
#[repr(i32)]
pub enum Pace {
    /// What there is no time for is left out.
    #[default]
    #[enum_value(
        name = "Leave out what there is no time for: while a syncing sink reports lateness, beyond the training budget, and \
                beyond the frame rate of a live source",
        nick = "auto"
    )]
    Auto,
    /// Steps are never skipped.
    #[enum_value(
        name = "Learn from every frame, however late, whatever the budget",
        nick = "every-frame"
    )]
    EveryFrame,
}

pub(super) fn mark_as_plugin_api() {
    for type_ in [
        Task::static_type(),
        Output::static_type(),
        Method::static_type(),
        Recipe::static_type(),
        ExecutionProvider::static_type(),
        Pace::static_type(),
    ] {
        type_.mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
}
