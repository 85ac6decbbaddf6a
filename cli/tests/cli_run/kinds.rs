//! Films that are not like others: interlaced, turned, of odd sizes, with two tracks of sound, with changes in the middle.

use std::fs;

use super::elements::elements;
use super::films::{
    Films, TimeCode, caps, decoded, launch, sound_samples, sound_tracks, time_code,
};
use super::works;
use image::ImageEncoder;

/// Every kind of file that can be written here.
fn outputs() -> Vec<&'static str> {
    let all = [
        ("out.mkv", "avenc_ffv1"),
        ("out.mov", "avenc_prores_ks"),
        ("out.mp4", "x264enc"),
    ];
    let all = all
        .into_iter()
        .filter(|(_, encoder)| elements(&[encoder]).is_some());
    all.map(|(name, _)| name).collect()
}

#[test]
fn fields_keep_their_order() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["interlace"]) else {
        return;
    };
    for first in ["top", "bottom"] {
        let field = format!(
            "interlace field-pattern=1:1 top-field-first={}",
            first == "top"
        );
        let film = films.through(
            "film.mkv",
            &format!("{field} ! avenc_ffv1 ! matroskamux"),
            12,
        );
        for name in outputs() {
            let (model, out) = (films.name("film.safetensors"), films.name(name));
            works(&[
                "--model",
                &model,
                &film,
                &out,
                "--segment",
                "4",
                "--overwrite",
            ]);
            let caps = caps(&out);
            let of = caps.structure(0).unwrap();
            assert_eq!(
                of.get::<&str>("interlace-mode"),
                Ok("interleaved"),
                "{name}"
            );
            // Matroska does not say it, the frames do.
            if name != "out.mkv" {
                let wanted = format!("{first}-field-first");
                assert_eq!(of.get::<&str>("field-order"), Ok(&wanted[..]), "{name}");
            }
        }
    }
}

#[test]
fn fields_of_frames_that_say_it_themselves() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["capssetter", "mpeg2enc", "mpegvideoparse", "mpegtsmux"]) else {
        return;
    };
    // Each frame of MPEG-2 may be interlaced or not.
    for (number, first) in [(1, "top"), (2, "bottom")] {
        let encoded = format!(
            "capssetter caps=video/x-raw,interlace-mode=interleaved ! mpeg2enc format=3 interlace-mode=1 \
             playback-field-order={number} ! mpegvideoparse ! mpegtsmux"
        );
        let film = films.through("film.ts", &encoded, 6);
        assert_eq!(
            caps(&film).structure(0).unwrap().get("interlace-mode"),
            Ok("mixed")
        );
        for name in outputs() {
            let (model, out) = (films.name("film.safetensors"), films.name(name));
            works(&["--model", &model, &film, &out, "--overwrite"]);
            let caps = caps(&out);
            let of = caps.structure(0).unwrap();
            assert_eq!(of.get("interlace-mode"), Ok("interleaved"), "{name}");
            if name != "out.mkv" {
                let wanted = format!("{first}-field-first");
                assert_eq!(of.get("field-order"), Ok(&wanted[..]), "{name}");
            }
        }
    }
}

#[test]
fn odd_sizes() {
    let Some(films) = Films::of([97, 63]) else {
        return;
    };
    let film = films.through("film.mkv", "avenc_ffv1 ! matroskamux", 3);
    for name in outputs() {
        let (model, out) = (films.name("film.safetensors"), films.name(name));
        works(&["--model", &model, &film, &out]);
        let size = if name == "out.mp4" { 96 * 62 } else { 97 * 63 };
        let frames = decoded(&out);
        assert_eq!(frames.len(), 3, "{name}");
        assert!(frames.iter().all(|f| f.luma.len() == size), "{name}");
    }
}

