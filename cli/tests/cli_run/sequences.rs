//! Sequences as scanners write them: TIFF, EXR and DPX, with gaps in their numbers.

use std::fs::{self, File};

use exr::prelude::{AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, WritableImage};
use tiff::decoder::{Decoder, DecodingResult};
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::{Gray16, RGB16};

use super::films::Films;
use super::{ends_with, refuses, run, works};

const SIZE: (u32, u32) = (48, 32);

/// Grey of 16 bits, another one for each picture.
fn grey(n: usize) -> Vec<u16> {
    let pixels = (0..SIZE.0 * SIZE.1).map(|at| (at * 37 + 1000 * n as u32) % 60_000 + 2000);
    pixels.map(|v| v as u16).collect()
}

fn threefold<A: Copy>(grey: &[A]) -> Vec<A> {
    grey.iter().flat_map(|v| [*v; 3]).collect()
}

fn tiff_samples(path: &str) -> Vec<u16> {
    let mut file = Decoder::new(File::open(path).unwrap()).unwrap();
    match file.read_image().unwrap() {
        DecodingResult::U16(values) => values,
        other => panic!("{other:?}"),
    }
}

fn exr_channels(path: &str) -> Vec<(String, Vec<f32>)> {
    let image = exr::prelude::read_first_flat_layer_from_file(path).unwrap();
    let all = image.layer_data.channel_data.list.into_iter();
    let numbers = all.map(|channel| {
        let values = channel.sample_data.values_as_f32().collect();
        (channel.name.to_string(), values)
    });
    numbers.collect()
}

/// A model that colours, an empty folder for pictures, and where they go.
fn sequence(films: &Films) -> [String; 3] {
    let names = ["film.safetensors", "in", "out"].map(|name| films.name(name));
    fs::create_dir(&names[1]).unwrap();
    names
}

/// Arguments for a model that colours, into the folder `out`, with what else there is.
fn arguments<'a>(model: &'a str, input: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--model", model], more, &[input, out]].concat()
}

#[test]
fn tiff_keeps_its_samples_and_gaps_are_named() {
    let Some(films) = Films::new() else { return };
    let [model, input, out] = sequence(&films);
    for (n, number) in [7, 8, 11].into_iter().enumerate() {
        let file = File::create(format!("{input}/reel_{number:04}.tif")).unwrap();
        let mut encoder = TiffEncoder::new(file).unwrap();
        let written = match n {
            // A scan of black and white in RGB.
            1 => encoder.write_image::<RGB16>(SIZE.0, SIZE.1, &threefold(&grey(n))),
            _ => encoder.write_image::<Gray16>(SIZE.0, SIZE.1, &grey(n)),
        };
        written.unwrap();
    }
    let (_, notes) = works(&arguments(&model, &input, &out, &["--set", "saturation=0"]));
    assert!(
        notes.contains("reel_0009.tif to reel_0010.tif are not there"),
        "{notes}"
    );
    for (n, number) in [7, 8, 11].into_iter().enumerate() {
        let found = tiff_samples(&format!("{out}/reel_{number:04}.tif"));
        assert_eq!(found, threefold(&grey(n)), "{number}");
    }
    // In colours, with the luma that they had.
    let colours = films.name("colours");
    works(&arguments(
        &model,
        &input,
        &colours,
        &["--set", "saturation=3"],
    ));
    let found = tiff_samples(&format!("{colours}/reel_0007.tif"));
    assert_ne!(found, threefold(&grey(0)));
    for (pixel, luma) in found.as_chunks::<3>().0.iter().zip(grey(0)) {
        let [red, green, blue] = pixel.map(f64::from);
        let of = 0.299 * red + 0.587 * green + 0.114 * blue;
        assert!((of - f64::from(luma)).abs() < 1.0, "{pixel:?} of {luma}");
    }
}

#[test]
fn texts_of_tiff_need_not_be_ascii() {
    let Some(films) = Films::new() else { return };
    let [model, input, out] = sequence(&films);
    // With "xyz\0" in place: a standard text, of a length that stands within the directory, and a longer one.
    for (name, text, bytes) in [
        ("1.tif", "xyz", &b"\xe9yz"[..]),
        ("2.tif", "a longer one xyz", b"a longer one \xc3\xa9"),
    ] {
        let path = format!("{input}/{name}");
        let mut encoder = TiffEncoder::new(File::create(&path).unwrap()).unwrap();
        let mut image = encoder.new_image::<Gray16>(SIZE.0, SIZE.1).unwrap();
        let tags = image.encoder();
        tags.write_tag(tiff::tags::Tag::Artist, text).unwrap();
        image.write_data(&grey(0)).unwrap();
        let mut written = fs::read(&path).unwrap();
        let place = written
            .windows(text.len())
            .position(|w| w == text.as_bytes());
        let place = place.unwrap();
        written[place..place + bytes.len()].copy_from_slice(bytes);
        written[place + bytes.len()..place + text.len()].fill(0);
        fs::write(&path, written).unwrap();
    }
    works(&arguments(&model, &input, &out, &["--set", "method=none"]));
    for (name, bytes) in [
        ("1.tif", &b"\xe9yz\0"[..]),
        ("2.tif", b"a longer one \xc3\xa9\0"),
    ] {
        let written = fs::read(format!("{out}/{name}")).unwrap();
        assert!(written.windows(bytes.len()).any(|w| w == bytes), "{name}");
    }
}

