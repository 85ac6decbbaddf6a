use super::{Error, Trainable};
use crate::model::LossOver;

/// Which gradient steps are taken and what is forgotten when (METHOD §5.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The model as it is on disk.
    MainTaskOnly,
    /// Implicit and explicit memory: weights carry over, steps sample from the window.
    #[default]
    Online,
    /// Weights from disk before every frame, steps on the current frame only.
    NoMemory,
    /// Weights carry over, steps on the current frame only.
    ImplicitOnly,
    /// Weights from disk before every frame, steps sample from the window.
    ExplicitOnly,
}

impl std::str::FromStr for Method {
    type Err = String;

    /// The names of the command line: `none`, `online`, `no-memory`, `implicit`, `explicit`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::EVERY.into_iter().find(|m| m.name() == name);
        found.ok_or_else(|| {
            format!("unknown method '{name}' (none, online, no-memory, implicit, explicit)")
        })
    }
}

impl Method {
    /// All of them.
    pub const EVERY: [Self; 5] = [
        Self::MainTaskOnly,
        Self::Online,
        Self::NoMemory,
        Self::ImplicitOnly,
        Self::ExplicitOnly,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::MainTaskOnly => "none",
            Self::Online => "online",
            Self::NoMemory => "no-memory",
            Self::ImplicitOnly => "implicit",
            Self::ExplicitOnly => "explicit",
        }
    }
}

/// Named settings of the method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recipe {
    /// Suits a small model on two CPU cores (NOTES).
    #[default]
    Default,
    /// As the papers state it: mask ratio 0.80, masked-only loss, sampling with replacement.
    Paper,
    /// As the released code runs it: 0.85, all pixels, permutations, stochastic depth.
    Code,
}

impl std::str::FromStr for Recipe {
    type Err = String;

    /// `default`, `paper` or `code`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "default" => Ok(Self::Default),
            "paper" => Ok(Self::Paper),
            "code" => Ok(Self::Code),
            _ => Err(format!("unknown recipe '{name}' (default, paper, code)")),
        }
    }
}

/// How a batch is drawn from the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Independent uniform draws.
    Replacement,
    /// Random permutations of the window, one after the other (METHOD §5.3).
    Permutation,
}

/// What becomes of the optimiser's moments between frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moments {
    /// A new optimiser for every step.
    Restart,
    /// Moments carry over.
    Persistent,
}

/// Every knob of the method.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Policy of steps and resets.
    pub method: Method,
    /// Frames in the window; 0 keeps all up to [`Settings::WINDOW_CAP`].
    pub window: usize,
    /// Masked views per gradient step.
    pub batch_size: usize,
    /// Which parameters of f and g learn.
    pub learn: Trainable,
    /// Gradient steps per frame.
    pub steps: usize,
    /// Gradient steps on each of the first frames of a stream; 0 takes as many as on the others.
    pub first_steps: usize,
    /// How many frames that are learned from count as the first ones, from the beginning or the last reset of the
    /// weights on.
    pub first_frames: usize,
    /// Share of each side of the frame that a masked view covers, above 0; 1 for the whole frame. Where in the frame a
    /// smaller view lies is drawn anew for each (METHOD §5.4).
    pub crop: f64,
    /// Share of 16×16 patches that is hidden, above 0 and below 1.
    pub mask_ratio: f64,
    /// Learning rate of g.
    pub learning_rate: f64,
    /// Learning rate of f as a multiple of that of g.
    pub encoder_multiplier: f64,
    /// Decoupled weight decay (METHOD §5.6).
    pub weight_decay: f64,
    /// Largest global gradient norm.
    pub clip_norm: f64,
    /// Share of the way back to the weights on disk that is taken after every step, from 0 (off) to below 1.
    pub pull: f64,
    /// Learn only while the video is strange: while more of it than this many times what the model's file says of the
    /// training pictures stays unexplained ([`super::Report::unexplained`]). 0 learns from every frame, as does a
    /// model whose file does not say.
    pub surprise: f64,
    /// Steps towards given colours when they arrive, for each picture ([`super::Direction`]).
    pub reference_steps: usize,
    /// Learning rate of the colour head in those steps.
    pub reference_rate: f64,
    /// Steps per frame towards the colours that the model on disk finds in the window's frames, where people have given none; 0
    /// for none. Only of a model that colours, and of methods that keep what they learn.
    pub self_training: usize,
    /// Learning rate of the colour head in those steps.
    pub self_training_rate: f64,
    /// Pixels the loss counts.
    pub loss_over: LossOver,
    /// How batches are drawn.
    pub sampling: Sampling,
    /// Largest rate of stochastic depth during steps; 0 switches it off.
    pub stochastic_depth: f64,
    /// Moments between frames.
    pub moments: Moments,
    /// Frames between two that are learned from; 1 learns from every frame.
    pub training_interval: usize,
    /// Seed of masks and sampling.
    pub seed: u64,
}

