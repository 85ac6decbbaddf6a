//! What samples stand for: what is shown of them, and how colours come into them.
//!
//! The network sees pictures as they are shown. Colours come back as factors of light for red, green and blue, which leave the samples of
//! grey as they are: density gets a sum, light a product. Nothing is clipped on the way, however bright it is.

use super::raster::{Encoding, Raster, Samples};

/// Codes of density, of 10 bits, in a step of ten in light: gamma 0.6 of a negative, 0.002 a code (Cineon).
const CODES_OF_TEN: f32 = 0.6 / 0.002;
/// Codes of 10 bits that are shown as white and black.
const WHITE: f32 = 685.0;
const BLACK: f32 = 95.0;
/// Luma of BT.601, as for other pictures, and luminance of BT.709.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];
const LUMINANCE: [f32; 3] = [0.2126, 0.7152, 0.0722];
/// Less light than this share of grey is none.
const LEAST: f32 = 1e-3;

/// Light of a shown value, both from 0 to 1 (sRGB).
fn light(shown: f32) -> f32 {
    match shown <= 0.04045 {
        true => shown / 12.92,
        false => ((shown + 0.055) / 1.055).powf(2.4),
    }
}

/// The inverse; what is brighter than white is white.
fn shown(light: f32) -> f32 {
    let light = light.clamp(0.0, 1.0);
    match light <= 0.003_130_8 {
        true => 12.92 * light,
        false => 1.055 * light.powf(1.0 / 2.4) - 0.055,
    }
}

/// Light of a code of density of 10 bits.
fn light_of_density(code: f32) -> f32 {
    let of = |code: f32| 10_f32.powf((code - WHITE) / CODES_OF_TEN);
    (of(code) - of(BLACK)) / (1.0 - of(BLACK))
}

fn largest(bits: u32) -> f32 {
    ((1_u32 << bits) - 1) as f32
}

fn grey(components: &[f32], weights: [f32; 3]) -> f32 {
    match *components {
        [red, green, blue] => [red, green, blue]
            .iter()
            .zip(weights)
            .map(|(c, w)| c * w)
            .sum(),
        _ => components.first().copied().unwrap_or_default(),
    }
}

impl Raster {
    /// All samples as numbers: codes, or what they are.
    fn numbers(&self) -> Vec<f32> {
        match &self.samples {
            Samples::Codes { values, .. } => values.iter().map(|v| f32::from(*v)).collect(),
            Samples::Float(values) => values.clone(),
        }
    }

    /// The share of white, from 0 to 1, that a number is shown as.
    fn share(&self, number: f32) -> f32 {
        let of_code = match &self.samples {
            Samples::Codes { bits, .. } => number / largest(*bits),
            Samples::Float(_) => number,
        };
        match self.encoding {
            Encoding::Display => of_code.clamp(0.0, 1.0),
            Encoding::Density => shown(light_of_density(of_code * 1023.0)),
            Encoding::Linear => shown(of_code),
        }
    }

    /// The picture as it is shown, in codes of 8 or 16 bits. Codes of as many bits stay what they are.
    pub fn to_shown(&self, bits: u32) -> Self {
        let values = match &self.samples {
            Samples::Codes { bits: own, values }
                if *own == bits && self.encoding == Encoding::Display =>
            {
                values.clone()
            }
            _ => {
                let shares = self.numbers().into_iter().map(|number| self.share(number));
                shares
                    .map(|share| (share * largest(bits)).round() as u16)
                    .collect()
            }
        };
        Self {
            samples: Samples::Codes { bits, values },
            encoding: Encoding::Display,
            ..*self
        }
    }

    /// The same in RGB of 8 bits.
    pub fn to_rgb8(&self) -> Vec<u8> {
        let shown = self.to_shown(8);
        let values = shown.codes().iter().map(|v| *v as u8);
        match self.components {
            1 => values.flat_map(|v| [v; 3]).collect(),
            _ => values.collect(),
        }
    }

    /// Its codes; none where it is in floating point.
    pub fn codes(&self) -> &[u16] {
        match &self.samples {
            Samples::Codes { values, .. } => values,
            Samples::Float(_) => &[],
        }
    }

    /// The picture in light.
    pub fn to_linear(&self) -> Self {
        let values = match (&self.samples, self.encoding) {
            (Samples::Float(values), Encoding::Linear) => values.clone(),
            (Samples::Codes { bits, values }, Encoding::Linear) => values
                .iter()
                .map(|v| f32::from(*v) / largest(*bits))
                .collect(),
            (Samples::Codes { bits, values }, Encoding::Density) => {
                let of_ten = |v: &u16| f32::from(*v) / largest(*bits) * 1023.0;
                values.iter().map(|v| light_of_density(of_ten(v))).collect()
            }
            _ => self
                .numbers()
                .into_iter()
                .map(|n| light(self.share(n)))
                .collect(),
        };
        Self {
            samples: Samples::Float(values),
            encoding: Encoding::Linear,
            ..*self
        }
    }

