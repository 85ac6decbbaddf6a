//! What films say of their colours: range, matrix, what HDR was mastered on. It is what comes out as well, or samples are
//! converted by arithmetic.

use std::fs;

use super::elements::elements;
use super::films::{Films, caps, decoded, launch};
use super::works;

const MASTERING: &str = "35400:14600:8500:39850:6550:2300:15635:16450:10000000:50";

/// A film of a test picture, in Y'CbCr of such colours.
fn film(films: &Films, name: &str, raw: &str, elements: &str) -> String {
    let path = films.name(name);
    launch(&format!(
        "videotestsrc num-buffers=3 ! video/x-raw,width=64,height=48,framerate=25/1,{raw} ! {elements} ! filesink \
         location={path}"
    ));
    path
}

fn said(path: &str, field: &str) -> String {
    let caps = caps(path);
    let of = caps.structure(0).unwrap();
    of.get::<String>(field).unwrap_or_default()
}

fn colour(films: &Films, film: &str, name: &str) -> String {
    let out = films.name(name);
    let model = films.name("film.safetensors");
    works(&["--model", &model, "--overwrite", film, &out]);
    out
}

#[test]
fn full_range_of_mp4_files() {
    let Some(films) = Films::new() else { return };
    if elements(&["x264enc", "avdec_h264", "mp4mux", "h264parse"]).is_none() {
        return;
    }
    let encoder = "x264enc pass=qual quantizer=4 key-int-max=1 ! h264parse ! mp4mux";
    let raw = "format=I420,colorimetry=1:3:5:1";
    let film = film(&films, "full.mp4", raw, encoder);
    // The flag behind primaries, transfer and matrix, where the muxer leaves it out.
    let mut bytes = fs::read(&film).unwrap();
    let colours = bytes.windows(8).position(|w| w == b"colrnclx").unwrap();
    bytes[colours + 14] = 0x80;
    fs::write(&film, bytes).unwrap();
    let before = &decoded(&film)[0].luma;

    let out = colour(&films, &film, "out.mkv");
    assert_eq!(said(&out, "colorimetry"), "1:3:5:1");
    let zeros: Vec<u16> = before.iter().map(|code| code << 2).collect();
    assert_eq!(decoded(&out)[0].luma, zeros, "no sample is changed");

    let out = colour(&films, &film, "out.mp4");
    assert_eq!(said(&out, "colorimetry"), "bt709");
    let limited = &decoded(&out)[0].luma;
    let apart = before.iter().zip(limited).map(|(full, limited)| {
        let shown = (f64::from(*limited) - 16.0) / 219.0 * 255.0;
        (shown - f64::from(*full)).abs()
    });
    let mean = apart.sum::<f64>() / before.len() as f64;
    assert!(mean < 2.0, "shown {mean} levels away");
}

#[test]
fn full_range_of_matroska_files_without_a_matrix() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["capssetter"]) else {
        return;
    };
    let raw = "format=I420,colorimetry=1:4:16:4";
    // Only the range is left.
    let elements = "avenc_ffv1 ! capssetter caps=video/x-ffv,colorimetry=1:0:0:0 ! matroskamux";
    let film = film(&films, "film.mkv", raw, elements);
    let out = colour(&films, &film, "out.mkv");
    assert!(
        said(&out, "colorimetry").starts_with("1:"),
        "{}",
        said(&out, "colorimetry")
    );
    for (is, was) in decoded(&out).iter().zip(decoded(&film)) {
        assert!(
            is.luma
                .iter()
                .zip(&was.luma)
                .all(|(is, was)| *is == was << 2)
        );
    }
}

#[test]
fn all_containers_say_matrix_primaries_and_transfer() {
    let Some(films) = Films::new() else { return };
    if elements(&["avenc_prores_ks", "qtmux"]).is_none() {
        return;
    }
    for colorimetry in ["bt709", "bt601", "bt2020"] {
        let raw = format!("format=Y42B,colorimetry={colorimetry}");
        let film = film(&films, "film.mkv", &raw, "avenc_ffv1 ! matroskamux");
        for name in ["out.mkv", "out.mov"] {
            let out = colour(&films, &film, name);
            assert_eq!(
                said(&out, "colorimetry"),
                said(&film, "colorimetry"),
                "{name}"
            );
        }
    }
}

#[test]
fn hdr_mastering_data() {
    let Some(films) = Films::new() else { return };
    let light =
        format!("mastering-display-info=(string){MASTERING},content-light-level=(string)1000:400");
    let raw = format!("format=I420_10LE,colorimetry=bt2100-pq,{light}");
    let film = film(&films, "film.mkv", &raw, "avenc_ffv1 ! matroskamux");
    // As it is read, whatever the muxer has made of it: in the file itself it has to be what is read from the film.
    let of_film = said(&film, "mastering-display-info");
    let out = colour(&films, &film, "out.mkv");
    assert_eq!(said(&out, "mastering-display-info"), of_film);
    assert_eq!(said(&out, "content-light-level"), "1000:400");
    if elements(&["avenc_prores_ks", "qtmux"]).is_none() {
        return;
    }
    let bytes = fs::read(colour(&films, &film, "out.mov")).unwrap();
    let place = |name: &[u8; 8]| bytes.windows(8).position(|w| w == name);
    // Length and name, and what comes first: green.
    let mastering = place(b"\0\0\0\x20mdcv").unwrap();
    let green: Vec<u16> = bytes[mastering + 8..mastering + 12]
        .as_chunks::<2>()
        .0
        .iter()
        .map(|b| u16::from_be_bytes(*b))
        .collect();
    assert_eq!(green, [8500, 39850]);
    let light = place(b"\0\0\0\x0cclli").unwrap();
    assert_eq!(bytes[light + 8..light + 12], [3, 232, 1, 144]);
}
