//! The encodings of films: elements, containers, depths.

use clap::ValueEnum;

use super::super::error::Error;

/// How a film is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Codec {
    /// FFV1 in Matroska.
    Ffv1,
    /// ProRes in QuickTime.
    Prores,
    /// H.264 in MP4.
    H264,
}

/// What there is to know of a codec. Elements are written as in launch lines.
pub struct Description {
    /// As on the command line.
    pub name: &'static str,
    /// Extension of its files.
    pub extension: &'static str,
    /// From raw video to what the muxer takes. Every frame of FFV1 and ProRes is a key frame; none of any codec is shown in
    /// another order than it is written, so that segments can be put behind one another.
    pub encoder: &'static str,
    pub muxer: &'static str,
    /// From a segment's bytes to what the muxer takes.
    pub demuxer: &'static str,
    /// From what the demuxer gives to raw video, for reading it again.
    pub decoder: &'static str,
    /// Bits of a sample that it can have.
    depths: &'static [u32],
    /// Elements without which it does not work, and Debian's packages that have them.
    needs: &'static [(&'static str, &'static str)],
}

const GOOD: &str = "gstreamer1.0-plugins-good";
const LIBAV: &str = "gstreamer1.0-libav";

const FFV1: Description = Description {
    name: "ffv1",
    extension: "mkv",
    encoder: "avenc_ffv1 gop-size=1 slicecrc=true",
    muxer: "matroskamux",
    demuxer: "matroskademux",
    decoder: "avdec_ffv1",
    depths: &[8, 10, 12],
    needs: &[
        ("avenc_ffv1", LIBAV),
        ("avdec_ffv1", LIBAV),
        ("matroskamux", GOOD),
        ("matroskademux", GOOD),
    ],
};

const PRORES: Description = Description {
    name: "prores",
    extension: "mov",
    encoder: "avenc_prores_ks",
    muxer: "qtmux",
    demuxer: "qtdemux",
    decoder: "avdec_prores",
    depths: &[10],
    needs: &[
        ("avenc_prores_ks", LIBAV),
        ("avdec_prores", LIBAV),
        ("qtmux", GOOD),
        ("qtdemux", GOOD),
    ],
};

const H264: Description = Description {
    name: "h264",
    extension: "mp4",
    encoder: "x264enc pass=qual quantizer=18 bframes=0 key-int-max=100 ! video/x-h264,stream-format=avc ! h264parse",
    muxer: "mp4mux",
    demuxer: "qtdemux ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
    decoder: "h264parse ! avdec_h264",
    depths: &[8, 10],
    needs: &[
        ("x264enc", "gstreamer1.0-plugins-ugly"),
        ("h264parse", "gstreamer1.0-plugins-bad"),
        ("avdec_h264", LIBAV),
        ("mp4mux", GOOD),
        ("qtdemux", GOOD),
    ],
};

impl Codec {
    /// By the extension of a file, in small letters.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "mkv" => Some(Self::Ffv1),
            "mov" => Some(Self::Prores),
            "mp4" | "m4v" => Some(Self::H264),
            _ => None,
        }
    }

    /// What there is to know of it.
    pub fn description(self) -> &'static Description {
        match self {
            Self::Ffv1 => &FFV1,
            Self::Prores => &PRORES,
            Self::H264 => &H264,
        }
    }

    /// Checks that it has such a depth, and that this machine can encode it.
    ///
    /// # Errors
    /// With the package that is missing, or the depths that the codec has.
    pub fn check(self, depth: Option<u32>) -> Result<(), Error> {
        let about = self.description();
        let mut needs = about.needs.iter();
        let missing = needs.find(|(element, _)| gst::ElementFactory::find(element).is_none());
        if let Some((element, package)) = missing {
            return Err(Error::Other(format!(
                "{} needs GStreamer's element {element}, which is missing; Debian has it in {package}",
                about.name
            )));
        }
        match depth {
            Some(depth) if !about.depths.contains(&depth) => Err(Error::Other(format!(
                "--depth {depth}: {} has {:?}",
                about.name, about.depths
            ))),
            _ => Ok(()),
        }
    }

    /// Bits of a sample for a film of so many, if the user has no wish.
    pub fn depth(self, of_film: u32) -> u32 {
        match self {
            Self::Ffv1 => of_film.clamp(10, 12).next_multiple_of(2),
            Self::Prores => 10,
            Self::H264 => 8,
        }
    }
}
