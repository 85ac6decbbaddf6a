//! Colours of classes.

use serde::{Deserialize, Serialize};

/// An error in a palette's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaletteError {
    /// Not six hexadecimal digits.
    #[error("'{0}' is not a colour (six hexadecimal digits, such as 80407f)")]
    Colour(String),
    /// More than 255 colours.
    #[error("{0} colours (at most 255: 255 stands for no label)")]
    Many(usize),
}

/// One RGB colour per class. Classes without a colour are not drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Palette(pub Vec<[u8; 3]>);

impl Palette {
    /// `classes` colours that differ well from their neighbours in the list: hues a golden angle apart, in three steps of
    /// brightness.
    pub fn distinct(classes: usize) -> Self {
        let colour = |class: usize| {
            let hue = (class as f64 * 0.618_033_988_75 + 0.08).fract() * 6.0;
            let value = [0.95, 0.7, 0.5][class / 5 % 3];
            let saturation = [0.75, 0.55, 0.9][class / 3 % 3];
            [5.0, 3.0, 1.0].map(|n: f64| {
                let k = (n + hue) % 6.0;
                let level = value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0));
                (level * 255.0).round() as u8
            })
        };
        Self((0..classes.min(255)).map(colour).collect())
    }

    /// The 11 CamVid classes: sky, building, pole, road, pavement, tree, sign, fence, car, pedestrian, bicyclist.
    pub fn camvid() -> Self {
        Self(vec![
            [128, 128, 128],
            [128, 0, 0],
            [192, 192, 128],
            [128, 64, 128],
            [60, 40, 222],
            [128, 128, 0],
            [192, 128, 128],
            [64, 64, 128],
            [64, 0, 128],
            [64, 64, 0],
            [0, 128, 192],
        ])
    }

    /// The 19 Cityscapes classes: road, sidewalk, building, wall, fence, pole, traffic light, traffic sign, vegetation,
    /// terrain, sky, person, rider, car, truck, bus, train, motorcycle, bicycle.
    pub fn cityscapes() -> Self {
        Self(vec![
            [128, 64, 128],
            [244, 35, 232],
            [70, 70, 70],
            [102, 102, 156],
            [190, 153, 153],
            [153, 153, 153],
            [250, 170, 30],
            [220, 220, 0],
            [107, 142, 35],
            [152, 251, 152],
            [70, 130, 180],
            [220, 20, 60],
            [255, 0, 0],
            [0, 0, 142],
            [0, 0, 70],
            [0, 60, 100],
            [0, 80, 100],
            [0, 0, 230],
            [119, 11, 32],
        ])
    }

    /// What to draw `classes` classes with when a model file has no palette.
    pub fn for_classes(classes: usize) -> Self {
        match classes {
            11 => Self::camvid(),
            19 => Self::cityscapes(),
            n => Self::distinct(n),
        }
    }

    /// The colour of each of `classes` classes for which `shown` holds; those beyond the palette have none.
    pub fn colours(&self, classes: usize, shown: impl Fn(usize) -> bool) -> Vec<Option<[u8; 3]>> {
        let colour = |class| self.0.get(class).copied().filter(|_| shown(class));
        (0..classes).map(colour).collect()
    }

    /// The colour of a class, if it has one.
    pub fn get(&self, class: u8) -> Option<[u8; 3]> {
        if class == 255 {
            return None;
        }
        self.0.get(usize::from(class)).copied()
    }
}

impl std::str::FromStr for Palette {
    type Err = PaletteError;

    /// Hexadecimal colours, separated by commas, semicolons or spaces, with or without `#`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let colours: Vec<[u8; 3]> = text
            .split([',', ';', ' ', '\n', '\t'])
            .filter(|part| !part.is_empty())
            .map(|part| {
                let digits = part.strip_prefix('#').unwrap_or(part);
                let hexadecimal =
                    digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                match u32::from_str_radix(digits, 16) {
                    Ok(value) if hexadecimal => {
                        let [_, r, g, b] = value.to_be_bytes();
                        Ok([r, g, b])
                    }
                    _ => Err(PaletteError::Colour(part.to_owned())),
                }
            })
            .collect::<Result<_, _>>()?;
        if colours.len() > 255 {
            return Err(PaletteError::Many(colours.len()));
        }
        Ok(Self(colours))
    }
}

impl std::fmt::Display for Palette {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, [r, g, b]) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{r:02x}{g:02x}{b:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_colours_differ() {
        for classes in [1, 2, 11, 19, 133, 255] {
            let palette = Palette::distinct(classes).0;
            assert_eq!(palette.len(), classes);
            for i in 0..classes {
                // Neighbours must be easy to distinguish; in the whole list no two may be equal.
                for j in i + 1..classes {
                    let distance: u32 = (0..3)
                        .map(|c| u32::from(palette[i][c].abs_diff(palette[j][c])))
                        .sum();
                    let least = if j - i < 8 { 40 } else { 1 };
                    assert!(distance >= least, "classes {i} and {j}: {distance}");
                }
            }
        }
    }

    #[test]
    fn text_there_and_back() {
        for palette in [Palette::camvid(), Palette::cityscapes(), Palette::default()] {
            assert_eq!(palette.to_string().parse::<Palette>().unwrap(), palette);
        }
        assert_eq!(
            "#FF0000; 00ff00".parse::<Palette>().unwrap().0,
            [[255, 0, 0], [0, 255, 0]]
        );
        for wrong in ["ff00", "gg0000", "+f0000", "ff0000,é"] {
            assert!(wrong.parse::<Palette>().is_err(), "{wrong}");
        }
        let many = "000000,".repeat(256);
        assert_eq!(many.parse::<Palette>(), Err(PaletteError::Many(256)));
        assert_eq!(Palette::distinct(300).get(255), None);
        assert_eq!(Palette::camvid().get(11), None);
    }
}