#[test]
fn samples_that_are_wider_than_high() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["capssetter", "x264enc", "h264parse", "qtmux"]) else {
        return;
    };
    // Matroska says 139 of 139.6 samples.
    let wide = "capssetter caps=video/x-raw,pixel-aspect-ratio=16/11 ! x264enc ! h264parse ! qtmux";
    let film = films.through("film.mov", wide, 3);
    let model = films.name("film.safetensors");
    for name in outputs() {
        let out = films.name(name);
        works(&["--model", &model, &film, &out]);
        let ratio: gst::Fraction = caps(&out)
            .structure(0)
            .unwrap()
            .get("pixel-aspect-ratio")
            .unwrap();
        let shown = 96.0 * f64::from(ratio.numer()) / f64::from(ratio.denom());
        assert!((shown - 139.6).abs() < 1.0, "{name}: {ratio:?}");
    }
}

#[test]
fn one_frame_without_sound() {
    let Some(films) = Films::new() else { return };
    let film = films.through("film.mkv", "avenc_ffv1 ! matroskamux", 1);
    for name in outputs() {
        let (model, out) = (films.name("film.safetensors"), films.name(name));
        works(&["--model", &model, &film, &out]);
        assert_eq!(decoded(&out).len(), 1, "{name}");
        assert_eq!(sound_tracks(&out), 0, "{name}");
    }
}

#[test]
fn all_tracks_of_sound() {
    let Some(films) = Films::new() else { return };
    let film = films.name("film.mkv");
    let tone = "audiotestsrc num-buffers=20 ! audio/x-raw,format=S16LE,rate=44100,channels=1 ! flacenc ! queue ! m.";
    launch(&format!(
        "matroskamux name=m ! filesink location={film} videotestsrc num-buffers=10 ! \
         video/x-raw,format=I420,width=96,height=64,framerate=25/1 ! avenc_ffv1 ! queue ! m. {tone} {tone}"
    ));
    assert_eq!(sound_tracks(&film), 2);
    for name in outputs() {
        let (model, out) = (films.name("film.safetensors"), films.name(name));
        let (_, printed) = works(&["--model", &model, &film, &out]);
        assert_eq!(sound_tracks(&out), 2, "{name}: {printed}");
        assert!(!printed.contains("left out"), "{printed}");
    }
}

#[test]
fn held_sideways() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["x264enc", "mp4mux", "videoflip"]) else {
        return;
    };
    let film = films.through("film.mp4", "x264enc ! h264parse ! mp4mux", 4);
    let mut bytes = fs::read(&film).unwrap();
    let header = bytes.windows(4).position(|w| w == b"tkhd").unwrap();
    // A quarter turn in place of none.
    let turn = [
        0,
        0x1_0000,
        0,
        -0x1_0000,
        0,
        0,
        64 << 16,
        0,
        0x4000_0000_i32,
    ];
    let turn: Vec<u8> = turn.iter().flat_map(|n| n.to_be_bytes()).collect();
    bytes[header + 44..header + 80].copy_from_slice(&turn);
    fs::write(&film, &bytes).unwrap();
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    works(&["--model", &model, &film, &out]);
    let caps = caps(&out);
    let of = caps.structure(0).unwrap();
    assert_eq!((of.get("width"), of.get("height")), (Ok(64), Ok(96)));
    // The two stripes that count frames stand at its right edge.
    let frame = &decoded(&out)[2].luma;
    let at = |x: usize, y: usize| i32::from(frame[y * 64 + x]) / 4;
    for y in [10, 50, 90] {
        assert!(
            (at(60, y) - (16 + 2 * 6)).abs() < 8 && (at(52, y) - 16).abs() < 8,
            "{y}"
        );
    }
}

