use ndarray::array;

use super::*;
use crate::video::{Rgb, write_png};

/// A PNG file of the samples given.
struct Png<'a> {
    size: (u32, u32),
    colour: ColorType,
    depth: BitDepth,
    palette: Option<&'a [u8]>,
    exif: Option<&'a [u8]>,
    bytes: &'a [u8],
}

impl<'a> Png<'a> {
    fn new(size: (u32, u32), colour: ColorType, depth: BitDepth, bytes: &'a [u8]) -> Self {
        Self {
            size,
            colour,
            depth,
            palette: None,
            exif: None,
            bytes,
        }
    }

    fn read(&self, ids: &LabelIds) -> Result<ClassMap, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("label.png");
        let mut info = png::Info::with_size(self.size.0, self.size.1);
        info.color_type = self.colour;
        info.bit_depth = self.depth;
        info.palette = self.palette.map(Into::into);
        info.exif_metadata = self.exif.map(Into::into);
        let file = File::create(&path).unwrap();
        let encoder = png::Encoder::with_info(file, info).unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(self.bytes).unwrap();
        writer.finish().unwrap();
        read_labels(&path, ids).map_err(|e| e.to_string())
    }
}

/// Three classes, of which 3 is none.
fn three() -> LabelIds {
    LabelIds::with_void_last(3)
}

#[test]
fn grey_values_are_ids_at_every_depth() {
    let read =
        |depth, bytes: &[u8]| Png::new((3, 2), ColorType::Grayscale, depth, bytes).read(&three());
    // Rows begin at whole bytes.
    let one = read(BitDepth::One, &[0b0110_0000, 0b1000_0000]);
    assert_eq!(one.unwrap(), array![[0, 1, 1], [1, 0, 0]]);
    let wanted = array![[0, 1, 2], [255, 2, 1]];
    let two = read(BitDepth::Two, &[0b0001_1000, 0b1110_0100]);
    assert_eq!(two.unwrap(), wanted);
    let four = read(BitDepth::Four, &[0x01, 0x20, 0x32, 0x10]);
    assert_eq!(four.unwrap(), wanted);
    assert_eq!(
        read(BitDepth::Eight, &[0, 1, 2, 255, 2, 1]).unwrap(),
        wanted
    );
    let sixteen = read(BitDepth::Sixteen, &[0, 0, 0, 1, 0, 2, 0, 255, 0, 2, 0, 1]);
    assert_eq!(sixteen.unwrap(), wanted);
    let with_opacity = [0, 9, 1, 9, 2, 9, 255, 0, 2, 9, 1, 9];
    let file = Png::new(
        (3, 2),
        ColorType::GrayscaleAlpha,
        BitDepth::Eight,
        &with_opacity,
    );
    assert_eq!(file.read(&three()).unwrap(), wanted);
}

