//! Sound that a container does not hold as it is, that cannot be decoded, or that is not there.

use std::fs;

use super::elements::elements;
use super::films::{
    Films, decoded, decoded_sound, launch, sound_caps, sound_samples, sound_tracks,
};
use super::{ends_with, run, works};

/// Frames of the films here.
const FRAMES: usize = 25;

/// A film with a tone of one second: a kind of samples, and what is done with them.
fn film(films: &Films, name: &str, samples: &str, encoded: &str) -> String {
    let path = films.name(name);
    launch(&format!(
        "matroskamux name=m ! filesink location={path} videotestsrc num-buffers={FRAMES} ! \
         video/x-raw,format=I420,width=96,height=64,framerate=25/1 ! avenc_ffv1 ! queue ! m. \
         audiotestsrc num-buffers=10 samplesperbuffer=9600 ! audio/x-raw,layout=interleaved,{samples} ! {encoded} ! m."
    ));
    path
}

fn rate(path: &str) -> i32 {
    let caps = sound_caps(path);
    caps.structure(0).unwrap().get("rate").unwrap()
}

#[test]
fn a_high_rate_stays_what_it_is() {
    let Some(films) = Films::new() else { return };
    let film = film(
        &films,
        "film.mkv",
        "format=S24LE,rate=96000,channels=2",
        "queue",
    );
    let model = films.name("film.safetensors");
    let out = films.name("out.mkv");
    works(&["--model", &model, &film, &out]);
    assert_eq!(decoded_sound(&out), decoded_sound(&film));
    assert_eq!(rate(&out), 96000);
    if elements(&["avenc_prores_ks", "avenc_alac", "avdec_alac"]).is_some() {
        let out = films.name("out.mov");
        let (_, printed) = works(&["--model", &model, &film, &out]);
        assert!(printed.contains("ALAC, without loss"), "{printed}");
        assert_eq!((rate(&out), sound_samples(&out)), (96000, 96000));
    }
    if elements(&["x264enc", "avenc_aac", "avdec_aac"]).is_some() {
        let out = films.name("out.mp4");
        works(&["--model", &model, &film, &out]);
        assert_eq!(rate(&out), 48000);
        assert!(sound_samples(&out).abs_diff(48000) < 4800);
    }
}

#[test]
fn a_rate_that_quicktime_cannot_say() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["avenc_prores_ks"]) else {
        return;
    };
    let film = film(
        &films,
        "film.mkv",
        "format=S24LE,rate=192000,channels=2",
        "queue",
    );
    let (model, out) = (films.name("film.safetensors"), films.name("out.mov"));
    let error = ends_with(3, &run(&["--model", &model, &film, &out]).output().unwrap());
    assert!(error.contains("left out: QuickTime"), "{error}");
    assert_eq!((decoded(&out).len(), sound_tracks(&out)), (FRAMES, 0));
}

#[test]
fn floating_point_samples() {
    let Some(films) = Films::new() else { return };
    let film = film(
        &films,
        "film.mkv",
        "format=F32LE,rate=48000,channels=1",
        "queue",
    );
    let model = films.name("film.safetensors");
    let out = films.name("out.mkv");
    works(&["--model", &model, &film, &out]);
    assert_eq!(decoded_sound(&out), decoded_sound(&film));
    if elements(&["avenc_prores_ks"]).is_some() {
        let out = films.name("out.mov");
        let (_, printed) = works(&["--model", &model, &film, &out]);
        assert!(printed.contains("PCM with 32 bits"), "{printed}");
        assert_eq!((rate(&out), sound_samples(&out)), (48000, 96000));
    }
}

#[test]
fn channels_that_are_not_alike_keep_their_levels() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["x264enc", "avenc_aac", "avdec_aac", "interleave"]) else {
        return;
    };
    let [film, raw] = ["film.mkv", "raw"].map(|name| films.name(name));
    let tone = "audiotestsrc num-buffers=20 samplesperbuffer=4800 volume=0.2";
    let mono = "audio/x-raw,format=S16LE,rate=48000,channels=1 ! queue ! i.";
    launch(&format!(
        "matroskamux name=m ! filesink location={film} videotestsrc num-buffers={FRAMES} ! \
         video/x-raw,format=I420,width=96,height=64,framerate=25/1 ! avenc_ffv1 ! queue ! m. interleave name=i \
         ! queue ! m. {tone} freq=300 ! {mono} {tone} freq=500 ! {mono}"
    ));
    let (model, out) = (films.name("film.safetensors"), films.name("out.mp4"));
    works(&["--model", &model, &film, &out]);
    launch(&format!(
        "filesrc location={out} ! decodebin caps=audio/x-raw expose-all-streams=false ! audioconvert \
         ! audio/x-raw,format=F32LE,channels=2,layout=interleaved ! filesink location={raw}"
    ));
    let bytes = fs::read(&raw).unwrap();
    let samples: Vec<_> = bytes.as_chunks::<8>().0.iter().collect();
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let levels = [0, 4].map(|at| {
        let squares = middle.iter().map(|s| {
            let value = f32::from_le_bytes([s[at], s[at + 1], s[at + 2], s[at + 3]]);
            f64::from(value).powi(2)
        });
        (squares.sum::<f64>() / middle.len() as f64).sqrt()
    });
    for level in levels {
        assert!((level / 0.1414 - 1.0).abs() < 0.05, "{levels:?}");
    }
}

