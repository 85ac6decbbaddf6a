//! TIFF: grey and RGB of 8 or 16 bits, or in floating point, which is light.

use std::borrow::Cow;
use std::io::Cursor;

use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::encoder::colortype::{ColorType, Gray8, Gray16, Gray32Float, RGB8, RGB16, RGB32Float};
use tiff::encoder::{Rational, TiffEncoder, TiffValue};
use tiff::tags::{ResolutionUnit, Tag, Type, ValueBuffer};
use tiff::{ColorType as Colours, TiffError};
use tttseg::ndarray::{Array3, ArrayBase, Ix3, OwnedRepr};
use tttseg::video::Orientation;

use super::most_samples;
use super::raster::{Encoding, Raster, Samples};

/// Bytes of samples in a picture: more than a scan of 16 K by 16 K in 16 bits is refused.
const MOST: usize = 1 << 31;
/// Pages in a file that are looked at: a chain of them may lead back to itself.
const MOST_PAGES: usize = 1000;
/// Texts that are written again.
const TEXTS: [Tag; 7] = [
    Tag::ImageDescription,
    Tag::Make,
    Tag::Model,
    Tag::DateTime,
    Tag::Artist,
    Tag::Copyright,
    Tag::Unknown(269),
];

/// What is written again: texts, resolution, the ICC profile of RGB.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// As bytes with the zero at their end: not all programs keep to ASCII.
    texts: Vec<(Tag, Vec<u8>)>,
    /// Across and down, and the unit that they are in.
    resolution: Option<([(u32, u32); 2], u16)>,
    profile: Option<Vec<u8>>,
}

/// A picture, upright, out of the bytes of a file. Opacity is left out.
pub fn decode(bytes: &[u8]) -> Result<(Raster, Header), String> {
    decoded(bytes).map_err(|e| e.to_string()).flatten()
}

fn decoded(bytes: &[u8]) -> Result<Result<(Raster, Header), String>, TiffError> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = most_samples(bytes).min(MOST);
    let mut file = Decoder::new(Cursor::new(bytes))?.with_limits(limits);
    let (width, height) = file.dimensions()?;
    let colours = file.colortype()?;
    let (bits, stored, components) = match colours {
        Colours::Gray(bits) => (bits, 1, 1),
        Colours::GrayA(bits) => (bits, 2, 1),
        Colours::RGB(bits) => (bits, 3, 3),
        Colours::RGBA(bits) => (bits, 4, 3),
        other => {
            return Ok(Err(format!(
                "pixels of {other:?}; grey and RGB are possible"
            )));
        }
    };
    if !matches!(bits, 8 | 16 | 32) {
        return Ok(Err(format!(
            "samples of {bits} bits; 8 and 16 and floating point are possible"
        )));
    }
    let planes: Option<u16> = file.find_tag_unsigned(Tag::PlanarConfiguration)?;
    if stored > 1 && planes == Some(2) {
        let what = "its components lie one behind the other (PlanarConfiguration 2); side by side (1) is possible";
        return Ok(Err(what.into()));
    }
    if let Err(what) = one_page(&mut file)? {
        return Ok(Err(what));
    }
    let mut header = Header::default();
    for tag in TEXTS {
        let mut text = ValueBuffer::empty(Type::ASCII);
        let found = file.image_ifd().find_tag_buf(tag, &mut text)?;
        if found.is_some() && text.data_type() == Type::ASCII {
            header.texts.push((tag, text.as_bytes().to_vec()));
        }
    }
    let mut resolution = |tag| match file.find_tag(tag) {
        Ok(Some(Value::Rational(n, d))) => Some((n, d)),
        _ => None,
    };
    let both = resolution(Tag::XResolution).zip(resolution(Tag::YResolution));
    let unit: Option<u16> = file.find_tag_unsigned(Tag::ResolutionUnit)?;
    header.resolution = both.map(|(across, down)| ([across, down], unit.unwrap_or(2)));
    if components == 3 {
        header.profile = file
            .find_tag(Tag::IccProfile)?
            .and_then(|v| v.into_u8_vec().ok());
    }
    let orientation: Option<u16> = file.find_tag_unsigned(Tag::Orientation)?;
    let orientation = Orientation::from_exif(orientation.unwrap_or(1)).unwrap_or_default();
    let shape = (height as usize, width as usize, stored);
    let turned = match file.read_image()? {
        DecodingResult::U8(values) => {
            let values = values.into_iter().map(u16::from).collect();
            codes(8, upright(shape, components, values, orientation))
        }
        DecodingResult::U16(values) => codes(16, upright(shape, components, values, orientation)),
        DecodingResult::F16(values) => {
            let values = values.into_iter().map(f32::from).collect();
            floats(upright(shape, components, values, orientation))
        }
        DecodingResult::F32(values) => floats(upright(shape, components, values, orientation)),
        _ => None,
    };
    let Some((samples, (width, height))) = turned else {
        let what = format!("samples of {colours:?}; 8 and 16 bits and floating point are possible");
        return Ok(Err(what));
    };
    let encoding = match samples {
        Samples::Codes { .. } => Encoding::Display,
        Samples::Float(_) => Encoding::Linear,
    };
    let raster = Raster {
        width,
        height,
        components,
        samples,
        encoding,
    };
    Ok(Ok((raster, header)))
}