    /// The same in grey: luma of codes, luminance of light.
    pub fn to_grey(&self) -> Self {
        let numbers = self.numbers();
        let samples = match &self.samples {
            _ if self.components == 1 => self.samples.clone(),
            Samples::Codes { bits, .. } => Samples::Codes {
                bits: *bits,
                values: numbers
                    .chunks(3)
                    .map(|c| grey(c, LUMA).round() as u16)
                    .collect(),
            },
            Samples::Float(_) => {
                Samples::Float(numbers.chunks(3).map(|c| grey(c, LUMINANCE)).collect())
            }
        };
        Self {
            components: 1,
            samples,
            ..*self
        }
    }

    /// A grey picture in colours: those of `colours`, RGB as it is shown, 16 bits a sample, which has this grey.
    pub fn in_colours(&self, colours: &[u16]) -> Self {
        let pixels = self.numbers().into_iter().zip(colours.as_chunks::<3>().0);
        let samples = match &self.samples {
            Samples::Codes { bits, .. } => {
                let white = largest(*bits);
                let values = pixels.flat_map(|(code, colour)| match self.encoding {
                    Encoding::Display => colour.map(|c| (f32::from(c) / 65535.0 * white).round()),
                    Encoding::Density => factors(colour).map(|factor| {
                        let more = CODES_OF_TEN * factor.max(LEAST).log10() * white / 1023.0;
                        (code + more).round()
                    }),
                    Encoding::Linear => factors(colour).map(|factor| (code * factor).round()),
                });
                Samples::Codes {
                    bits: *bits,
                    values: values.map(|code| code.clamp(0.0, white) as u16).collect(),
                }
            }
            Samples::Float(_) => {
                let values = pixels.flat_map(|(light, colour)| factors(colour).map(|f| light * f));
                Samples::Float(values.collect())
            }
        };
        Self {
            components: 3,
            samples,
            ..*self
        }
    }
}

/// How much more light than grey a colour has in red, green and blue; exactly as much where it is grey.
fn factors(colour: &[u16; 3]) -> [f32; 3] {
    let [red, green, blue] = *colour;
    if red == green && green == blue {
        return [1.0; 3];
    }
    let lights = colour.map(|c| light(f32::from(c) / 65535.0));
    let all = grey(&lights, LUMINANCE);
    lights.map(|light| light / all.max(f32::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn greys(encoding: Encoding, samples: Samples) -> Raster {
        let width = match &samples {
            Samples::Codes { values, .. } => values.len(),
            Samples::Float(values) => values.len(),
        };
        Raster {
            width,
            height: 1,
            components: 1,
            samples,
            encoding,
        }
    }

    #[test]
    fn density_is_shown_from_black_to_white() {
        let of = |values: Vec<u16>| greys(Encoding::Density, Samples::Codes { bits: 10, values });
        let shown = of(vec![0, 95, 445, 685, 1023]).to_shown(8);
        assert_eq!(shown.codes()[..2], [0, 0]);
        assert_eq!(shown.codes()[3..], [255, 255]);
        // Grey of 18 %, as laboratories have it.
        assert!((100..140).contains(&shown.codes()[2]), "{shown:?}");
    }

    #[test]
    fn light_is_shown_by_srgb() {
        let of = greys(
            Encoding::Linear,
            Samples::Float(vec![-1.0, 0.0, 0.214, 1.0, 7.0]),
        );
        assert_eq!(of.to_shown(8).codes(), [0, 0, 127, 255, 255]);
    }

    proptest! {
        #[test]
        fn grey_stays_what_it_is(
            encoding in proptest::sample::select(vec![Encoding::Display, Encoding::Density, Encoding::Linear]),
            bits in proptest::sample::select(vec![8_u32, 10, 12, 16]),
            values in proptest::collection::vec(any::<u16>(), 1..50),
        ) {
            let values: Vec<u16> = values.into_iter().map(|v| v >> (16 - bits)).collect();
            let grey = greys(encoding, Samples::Codes { bits, values: values.clone() });
            let shown = grey.to_shown(16);
            let colours: Vec<u16> = shown.codes().iter().flat_map(|v| [*v; 3]).collect();
            let made = grey.in_colours(&colours);
            let wanted: Vec<u16> = values.iter().flat_map(|v| [*v; 3]).collect();
            prop_assert_eq!(made.codes(), wanted);
            prop_assert_eq!(made.to_grey(), grey);
        }

        #[test]
        fn colours_have_the_light_of_the_grey(
            light in 0.001_f32..50.0,
            colour in any::<[u16; 3]>(),
        ) {
            prop_assume!(colour.iter().any(|c| *c > 2000));
            let grey = greys(Encoding::Linear, Samples::Float(vec![light]));
            let Samples::Float(made) = grey.in_colours(&colour).to_grey().samples else { panic!() };
            prop_assert!((made[0] - light).abs() < 1e-4 * light, "{} of {light}", made[0]);
        }
    }
}
