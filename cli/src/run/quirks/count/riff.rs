//! Frames of AVI files: chunks of the first video.

use std::io::{BufReader, Read, Result, Seek};

use super::super::bytes::{skip, take};

/// Chunks that are no longer hold no picture: the one before is shown again, or came in a chunk of two (as DivX packs them).
const NOTHING: u32 = 8;

/// Chunks of the first video that hold a picture.
pub fn frames(file: &mut BufReader<impl Read + Seek>, end: u64) -> Result<Option<u64>> {
    let (mut streams, mut video) = (0_u8, None);
    let (mut at, mut frames) = (0, 0);
    while at + 8 <= end {
        let name: [u8; 4] = take(file)?;
        let size = u32::from_le_bytes(take(file)?);
        at += 8;
        let mut rest = u64::from(size) + u64::from(size % 2);
        match &name {
            // What they hold comes behind the name of its kind.
            b"RIFF" | b"LIST" => {
                let kind: [u8; 4] = take(file)?;
                rest = match &kind {
                    b"AVI " | b"AVIX" | b"hdrl" | b"strl" | b"movi" | b"rec " => 4,
                    _ => rest,
                };
                at += rest;
                skip(file, rest.saturating_sub(4))?;
                continue;
            }
            b"strh" if size >= 4 => {
                let kind: [u8; 4] = take(file)?;
                if &kind == b"vids" && video.is_none() {
                    video = Some([b'0' + streams / 10, b'0' + streams % 10]);
                }
                streams = (streams + 1).min(99);
                at += rest;
                skip(file, rest - 4)?;
                continue;
            }
            [a, b, b'd', b'b' | b'c'] if video == Some([*a, *b]) && size > NOTHING => {
                // One that was cut off is none.
                frames += u64::from(at + u64::from(size) <= end);
            }
            _ => {}
        }
        at += rest;
        skip(file, rest)?;
    }
    Ok(video.map(|_| frames))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn chunks_of_the_first_video() {
        let chunk = |name: &[u8], inside: &[u8]| {
            let size = (inside.len() as u32).to_le_bytes();
            let odd = &[0][..inside.len() % 2];
            [name, &size, inside, odd].concat()
        };
        let list = |kind: &[u8], inside: &[u8]| chunk(b"LIST", &[kind, inside].concat());
        let stream = |kind: &[u8]| list(b"strl", &chunk(b"strh", &[kind, &[0; 52]].concat()));
        let header = list(
            b"hdrl",
            &[stream(b"auds"), stream(b"vids"), stream(b"vids")].concat(),
        );
        let frame = chunk(b"01dc", &[1; 21]);
        let pieces = [
            &frame[..],
            &chunk(b"00wb", &[0; 30]),
            &chunk(b"01dc", b""),
            &list(b"rec ", &frame),
            &chunk(b"02dc", &[1; 40]),
            &frame,
        ]
        .concat();
        let film = [
            header,
            list(b"INFO", &frame),
            list(b"movi", &pieces),
            chunk(b"idx1", &frame),
        ]
        .concat();
        let bytes = chunk(b"RIFF", &[b"AVI ", &film[..]].concat());
        let count = |bytes: &[u8]| {
            let mut file = BufReader::new(Cursor::new(bytes));
            frames(&mut file, bytes.len() as u64).unwrap()
        };
        assert_eq!(count(&bytes), Some(3));
        // Behind it, there may be more of the kind; and the last may be cut off.
        let more = chunk(b"RIFF", &[b"AVIX", &list(b"movi", &frame)[..]].concat());
        let long = [bytes, more].concat();
        assert_eq!(count(&long), Some(4));
        assert_eq!(count(&long[..long.len() - 8]), Some(3));
    }
}
