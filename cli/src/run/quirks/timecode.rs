//! The beginning of a film's time code. qtdemux (GStreamer 1.22) does not read the time code track of QuickTime files, so it is
//! read here; qtmux writes one of what frames carry.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use gst_video::{ValidVideoTimeCode, VideoTimeCodeFlags};
use serde::{Deserialize, Serialize};

use super::boxes::{find, read, track};

/// The time code of a film's first frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Frames since 00:00:00:00.
    frames: u64,
    /// Frames a second, as a fraction.
    rate: (i32, i32),
    is_drop_frame: bool,
}

impl Start {
    /// Of a time code that a decoder found.
    pub fn of(timecode: &ValidVideoTimeCode) -> Self {
        let rate = timecode.fps();
        Self {
            frames: timecode.frames_since_daily_jam(),
            rate: (rate.numer(), rate.denom()),
            is_drop_frame: timecode.flags().contains(VideoTimeCodeFlags::DROP_FRAME),
        }
    }

    /// In GStreamer's terms; none where the numbers make no time code.
    pub fn timecode(&self) -> Option<ValidVideoTimeCode> {
        if self.rate.0 <= 0 || self.rate.1 <= 0 {
            return None;
        }
        let flags = match self.is_drop_frame {
            true => VideoTimeCodeFlags::DROP_FRAME,
            false => VideoTimeCodeFlags::empty(),
        };
        let rate = gst::Fraction::new(self.rate.0, self.rate.1);
        let mut timecode = ValidVideoTimeCode::new(rate, None, flags, 0, 0, 0, 0, 0).ok()?;
        timecode.add_frames(i64::try_from(self.frames).ok()?);
        Some(timecode)
    }

    /// Of a QuickTime or MP4 file's time code track; none where there is none, or none that can be read.
    pub fn of_file(path: &Path) -> Option<Self> {
        let mut file = BufReader::new(File::open(path).ok()?);
        let end = file.get_ref().metadata().ok()?.len();
        let track = track(&mut file, end, b"tmcd")?;
        let table = find(&mut file, track, &[b"mdia", b"minf", b"stbl"])?;
        // Version and count, then the entry: size, name, 8 bytes, 4 more; flags, scale, duration of a frame.
        let entry = find(&mut file, table.clone(), &[b"stsd"])?.start + 8;
        let mut word = |at| read(&mut file, at).ok().map(u32::from_be_bytes);
        let (flags, scale, duration) = (word(entry + 20)?, word(entry + 24)?, word(entry + 28)?);
        // Version and count of chunks of samples, then the place of the first.
        let place = match find(&mut file, table.clone(), &[b"stco"]) {
            Some(offsets) => u32::from_be_bytes(read(&mut file, offsets.start + 8).ok()?).into(),
            None => {
                let offsets = find(&mut file, table, &[b"co64"])?;
                u64::from_be_bytes(read(&mut file, offsets.start + 8).ok()?)
            }
        };
        let first = u32::from_be_bytes(read(&mut file, place).ok()?);
        Some(Self {
            frames: first.into(),
            rate: (i32::try_from(scale).ok()?, i32::try_from(duration).ok()?),
            is_drop_frame: flags & 1 != 0,
        })
    }
}
