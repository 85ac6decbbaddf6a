//! OpenEXR: light in floating point, red, green and blue or luminance alone.

use std::io::Cursor;
use std::panic::catch_unwind;

use exr::image::{AnyChannel, AnyChannels, Encoding as Blocks, FlatSamples, Image, Layer};
use exr::meta::MetaData;
use exr::meta::header::{ImageAttributes, LayerAttributes};
use exr::prelude::{ReadChannels, ReadLayers, WritableImage, f16, read};

use super::most_samples;
use super::raster::{Encoding, Raster, Samples};

/// What is written again: all attributes, time code and chromaticities among them, and how exact the numbers are.
#[derive(Clone, Debug)]
pub struct Header {
    image: ImageAttributes,
    layer: LayerAttributes,
    is_half: bool,
}

/// A picture out of the bytes of a file with one part. Opacity is left out.
pub fn decode(bytes: &[u8]) -> Result<(Raster, Header), String> {
    // The crate checks what headers say, but panics on some blocks that do not fit them.
    catch_unwind(|| decoded(bytes)).unwrap_or_else(|_| Err("its blocks are damaged".into()))
}

fn decoded(bytes: &[u8]) -> Result<(Raster, Header), String> {
    let about =
        MetaData::read_from_buffered(Cursor::new(bytes), false).map_err(|e| e.to_string())?;
    let parts = about.headers.len();
    if parts > 1 {
        return Err(format!("it has {parts} parts; one is possible"));
    }
    for header in &about.headers {
        let (pixels, channels) = (header.layer_size.area(), header.channels.list.len());
        if pixels.saturating_mul(channels.max(1)) > most_samples(bytes) {
            let (width, height) = (header.layer_size.width(), header.layer_size.height());
            return Err(format!(
                "{width}x{height} pixels in a file of {} bytes",
                bytes.len()
            ));
        }
    }
    let file = read()
        .no_deep_data()
        .largest_resolution_level()
        .all_channels()
        .first_valid_layer()
        .all_attributes()
        .from_buffered(Cursor::new(bytes))
        .map_err(|e| e.to_string())?;
    let layer = file.layer_data;
    let channel = |name: &str| {
        let mut all = layer.channel_data.list.iter();
        let found = all.find(|channel| channel.name.eq(name))?;
        Some(&found.sample_data)
    };
    let all = layer.channel_data.list.iter();
    let names: Vec<String> = all.map(|channel| channel.name.to_string()).collect();
    let has_only = |known: &[&str]| names.iter().all(|name| known.contains(&&**name));
    let wanted: &[&str] = match has_only(&["Y", "A"]) {
        true => &["Y"],
        false => &["R", "G", "B"],
    };
    let planes = wanted.iter().map(|name| channel(name));
    let planes: Option<Vec<_>> = planes.collect();
    let is_known = has_only(&["Y", "A"]) || has_only(&["R", "G", "B", "A"]);
    let Some(planes) = planes.filter(|_| is_known) else {
        return Err(format!(
            "its channels are {}; R, G and B, or Y, are possible, and A, which is left out",
            names.join(", ")
        ));
    };
    let (width, height) = (layer.size.width(), layer.size.height());
    let is_whole = planes.iter().all(|plane| plane.len() == width * height);
    if !is_whole {
        return Err("its channels have other sizes than the picture".into());
    }
    let is_half = planes
        .iter()
        .all(|plane| matches!(plane, FlatSamples::F16(_)));
    let samples =
        (0..width * height).flat_map(|at| planes.iter().map(move |plane| number(plane, at)));
    let raster = Raster {
        width,
        height,
        components: planes.len(),
        samples: Samples::Float(samples.collect()),
        encoding: Encoding::Linear,
    };
    let header = Header {
        image: file.attributes,
        layer: layer.attributes.clone(),
        is_half,
    };
    Ok((raster, header))
}

fn number(plane: &FlatSamples, at: usize) -> f32 {
    match plane {
        FlatSamples::F16(all) => all.get(at).map_or(0.0, |value| value.to_f32()),
        FlatSamples::F32(all) => all.get(at).copied().unwrap_or_default(),
        FlatSamples::U32(all) => all.get(at).map_or(0.0, |value| *value as f32),
    }
}

/// In half precision. Light that a colour makes brighter than that can say stays finite.
fn half(value: f32) -> f16 {
    let most = f16::MAX.to_f32();
    match value.is_finite() {
        true => f16::from_f32(value.clamp(-most, most)),
        false => f16::from_f32(value),
    }
}