impl Settings {
    /// Most frames an unlimited window holds.
    pub const WINDOW_CAP: usize = 512;

    /// The settings behind a recipe's name.
    pub fn recipe(recipe: Recipe) -> Self {
        let paper = Self {
            method: Method::Online,
            window: 16,
            batch_size: 32,
            learn: Trainable::All,
            steps: 1,
            first_steps: 0,
            first_frames: 1,
            crop: 1.0,
            mask_ratio: 0.80,
            learning_rate: 1e-4,
            encoder_multiplier: 0.1,
            weight_decay: 0.05,
            clip_norm: 0.01,
            pull: 0.0,
            surprise: 0.0,
            reference_steps: 30,
            reference_rate: 3e-3,
            self_training: 0,
            self_training_rate: 1e-3,
            loss_over: LossOver::Masked,
            sampling: Sampling::Replacement,
            stochastic_depth: 0.0,
            moments: Moments::Restart,
            training_interval: 1,
            seed: 0,
        };
        match recipe {
            Recipe::Paper => paper,
            Recipe::Code => Self {
                mask_ratio: 0.85,
                loss_over: LossOver::All,
                sampling: Sampling::Permutation,
                stochastic_depth: 0.3,
                ..paper
            },
            Recipe::Default => Self {
                batch_size: 1,
                weight_decay: 0.0,
                learning_rate: 1e-3,
                encoder_multiplier: 0.5,
                surprise: 1.5,
                self_training: 1,
                ..paper
            },
        }
    }
}

impl Settings {
    /// Frames the window holds under the method in force.
    pub(crate) fn window_capacity(&self) -> usize {
        match (self.method, self.window) {
            (Method::NoMemory | Method::ImplicitOnly, _) => 1,
            (_, 0) => Self::WINDOW_CAP,
            (_, frames) => frames,
        }
    }

    /// Gradient steps on a frame before which `learned` frames were learned from.
    pub(crate) fn steps_after(&self, learned: u64) -> usize {
        if self.first_steps > 0 && learned < self.first_frames as u64 {
            self.first_steps
        } else {
            self.steps
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Setting`] names the setting.
    pub fn check(&self) -> Result<(), Error> {
        let positive = |name, value: f64| {
            let fits = value.is_finite() && value > 0.0;
            if fits {
                Ok(())
            } else {
                Err(Error::Setting {
                    name,
                    detail: format!("{value} is not above 0"),
                })
            }
        };
        let share = |name, value: f64| {
            let fits = (0.0..1.0).contains(&value);
            if fits {
                Ok(())
            } else {
                Err(Error::Setting {
                    name,
                    detail: format!("{value} is not in 0..1"),
                })
            }
        };
        let not_negative = |name, value: f64| {
            let fits = value.is_finite() && value >= 0.0;
            if fits {
                Ok(())
            } else {
                Err(Error::Setting {
                    name,
                    detail: format!("{value} is negative or not finite"),
                })
            }
        };
        positive("learning-rate", self.learning_rate)?;
        positive("clip-norm", self.clip_norm)?;
        positive("reference-rate", self.reference_rate)?;
        positive("self-training-rate", self.self_training_rate)?;
        positive("batch-size", self.batch_size as f64)?;
        positive("crop", self.crop)?;
        if self.crop > 1.0 {
            return Err(Error::Setting {
                name: "crop",
                detail: format!("{} is more than the whole frame, 1", self.crop),
            });
        }
        positive("mask-ratio", self.mask_ratio)?;
        share("mask-ratio", self.mask_ratio)?;
        share("stochastic-depth", self.stochastic_depth)?;
        share("weight-decay", self.weight_decay)?;
        share("pull", self.pull)?;
        not_negative("encoder-multiplier", self.encoder_multiplier)?;
        not_negative("surprise", self.surprise)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::recipe(Recipe::Default)
    }
}
