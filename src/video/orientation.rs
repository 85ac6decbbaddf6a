//! The orientation of pictures that a camera held on its side, or upside down, has recorded.

use ndarray::{Array, ArrayRef, Axis, Dimension};

/// How a picture is turned to be seen upright: mirrored first, if it is, and then turned clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orientation {
    is_mirrored: bool,
    /// From 0 to 3.
    quarter_turns: u8,
}

impl Orientation {
    /// By its name in GStreamer's tag `image-orientation`: `rotate-90`, `flip-rotate-180` and so on; none for another word.
    pub fn from_tag(name: &str) -> Option<Self> {
        let (is_mirrored, turn) = match name.strip_prefix("flip-") {
            Some(turn) => (true, turn),
            None => (false, name),
        };
        let quarter_turns = match turn {
            "rotate-0" => 0,
            "rotate-90" => 1,
            "rotate-180" => 2,
            "rotate-270" => 3,
            _ => return None,
        };
        Some(Self {
            is_mirrored,
            quarter_turns,
        })
    }

    /// By the number that EXIF and TIFF have for it, 1 to 8; none for another.
    pub fn from_exif(number: u16) -> Option<Self> {
        let names = [
            "rotate-0",
            "flip-rotate-0",
            "rotate-180",
            "flip-rotate-180",
            "flip-rotate-270",
            "rotate-90",
            "flip-rotate-90",
            "rotate-270",
        ];
        let at = usize::from(number).checked_sub(1)?;
        names.get(at).and_then(|name| Self::from_tag(name))
    }

    /// Whether a picture is upright as it is.
    pub fn is_upright(self) -> bool {
        self == Self::default()
    }

    /// Width and height of one picture in the other's orientation: swapped where it lies on its side.
    pub fn size(self, (width, height): (usize, usize)) -> (usize, usize) {
        match self.quarter_turns % 2 {
            0 => (width, height),
            _ => (height, width),
        }
    }

    /// A picture turned upright. `down` is the axis of its rows, `across` that of its columns.
    ///
    /// # Panics
    /// If the array has no such axes.
    pub fn upright<A: Clone, D: Dimension>(
        self,
        picture: &ArrayRef<A, D>,
        [down, across]: [usize; 2],
    ) -> Array<A, D> {
        let mut view = picture.view();
        if self.is_mirrored {
            view.invert_axis(Axis(across));
        }
        for _ in 0..self.quarter_turns {
            view.swap_axes(down, across);
            view.invert_axis(Axis(across));
        }
        view.as_standard_layout().into_owned()
    }

    /// An upright picture turned as the recorded ones lie: the inverse of [`Orientation::upright`].
    ///
    /// # Panics
    /// If the array has no such axes.
    pub fn as_recorded<A: Clone, D: Dimension>(
        self,
        picture: &ArrayRef<A, D>,
        [down, across]: [usize; 2],
    ) -> Array<A, D> {
        let mut view = picture.view();
        for _ in 0..self.quarter_turns {
            view.invert_axis(Axis(across));
            view.swap_axes(down, across);
        }
        if self.is_mirrored {
            view.invert_axis(Axis(across));
        }
        view.as_standard_layout().into_owned()
    }

    /// A place in a recorded picture, as shares of its width and height, in the upright one.
    pub fn place_upright(self, (mut x, mut y): (f64, f64)) -> (f64, f64) {
        if self.is_mirrored {
            x = 1.0 - x;
        }
        for _ in 0..self.quarter_turns {
            (x, y) = (1.0 - y, x);
        }
        (x, y)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array, aview2};

    use super::*;

    const ALL: [&str; 8] = [
        "rotate-0",
        "rotate-90",
        "rotate-180",
        "rotate-270",
        "flip-rotate-0",
        "flip-rotate-90",
        "flip-rotate-180",
        "flip-rotate-270",
    ];

    #[test]
    fn pictures_turn_clockwise() {
        let recorded = array![[1, 2, 3], [4, 5, 6]];
        let upright = |name| {
            Orientation::from_tag(name)
                .unwrap()
                .upright(&recorded, [0, 1])
        };
        assert_eq!(upright("rotate-0"), recorded);
        assert_eq!(upright("rotate-90"), aview2(&[[4, 1], [5, 2], [6, 3]]));
        assert_eq!(upright("rotate-180"), aview2(&[[6, 5, 4], [3, 2, 1]]));
        assert_eq!(upright("rotate-270"), aview2(&[[3, 6], [2, 5], [1, 4]]));
        assert_eq!(upright("flip-rotate-0"), aview2(&[[3, 2, 1], [6, 5, 4]]));
        assert_eq!(upright("flip-rotate-90"), aview2(&[[6, 3], [5, 2], [4, 1]]));
        assert!(
            ["rotate-45", "", "flip-"]
                .iter()
                .all(|name| Orientation::from_tag(name).is_none())
        );
    }

    /// As the crate `image` turns pictures.
    #[test]
    fn numbers_of_exif() {
        let recorded = array![[1_u8, 2, 3], [4, 5, 6]];
        for number in 1..=8 {
            let way = Orientation::from_exif(number.into()).unwrap();
            let grey =
                image::GrayImage::from_raw(3, 2, recorded.iter().copied().collect()).unwrap();
            let mut turned = image::DynamicImage::ImageLuma8(grey);
            turned.apply_orientation(image::metadata::Orientation::from_exif(number).unwrap());
            let upright = way.upright(&recorded, [0, 1]);
            assert_eq!(
                upright.iter().copied().collect::<Vec<_>>(),
                turned.into_bytes(),
                "{number}"
            );
        }
        assert_eq!([0, 9].map(Orientation::from_exif), [None; 2]);
    }

    #[test]
    fn all_turns_lead_back() {
        let recorded = Array3::from_shape_fn((2, 3, 5), |(c, y, x)| c * 100 + y * 10 + x);
        for name in ALL {
            let way = Orientation::from_tag(name).unwrap();
            let upright = way.upright(&recorded, [1, 2]);
            let (width, height) = way.size((5, 3));
            assert_eq!(upright.dim(), (2, height, width), "{name}");
            assert!(upright.is_standard_layout());
            assert_eq!(way.as_recorded(&upright, [1, 2]), recorded, "{name}");
            assert_eq!(way.is_upright(), name == "rotate-0");
            // The middle of a pixel stays the middle of that pixel.
            let (x, y) = way.place_upright((3.5 / 5.0, 1.5 / 3.0));
            let there = [0, (y * height as f64) as usize, (x * width as f64) as usize];
            assert_eq!(upright[there], recorded[[0, 1, 3]], "{name}");
        }
    }
}
