//! Corruptions of pictures by light, weather, lens and transmission.
//!
//! Each is a function of (picture, strength, seed, frame number) and of nothing else, and changes little when the
//! strength does, so that a strength that drifts makes a stream that drifts. Lengths are shares of the picture's height:
//! a picture of another size is corrupted alike.

mod blur;
mod jpeg;
mod light;
mod noise;
mod rain;
#[cfg(test)]
mod tests;

pub(crate) use jpeg::jpeg_coded;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tttseg::choice::Choice;
use tttseg::video::Rgb;

/// Largest strength of a corruption.
pub const MAX_STRENGTH: f64 = 2.0;

/// Why a picture cannot be corrupted.
#[derive(Debug, thiserror::Error)]
pub enum CorruptionError {
    /// No corruption has this name.
    #[error("unknown corruption '{name}' ({})", CorruptionKind::CHOICES.names())]
    Kind {
        /// The name.
        name: String,
    },
    /// A strength that is no number or out of range.
    #[error("strength '{strength}' of a corruption (above 0, at most {MAX_STRENGTH})")]
    Strength {
        /// What was given.
        strength: String,
    },
    /// An array that is no RGB picture.
    #[error("array of shape {0:?} as an RGB picture: height, width and 3 channels are needed")]
    Picture([usize; 3]),
    /// A picture that JPEG cannot hold.
    #[error("cannot be made a JPEG: {0}")]
    Jpeg(#[from] image::ImageError),
}

tttseg::choices! {
    /// A kind of corruption.
    #[derive(Hash)]
    pub enum CorruptionKind: "Corruption" {
        Dusk = "dusk", "little light: dark, bluish, grainy";
        Fog = "fog", "light grey in front of what is far";
        Rain = "rain", "streaks that fall from frame to frame, and a thin veil";
        Noise = "noise", "grain of a sensor";
        Blur = "blur", "a lens out of focus";
        Jpeg = "jpeg", "compression of falling quality";
        Cast = "cast", "a wrong white balance: orange";
    }
}

impl CorruptionKind {
    /// Corrupts a picture in place. `strength` is brought into 0 to [`MAX_STRENGTH`]; 0 changes nothing. `seed` and
    /// `frame`, the number of the frame in its stream, matter to grain and rain (dusk, rain, noise) only.
    ///
    /// # Errors
    /// [`CorruptionError`] when the array does not have 3 channels, or is too large for a JPEG (65,535 pixels a side).
    pub fn apply(
        self,
        picture: &mut Rgb,
        strength: f64,
        seed: u64,
        frame: u64,
    ) -> Result<(), CorruptionError> {
        let (height, width, channels) = picture.dim();
        if channels != 3 {
            return Err(CorruptionError::Picture([height, width, channels]));
        }
        let strength = strength.clamp(0.0, MAX_STRENGTH) as f32;
        // Not a number is no strength.
        if strength.is_nan() || strength == 0.0 || picture.is_empty() {
            return Ok(());
        }
        match self {
            Self::Dusk => light::dusk(picture, strength, &mut random(seed, frame)),
            Self::Fog => light::fog(picture, strength),
            Self::Rain => rain::rain(picture, strength, seed, frame),
            Self::Noise => noise::noise(picture, strength, &mut random(seed, frame)),
            Self::Blur => blur::blur(picture, strength),
            Self::Jpeg => jpeg::jpeg(picture, strength)?,
            Self::Cast => light::cast(picture, strength),
        }
        Ok(())
    }
}

impl std::str::FromStr for CorruptionKind {
    type Err = CorruptionError;

    fn from_str(name: &str) -> Result<Self, CorruptionError> {
        Self::from_name(name).ok_or_else(|| CorruptionError::Kind {
            name: name.to_owned(),
        })
    }
}

/// A corruption and how strong it is, written `dusk` (strength 1) or `dusk:0.5`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corruption {
    kind: CorruptionKind,
    strength: f64,
}

impl Corruption {
    /// A corruption of a strength above 0, at most [`MAX_STRENGTH`].
    ///
    /// # Errors
    /// [`CorruptionError::Strength`] for another strength.
    pub fn new(kind: CorruptionKind, strength: f64) -> Result<Self, CorruptionError> {
        if strength > 0.0 && strength <= MAX_STRENGTH {
            Ok(Self { kind, strength })
        } else {
            Err(CorruptionError::Strength {
                strength: strength.to_string(),
            })
        }
    }

    /// The kind.
    pub fn kind(self) -> CorruptionKind {
        self.kind
    }

    /// The strength, above 0, at most [`MAX_STRENGTH`].
    pub fn strength(self) -> f64 {
        self.strength
    }
}

impl std::fmt::Display for Corruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.strength)
    }
}

impl std::str::FromStr for Corruption {
    type Err = CorruptionError;

    fn from_str(text: &str) -> Result<Self, CorruptionError> {
        let (kind, strength) = match text.split_once(':') {
            None => (text, 1.0),
            Some((kind, strength)) => {
                let number = strength.parse().map_err(|_| CorruptionError::Strength {
                    strength: strength.to_owned(),
                });
                (kind, number?)
            }
        };
        Self::new(kind.parse()?, strength)
    }
}

/// Random numbers of their own for every seed and stream. The constant sets them apart from those that masks are drawn
/// with, from the same seed, elsewhere.
fn random(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x9e37_79b9_7f4a_7c15);
    rng.set_stream(stream);
    rng
}

/// A level from 0 to 255, rounded; what lies outside is brought in.
fn level(value: f32) -> u8 {
    // The cast saturates.
    (value + 0.5) as u8
}
