//! What a container holds right of a film's sound, as GStreamer (1.22) writes it, and what becomes of the rest.

use super::super::encode::Codec;

/// What becomes of a stream of sound.
pub enum Fit {
    /// Its packets are copied.
    AsItIs,
    /// It is made another kind.
    Becomes(Way),
    /// It cannot be in the file: why.
    No(String),
}

/// A way from packets to those of another kind.
pub struct Way {
    /// From packets on, as in launch lines.
    pub elements: String,
    /// What it becomes; none where samples and encoding stay what they are.
    pub words: Option<String>,
}

/// qtmux writes rates as 16 bits before the point: 96000 would be 30464, and sound slower by that.
const FASTEST: i32 = 65535;
/// Packets to samples.
const DECODED: &str = "decodebin ! audioconvert ! audioresample";
/// Players and GStreamer's encoder for AAC take these. It makes the middle and the sides of all stereo, unless it is told not to,
/// where ffmpeg's program decides it by what there is: of channels that are not alike, one came out softer, with the other in it.
const AAC: &str = "audio/x-raw,rate=[8000,48000] ! avenc_aac bitrate=256000 aac-ms=false";

fn becomes(elements: impl Into<String>, words: &str) -> Fit {
    Fit::Becomes(Way {
        elements: elements.into(),
        words: Some(words.to_owned()),
    })
}

/// Decides it by the kind of its packets.
pub fn fit(codec: Codec, caps: &gst::Caps) -> Fit {
    let Some(about) = caps.structure(0) else {
        return Fit::No("nothing is known of it".to_owned());
    };
    let name = about.name().as_str();
    let rate: Option<i32> = about.get("rate").ok();
    if name == "audio/mpeg" && about.get("stream-format") == Ok("adts") {
        // As in transport streams: only the headers of packets are others.
        return Fit::Becomes(Way {
            elements: "aacparse ! audio/mpeg,stream-format=raw,framed=true".to_owned(),
            words: None,
        });
    }
    let raw = match name {
        "audio/x-raw" => about.get::<&str>("format").ok(),
        _ => None,
    };
    let is_fast = rate.is_some_and(|rate| rate > FASTEST);
    let is_held =
        is_held(codec, caps) && !is_apart(name) && !(is_spoilt(name) && codec != Codec::Ffv1);
    match (codec, raw) {
        (Codec::Ffv1, Some(format)) => samples(format, is_held),
        (Codec::Ffv1, None) if is_held => Fit::AsItIs,
        (Codec::Ffv1, None) => becomes(format!("{DECODED} ! flacenc"), "FLAC, without loss"),
        (Codec::Prores, Some(format)) if is_fast => fast(about, format),
        (Codec::Prores, Some(format)) => whole_samples(format, is_held),
        // The rate stands in its packets as well.
        (Codec::Prores, None) if is_held && (!is_fast || name == "audio/x-alac") => Fit::AsItIs,
        (Codec::Prores, None) if is_fast => becomes(
            format!("{DECODED} ! avenc_alac"),
            "ALAC: QuickTime as GStreamer writes it holds PCM of up to 65 kHz only",
        ),
        (Codec::Prores, None) => becomes(
            format!("{DECODED} ! audio/x-raw,format=S24LE"),
            "PCM with 24 bits, without loss",
        ),
        (Codec::H264, None) if is_held && !is_fast => Fit::AsItIs,
        (Codec::H264, _) => becomes(format!("{DECODED} ! {AAC}"), "AAC, with loss"),
    }
}

/// Whether the muxer takes it.
fn is_held(codec: Codec, caps: &gst::Caps) -> bool {
    let muxer = gst::ElementFactory::find(codec.description().muxer);
    let templates = muxer.map(|muxer| muxer.static_pad_templates());
    let mut templates = templates.into_iter().flatten();
    templates.any(|template| {
        template.name_template().starts_with("audio") && caps.is_subset(&template.caps())
    })
}

/// Kinds of sound that muxers take by a name that stands for several: ADPCM has another layout in every container.
fn is_apart(name: &str) -> bool {
    ["audio/x-adpcm", "audio/x-matroska"].contains(&name)
}

