//! Crops of pictures.

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// Columns to the left of it.
    pub x: usize,
    /// Rows above it.
    pub y: usize,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

impl Crop {
    /// Cuts the rectangle out of an image of `width` pixels a row and `channels` bytes a pixel, without padding; `None`
    /// where the image ends before the rectangle does.
    pub fn cut(&self, image: &[u8], width: usize, channels: usize) -> Option<Vec<u8>> {
        let right = self.x.checked_add(self.width)?;
        if right > width {
            return None;
        }
        let row = width.checked_mul(channels)?;
        let rows = self.y..self.y.checked_add(self.height)?;
        let mut part = Vec::with_capacity(self.width * channels * rows.len().min(image.len()));
        for y in rows {
            let start = y.checked_mul(row)?;
            let bytes = image.get(start..start.checked_add(row)?)?;
            part.extend_from_slice(&bytes[self.x * channels..right * channels]);
        }
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_was_there() {
        // 4 columns, 3 rows, 2 channels.
        let image: Vec<u8> = (0..24).collect();
        let crop = Crop {
            x: 1,
            y: 1,
            width: 2,
            height: 2,
        };
        let part = crop.cut(&image, 4, 2).unwrap();
        assert_eq!(part, [10, 11, 12, 13, 18, 19, 20, 21]);
        let whole = Crop {
            x: 0,
            y: 0,
            width: 4,
            height: 3,
        };
        assert_eq!(whole.cut(&image, 4, 2).unwrap(), image);
    }

    #[test]
    fn a_part_beyond_the_picture_is_none() {
        let image = [0; 24];
        for (x, y, width, height) in [
            (3, 0, 2, 1),
            (0, 2, 1, 2),
            (usize::MAX, 0, 1, 1),
            (0, usize::MAX, 1, 1),
            (0, 0, 1, usize::MAX),
        ] {
            let crop = Crop {
                x,
                y,
                width,
                height,
            };
            assert_eq!(crop.cut(&image, 4, 2), None, "{crop:?}");
        }
    }
}