#[test]
fn another_size_in_the_middle() {
    let (Some(small), Some(large)) = (Films::new(), Films::of([128, 96])) else {
        return;
    };
    let Some(()) = elements(&["x264enc", "mpegtsmux", "tsdemux"]) else {
        return;
    };
    // Long enough for the demuxer to see that the second one's clock begins anew.
    let stream = "x264enc tune=zerolatency ! h264parse ! mpegtsmux";
    let parts =
        [&small, &large].map(|films| fs::read(films.through("film.ts", stream, 40)).unwrap());
    let film = small.name("both.ts");
    fs::write(&film, parts.concat()).unwrap();
    let (model, out) = (small.name("film.safetensors"), small.name("out.mkv"));
    let (_, printed) = works(&["--model", &model, &film, &out]);
    assert!(
        printed.contains("frames are converted: width 128 to 96, height 96 to 64"),
        "{printed}"
    );
    let frames = decoded(&out);
    assert_eq!(frames.len(), 80);
    assert!(frames.iter().all(|f| f.luma.len() == 96 * 64));
}

#[test]
fn other_samples_in_the_middle() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["x264enc", "mpegtsmux", "tsdemux", "avdec_h264"]) else {
        return;
    };
    let part = |format: &str| {
        let encoded = format!(
            "videoconvert dither=none ! video/x-raw,format={format} ! x264enc tune=zerolatency quantizer=1 ! h264parse ! \
             mpegtsmux"
        );
        fs::read(films.through("part.ts", &encoded, 30)).unwrap()
    };
    for (formats, name, change) in [
        (["I420", "I420_10LE"], "out.mkv", None),
        (["I420_10LE", "I420"], "out.mp4", None),
        (["I420", "Y444"], "out.mkv", Some("Y444_10LE to I420_10LE")),
        (["I420", "Y444"], "out.mov", Some("Y444_10LE to I422_10LE")),
        (["Y42B", "I420"], "out.mov", None),
    ] {
        if !outputs().contains(&name) {
            continue;
        }
        fs::write(films.at("film.ts"), formats.map(part).concat()).unwrap();
        let [model, film, out] = ["film.safetensors", "film.ts", name].map(|n| films.name(n));
        let (_, printed) = works(&["--model", &model, &film, &out, "--overwrite"]);
        let what = format!("{formats:?} {name}: {printed}");
        let frames = decoded(&out);
        assert_eq!(frames.len(), 60, "{what}");
        let zeros = if name == "out.mp4" { 0 } else { 2 };
        for (n, frame) in (0..30).chain(0..30).zip(&frames) {
            let far = films.distance(n, &frame.luma, zeros);
            assert!(far < 4.0, "frame {n} is off by {far}: {what}");
        }
        // With the first frame behind it, and not with one before that waits.
        let changes: Vec<_> = printed
            .lines()
            .filter(|l| l.contains("converted"))
            .collect();
        match change {
            Some(change) => assert!(
                changes
                    .iter()
                    .all(|l| l.contains("from 00:00:01.2") && l.contains(change))
                    && !changes.is_empty(),
                "{what}"
            ),
            None => assert!(changes.is_empty(), "{what}"),
        }
    }
}