/// Opus in QuickTime and MP4: qtmux swaps the bytes of the number of samples to be skipped, and 0.3 s would not be heard.
fn is_spoilt(name: &str) -> bool {
    name == "audio/x-opus"
}

/// PCM in Matroska.
fn samples(format: &str, is_held: bool) -> Fit {
    let same = match format {
        "U8" | "S16LE" | "S24LE" | "S32LE" | "F32LE" | "F64LE" if is_held => {
            return Fit::AsItIs;
        }
        "S16BE" => "S16LE",
        "S24BE" | "S24_32LE" | "S24_32BE" => "S24LE",
        "S32BE" => "S32LE",
        "F32BE" => "F32LE",
        "F64BE" => "F64LE",
        "S8" => "S16LE",
        _ => return becomes("audioconvert ! flacenc", "FLAC, without loss"),
    };
    let elements = format!("audioconvert dithering=none ! audio/x-raw,format={same}");
    becomes(elements, &format!("PCM ({same}), without loss"))
}

/// PCM in QuickTime, which has whole numbers only in what GStreamer writes.
fn whole_samples(format: &str, is_held: bool) -> Fit {
    let convert = "audioconvert dithering=none ! audio/x-raw,format";
    match format {
        "S16LE" | "S16BE" | "S24LE" | "S24BE" | "S32LE" | "S32BE" if is_held => Fit::AsItIs,
        "S8" | "U8" => becomes(format!("{convert}=S16LE"), "PCM with 16 bits, without loss"),
        "S24_32LE" | "S24_32BE" => {
            becomes(format!("{convert}=S24LE"), "PCM with 24 bits, without loss")
        }
        _ => becomes(
            format!("{convert}=S32LE"),
            "PCM with 32 bits; floating-point samples beyond full scale are cut",
        ),
    }
}

/// PCM of a high rate in QuickTime.
fn fast(about: &gst::StructureRef, format: &str) -> Fit {
    let is_held = about
        .get("channels")
        .is_ok_and(|channels: i32| channels <= 2)
        && about.get("rate").is_ok_and(|rate: i32| rate <= 96_000)
        && !matches!(
            format,
            "F32LE" | "F32BE" | "F64LE" | "F64BE" | "S32LE" | "S32BE"
        );
    let samples = match format {
        "S8" | "U8" | "S16LE" | "S16BE" => "S16LE",
        _ => "S32LE",
    };
    let elements =
        format!("audioconvert dithering=none ! audio/x-raw,format={samples} ! avenc_alac");
    match is_held && gst::ElementFactory::find("avenc_alac").is_some() {
        true => becomes(elements, "ALAC, without loss"),
        false => Fit::No(
            "QuickTime as GStreamer writes it holds PCM of up to 65 kHz, and ALAC of up to 96 kHz, 24 bits and two channels; \
             .mkv holds all of it"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_a_rate_that_the_container_cannot_say() {
        gst::init().unwrap();
        let muxers = ["matroskamux", "qtmux", "mp4mux"];
        if muxers.map(gst::ElementFactory::find).contains(&None) {
            return;
        }
        for rate in [44_100, 48_000, 96_000, 192_000] {
            for kind in [
                "audio/x-raw,format=S16LE,layout=interleaved,channels=2",
                "audio/x-raw,format=S24LE,layout=interleaved,channels=2",
                "audio/x-raw,format=F32LE,layout=interleaved,channels=2",
                "audio/x-ac3,framed=true,channels=2",
                "audio/x-adpcm,layout=dvi,block_align=1024,channels=2",
                "audio/x-opus,channel-mapping-family=0,channels=2",
            ] {
                let caps: gst::Caps = format!("{kind},rate={rate}").parse().unwrap();
                for codec in [Codec::Prores, Codec::H264] {
                    let is_copied = matches!(fit(codec, &caps), Fit::AsItIs);
                    let is_right = rate < FASTEST && !kind.contains("opus");
                    assert!(!is_copied || is_right, "{codec:?} {caps}");
                }
                let in_matroska = matches!(fit(Codec::Ffv1, &caps), Fit::AsItIs);
                assert_eq!(in_matroska, !kind.contains("adpcm"), "{caps}");
            }
        }
    }
}
