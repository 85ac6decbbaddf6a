//! Contact sheets: maps or colours without and with learning, side by side.

use std::path::Path;

use super::{EvalError, EvaluatedFrame, Predicted};
use crate::data::{Played, resized};
use tttseg::video::{Palette, Scaler, write_png};

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
    cells: Vec<[Option<Cell>; 4]>,
    scaler: Scaler,
}

#[derive(Clone, Debug)]
struct Cell {
    height: usize,
    rgb: Vec<u8>,
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
            (Predicted::Colours(rgb), _) => (rgb.to_vec(), picture.bytes.clone()),
            (Predicted::Classes(map), Some(labels)) => {
                (self.coloured(map), self.coloured(&labels.ids))
            }
            (Predicted::Classes(_), None) => return Ok(()),
        };
        let place = match column {
            Column::Without => 1,
            Column::With => 2,
        };
        for (place, rgb) in [(0, evaluated.shown), (place, &predicted), (3, &truth)] {
            let cell = self.cell(rgb, picture.width, picture.height)?;
            self.cells[row][place] = Some(cell);
        }
        Ok(())
    }

    /// Writes the sheet as PNG.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), EvalError> {
        let rows = self.cells.iter().filter_map(|cells| {
            let heights = cells.iter().flatten().map(|cell| cell.height);
            Some((cells, heights.max()?))
        });
        let rows: Vec<_> = rows.collect();
        let width = 4 * CELL + 3 * GAP;
        let height = rows.iter().map(|(_, row)| row + GAP).sum::<usize>();
        let height = height.saturating_sub(GAP).max(1);
        let mut sheet = vec![255; width * height * 3];
        let mut top = 0;
        for (cells, row) in rows {
            for (column, cell) in cells.iter().enumerate() {
                let Some(cell) = cell else { continue };
                let left = column * (CELL + GAP);
                for (y, line) in cell.rgb.chunks_exact(CELL * 3).enumerate() {
                    let start = ((top + y) * width + left) * 3;
                    sheet[start..start + line.len()].copy_from_slice(line);
                }
            }
            top += row + GAP;
        }
        Ok(write_png(path, &sheet, width, height)?)
    }

    /// Classes in their colours, what is none black.
    fn coloured(&self, classes: &[u8]) -> Vec<u8> {
        let colours = classes
            .iter()
            .map(|class| self.palette.get(*class).unwrap_or([0; 3]));
        colours.flatten().collect()
    }

    fn cell(&mut self, rgb: &[u8], width: usize, height: usize) -> Result<Cell, EvalError> {
        let to = (CELL * height / width.max(1)).max(1);
        let rgb = resized(rgb, (width, height), (CELL, to), &mut self.scaler)?;
        Ok(Cell { height: to, rgb })
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use tttseg::adapt::Report;
    use tttseg::video::{Labels, Rgb, read_rgb};

    #[test]
    fn a_sheet_shows_frame_maps_and_labels_side_by_side() {
        let (width, height) = (64, 32);
        let frame = Played {
            still: 0,
            picture: Rgb {
                width,
                height,
                bytes: vec![200; width * height * 3],
            },
            labels: Some(Labels {
                width,
                height,
                ids: vec![0; width * height],
            }),
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
                shown: &frame.picture.bytes,
                predicted: Some(Predicted::Classes(&vec![class; width * height])),
            };
            sheet.add(column, &evaluated).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        sheet.write(&path).unwrap();
        let read = read_rgb(&path).unwrap();
        assert_eq!((read.width, read.height), (4 * CELL + 3 * GAP, 160));
        let pixel = |column: usize| {
            let place = (80 * read.width + column * (CELL + GAP) + CELL / 2) * 3;
            <[u8; 3]>::try_from(&read.bytes[place..place + 3]).unwrap()
        };
        let expected = [[200; 3], [40, 50, 60], [10, 20, 30], [10, 20, 30]];
        assert_eq!([0, 1, 2, 3].map(pixel), expected);
    }
}
