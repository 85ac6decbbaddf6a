//! Contact sheets: maps or colours without and with learning, side by side.

use std::path::Path;

use super::{EvalError, EvaluatedFrame, Predicted};
use crate::data::Played;
use tttseg::ndarray::s;
use tttseg::video::{ClassMap, Palette, Rgb, Scaler, scaled, write_png};

/// Width of a picture on the sheet, in pixels.
const CELL: usize = 320;
/// Pixels between two pictures, white.
const GAP: usize = 4;
/// Frames on a sheet.
const ROWS: usize = 5;

/// The model that a picture on the sheet is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Its map, or its colours, by the model as it is on disk.
    Without,
    /// Those by the model that has learned so far.
    With,
}

/// Frames of a stream, one below the other; from left to right the frame, its map without and with learning, its labels;
/// or the frame in grey, its colours without and with learning, and the true ones.
#[derive(Debug)]
pub struct ContactSheet {
    palette: Palette,
    /// Which frames are on it, by number.
    chosen: Vec<usize>,
    cells: Vec<[Option<Rgb>; 4]>,
    scaler: Scaler,
}

impl ContactSheet {
    /// An empty one for a stream of `frames` frames, of which it shows five, evenly spread.
    pub fn new(frames: usize, palette: Palette) -> Self {
        let rows = ROWS.min(frames);
        let chosen: Vec<usize> = (0..rows)
            .map(|row| (2 * row + 1) * frames / (2 * rows))
            .collect();
        Self {
            palette,
            cells: vec![[const { None }; 4]; rows],
            chosen,
            scaler: Scaler::new(),
        }
    }

    /// Takes a frame, if it is one of those shown and has been scored.
    ///
    /// # Errors
    /// A picture that cannot be scaled.
    pub fn add(&mut self, column: Column, evaluated: &EvaluatedFrame<'_>) -> Result<(), EvalError> {
        let number = evaluated.report.frame.checked_sub(1);
        let row = self.chosen.iter().position(|c| Some(*c as u64) == number);
        let (Some(row), Some(predicted)) = (row, evaluated.predicted) else {
            return Ok(());
        };
        let Played {
            picture, labels, ..
        } = evaluated.frame;
        let (predicted, truth) = match (predicted, labels) {
            (Predicted::Colours(rgb), _) => (rgb.clone(), picture.clone()),
            (Predicted::Classes(map), Some(labels)) => (self.coloured(map), self.coloured(labels)),
            (Predicted::Classes(_), None) => return Ok(()),
        };
        let place = match column {
            Column::Without => 1,
            Column::With => 2,
        };
        for (place, rgb) in [(0, evaluated.shown), (place, &predicted), (3, &truth)] {
            self.cells[row][place] = Some(self.cell(rgb)?);
        }
        Ok(())
    }

    /// Writes the sheet as PNG.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), EvalError> {
        let rows = self.cells.iter().filter_map(|cells| {
            let heights = cells.iter().flatten().map(|cell| cell.dim().0);
            Some((cells, heights.max()?))
        });
        let rows: Vec<_> = rows.collect();
        let width = 4 * CELL + 3 * GAP;
        let height = rows.iter().map(|(_, row)| row + GAP).sum::<usize>();
        let height = height.saturating_sub(GAP).max(1);
        let mut sheet = Rgb::from_elem((height, width, 3), 255);
        let mut top = 0;
        for (cells, row) in rows {
            for (column, cell) in cells.iter().enumerate() {
                let Some(cell) = cell else { continue };
                let left = column * (CELL + GAP);
                let place = s![top..top + cell.dim().0, left..left + CELL, ..];
                sheet.slice_mut(place).assign(cell);
            }
            top += row + GAP;
        }
        Ok(write_png(path, &sheet)?)
    }

    /// Classes in their colours, what is none black.
    fn coloured(&self, map: &ClassMap) -> Rgb {
        let (height, width) = map.dim();
        Rgb::from_shape_fn((height, width, 3), |(y, x, c)| {
            self.palette.get(map[[y, x]]).unwrap_or([0; 3])[c]
        })
    }

    fn cell(&mut self, picture: &Rgb) -> Result<Rgb, EvalError> {
        let (height, width, _) = picture.dim();
        let to = (CELL * height / width.max(1)).max(1);
        Ok(scaled(picture, CELL, to, &mut self.scaler)?)
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use tttseg::adapt::Report;
    use tttseg::video::read_rgb;

    #[test]
    fn a_sheet_shows_frame_maps_and_labels_side_by_side() {
        let (width, height) = (64, 32);
        let frame = Played {
            still: 0,
            picture: Rgb::from_elem((height, width, 3), 200),
            labels: Some(ClassMap::zeros((height, width))),
        };
        let palette = Palette(vec![[10, 20, 30], [40, 50, 60]]);
        let mut sheet = ContactSheet::new(2, palette);
        for (number, column, class) in [
            (1, Column::Without, 1),
            (1, Column::With, 0),
            (9, Column::With, 1),
        ] {
            let evaluated = EvaluatedFrame {
                report: &Report::of(number, 1),
                frame: &frame,
                shown: &frame.picture,
                predicted: Some(Predicted::Classes(&ClassMap::from_elem(
                    (height, width),
                    class,
                ))),
            };
            sheet.add(column, &evaluated).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        sheet.write(&path).unwrap();
        let read = read_rgb(&path).unwrap();
        assert_eq!(read.dim(), (160, 4 * CELL + 3 * GAP, 3));
        let pixel = |column: usize| {
            let x = column * (CELL + GAP) + CELL / 2;
            [0, 1, 2].map(|c| read[[80, x, c]])
        };
        let expected = [[200; 3], [40, 50, 60], [10, 20, 30], [10, 20, 30]];
        assert_eq!([0, 1, 2, 3].map(pixel), expected);
    }
}
