//! Frames of Matroska and WebM files: blocks of the first video.

use std::io::{BufReader, Read, Result, Seek};

use super::super::bytes::skip;
use super::super::ebml::number;

const SEGMENT: u64 = 0x1853_8067;
const TRACKS: u64 = 0x1654_ae6b;
const TRACK: u64 = 0xae;
const NUMBER: u64 = 0xd7;
const TYPE: u64 = 0x83;
const CODEC: u64 = 0x86;
const CLUSTER: u64 = 0x1f43_b675;
const GROUP: u64 = 0xa0;
const BLOCK: u64 = 0xa1;
const SIMPLE_BLOCK: u64 = 0xa3;

/// VP8 has blocks of pictures that are not shown.
const WITH_HIDDEN: &[u8] = b"V_VP8";

/// A track as far as it has been read.
#[derive(Default)]
struct Track {
    number: Option<u64>,
    is_video: bool,
    has_hidden: bool,
}

/// Blocks of the first video. Elements that hold others are gone into, wherever they end: their lengths may be left open.
pub fn frames(file: &mut BufReader<impl Read + Seek>, end: u64) -> Result<Option<u64>> {
    let mut tracks: Vec<Track> = vec![];
    let (mut at, mut frames) = (0, 0);
    while at + 2 <= end {
        let (id, length) = number(file, false)?;
        at += length;
        let (size, length) = number(file, true)?;
        at += length;
        if matches!(id, SEGMENT | TRACKS | CLUSTER | GROUP) {
            continue;
        }
        if id == TRACK {
            tracks.push(Track::default());
            continue;
        }
        if at.saturating_add(size) > end {
            // Cut off, or of unknown size.
            break;
        }
        at += size;
        match (id, tracks.last_mut()) {
            (NUMBER | TYPE | CODEC, Some(track)) if size <= 64 => {
                let mut bytes = vec![0; size as usize];
                file.read_exact(&mut bytes)?;
                let value = bytes.iter().fold(0, |all, b| all << 8 | u64::from(*b));
                match id {
                    NUMBER => track.number = Some(value),
                    TYPE => track.is_video = value == 1,
                    _ => track.has_hidden = bytes.starts_with(WITH_HIDDEN),
                }
            }
            (BLOCK | SIMPLE_BLOCK, Some(_)) => {
                let Some(video) = tracks.iter().find(|track| track.is_video) else {
                    return Ok(None);
                };
                if video.has_hidden {
                    return Ok(None);
                }
                let (of, length) = number(file, true)?;
                frames += u64::from(Some(of) == video.number);
                skip(file, size.saturating_sub(length))?;
            }
            _ => skip(file, size)?,
        }
    }
    Ok(Some(frames))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn element(id: &[u8], inside: &[u8]) -> Vec<u8> {
        [id, &[0x40, inside.len() as u8], inside].concat()
    }

    fn film(codec: &[u8]) -> Vec<u8> {
        let track = |number: u8, kind: u8| {
            let about = [
                element(&[0xd7], &[number]),
                element(&[0x83], &[kind]),
                element(&[0x86], codec),
            ];
            element(&[0xae], &about.concat())
        };
        let tracks = [track(1, 2), track(2, 1), track(3, 1)].concat();
        let block = |number: u8| [0x80 | number, 0, 0, 0x80, 7, 7];
        let cluster = [
            element(&[0xe7], &[0]),
            element(&[0xa3], &block(2)),
            element(&[0xa3], &block(1)),
            element(&[0xa0], &element(&[0xa1], &block(2))),
            element(&[0xa3], &block(3)),
        ]
        .concat();
        // Their lengths are left open.
        let open = |id: &[u8]| [id, &[0xff]].concat();
        [
            element(&[0x1a, 0x45, 0xdf, 0xa3], &[0; 8]),
            open(&[0x18, 0x53, 0x80, 0x67]),
            element(&[0x16, 0x54, 0xae, 0x6b], &tracks),
            open(&[0x1f, 0x43, 0xb6, 0x75]),
            cluster.clone(),
            open(&[0x1f, 0x43, 0xb6, 0x75]),
            cluster,
        ]
        .concat()
    }

    #[test]
    fn blocks_of_the_first_video() {
        let count = |bytes: &[u8]| {
            let mut file = BufReader::new(Cursor::new(bytes));
            frames(&mut file, bytes.len() as u64).unwrap()
        };
        let whole = film(b"V_FFV1");
        assert_eq!(count(&whole), Some(4));
        // Without its last two blocks, one of them of the video, in the middle of it.
        assert_eq!(count(&whole[..whole.len() - 14]), Some(3));
        assert_eq!(count(&film(b"V_VP8")), None);
    }
}
