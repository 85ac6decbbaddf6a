//! Contact sheets: maps or colours without and with learning, side by side.

use std::path::Path;

use super::{ColouredFrame, EvalError, EvaluatedFrame};
use crate::data::resized;
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
        let (Some(labels), Some(predicted)) = (&evaluated.frame.labels, evaluated.predicted) else {
            return Ok(());
        };
        let Some(row) = self.row(evaluated.report.frame) else {
            return Ok(());
        };
        let picture = &evaluated.frame.picture;
        let (width, height) = (labels.width, labels.height);
        let map = self.coloured(predicted);
        let truth = self.coloured(&labels.ids);
        let frame = self.cell(&picture.bytes, picture.width, picture.height)?;
        let cells = [
            self.cell(&map, width, height)?,
            self.cell(&truth, width, height)?,
        ];
        self.put(row, column, frame, cells);
        Ok(())
    }

    /// Takes a frame that was coloured, if it is one of those shown.
    ///
    /// # Errors
    /// A picture that cannot be scaled.
    pub fn add_colours(
        &mut self,
        column: Column,
        evaluated: &ColouredFrame<'_>,
    ) -> Result<(), EvalError> {
        let Some(row) = self.row(evaluated.report.frame) else {
            return Ok(());
        };
        let picture = &evaluated.frame.picture;
        let (width, height) = (picture.width, picture.height);
        let frame = self.cell(evaluated.grey, width, height)?;
        let predicted = self.cell(evaluated.predicted, width, height)?;
        let truth = self.cell(&picture.bytes, width, height)?;
        self.put(row, column, frame, [predicted, truth]);
        Ok(())
    }

    /// The row of a frame, counted from 1, if it is shown.
    fn row(&self, frame: u64) -> Option<usize> {
        let number = usize::try_from(frame.checked_sub(1)?).ok()?;
        self.chosen.iter().position(|chosen| *chosen == number)
    }

    fn put(&mut self, row: usize, column: Column, frame: Cell, [predicted, truth]: [Cell; 2]) {
        let place = match column {
            Column::Without => 1,
            Column::With => 2,
        };
        self.cells[row][0] = Some(frame);
        self.cells[row][place] = Some(predicted);
        self.cells[row][3] = Some(truth);
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
    use crate::data::Played;
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
                predicted: Some(&vec![class; width * height]),
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
