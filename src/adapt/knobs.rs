//! Settings by name and as text: what command lines take and result files hold.

use super::{Error, LossOver, Method, Moments, Sampling, Settings, Trainable};

/// A setting that has a name.
///
/// ```
/// use tttseg::adapt::{Knob, Settings};
///
/// let mut settings = Settings::default();
/// let knob = Knob::find("mask-ratio").expect("there is one");
/// knob.set(&mut settings, "0.50")?;
/// assert_eq!((settings.mask_ratio, knob.get(&settings).as_str()), (0.5, "0.5"));
/// # Ok::<(), tttseg::adapt::Error>(())
/// ```
#[derive(Debug)]
pub struct Knob {
    /// Its name, as in `--mask-ratio`.
    pub name: &'static str,
    /// What kind of value it takes, for help.
    pub value: &'static str,
    /// What it does, for help.
    pub help: &'static str,
    get: fn(&Settings) -> String,
    set: fn(&mut Settings, &str) -> Result<(), String>,
}

impl Knob {
    /// The one with this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        KNOBS.iter().find(|k| k.name == name)
    }

    /// Its value as text, the same for equal values.
    pub fn get(&self, settings: &Settings) -> String {
        (self.get)(settings)
    }

    /// Sets it. Ranges are checked by [`Settings::check`].
    ///
    /// # Errors
    /// [`Error::Setting`] when the text is no value of its kind.
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<(), Error> {
        (self.set)(settings, text).map_err(|detail| Error::Setting {
            name: self.name,
            detail,
        })
    }
}

/// A knob whose field is a number.
macro_rules! number {
    ($name:literal, $value:literal, $field:ident, $help:literal) => {
        Knob {
            name: $name,
            value: $value,
            help: $help,
            get: |s| s.$field.to_string(),
            set: |s, text| {
                s.$field = text.parse().map_err(|e| format!("'{text}': {e}"))?;
                Ok(())
            },
        }
    };
}

/// A knob whose field is one of a few things that have names.
macro_rules! choice {
    ($name:literal, $value:literal, $field:ident, $help:literal, $names:expr) => {
        Knob {
            name: $name,
            value: $value,
            help: $help,
            get: |s| name_of(&$names, s.$field).to_owned(),
            set: |s, text| {
                s.$field = named(&$names, text)?;
                Ok(())
            },
        }
    };
}

const LOSS_OVER: [(&str, LossOver); 2] = [("masked", LossOver::Masked), ("all", LossOver::All)];
const SAMPLING: [(&str, Sampling); 2] = [
    ("replacement", Sampling::Replacement),
    ("permutation", Sampling::Permutation),
];
const MOMENTS: [(&str, Moments); 2] = [
    ("restart", Moments::Restart),
    ("persistent", Moments::Persistent),
];

