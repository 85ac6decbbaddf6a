//! Small films, and what is in films.

use std::fs;
use std::path::{Path, PathBuf};

use gst::prelude::*;
use tttseg::model::ChromaConfig;
use tttseg::weights::{ModelFile, Precision, Task};

use crate::common;
use crate::elements::elements;

/// Width and height, if nothing else is said.
pub const SIZE: [u32; 2] = [96, 64];

/// A folder with models and films of one size.
pub struct Films {
    folder: tempfile::TempDir,
    size: [u32; 2],
}

/// A frame of a film, decoded.
pub struct Frame {
    pub format: String,
    pub ms: u64,
    pub luma: Vec<u16>,
    pub is_coloured: bool,
    /// Cb and Cr.
    pub chroma: [Vec<u16>; 2],
}

impl Frame {
    /// Means of Cb and Cr, less what they are for grey.
    pub fn mean_chroma(&self) -> [f64; 2] {
        let middle = if self.format.contains("10") {
            512.0
        } else {
            128.0
        };
        [0, 1].map(|c| {
            let of = &self.chroma[c];
            of.iter().map(|v| f64::from(*v)).sum::<f64>() / of.len() as f64 - middle
        })
    }
}

impl Films {
    /// With `film.safetensors`, which colours, and `classes.safetensors`; none where something is missing to run them.
    pub fn new() -> Option<Self> {
        Self::of(SIZE)
    }

    /// The same with films of another size.
    pub fn of(size: [u32; 2]) -> Option<Self> {
        common::runtime()?;
        elements(&[
            "avenc_ffv1",
            "avdec_ffv1",
            "matroskamux",
            "flacenc",
            "flacdec",
        ])?;
        let folder = tempfile::tempdir().unwrap();
        let films = Self { folder, size };
        let mut model = common::model(1);
        model
            .save(films.at("classes.safetensors"), Precision::Half)
            .unwrap();
        let bins = vec![[-30, 20], [0, 0], [40, -40], [20, 50]];
        model.task = Task::Colorize;
        model.classes.clear();
        model.palette.clear();
        model.config.main.classes = bins.len();
        model.config.main.queries = bins.len();
        model.config.chroma = Some(ChromaConfig {
            bins,
            step: 10,
            temperature: 0.4,
        });
        model.weights = tttseg::model::initial_weights(&model.config, 1).unwrap();
        model
            .save(films.at("film.safetensors"), Precision::Half)
            .unwrap();
        Some(films)
    }