#[test]
fn an_unfinished_sequence_keeps_its_format() {
    let Some(films) = Films::new() else { return };
    let [model, input, out] = sequence(&films);
    let file = File::create(format!("{input}/1.tif")).unwrap();
    let mut encoder = TiffEncoder::new(file).unwrap();
    encoder
        .write_image::<Gray16>(SIZE.0, SIZE.1, &grey(0))
        .unwrap();
    fs::write(format!("{input}/2.tif"), b"broken").unwrap();
    let asked = arguments(&model, &input, &out, &["--pictures", "dpx"]);
    ends_with(1, &run(&asked).output().unwrap());
    let line = refuses(&arguments(&model, &input, &out, &[]));
    assert!(line.contains("--pictures"), "{line}");
    fs::copy(format!("{input}/1.tif"), format!("{input}/2.tif")).unwrap();
    works(&asked);
    for name in ["1.dpx", "2.dpx"] {
        assert!(films.at("out").join(name).is_file(), "{name}");
    }
}

#[test]
fn exr_keeps_light_that_is_brighter_than_white() {
    let Some(films) = Films::new() else { return };
    let [model, input, out] = sequence(&films);
    let light: Vec<f32> = grey(0).iter().map(|v| f32::from(*v) / 8192.0).collect();
    let channel = AnyChannel::new("Y", FlatSamples::F32(light.clone()));
    let channels = AnyChannels::sort(std::iter::once(channel).collect());
    let size = (SIZE.0 as usize, SIZE.1 as usize);
    let layer = Layer::new(size, Default::default(), Encoding::SMALL_LOSSLESS, channels);
    Image::from_layer(layer)
        .write()
        .to_file(format!("{input}/1.exr"))
        .unwrap();
    works(&arguments(&model, &input, &out, &["--set", "saturation=0"]));
    let found = exr_channels(&format!("{out}/1.exr"));
    let wanted = ["B", "G", "R"].map(|name| (name.to_owned(), light.clone()));
    assert_eq!(found, wanted);
    // For looking at.
    let pngs = films.name("pngs");
    works(&arguments(&model, &input, &pngs, &["--pictures", "png"]));
    let shown = image::open(format!("{pngs}/1.png")).unwrap();
    assert_eq!(shown.color(), image::ColorType::Rgb16);
}

/// A DPX file of 10 bits, filled, the high byte first, with printing density in grey.
fn dpx(codes: &[u16]) -> Vec<u8> {
    let mut bytes = vec![0xff; 2048];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"SDPX");
    put(4, &2048_u32.to_be_bytes());
    put(8, b"V2.0\0\0\0\0");
    let data = codes.len().div_ceil(3) * 4;
    put(16, &(2048 + data as u32).to_be_bytes());
    put(24, &1664_u32.to_be_bytes());
    put(28, &384_u32.to_be_bytes());
    put(32, &0_u32.to_be_bytes());
    put(160, b"an archive\0");
    put(768, &0_u16.to_be_bytes());
    put(770, &1_u16.to_be_bytes());
    put(772, &SIZE.0.to_be_bytes());
    put(776, &SIZE.1.to_be_bytes());
    put(780, &0_u32.to_be_bytes());
    // Luma, printing density, 10 bits, filled, not encoded, at 2048.
    put(800, &[6, 1, 1, 10]);
    put(804, &1_u16.to_be_bytes());
    put(806, &0_u16.to_be_bytes());
    put(808, &2048_u32.to_be_bytes());
    put(812, &[0; 8]);
    // 10:11:12:13 as television counts.
    put(1920, &0x1011_1213_u32.to_be_bytes());
    for three in codes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, n| {
            let code = three.get(n).copied().unwrap_or(0);
            word | u32::from(code) << (2 + 10 * n)
        });
        bytes.extend(word.to_be_bytes());
    }
    bytes
}

#[test]
fn density_of_dpx_stays_what_it_is() {
    let Some(films) = Films::new() else { return };
    let [model, input, out] = sequence(&films);
    // As long as a row is a multiple of three, rows follow on one another.
    let codes: Vec<u16> = grey(0).iter().map(|v| v >> 6).collect();
    fs::write(format!("{input}/a.0001.dpx"), dpx(&codes)).unwrap();
    works(&arguments(&model, &input, &out, &["--set", "saturation=0"]));
    let written = fs::read(format!("{out}/a.0001.dpx")).unwrap();
    let word = |at: usize| u32::from_be_bytes(written[at..at + 4].try_into().unwrap());
    // RGB now; all else as it was: printing density, 10 bits, who made it, time code.
    assert_eq!(written[800..804], [50, 1, 1, 10]);
    assert_eq!(&written[160..170], b"an archive");
    assert_eq!(word(1920), 0x1011_1213);
    let data = word(808) as usize;
    for (n, code) in codes.iter().enumerate() {
        let pixel = word(data + 4 * n);
        let found = [22, 12, 2].map(|shift| (pixel >> shift & 0x3ff) as u16);
        assert_eq!(found, [*code; 3], "{n}");
    }
}

#[test]
fn what_cannot_be_done_with_sequences() {
    let Some(films) = Films::new() else { return };
    let [model, input, out] = sequence(&films);
    for (name, bytes) in [
        ("1.tif", &b"II*\0"[..]),
        ("2.exr", b"v/1\x01"),
        ("3.dpx", b"SDPX"),
    ] {
        fs::write(format!("{input}/{name}"), bytes).unwrap();
    }
    let output = run(&arguments(&model, &input, &out, &[])).output().unwrap();
    let last = ends_with(1, &output);
    assert!(
        last.contains("3 of 3 pictures") && last.contains("1.tif"),
        "{last}"
    );
    let film = films.film("film.mkv", 2, |_| 0);
    let line = refuses(&[
        "--model",
        &model,
        "--pictures",
        "exr",
        &film,
        &films.name("out.mkv"),
    ]);
    assert!(line.contains("--pictures"), "{line}");
}
