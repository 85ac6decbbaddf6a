//! What a finished file says of its colours, where GStreamer's muxers (1.22) say nothing or something else: qtmux writes neither
//! matrix, primaries and transfer of ProRes nor what HDR video was mastered on, and matroskamux a fifth of its luminance.
//!
//! | file | holds |
//! |---|---|
//! | `quicktime` | boxes put into the description of the video |
//! | `matroska` | luminance written over what stands there |

mod matroska;
mod quicktime;

use std::fs::OpenOptions;
use std::io::{BufReader, Error, ErrorKind, Result, Seek};
use std::path::Path;

use gst_video::{VideoColorimetry, VideoContentLightLevel, VideoInfo, VideoMasteringDisplayInfo};

use super::boxes::read;

/// What caps say of a video's colours.
struct Colours {
    colorimetry: VideoColorimetry,
    mastering: Option<VideoMasteringDisplayInfo>,
    light: Option<VideoContentLightLevel>,
}

/// Writes what the caps of its frames say of colours into a QuickTime, MP4 or Matroska file.
///
/// # Errors
/// When the file cannot be read or written, or is no such file.
pub fn write_colours(path: &Path, caps: &gst::CapsRef) -> Result<()> {
    let Ok(info) = VideoInfo::from_caps(caps) else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "caps that are no video",
        ));
    };
    let colours = Colours {
        colorimetry: info.colorimetry(),
        mastering: VideoMasteringDisplayInfo::from_caps(caps).ok(),
        light: VideoContentLightLevel::from_caps(caps).ok(),
    };
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let end = file.metadata()?.len();
    match read(&mut file, 0)? {
        [0x1a, 0x45, 0xdf, 0xa3] => {
            let Some(mastering) = &colours.mastering else {
                return Ok(());
            };
            file.rewind()?;
            let places = matroska::luminance(&mut BufReader::new(&mut file), end)?;
            matroska::write_luminance(&mut file, &places, mastering)
        }
        _ => quicktime::write_boxes(&mut file, end, &colours),
    }
}