    /// A path in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text.
    pub fn name(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    /// Bytes of what a model has learned, in a file.
    pub fn learned_bytes(&self, model: &str) -> u64 {
        let model = ModelFile::open(model).unwrap();
        let all = model.weights.iter();
        all.map(|(_, tensor)| 4 * tensor.data.len() as u64).sum()
    }

    /// Luma of frame `n`, without noise: unlike that of any other frame below 1000.
    pub fn luma(&self, n: usize) -> Vec<u8> {
        luma(self.size, n, 0)
    }

    /// The same with noise.
    pub fn noisy_luma(&self, n: usize, noise: u8) -> Vec<u8> {
        luma(self.size, n, noise)
    }

    /// Mean distance of luma with `shift` more bits from that of frame `n`, in steps of 8 bits.
    pub fn distance(&self, n: usize, found: &[u16], shift: u32) -> f64 {
        let luma = self.luma(n);
        let pairs = found.iter().zip(&luma);
        let sum: f64 = pairs
            .map(|(a, b)| (f64::from(*a) / f64::from(1 << shift) - f64::from(*b)).abs())
            .sum();
        sum / luma.len() as f64
    }

    /// Frames of Y'CbCr at 25 a second without loss, and a tone without loss. `noise` gives the most that is added to each
    /// frame.
    pub fn film(&self, name: &str, frames: usize, noise: impl Fn(usize) -> u8) -> String {
        let path = self.name(name);
        let sound = frames * 44100 / 25 / 1024;
        self.write(
            &format!(
                "appsrc name=in ! avenc_ffv1 ! queue ! matroskamux name=m ! filesink location={path} audiotestsrc \
                 num-buffers={sound} ! audio/x-raw,format=S16LE,rate=44100,channels=1 ! flacenc ! queue ! m."
            ),
            frames,
            noise,
        );
        path
    }

    /// Frames without noise through other elements.
    pub fn through(&self, name: &str, elements: &str, frames: usize) -> String {
        let path = self.name(name);
        let line = format!("appsrc name=in ! {elements} ! filesink location={path}");
        self.write(&line, frames, |_| 0);
        path
    }

    /// The same, with more streams.
    pub fn through_with(&self, name: &str, elements: &str, more: &str, frames: usize) -> String {
        let path = self.name(name);
        let line = format!("appsrc name=in ! {elements} ! filesink location={path} {more}");
        self.write(&line, frames, |_| 0);
        path
    }

    /// As JPEG pictures.
    pub fn jpegs(&self, name: &str, frames: usize) -> String {
        let path = self.name(name);
        let line = format!("appsrc name=in ! jpegenc ! matroskamux ! filesink location={path}");
        self.write(&line, frames, |_| 0);
        path
    }

    /// As PNG pictures in QuickTime, which the decoder does not put up with when they are broken.
    pub fn pngs(&self, name: &str, frames: usize) -> String {
        let path = self.name(name);
        let line = format!(
            "appsrc name=in ! videoconvert ! video/x-raw,format=RGB ! pngenc ! qtmux ! filesink location={path}"
        );
        self.write(&line, frames, |_| 0);
        path
    }

    /// As ProRes, with a time code that begins at 10:00:00:07.
    pub fn with_timecode(&self, name: &str, frames: usize) -> String {
        let path = self.name(name);
        let line = format!(
            "appsrc name=in ! videoconvert ! timecodestamper name=t ! avenc_prores_ks ! qtmux ! filesink location={path}"
        );
        self.write(&line, frames, |_| 0);
        path
    }

    fn write(&self, line: &str, frames: usize, noise: impl Fn(usize) -> u8) {
        let pipeline = gst::parse::launch(line)
            .unwrap()
            .downcast::<gst::Pipeline>()
            .unwrap();
        if let Some(stamper) = pipeline.by_name("t") {
            let none = gst_video::VideoTimeCodeFlags::empty();
            let rate = gst::Fraction::new(25, 1);
            let begin = gst_video::VideoTimeCode::new(rate, None, none, 10, 0, 0, 7, 0);
            stamper.set_property("set-internal-timecode", begin);
            stamper.set_property_from_str("set", "always");
        }
        let source = pipeline
            .by_name("in")
            .unwrap()
            .downcast::<gst_app::AppSrc>()
            .unwrap();
        let [width, height] = self.size;
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
            .fps(gst::Fraction::new(25, 1))
            .build()
            .unwrap();
        source.set_caps(Some(&info.to_caps().unwrap()));
        source.set_format(gst::Format::Time);
        source.set_max_bytes(0);
        pipeline.set_state(gst::State::Playing).unwrap();
        for n in 0..frames {
            let mut bytes = luma(self.size, n, noise(n));
            bytes.resize(info.size(), 128);
            let mut buffer = gst::Buffer::from_mut_slice(bytes);
            let b = buffer.get_mut().unwrap();
            b.set_pts(gst::ClockTime::from_mseconds(40 * n as u64));
            b.set_duration(gst::ClockTime::from_mseconds(40));
            source.push_buffer(buffer).unwrap();
        }
        source.end_of_stream().unwrap();
        ended(&pipeline);
    }
}

/// Two stripes count frames, something moves, and `noise` lies over the lower half.
fn luma(size: [u32; 2], n: usize, noise: u8) -> Vec<u8> {
    let [width, height] = size.map(|n| n as usize);
    let mut random = n as u32 * 7919 + 1;
    let mut bytes = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let counted = if y < 8 {
                16 + n % 32 * 6
            } else {
                16 + n / 32 * 6
            };
            let moving = (60.0 + 40.0 * ((x + n) as f64 / 9.0).sin() + y as f64) as usize;
            let level = if y < 16 { counted } else { moving };
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let more = if y >= height / 2 && noise > 0 {
                (random >> 24) as u8 % noise
            } else {
                0
            };
            bytes.push((level as u8).wrapping_add(more));
        }
    }
    bytes
}

/// Waits for the end of a pipeline.
#[track_caller]
fn ended(pipeline: &gst::Pipeline) {
    let bus = pipeline.bus().unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = bus.timed_pop_filtered(gst::ClockTime::from_seconds(120), &kinds);
    let end = end.expect("neither end nor error");
    pipeline.set_state(gst::State::Null).unwrap();
    if let gst::MessageView::Error(e) = end.view() {
        panic!("{} ({:?})", e.error(), e.debug());
    }
}

/// Runs a pipeline to its end.
pub fn launch(line: &str) {
    let pipeline = gst::parse::launch(line)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    ended(&pipeline);
}

/// Caps of a film's first frame, decoded.
pub fn caps(path: &str) -> gst::Caps {
    samples(path, "video/x-raw(ANY)")[0].caps_owned().unwrap()
}

/// Caps of a film's sound, decoded.
pub fn sound_caps(path: &str) -> gst::Caps {
    samples(path, "audio/x-raw(ANY)")[0].caps_owned().unwrap()
}