/// Whether its first page is the only one, but for smaller ones of it and masks.
fn one_page(file: &mut Decoder<Cursor<&[u8]>>) -> Result<Result<(), String>, TiffError> {
    let mut next = file.ifd_pointer();
    let mut is_whole = vec![];
    while let Some(pointer) = next.filter(|_| is_whole.len() < MOST_PAGES) {
        let page = file.read_directory(pointer)?;
        let mut tags = file.read_directory_tags(&page);
        let kind: Option<u32> = tags.find_tag_unsigned(Tag::NewSubfileType)?;
        is_whole.push(kind.unwrap_or(0) & 0b101 == 0);
        next = page.next();
    }
    let pages = is_whole.iter().filter(|whole| **whole).count();
    Ok(match (is_whole.first(), pages) {
        (Some(true), 1) => Ok(()),
        (_, 1) => Err("its first page is a smaller one of another, or a mask".into()),
        _ => Err(format!("it has {pages} pages; one is possible")),
    })
}

/// A text to be written, as its bytes.
struct Text<'a>(&'a [u8]);

impl TiffValue for Text<'_> {
    const BYTE_LEN: u8 = 1;
    const FIELD_TYPE: Type = Type::ASCII;

    fn count(&self) -> usize {
        self.0.len()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0)
    }
}

type Turned<A> = ArrayBase<OwnedRepr<A>, Ix3, A>;

/// The components that are kept, upright; none where there are fewer samples than pixels.
fn upright<A: Clone>(
    shape: (usize, usize, usize),
    components: usize,
    values: Vec<A>,
    orientation: Orientation,
) -> Option<Turned<A>> {
    let all = Array3::from_shape_vec(shape, values).ok()?;
    let kept = all.slice_move(tttseg::ndarray::s![.., .., ..components]);
    Some(orientation.upright(&kept, [0, 1]))
}

fn codes(bits: u32, turned: Option<Turned<u16>>) -> Option<(Samples, (usize, usize))> {
    let (values, size) = flat(turned)?;
    Some((Samples::Codes { bits, values }, size))
}

fn floats(turned: Option<Turned<f32>>) -> Option<(Samples, (usize, usize))> {
    let (values, size) = flat(turned)?;
    Some((Samples::Float(values), size))
}

fn flat<A>(turned: Option<Turned<A>>) -> Option<(Vec<A>, (usize, usize))> {
    let turned = turned?;
    let (height, width, _) = turned.dim();
    Some((turned.into_iter().collect(), (width, height)))
}

/// The bytes of a file without compression.
pub fn encode(raster: &Raster, header: &Header) -> Result<Vec<u8>, String> {
    let bytes = |values: &[u16]| values.iter().map(|v| *v as u8).collect::<Vec<u8>>();
    let written = match (&raster.samples, raster.components) {
        (Samples::Codes { bits: 8, values }, 1) => write::<Gray8>(raster, header, &bytes(values)),
        (Samples::Codes { bits: 8, values }, _) => write::<RGB8>(raster, header, &bytes(values)),
        (Samples::Codes { values, .. }, 1) => write::<Gray16>(raster, header, values),
        (Samples::Codes { values, .. }, _) => write::<RGB16>(raster, header, values),
        (Samples::Float(values), 1) => write::<Gray32Float>(raster, header, values),
        (Samples::Float(values), _) => write::<RGB32Float>(raster, header, values),
    };
    written.map_err(|e| e.to_string())
}

