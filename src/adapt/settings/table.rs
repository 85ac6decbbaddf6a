//! The table of the method's settings. Elements, command line, files and docs are made from it: see "Adding a property" in
//! CONTRIBUTING.md.

use std::ops::Bound::{Excluded, Included, Unbounded};

use super::setting::{Changes, Setting};
use super::{Method, Moments, Recipe, Sampling};
use crate::adapt::Trainable;
use crate::model::LossOver;

/// Declares [`Settings`] with its recipes, and [`SETTINGS`]: what a setting does, its type, its value in the recipe `default`
/// and in others that differ, its name, and its ranges as an option and as a property.
macro_rules! settings {
    ($(
        $(#[doc = $help:literal])+
        $field:ident: $Type:ty = $default:expr $(, paper $paper:expr)? $(, code $code:expr)?;
        $name:literal $(.$column:ident($($argument:tt)*))+;
    )+) => {
        /// Every setting of the method; [`SETTINGS`] has their names and ranges.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings {
            $($(#[doc = $help])+ pub $field: $Type,)+
        }

        impl Settings {
            /// The settings behind a recipe's name.
            pub fn recipe(recipe: Recipe) -> Self {
                Self {
                    $($field: match recipe {
                        $(Recipe::Paper => $paper,)?
                        $(Recipe::Code => $code,)?
                        _ => $default,
                    },)+
                }
            }
        }

        /// Every setting of the method, in the order of help.
        pub static SETTINGS: [Setting<Settings>; <[&str]>::len(&[$($name),+])] = [$(
            $crate::field!($name, Settings, $Type, $field)
                $(.$column($($argument)*))+
                .help(concat!($($help),+).trim_ascii())
        ),+];
    };
}

settings! {
    /// Which gradient steps are taken and what is forgotten when
    method: Method = Method::Replay, paper Method::Online, code Method::Online;
    "method".placeholder("METHOD").property("Method", Changes::Ready).after("recipe");

    /// Recent frames that gradient steps sample from; 0 = all of them, up to 512
    window: usize = 16;
    "window".placeholder("FRAMES").property("Window", Changes::Controlled)
        .from_to(0.0, Settings::WINDOW_CAP as f64);

    /// With method=replay, frames that are remembered with what the model on disk said of them
    memory: usize = 20;
    "memory".placeholder("FRAMES").at_least(1).property("Memory", Changes::Controlled)
        .from_to(1.0, 500.0);

    /// With method=replay, a folder of stills (JPEG or PNG) that are learned in turn with what is remembered of the stream: pictures,
    /// or folders frames and labels with files of the same names, labels in the model's class ids or as a file label-map.json
    /// says; of more than 100 the seed chooses
    replay_location: Option<String> = None;
    "replay-location".placeholder("DIR").property("Replay location", Changes::Ready);

    /// Masked views of frames in the window per gradient step
    batch_size: usize = 1, paper 32, code 32;
    "batch-size".alias("batch").placeholder("VIEWS").at_least(1)
        .property("Batch size", Changes::Ready).from_to(1.0, 1024.0);

    /// Which parameters learn, of the encoder and of the head that learns with it: the reconstruction head or, with method=replay
    /// or method=consistency, the segmentation head
    learn: Trainable = Trainable::All;
    "learn".placeholder("WHICH");

    /// Gradient steps per frame
    steps: usize = 1;
    "steps".placeholder("N").property("Steps", Changes::Controlled).from_to(1.0, 1000.0);

    /// Steps on each of the first frames of a stream; 0 = as many as on the others
    first_steps: usize = 0;
    "first-steps".placeholder("N");

    /// How many frames that are learned from are the first ones, from the beginning or the last reset of the weights on
    first_frames: usize = 1;
    "first-frames".placeholder("FRAMES");

    /// Share of each side of the frame that a masked view covers; 1 = the whole frame. Where in the frame a smaller view lies
    /// is drawn anew for each
    crop: f64 = 1.0;
    "crop".placeholder("SHARE").between(Excluded(0.0), Included(1.0));

    /// Share of 16x16 patches that is hidden from the network during a step
    mask_ratio: f64 = 0.8, code 0.85;
    "mask-ratio".placeholder("SHARE").between(Excluded(0.0), Excluded(1.0))
        .property("Mask ratio", Changes::Controlled).from_to(0.01, 0.99);

    /// Pixels that the loss counts
    loss_over: LossOver = LossOver::Masked, code LossOver::All;
    "loss-over".placeholder("PIXELS");

    /// Learning rate of the reconstruction head; the encoder's is half of that under the default recipe, a tenth under the
    /// others. With method=replay or method=consistency, that of encoder and segmentation head
    learning_rate: f64 = 1e-4;
    "learning-rate".placeholder("RATE").between(Excluded(0.0), Unbounded)
        .property("Learning rate", Changes::Controlled).from_to(1e-9, 1.0).after("window");

    /// Learning rate of the encoder as a multiple of the reconstruction head's
    encoder_multiplier: f64 = 0.5, paper 0.1, code 0.1;
    "encoder-multiplier".placeholder("FACTOR").between(Included(0.0), Unbounded);

    /// The optimiser's moments between frames
    moments: Moments = Moments::Restart;
    "moments".placeholder("WHAT");

    /// Share of the way back to the weights on disk that is taken after every step; 0 = none
    pull: f64 = 0.0;
    "pull".placeholder("SHARE").between(Included(0.0), Excluded(1.0));

    /// Learn only while this many times more of the video than of the model's training pictures stays unexplained by
    /// reconstruction; 0 = learn from every frame
    surprise: f64 = 1.2, paper 0.0, code 0.0;
    "surprise".placeholder("FACTOR").between(Included(0.0), Unbounded)
        .property("Surprise", Changes::Controlled).from_to(0.0, 1000.0).after("mask-ratio");

    /// Gradient steps towards given colours that every picture of reference-location, and every frame with a hint, is worth
    /// when it is new
    reference_steps: usize = 30;
    "reference-steps".placeholder("N")
        .property("Reference steps", Changes::Controlled).from_to(0.0, 10_000.0).after("reference-location");

    /// Learning rate of the colour head in those steps
    reference_rate: f64 = 3e-3;
    "reference-rate".placeholder("RATE").between(Excluded(0.0), Unbounded);

    /// With task=colorize, gradient steps per frame towards the colours that the model finds in the window's frames, so that
    /// it finds the same ones in all of them; none where references or hints say which
    self_training: usize = 1, paper 0, code 0;
    "self-training".placeholder("N").property("Self-training", Changes::Controlled).from_to(0.0, 100.0);

    /// Learning rate of the colour head in those steps
    self_training_rate: f64 = 1e-3;
    "self-training-rate".placeholder("RATE").between(Excluded(0.0), Unbounded);

    /// Decoupled weight decay
    weight_decay: f64 = 0.0, paper 0.05, code 0.05;
    "weight-decay".placeholder("SHARE").between(Included(0.0), Excluded(1.0));

    /// Largest global norm of the gradient
    clip_norm: f64 = 0.01;
    "clip-norm".placeholder("NORM").between(Excluded(0.0), Unbounded);

    /// How frames are drawn from the window
    sampling: Sampling = Sampling::Replacement, code Sampling::Permutation;
    "sampling".placeholder("HOW");

    /// Largest rate of stochastic depth during steps; 0 = none
    stochastic_depth: f64 = 0.0, code 0.3;
    "stochastic-depth".placeholder("RATE").between(Included(0.0), Excluded(1.0));

    /// What class probabilities of the last frame count at most, carried along motion to where things are now; 0 = every
    /// frame is segmented by itself
    fusion: f64 = 0.8, paper 0.0, code 0.0;
    "fusion".placeholder("SHARE").between(Included(0.0), Included(1.0))
        .property("Fusion", Changes::Controlled).from_to(0.0, 1.0).after("training-interval");

    /// Take gradient steps on every n-th frame only, as in frames 3, 6, 9; every frame is segmented
    training_interval: usize = 1;
    "training-interval".placeholder("FRAMES")
        .property("Training interval", Changes::Controlled).from_to(1.0, 4_294_967_295.0).after("surprise");

    /// Seed of masks and sampling: same seed, input and thread count, same bytes on the CPU
    seed: u64 = 0;
    "seed".placeholder("SEED").property("Seed", Changes::Ready).after("asynchronous");
}