/// The bytes of a file, compressed without loss. Without a header its numbers have half precision.
pub fn encode(raster: &Raster, header: Option<&Header>) -> Result<Vec<u8>, String> {
    let Samples::Float(values) = &raster.samples else {
        return Err("EXR files hold numbers in floating point".into());
    };
    let is_half = header.is_none_or(|header| header.is_half);
    let names = match raster.components {
        1 => &["Y"][..],
        _ => &["R", "G", "B"],
    };
    let channels = names.iter().enumerate().map(|(n, name)| {
        let plane = values.iter().skip(n).step_by(raster.components).copied();
        let samples = match is_half {
            true => FlatSamples::F16(plane.map(half).collect()),
            false => FlatSamples::F32(plane.collect()),
        };
        AnyChannel::new(*name, samples)
    });
    let size = (raster.width, raster.height);
    let attributes = header.map(|header| header.layer.clone());
    let layer = Layer::new(
        size,
        attributes.unwrap_or_default(),
        Blocks::SMALL_LOSSLESS,
        AnyChannels::sort(channels.collect()),
    );
    let mut image = Image::from_layer(layer);
    if let Some(header) = header {
        image.attributes = header.image.clone();
    }
    let mut file = Cursor::new(vec![]);
    image
        .write()
        .to_buffered(&mut file)
        .map_err(|e| e.to_string())?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use exr::meta::attribute::{Text, TimeCode};
    use proptest::prelude::*;

    use super::*;

    fn raster(components: usize) -> Raster {
        Raster {
            width: 5,
            height: 3,
            components,
            samples: Samples::Float((0..15 * components).map(|n| n as f32 / 8.0).collect()),
            encoding: Encoding::Linear,
        }
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        let size = (5, 3);
        let layer = |names: &[&str]| {
            let plane = |name: &&str| AnyChannel::new(*name, FlatSamples::F32(vec![0.5; 15]));
            let channels = AnyChannels::sort(names.iter().map(plane).collect());
            let attributes = LayerAttributes::named(names.concat().as_str());
            Layer::new(size, attributes, Blocks::UNCOMPRESSED, channels)
        };
        let bytes = |layers: &[&[&str]]| {
            let mut file = Cursor::new(vec![]);
            let layers = layers.iter().map(|names| layer(names));
            let window = exr::prelude::IntegerBounds::from_dimensions(size);
            let all = Image::from_layers(ImageAttributes::new(window), layers.collect::<Vec<_>>());
            all.write().to_buffered(&mut file).unwrap();
            file.into_inner()
        };
        for names in [
            &["Y"][..],
            &["A", "Y"],
            &["R", "G", "B"],
            &["R", "G", "B", "A"],
        ] {
            assert!(decode(&bytes(&[names])).is_ok(), "{names:?}");
        }
        for (layers, why) in [
            (&[&["R", "G", "B", "Z"][..]][..], "channels are B, G, R, Z"),
            (&[&["Y", "RY", "BY"]], "channels are BY, RY, Y"),
            (&[&["R", "G"]], "channels are G, R"),
            (&[&["Y"], &["R", "G", "B"]], "2 parts"),
        ] {
            let error = decode(&bytes(layers)).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn blocks_of_another_compression_stop_nothing() {
        let mut bytes = encode(&raster(3), None).unwrap();
        let name = b"compression\0compression\0";
        let place = bytes.windows(name.len()).position(|w| w == name).unwrap();
        for compression in 0..=u8::MAX {
            bytes[place + name.len() + 4] = compression;
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn half_stays_finite() {
        for (value, wanted) in [
            (1e6, 65504.0),
            (-1e6, -65504.0),
            (0.5, 0.5),
            (f32::INFINITY, f32::INFINITY),
        ] {
            assert_eq!(half(value).to_f32(), wanted);
        }
        assert!(half(f32::NAN).is_nan());
    }

    #[test]
    fn attributes_are_written_again() {
        let plain = encode(&raster(1), None).unwrap();
        let (grey, mut header) = decode(&plain).unwrap();
        assert_eq!(grey, raster(1));
        assert!(header.is_half);
        header.is_half = false;
        header.image.pixel_aspect = 2.0;
        header.image.time_code = Some(TimeCode {
            hours: 10,
            minutes: 1,
            seconds: 2,
            frame: 3,
            ..TimeCode::default()
        });
        header.layer.owner = Text::new_or_none("an archive");
        let (colours, again) = decode(&encode(&raster(3), Some(&header)).unwrap()).unwrap();
        assert_eq!(colours, raster(3));
        assert!(!again.is_half);
        assert_eq!(again.image, header.image);
        assert_eq!(again.layer.owner, header.layer.owner);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(at in any::<proptest::sample::Index>(), with in any::<u8>(), cut in any::<proptest::sample::Index>()) {
            let mut bytes = encode(&raster(3), None).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = with;
            let _ = decode(&bytes);
            let _ = decode(&bytes[..cut.index(bytes.len())]);
        }
    }
}
