//! Label maps on disk: PNG files of ids (grey values or palette indices) or of colours.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::error::{DecodingError, ImageFormatHint};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageError, ImageFormat};
use png::{BitDepth, ColorType, Transformations};

use super::ClassMap;
use super::still::{StillError, array};

/// The largest decoded label file in bytes, as for pictures.
const MOST_BYTES: usize = 512 << 20;

/// The meaning of label files. Of ids, 0 to `classes` − 1 are classes, those in `void` and 255 stand for no label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelIds {
    /// Number of classes, at most 255.
    pub classes: usize,
    /// Further ids that stand for no label.
    pub void: Vec<u8>,
    /// What the pixels of RGB files stand for; without it there is no telling.
    pub colours: Option<LabelColours>,
}

/// What the pixels of RGB label files stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelColours {
    /// Red is the id, green and blue number the instances of a class, as in KITTI-STEP.
    RedIsId,
    /// A colour for each class.
    Table {
        /// The table's name or file.
        source: String,
        /// The id of every colour, 255 for no label.
        ids: HashMap<[u8; 3], u8>,
    },
}

impl LabelIds {
    /// Ids 0 to `classes` − 1, and the id after them for what is not labelled (as in CamVid, where it is 11).
    pub fn with_void_last(classes: usize) -> Self {
        Self {
            classes,
            void: u8::try_from(classes).into_iter().collect(),
            colours: None,
        }
    }

    /// The class that an id stands for, 255 for none; `None` for an id that means nothing.
    fn meaning(&self, id: u16) -> Option<u8> {
        let id = u8::try_from(id).ok()?;
        if id == 255 || self.void.contains(&id) {
            return Some(255);
        }
        (usize::from(id) < self.classes).then_some(id)
    }
}

/// The samples of a PNG file, as they are stored.
struct Samples {
    width: usize,
    height: usize,
    colour: ColorType,
    depth: BitDepth,
    /// Bytes of a row.
    stride: usize,
    bytes: Vec<u8>,
    orientation: Orientation,
}

impl Samples {
    fn read(path: &Path) -> Result<Self, StillError> {
        let io = |source| StillError::Io {
            path: path.to_owned(),
            source,
        };
        let layout = |found: &str| StillError::LabelLayout {
            path: path.to_owned(),
            found: found.to_owned(),
        };
        let broken = |source: png::DecodingError| match source {
            png::DecodingError::IoError(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => {
                io(e)
            }
            source => {
                let hint = ImageFormatHint::Exact(ImageFormat::Png);
                StillError::Decode {
                    path: path.to_owned(),
                    source: ImageError::Decoding(DecodingError::new(hint, source)),
                }
            }
        };
        let reader = image::ImageReader::open(path).map_err(io)?;
        let format = reader.with_guessed_format().map_err(io)?.format();
        if let Some(other) = format.filter(|format| *format != ImageFormat::Png) {
            let other = other.extensions_str().first().unwrap_or(&"other");
            return Err(layout(&format!(
                "a {other} file: only PNG keeps every id as it is"
            )));
        }
        let file = BufReader::new(File::open(path).map_err(io)?);
        let mut decoder = png::Decoder::new(file);
        // Neither palettes nor few bits are expanded: indices and values are the ids.
        decoder.set_transformations(Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(broken)?;
        let size = reader.output_buffer_size();
        let size = size.filter(|size| *size <= MOST_BYTES);
        let mut bytes = vec![0; size.ok_or_else(|| layout("larger than 512 MB"))?];
        let frame = reader.next_frame(&mut bytes).map_err(broken)?;
        let exif = reader.info().exif_metadata.as_deref();
        Ok(Self {
            width: frame.width as usize,
            height: frame.height as usize,
            colour: frame.color_type,
            depth: frame.bit_depth,
            stride: frame.line_size,
            bytes,
            orientation: exif
                .and_then(Orientation::from_exif_chunk)
                .unwrap_or(Orientation::NoTransforms),
        })
    }

    /// The rows, without what follows the last.
    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.stride.max(1)).take(self.height)
    }