/// How many streams of sound are in a file.
pub fn sound_tracks(path: &str) -> usize {
    let demuxer = match Path::new(path).extension().and_then(|e| e.to_str()) {
        Some("mkv") => "matroskademux",
        _ => "qtdemux",
    };
    let line = format!("filesrc location={path} ! {demuxer} name=d");
    let pipeline = gst::parse::launch(&line)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    let (counted, all) = std::sync::mpsc::channel();
    pipeline
        .by_name("d")
        .unwrap()
        .connect_no_more_pads(move |demuxer| {
            let pads = demuxer.src_pads();
            let tracks = pads.iter().filter(|pad| pad.name().starts_with("audio"));
            // A second time there is no receiver.
            let _ = counted.send(tracks.count());
        });
    pipeline.set_state(gst::State::Playing).unwrap();
    let tracks = all.recv_timeout(std::time::Duration::from_secs(60));
    pipeline.set_state(gst::State::Null).unwrap();
    tracks.unwrap()
}

/// Where the time code track of a file begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeCode {
    /// Since 00:00:00:00.
    pub frames: u32,
    /// Frames a second.
    pub rate: gst::Fraction,
    pub drops_frames: bool,
}

/// The time code of a QuickTime or MP4 file. Names are searched for in its bytes, unlike in the program, so that what
/// the program reads wrongly and writes wrongly does not look right.
pub fn time_code(path: &str) -> Option<TimeCode> {
    let bytes = fs::read(path).unwrap();
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut places = bytes.windows(16);
    let track = places.position(|w| w.starts_with(b"hdlr") && w.ends_with(b"tmcd"))?;
    let behind = |name: &[u8]| {
        let place = bytes[track..].windows(4).position(|w| w == name);
        track + place.unwrap() + 4
    };
    // Behind version, flags and count: size, name and 12 more bytes, flags, scale, duration of a frame.
    let entry = behind(b"stsd") + 8;
    assert_eq!(&bytes[entry + 4..entry + 8], b"tmcd");
    Some(TimeCode {
        frames: word(word(behind(b"stco") + 8) as usize),
        rate: gst::Fraction::new(word(entry + 24) as i32, word(entry + 28) as i32),
        drops_frames: word(entry + 20) & 1 != 0,
    })
}

/// All decoded samples of one kind.
fn samples(path: &str, kind: &str) -> Vec<gst::Sample> {
    let line = format!(
        "filesrc location={path} ! decodebin caps=\"{kind}\" expose-all-streams=false ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&line)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    let sink = pipeline
        .by_name("out")
        .unwrap()
        .downcast::<gst_app::AppSink>()
        .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut all = vec![];
    while let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_seconds(60)) {
        all.push(sample);
    }
    pipeline.set_state(gst::State::Null).unwrap();
    all
}

/// The frames of a film.
pub fn decoded(path: &str) -> Vec<Frame> {
    assert!(fs::exists(path).unwrap(), "there is no {path}");
    let all = samples(path, "video/x-raw(ANY)").into_iter();
    all.map(|sample| {
        let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
        let time = sample
            .segment()
            .unwrap()
            .downcast_ref::<gst::ClockTime>()
            .unwrap();
        let buffer = sample.buffer().unwrap();
        let ms = time.to_stream_time(buffer.pts()).unwrap().mseconds();
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap();
        let is_deep = info.format_info().depth()[0] > 8;
        let plane = |plane: u32| -> Vec<u16> {
            let stride = info.stride()[plane as usize] as usize;
            let width = info.format_info().scale_width(plane as u8, info.width()) as usize;
            let rows = info.format_info().scale_height(plane as u8, info.height()) as usize;
            let rows = frame.plane_data(plane).unwrap().chunks(stride).take(rows);
            rows.flat_map(|row| -> Vec<u16> {
                match is_deep {
                    true => row[..2 * width]
                        .as_chunks::<2>()
                        .0
                        .iter()
                        .map(|w| u16::from_le_bytes(*w))
                        .collect(),
                    false => row[..width].iter().map(|b| u16::from(*b)).collect(),
                }
            })
            .collect()
        };
        let middle = 1 << (info.format_info().depth()[1] - 1);
        Frame {
            format: info.format().to_str().to_string(),
            ms,
            luma: plane(0),
            chroma: [plane(1), plane(2)],
            is_coloured: plane(1).iter().chain(&plane(2)).any(|c| *c != middle),
        }
    })
    .collect()
}

/// Bytes of a film's sound.
pub fn decoded_sound(path: &str) -> Vec<u8> {
    let all = samples(path, "audio/x-raw(ANY)");
    let bytes = all
        .iter()
        .map(|s| s.buffer().unwrap().map_readable().unwrap().to_vec());
    bytes.collect::<Vec<_>>().concat()
}

/// Samples of one channel in a film's sound.
pub fn sound_samples(path: &str) -> usize {
    let all = samples(path, "audio/x-raw(ANY)");
    let samples = all.iter().map(|sample| {
        let of = sample.caps().unwrap().structure(0).unwrap();
        // As in S16LE.
        let format: String = of.get("format").unwrap();
        let bits: String = format.chars().filter(char::is_ascii_digit).collect();
        let channels: i32 = of.get("channels").unwrap();
        let bytes = sample.buffer().unwrap().size();
        bytes * 8 / (bits.parse::<usize>().unwrap() * channels as usize)
    });
    samples.sum()
}