/// Every setting, in the order of help.
pub static KNOBS: [Knob; 25] = [
    choice!(
        "method",
        "METHOD",
        method,
        "none, online, no-memory, implicit or explicit",
        Method::EVERY.map(|m| (m.name(), m))
    ),
    number!(
        "window",
        "FRAMES",
        window,
        "Frames in the window; 0 for all"
    ),
    number!("batch", "VIEWS", batch_size, "Masked views per step"),
    choice!(
        "learn",
        "WHICH",
        learn,
        "Which parameters learn: all, encoder, norms, last-stages (stages 3 and 4 of the encoder) or first-stages (its embedding, stages 1 and 2), both with all of the reconstruction head",
        Trainable::EVERY.map(|t| (t.name(), t))
    ),
    number!("steps", "N", steps, "Steps per frame"),
    number!(
        "first-steps",
        "N",
        first_steps,
        "Steps on each of the first frames; 0 takes as many as on the others"
    ),
    number!(
        "first-frames",
        "FRAMES",
        first_frames,
        "How many frames are the first ones"
    ),
    number!(
        "crop",
        "SHARE",
        crop,
        "Share of each side of the frame that a masked view covers; 1 for the whole frame"
    ),
    number!("mask-ratio", "SHARE", mask_ratio, "Share of hidden patches"),
    choice!(
        "loss-over",
        "PIXELS",
        loss_over,
        "Pixels that the loss counts: masked or all",
        LOSS_OVER
    ),
    number!(
        "learning-rate",
        "RATE",
        learning_rate,
        "Learning rate of the reconstruction head"
    ),
    number!(
        "encoder-multiplier",
        "FACTOR",
        encoder_multiplier,
        "Learning rate of the encoder as a multiple of that"
    ),
    choice!(
        "moments",
        "WHAT",
        moments,
        "The optimiser's moments between frames: restart or persistent",
        MOMENTS
    ),
    number!(
        "pull",
        "SHARE",
        pull,
        "Share of the way back to the weights on disk that is taken after every step; 0 for none"
    ),
    number!(
        "surprise",
        "FACTOR",
        surprise,
        "Learn only while this many times more of the video than of the training pictures stays unexplained; 0 for always"
    ),
    number!(
        "reference-steps",
        "N",
        reference_steps,
        "Steps towards given colours for every picture of them, when it arrives"
    ),
    number!(
        "reference-rate",
        "RATE",
        reference_rate,
        "Learning rate of the colour head in those"
    ),
    number!(
        "self-training",
        "N",
        self_training,
        "Steps per frame towards the colours that the model on disk finds in the window's frames, where none are given; 0 for none"
    ),
    number!(
        "self-training-rate",
        "RATE",
        self_training_rate,
        "Learning rate of the colour head in those"
    ),
    number!(
        "weight-decay",
        "SHARE",
        weight_decay,
        "Decoupled weight decay"
    ),
    number!(
        "clip-norm",
        "NORM",
        clip_norm,
        "Largest global norm of the gradient"
    ),
    choice!(
        "sampling",
        "HOW",
        sampling,
        "How frames are drawn from the window: replacement or permutation",
        SAMPLING
    ),
    number!(
        "stochastic-depth",
        "RATE",
        stochastic_depth,
        "Largest rate of stochastic depth during steps; 0 for none"
    ),
    number!(
        "training-interval",
        "FRAMES",
        training_interval,
        "Learn from every n-th frame only"
    ),
    number!("seed", "SEED", seed, "Seed of masks and sampling"),
];

fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    let found = names.iter().find(|(_, v)| *v == value);
    found.map_or("", |(name, _)| name)
}

fn named<T: Copy>(names: &[(&'static str, T)], text: &str) -> Result<T, String> {
    let found = names.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("unknown '{text}' ({})", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::Recipe;

    #[test]
    fn every_set_of_parameters_that_learns_has_a_name() {
        let knob = Knob::find("learn").unwrap();
        let mut settings = Settings::default();
        for learn in Trainable::EVERY {
            knob.set(&mut settings, learn.name()).unwrap();
            assert_eq!(settings.learn, learn);
        }
        assert!(knob.set(&mut settings, "everything").is_err());
    }

    #[test]
    fn every_setting_goes_to_text_and_back() {
        let odd = Settings {
            method: Method::ImplicitOnly,
            window: 3,
            batch_size: 5,
            learn: Trainable::Norms,
            steps: 7,
            first_steps: 9,
            first_frames: 11,
            crop: 0.75,
            mask_ratio: 0.1 + 0.2,
            loss_over: LossOver::All,
            learning_rate: 1.25e-7,
            encoder_multiplier: 13.0,
            moments: Moments::Persistent,
            pull: 1e-3,
            surprise: 1.75,
            reference_steps: 13,
            reference_rate: 3e-4,
            self_training: 3,
            self_training_rate: 5e-4,
            weight_decay: 0.07,
            clip_norm: 1e9,
            sampling: Sampling::Permutation,
            stochastic_depth: 0.3,
            training_interval: 15,
            seed: u64::MAX,
        };
        for recipe in [Recipe::Default, Recipe::Paper, Recipe::Code] {
            let mut settings = Settings::recipe(recipe);
            for knob in &KNOBS {
                let before = knob.get(&settings);
                knob.set(&mut settings, &knob.get(&odd)).unwrap();
                assert_ne!(knob.get(&settings), "", "{}", knob.name);
                let differs = before != knob.get(&odd);
                assert!(differs || recipe == Recipe::Code, "{}", knob.name);
            }
            assert_eq!(settings, odd, "{recipe:?}");
        }
    }

    #[test]
    fn equal_values_have_the_same_text() {
        let rate = Knob::find("learning-rate").unwrap();
        let mut settings = Settings::default();
        let mut texts = ["1e-3", "0.001", "0.0010"].map(|text| {
            rate.set(&mut settings, text).unwrap();
            rate.get(&settings)
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
            let error = Knob::find(name).unwrap().set(&mut settings, text);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(text), "{error}");
            assert_eq!(settings, before);
        }
        assert!(Knob::find("recipe").is_none());
    }
}
