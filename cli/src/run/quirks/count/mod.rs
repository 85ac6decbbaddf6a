//! How many frames a film has, by its container. Demuxers lose some without an error: qtdemux (GStreamer 1.22) begins an edit that
//! starts between two key frames with frames that cannot be decoded, and ends it too early.
//!
//! | file | holds |
//! |---|---|
//! | `quicktime` | tables of samples and edit lists |
//! | `matroska` | blocks |
//! | `riff` | chunks of AVI files |

mod matroska;
pub(super) mod quicktime;
mod riff;

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;

/// Frames of the first video in a film that are to be shown; none where the container does not say, or cannot be read.
pub fn frames(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let end = file.metadata().ok()?.len();
    let head: [u8; 12] = super::boxes::read(&mut file, 0).ok()?;
    file.rewind().ok()?;
    let mut file = BufReader::new(file);
    let count = match head {
        [0x1a, 0x45, 0xdf, 0xa3, ..] => matroska::frames(&mut file, end),
        [b'R', b'I', b'F', b'F', ..] => riff::frames(&mut file, end),
        _ => quicktime::frames(&mut file, end),
    };
    count.ok().flatten().filter(|frames| *frames > 0)
}

/// Whether a QuickTime or MP4 file has frames that are not to be shown.
pub fn hides_frames(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let end = file.metadata().map_or(0, |about| about.len());
    let count = quicktime::shown_of_all(&mut BufReader::new(file), end);
    matches!(count, Ok(Some((shown, all))) if shown < all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_film() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for bytes in [
            &b""[..],
            b"This is no film at all.",
            b"RIFF\xff\xff\xff\xffAVI LIST",
            b"\x1a\x45\xdf\xa3\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0\0\x10ftyp\0\0\0\0\0\0\0\0\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            std::fs::write(file.path(), bytes).unwrap();
            assert_eq!(frames(file.path()), None);
        }
    }
}