#[test]
fn recordings_behind_one_another() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["x264enc", "avenc_mp2", "mpegtsmux", "mpegpsmux"]) else {
        return;
    };
    let part = |muxer: &str, frames: usize, with_sound: bool| {
        let video =
            format!("x264enc tune=zerolatency quantizer=1 ! h264parse ! queue ! {muxer} name=m");
        let tone = format!(
            "audiotestsrc num-buffers={} ! audio/x-raw,rate=48000 ! avenc_mp2 ! mpegaudioparse ! queue ! m.",
            frames * 48000 / 25 / 1024 + 1
        );
        let tone = if with_sound { &tone[..] } else { "" };
        fs::read(films.through_with("part", &video, tone, frames)).unwrap()
    };
    // Of program streams, the demuxer finds the beginning in the second pack, which comes late with one of these lengths. That the
    // clock of a transport stream begins anew is something that it does not see behind so few frames; behind more of them it
    // does, but lets times overlap.
    for (muxer, parts, with_sound, name) in [
        ("mpegpsmux", &[60][..], true, "out.mkv"),
        ("mpegpsmux", &[20, 30, 20], true, "out.mkv"),
        ("mpegtsmux", &[9, 30], true, "out.mkv"),
        ("mpegtsmux", &[9, 30], true, "out.mov"),
        ("mpegtsmux", &[10, 30], false, "out.mp4"),
        ("mpegtsmux", &[12, 30], true, "out.mkv"),
        ("mpegtsmux", &[20, 10, 30], false, "out.mkv"),
    ] {
        if !outputs().contains(&name) {
            continue;
        }
        let bytes: Vec<_> = parts.iter().map(|n| part(muxer, *n, with_sound)).collect();
        fs::write(films.at("film"), bytes.concat()).unwrap();
        let [model, film, out] = ["film.safetensors", "film", name].map(|name| films.name(name));
        let all = [
            "--model",
            &model,
            &film,
            &out,
            "--overwrite",
            "--segment",
            "25",
        ];
        let (_, printed) = works(&all);
        let frames = decoded(&out);
        let numbers: Vec<_> = parts.iter().flat_map(|n| 0..*n).collect();
        let what = format!("{muxer} {parts:?} {name}: {printed}");
        assert_eq!(frames.len(), numbers.len(), "{what}");
        assert!(frames.is_sorted_by(|a, b| a.ms < b.ms), "{what}");
        let zeros = if frames[0].format.contains("10LE") {
            2
        } else {
            0
        };
        for (n, frame) in numbers.into_iter().zip(&frames) {
            let far = films.distance(n, &frame.luma, zeros);
            assert!(far < 4.0, "frame {n} is off by {far}: {what}");
        }
        assert_eq!(sound_tracks(&out), usize::from(with_sound), "{what}");
        if with_sound {
            let samples = sound_samples(&out);
            let wanted = frames.len() * 48000 / 25;
            assert!(
                samples.abs_diff(wanted) < wanted / 10,
                "{samples} of {wanted}: {what}"
            );
        }
    }
}

#[test]
fn drop_frame_time_code() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["avenc_prores_ks", "timecodestamper", "qtmux"]) else {
        return;
    };
    let film = films.name("film.mov");
    launch(&format!(
        "videotestsrc num-buffers=8 ! video/x-raw,format=I422_10LE,width=96,height=64,framerate=30000/1001 ! \
         timecodestamper set=always drop-frame=true timecode-offset=1797 ! avenc_prores_ks ! qtmux ! \
         filesink location={film}"
    ));
    let begins = TimeCode {
        frames: 1797,
        rate: gst::Fraction::new(30000, 1001),
        drops_frames: true,
    };
    assert_eq!(time_code(&film), Some(begins));
    for name in outputs().into_iter().filter(|name| *name != "out.mkv") {
        let (model, out) = (films.name("film.safetensors"), films.name(name));
        works(&["--model", &model, &film, &out, "--segment", "3"]);
        assert_eq!(time_code(&out), Some(begins), "{name}");
    }
}

#[test]
fn pictures_held_sideways() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    // EXIF orientation 6: the first column of what is seen is the last row of what is stored.
    let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let (width, height) = (96, 64);
    let stored = image::GrayImage::from_fn(width, height, |x, y| image::Luma([(x + 2 * y) as u8]));
    let file = fs::File::create(films.at("in/a.png")).unwrap();
    let mut encoder = image::codecs::png::PngEncoder::new(file);
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    let colour = image::ExtendedColorType::L8;
    encoder
        .write_image(stored.as_raw(), width, height, colour)
        .unwrap();
    let (model, input, out) = (
        films.name("film.safetensors"),
        films.name("in"),
        films.name("out"),
    );
    works(&[
        "--model",
        &model,
        &input,
        &out,
        "--set",
        "saturation=0",
        "--set",
        "method=none",
    ]);
    let written = image::open(films.at("out/a.png")).unwrap().to_luma8();
    assert_eq!(written.dimensions(), (height, width));
    for (x, y, found) in written.enumerate_pixels() {
        let wanted = stored.get_pixel(y, height - 1 - x)[0];
        assert!(
            found[0].abs_diff(wanted) <= 1,
            "{x}, {y}: {found:?} of {wanted}"
        );
    }
}