#[test]
fn adpcm_is_decoded() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["adpcmenc", "adpcmdec"]) else {
        return;
    };
    let samples = "format=S16LE,rate=22050,channels=1";
    let film = film(&films, "film.mkv", samples, "adpcmenc layout=dvi ! queue");
    let model = films.name("film.safetensors");
    for (name, encoder) in [("out.mkv", "flacenc"), ("out.mov", "avenc_prores_ks")] {
        if elements(&[encoder]).is_none() {
            continue;
        }
        let out = films.name(name);
        let (_, printed) = works(&["--model", &model, &film, &out]);
        assert!(printed.contains("audio/x-adpcm"), "{printed}");
        assert_eq!(rate(&out), 22050, "{name}");
        assert_eq!(sound_samples(&out), sound_samples(&film), "{name}");
    }
}

#[test]
fn adpcm_of_avi_keeps_its_speed() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["adpcmdec", "avidemux", "jpegdec"]) else {
        return;
    };
    // avimux takes none.
    let film = films.name("film.avi");
    let line = "-v error -f lavfi -i testsrc=s=96x64:r=25:d=1 -f lavfi -i sine=r=48000:d=1 -c:v mjpeg -c:a adpcm_ima_wav";
    let made = std::process::Command::new("ffmpeg")
        .args(line.split(' '))
        .arg(&film)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        super::common::skipped("ffmpeg is not there, which makes AVI with ADPCM");
        return;
    }
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    works(&["--model", &model, &film, &out]);
    assert_eq!(rate(&out), 48000);
    // The last block is filled up.
    let samples = sound_samples(&out);
    assert!(samples.abs_diff(48000) < 2400, "{samples}");
}

#[test]
fn sound_that_cannot_be_decoded_holds_up_nothing() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["avenc_ac3", "ac3parse", "flacenc"]) else {
        return;
    };
    let encoded = "audioconvert ! avenc_ac3 ! ac3parse ! queue";
    let film = film(
        &films,
        "film.mkv",
        "format=S16LE,rate=48000,channels=2",
        encoded,
    );
    let mut bytes = fs::read(&film).unwrap();
    // Of every packet, all behind the mark that it begins with.
    let marks: Vec<usize> = (bytes.windows(2).enumerate())
        .filter(|(_, w)| *w == [0x0b, 0x77])
        .map(|(at, _)| at)
        .collect();
    for mark in &marks {
        bytes[mark + 2..mark + 60].fill(0xff);
    }
    fs::write(&film, &bytes).unwrap();
    let model = films.name("film.safetensors");
    for (name, encoder) in [("out.mkv", "flacenc"), ("out.mov", "avenc_prores_ks")] {
        if elements(&[encoder]).is_none() {
            continue;
        }
        let out = films.name(name);
        let error = ends_with(3, &run(&["--model", &model, &film, &out]).output().unwrap());
        assert!(error.contains("sound"), "{error}");
        assert_eq!(decoded(&out).len(), FRAMES, "{name}");
    }
}

#[test]
fn a_stream_without_packets() {
    let Some(films) = Films::new() else { return };
    let film = film(
        &films,
        "film.mkv",
        "format=S16LE,rate=48000,channels=1",
        "queue",
    );
    let mut bytes = fs::read(&film).unwrap();
    // Another number for the track of the sound: then there is nothing of it.
    let number = bytes.windows(3).position(|w| w == [0xd7, 0x81, 2]).unwrap();
    bytes[number + 2] = 9;
    fs::write(&film, &bytes).unwrap();
    let model = films.name("film.safetensors");
    for (name, encoder) in [("out.mkv", "flacenc"), ("out.mov", "avenc_prores_ks")] {
        if elements(&[encoder]).is_none() {
            continue;
        }
        let out = films.name(name);
        works(&["--model", &model, &film, &out]);
        assert_eq!(
            (decoded(&out).len(), sound_tracks(&out)),
            (FRAMES, 0),
            "{name}"
        );
    }
}
