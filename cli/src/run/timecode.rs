//! Where a film's time code begins. GStreamer's demuxer for QuickTime files has no eye for their time code track, so it is
//! looked for here; its muxer writes one of what frames carry.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use gst_video::{ValidVideoTimeCode, VideoTimeCodeFlags};
use serde::{Deserialize, Serialize};

/// More than any table of contents has.
const LARGEST: u64 = 1 << 28;

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

    /// As GStreamer has it; none where the numbers make no time code.
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
        let mut file = File::open(path).ok()?;
        let contents = contents(&mut file)?;
        let track = boxes(&contents)
            .filter(|(name, _)| name == b"trak")
            .map(|(_, track)| track)
            .find(|track| {
                let handler = inside(track, &[b"mdia", b"hdlr"]);
                handler.and_then(|h| h.get(8..12)) == Some(b"tmcd")
            })?;
        let table = inside(track, &[b"mdia", b"minf", b"stbl"])?;
        let described = inside(table, &[b"stsd"])?;
        // Version and count, then the entry: size, name, 8 bytes, 4 more; flags, scale, duration of a frame.
        let entry = described.get(8..)?;
        let (flags, scale, duration) = (word(entry, 20)?, word(entry, 24)?, word(entry, 28)?);
        let place = match (inside(table, &[b"stco"]), inside(table, &[b"co64"])) {
            (Some(offsets), _) => u64::from(word(offsets, 8)?),
            (None, Some(offsets)) => {
                u64::from(word(offsets, 8)?) << 32 | u64::from(word(offsets, 12)?)
            }
            _ => return None,
        };
        let mut first = [0; 4];
        file.seek(SeekFrom::Start(place)).ok()?;
        file.read_exact(&mut first).ok()?;
        Some(Self {
            frames: u64::from(u32::from_be_bytes(first)),
            rate: (i32::try_from(scale).ok()?, i32::try_from(duration).ok()?),
            is_drop_frame: flags & 1 != 0,
        })
    }
}

/// The box `moov` of a file.
fn contents(file: &mut File) -> Option<Vec<u8>> {
    let end = file.metadata().ok()?.len();
    let mut at = 0_u64;
    while at.saturating_add(8) <= end {
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut head[..8]).ok()?;
        let (size, before) = match word(&head, 0)? {
            0 => (end - at, 8),
            1 => {
                file.read_exact(&mut head[8..]).ok()?;
                let (high, low) = (word(&head, 8)?, word(&head, 12)?);
                (u64::from(high) << 32 | u64::from(low), 16)
            }
            size => (u64::from(size), 8),
        };
        if size < before {
            return None;
        }
        if &head[4..8] == b"moov" {
            if size > LARGEST {
                return None;
            }
            let mut bytes = vec![];
            file.take(size - before).read_to_end(&mut bytes).ok()?;
            return Some(bytes);
        }
        at = at.checked_add(size)?;
    }
    None
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Boxes one after the other, with their names.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let size = word(bytes, 0)? as usize;
        let (name, inside) = (bytes.get(4..8)?, bytes.get(8..size)?);
        bytes = bytes.get(size..)?;
        Some((name, inside))
    })
}

/// The first box on a path of names.
fn inside<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, wanted| {
        let mut all = boxes(bytes);
        all.find(|(name, _)| name == wanted)
            .map(|(_, inside)| inside)
    })
}