#[test]
fn ids_that_mean_nothing_are_named_with_their_place() {
    let read = |depth, bytes: &[u8]| {
        let file = Png::new((3, 2), ColorType::Grayscale, depth, bytes);
        file.read(&three()).unwrap_err()
    };
    let eight = read(BitDepth::Eight, &[0, 1, 2, 1, 7, 9]);
    assert!(
        eight.contains("label.png: label 7 is none of the 3 classes")
            && eight.contains("at x 1, y 1"),
        "{eight}"
    );
    // Not the high byte, which is 1, nor the low one, which is 0.
    let sixteen = read(BitDepth::Sixteen, &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert!(
        sixteen.contains("label 256 is none") && sixteen.contains("at x 2, y 0"),
        "{sixteen}"
    );
    // What is void above the classes is not at 16 bits.
    let ids = LabelIds {
        void: (3..255).collect(),
        ..three()
    };
    let bytes = [255, 255];
    let file = Png::new((1, 1), ColorType::Grayscale, BitDepth::Sixteen, &bytes);
    let refused = file.read(&ids).unwrap_err();
    assert!(refused.contains("label 65535 is none"), "{refused}");
}

#[test]
fn indices_into_a_palette_are_ids() {
    // Colours as in VOC; that of index 1 looks like another id in grey.
    let palette = [0, 0, 0, 128, 0, 0, 0, 128, 0];
    let wanted = array![[0, 1, 2], [2, 1, 0]];
    for (depth, bytes) in [
        (BitDepth::Two, &[0b0001_1000, 0b1001_0000][..]),
        (BitDepth::Four, &[0x01, 0x20, 0x21, 0x00]),
        (BitDepth::Eight, &[0, 1, 2, 2, 1, 0]),
    ] {
        let file = Png {
            palette: Some(&palette),
            ..Png::new((3, 2), ColorType::Indexed, depth, bytes)
        };
        assert_eq!(file.read(&three()).unwrap(), wanted, "{depth:?}");
    }
}

#[test]
fn colours_are_read_by_a_table_or_refused() {
    let bytes = [1, 2, 3, 4, 5, 6];
    let file = Png::new((2, 1), ColorType::Rgb, BitDepth::Eight, &bytes);
    let refused = file.read(&three()).unwrap_err();
    assert!(
        refused.contains("label.png: labels that cannot be read: RGB")
            && refused.contains("table of colours"),
        "{refused}"
    );
    let table = |ids: &[([u8; 3], u8)]| LabelIds {
        colours: Some(LabelColours::Table {
            source: "mine".into(),
            ids: ids.iter().copied().collect(),
        }),
        ..three()
    };
    let both = table(&[([1, 2, 3], 2), ([4, 5, 6], 255)]);
    assert_eq!(file.read(&both).unwrap(), array![[2, 255]]);
    let bytes = [1, 2, 3, 77, 4, 5, 6, 0];
    let opaque = Png::new((2, 1), ColorType::Rgba, BitDepth::Eight, &bytes);
    assert_eq!(opaque.read(&both).unwrap(), array![[2, 255]]);
    let refused = file.read(&table(&[([1, 2, 3], 2)])).unwrap_err();
    assert!(
        refused.contains("colour [4, 5, 6] is not in the table of colours mine")
            && refused.contains("at x 1, y 0"),
        "{refused}"
    );
    // A table says nothing of grey.
    let grey = Png::new((2, 1), ColorType::Grayscale, BitDepth::Eight, &[0, 1]);
    assert_eq!(grey.read(&both).unwrap(), array![[0, 1]]);
    let bytes = [0; 6];
    let deep = Png::new((1, 1), ColorType::Rgb, BitDepth::Sixteen, &bytes);
    assert!(deep.read(&both).unwrap_err().contains("RGB of 16 bits"));
}

#[test]
fn red_is_the_id_beside_instances() {
    let bytes = [2, 0, 9, 255, 0, 0];
    let ids = LabelIds {
        colours: Some(LabelColours::RedIsId),
        ..three()
    };
    let file = Png::new((2, 1), ColorType::Rgb, BitDepth::Eight, &bytes);
    assert_eq!(file.read(&ids).unwrap(), array![[2, 255]]);
    let bytes = [7, 0, 9, 255, 0, 0];
    let file = Png::new((2, 1), ColorType::Rgb, BitDepth::Eight, &bytes);
    assert!(file.read(&ids).unwrap_err().contains("label 7 is none"));
}

#[test]
fn labels_are_turned_by_their_own_tag_only() {
    let exif = crate::video::testing::exif(6);
    let file = Png {
        exif: Some(&exif),
        ..Png::new((3, 1), ColorType::Grayscale, BitDepth::Eight, &[0, 1, 2])
    };
    assert_eq!(file.read(&three()).unwrap(), array![[0], [1], [2]]);
}

#[test]
fn files_that_are_no_labels() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    let refused = || read_labels(&path, &three()).unwrap_err();
    assert!(matches!(refused(), StillError::Io { .. }));
    std::fs::write(&path, b"no image").unwrap();
    assert!(matches!(refused(), StillError::Decode { .. }));
    let grey = image::GrayImage::new(16, 16);
    grey.save_with_format(&path, ImageFormat::Jpeg).unwrap();
    let said = refused().to_string();
    assert!(
        said.contains("a.png: labels that cannot be read: a jpg file"),
        "{said}"
    );
    // Cut short.
    write_png(
        &path,
        &Rgb::from_shape_fn((9, 9, 3), |(y, x, c)| (40 * y + 9 * x + c) as u8),
    )
    .unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(refused(), StillError::Decode { .. }));
}