    /// Values of the first channel, row by row.
    fn values(&self) -> impl Iterator<Item = u16> {
        let channels = self.colour.samples();
        let depth = self.depth as usize;
        self.rows().flat_map(move |row| {
            (0..self.width).map(move |x| {
                let bit = x * channels * depth;
                let byte = |at: usize| row.get(at).copied().map_or(0, u16::from);
                match depth {
                    16 => byte(bit / 8) << 8 | byte(bit / 8 + 1),
                    _ => byte(bit / 8) >> (8 - depth - bit % 8) & ((1 << depth) - 1),
                }
            })
        })
    }

    /// Red, green and blue, row by row, of samples of 8 bits.
    fn pixels(&self) -> impl Iterator<Item = [u8; 3]> {
        let channels = self.colour.samples();
        let rows = self.rows();
        rows.flat_map(move |row| row.chunks_exact(channels).take(self.width))
            .map(|pixel| match *pixel {
                [red, green, blue, ..] => [red, green, blue],
                _ => [0; 3],
            })
    }
}

/// Reads a label map (height, width) from a PNG file and maps void to 255. Grey values are ids at every bit depth, indices into
/// a palette are, and RGB is read by `ids.colours`; opacity is dropped. A file that says how it is to be turned, is.
///
/// # Errors
/// [`StillError`] when the file cannot be read, is of another layout, or holds an id or a colour that means nothing.
pub fn read_labels(path: &Path, ids: &LabelIds) -> Result<ClassMap, StillError> {
    let samples = Samples::read(path)?;
    let width = samples.width.max(1);
    let is_rgb = matches!(samples.colour, ColorType::Rgb | ColorType::Rgba);
    let id_of = |at: usize, value: u16| {
        ids.meaning(value).ok_or_else(|| StillError::LabelId {
            path: path.to_owned(),
            id: value,
            classes: ids.classes,
            x: at % width,
            y: at / width,
        })
    };
    let labels: Result<Vec<u8>, StillError> = match (&ids.colours, is_rgb) {
        (_, false) => {
            let values = samples.values().enumerate();
            values.map(|(at, value)| id_of(at, value)).collect()
        }
        (Some(_), true) if samples.depth != BitDepth::Eight => {
            return Err(StillError::LabelLayout {
                path: path.to_owned(),
                found: "RGB of 16 bits: colours of labels have 8".to_owned(),
            });
        }
        (Some(LabelColours::RedIsId), true) => {
            let pixels = samples.pixels().enumerate();
            pixels
                .map(|(at, [red, ..])| id_of(at, red.into()))
                .collect()
        }
        (Some(LabelColours::Table { source, ids }), true) => {
            let pixels = samples.pixels().enumerate();
            let class = |(at, colour): (usize, [u8; 3])| {
                ids.get(&colour)
                    .copied()
                    .ok_or_else(|| StillError::LabelColour {
                        path: path.to_owned(),
                        colour,
                        table: source.clone(),
                        x: at % width,
                        y: at / width,
                    })
            };
            pixels.map(class).collect()
        }
        (None, true) => {
            return Err(StillError::LabelLayout {
                path: path.to_owned(),
                found: "RGB, and it is not said which class a colour stands for: give the name or the file of a table \
                        of colours, or convert them to ids (a PNG of one channel or a palette)"
                    .to_owned(),
            });
        }
    };
    let size = (
        u32::try_from(samples.width),
        u32::try_from(samples.height),
        labels?,
    );
    let map = match size {
        (Ok(width), Ok(height), labels) => GrayImage::from_raw(width, height, labels),
        _ => None,
    };
    let mut map = DynamicImage::from(map.ok_or_else(|| StillError::Shape {
        path: path.to_owned(),
        shape: vec![samples.height, samples.width],
    })?);
    map.apply_orientation(samples.orientation);
    let shape = (map.height() as usize, map.width() as usize);
    array(path, shape, map.into_bytes())
}

#[cfg(test)]
mod tests;