fn write<C: ColorType>(
    raster: &Raster,
    header: &Header,
    samples: &[C::Inner],
) -> Result<Vec<u8>, TiffError>
where
    [C::Inner]: TiffValue,
{
    let mut file = Cursor::new(vec![]);
    let mut encoder = TiffEncoder::new(&mut file)?;
    let side = |n: usize| u32::try_from(n).map_err(TiffError::from);
    let mut image = encoder.new_image::<C>(side(raster.width)?, side(raster.height)?)?;
    for (tag, text) in &header.texts {
        image.encoder().write_tag(*tag, Text(text))?;
    }
    if let Some(([across, down], unit)) = header.resolution {
        let rational = |(n, d)| Rational { n, d };
        image.resolution_unit(ResolutionUnit::from_u16(unit).unwrap_or(ResolutionUnit::Inch));
        image.x_resolution(rational(across));
        image.y_resolution(rational(down));
    }
    if let Some(profile) = &header.profile {
        image.encoder().write_tag(Tag::IccProfile, &profile[..])?;
    }
    image.write_data(samples)?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        Header {
            texts: vec![
                (Tag::ImageDescription, b"reel 1, M\xfcnchen\0".into()),
                (Tag::Artist, b"\xc3\xa9\0".into()),
            ],
            resolution: Some(([(400, 1), (801, 2)], 3)),
            profile: None,
        }
    }

    fn grey() -> Raster {
        Raster {
            width: 4,
            height: 4,
            components: 1,
            samples: Samples::Codes {
                bits: 16,
                values: vec![77; 16],
            },
            encoding: Encoding::Display,
        }
    }

    /// A file with one page for each of these kinds of NewSubfileType.
    fn pages(kinds: &[u32]) -> Vec<u8> {
        let mut file = Cursor::new(vec![]);
        let mut encoder = TiffEncoder::new(&mut file).unwrap();
        for kind in kinds {
            let mut image = encoder.new_image::<Gray16>(4, 4).unwrap();
            let tags = image.encoder();
            tags.write_tag(Tag::NewSubfileType, *kind).unwrap();
            image.write_data(&[77; 16]).unwrap();
        }
        file.into_inner()
    }

    #[test]
    fn one_picture_in_a_file() {
        for kinds in [&[0][..], &[0, 1], &[0, 4, 1], &[0, 5]] {
            assert_eq!(decode(&pages(kinds)).unwrap().0, grey(), "{kinds:?}");
        }
        for (kinds, why) in [
            (&[0, 0][..], "2 pages"),
            (&[2, 1, 2, 2], "3 pages"),
            (&[1, 0], "smaller one"),
        ] {
            let error = decode(&pages(kinds)).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(
            components in proptest::sample::select(vec![1_usize, 3]),
            bits in proptest::sample::select(vec![8_u32, 16, 32]),
            values in proptest::collection::vec(any::<u16>(), 18..19),
        ) {
            let values: Vec<u16> = values.into_iter().take(6 * components).collect();
            let samples = match bits {
                32 => Samples::Float(values.iter().map(|v| f32::from(*v) / 777.0).collect()),
                _ => Samples::Codes { bits, values: values.into_iter().map(|v| v >> (16 - bits)).collect() },
            };
            let raster = Raster {
                width: 3,
                height: 2,
                components,
                samples,
                encoding: if bits == 32 { Encoding::Linear } else { Encoding::Display },
            };
            let bytes = encode(&raster, &header()).unwrap();
            prop_assert_eq!(decode(&bytes).unwrap(), (raster, header()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(at in any::<proptest::sample::Index>(), with in any::<u8>(), cut in any::<proptest::sample::Index>()) {
            let mut bytes = encode(&grey(), &header()).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = with;
            let _ = decode(&bytes);
            let _ = decode(&bytes[..cut.index(bytes.len())]);
        }
    }
}
