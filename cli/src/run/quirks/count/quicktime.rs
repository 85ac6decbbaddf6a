//! Frames of QuickTime and MP4 files: tables of samples, and edit lists.

use std::io::{Error, ErrorKind, Read, Result, Seek};
use std::ops::Range;

use super::super::boxes::{boxes, find, read};
use super::super::bytes::block;

/// Samples that are more are not counted one by one: a film of a day has a sixtieth of that, and a damaged table may say anything.
const MOST_SAMPLES: u64 = 1 << 28;

/// A piece of a track that is shown, in the track's own time, and the time at which that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edit {
    pub begin: i64,
    pub end: i64,
    pub at: i64,
}

/// Samples of the first video that are to be shown; none where they are not in one table, as in fragmented files.
pub fn frames(file: &mut (impl Read + Seek), end: u64) -> Result<Option<u64>> {
    Ok(shown_of_all(file, end)?.map(|(shown, _)| shown))
}

/// The same, and how many there are.
pub fn shown_of_all(file: &mut (impl Read + Seek), end: u64) -> Result<Option<(u64, u64)>> {
    let Some(contents) = find(file, 0..end, &[b"moov"]) else {
        return Ok(None);
    };
    let all = boxes(file, contents.clone()).map_while(Result::ok);
    let all: Vec<_> = all.collect();
    if all.iter().any(|found| &found.name == b"mvex") {
        return Ok(None);
    }
    let movie = find(file, contents, &[b"mvhd"]).map(|header| scale(file, header.start));
    for track in all.into_iter().filter(|found| &found.name == b"trak") {
        let track = track.content;
        let handler = find(file, track.clone(), &[b"mdia", b"hdlr"]);
        let kind = handler.and_then(|handler| read(file, handler.start + 8).ok());
        if kind != Some(*b"vide") {
            continue;
        }
        let header = find(file, track.clone(), &[b"mdia", b"mdhd"]);
        let table = find(file, track.clone(), &[b"mdia", b"minf", b"stbl"]);
        let (Some(header), Some(table)) = (header, table) else {
            return Ok(None);
        };
        let of_track = scale(file, header.start)?;
        let of_movie = match &movie {
            Some(Ok(scale)) => *scale,
            _ => return Ok(None),
        };
        let Some(times) = find(file, table.clone(), &[b"stts"]) else {
            return Ok(None);
        };
        let durations = pairs(file, times)?;
        if samples(&durations) > MOST_SAMPLES {
            return Ok(None);
        }
        let shifts = match find(file, table, &[b"ctts"]) {
            Some(shifts) => pairs(file, shifts)?,
            None => vec![],
        };
        let edits = match find(file, track, &[b"edts", b"elst"]) {
            Some(list) => edits(file, list, of_track, of_movie)?,
            None => None,
        };
        let all = count(&durations, &shifts, None);
        let shown = count(&durations, &shifts, edits.as_deref());
        return Ok(Some((shown, all)));
    }
    Ok(None)
}

/// Units a second, of a header of a movie or of a track.
pub fn scale(file: &mut (impl Read + Seek), at: u64) -> Result<u32> {
    let [version] = read(file, at)?;
    let behind = if version == 1 { 20 } else { 12 };
    Ok(u32::from_be_bytes(read(file, at + behind)?).max(1))
}

/// What a table holds behind its version and its count.
fn pairs(file: &mut (impl Read + Seek), table: Range<u64>) -> Result<Vec<(u32, i32)>> {
    let count = u64::from(u32::from_be_bytes(read(file, table.start + 4)?));
    let bytes = 8 * count;
    if table.start + 8 + bytes > table.end {
        return Err(Error::from(ErrorKind::InvalidData));
    }
    let all = block(file, table.start + 8, bytes)?;
    let pair = |b: &[u8; 8]| {
        let [a, b, c, d, more @ ..] = *b;
        (u32::from_be_bytes([a, b, c, d]), i32::from_be_bytes(more))
    };
    Ok(all.as_chunks::<8>().0.iter().map(pair).collect())
}

/// The pieces of a track that are shown; none where all of it is, or it is not shown at its own speed.
pub fn edits(
    file: &mut (impl Read + Seek),
    list: Range<u64>,
    of_track: u32,
    of_movie: u32,
) -> Result<Option<Vec<Edit>>> {
    let [version] = read(file, list.start)?;
    let count = u64::from(u32::from_be_bytes(read(file, list.start + 4)?));
    let size = if version == 1 { 20 } else { 12 };
    if list.start + 8 + size * count > list.end || count > 1 << 16 {
        return Err(Error::from(ErrorKind::InvalidData));
    }
    let (mut edits, mut at_time) = (vec![], 0_i64);
    for n in 0..count {
        let at = list.start + 8 + size * n;
        let (duration, begin) = match version {
            1 => (
                u64::from_be_bytes(read(file, at)?),
                i64::from_be_bytes(read(file, at + 8)?),
            ),
            _ => (
                u64::from(u32::from_be_bytes(read(file, at)?)),
                i64::from(i32::from_be_bytes(read(file, at + 4)?)),
            ),
        };
        let rate = u32::from_be_bytes(read(file, at + size - 4)?);
        if rate != 0x1_0000 {
            return Ok(None);
        }
        let long = u128::from(duration) * u128::from(of_track) / u128::from(of_movie);
        let long = i64::try_from(long).unwrap_or(i64::MAX);
        // An empty one is a time without frames; one without a length goes to the end.
        if begin >= 0 {
            let end = match duration {
                0 => i64::MAX,
                _ => begin.saturating_add(long),
            };
            edits.push(Edit {
                begin,
                end,
                at: at_time,
            });
        }
        at_time = at_time.saturating_add(long);
    }
    Ok((!edits.is_empty()).then_some(edits))
}

/// Samples of a table, shown or not.
fn samples(durations: &[(u32, i32)]) -> u64 {
    durations.iter().map(|(count, _)| u64::from(*count)).sum()
}

/// Samples of which at least a half lies within an edit.
fn count(durations: &[(u32, i32)], shifts: &[(u32, i32)], edits: Option<&[Edit]>) -> u64 {
    let Some(edits) = edits else {
        return samples(durations);
    };
    let mut shifts = shifts
        .iter()
        .flat_map(|(count, shift)| std::iter::repeat_n(i64::from(*shift), *count as usize));
    let (mut time, mut shown) = (0_i64, 0);
    for (count, duration) in durations {
        // Written as unsigned.
        let duration = i64::from(*duration as u32);
        for _ in 0..*count {
            let shift = shifts.next().unwrap_or(0);
            let middle = time.saturating_add(shift + duration / 2);
            let within = |edit: &&Edit| (edit.begin..edit.end).contains(&middle);
            shown += edits.iter().filter(within).count() as u64;
            time = time.saturating_add(duration);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn boxed(name: &[u8], inside: &[u8]) -> Vec<u8> {
        let size = (inside.len() as u32 + 8).to_be_bytes();
        [&size[..], name, inside].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Frames of 512 units, a film that counts thousandths of a second, and edits.
    fn film(frames: u32, edits: &[[u32; 3]], more: &[u8]) -> Vec<u8> {
        let header = |scale| words(&[0, 0, 0, scale, 0]);
        let handler = |kind: &[u8]| boxed(b"hdlr", &[&[0; 8], kind].concat());
        let table = [
            boxed(b"stts", &words(&[0, 1, frames, 512])),
            boxed(b"ctts", &words(&[0, 2, 1, 1024, 9, 1024])),
        ];
        let mut list = words(&[0, edits.len() as u32]);
        list.extend(edits.iter().flat_map(|edit| words(edit)));
        let video = [
            boxed(b"edts", &boxed(b"elst", &list)),
            boxed(
                b"mdia",
                &[
                    boxed(b"mdhd", &header(12800)),
                    handler(b"vide"),
                    boxed(b"minf", &boxed(b"stbl", &table.concat())),
                ]
                .concat(),
            ),
        ];
        let inside = [
            boxed(b"mvhd", &header(1000)),
            boxed(b"trak", &boxed(b"mdia", &handler(b"soun"))),
            boxed(b"trak", &video.concat()),
            more.to_owned(),
        ];
        [boxed(b"ftyp", &[0; 8]), boxed(b"moov", &inside.concat())].concat()
    }

    #[test]
    fn samples_and_edits() {
        const ONE: u32 = 0x1_0000;
        let count = |bytes: Vec<u8>| {
            let end = bytes.len() as u64;
            frames(&mut Cursor::new(bytes), end).unwrap()
        };
        for (edits, shown) in [
            (&[][..], 10),
            (&[[400, 1024, ONE]], 10),
            (&[[120, 2048, ONE]], 3),
            (&[[0, 2048, ONE]], 8),
            // A pause before it, one piece twice, twice the speed.
            (&[[500, u32::MAX, ONE], [120, 2048, ONE]], 3),
            (&[[120, 2048, ONE], [120, 2048, ONE]], 6),
            (&[[200, 1024, 2 * ONE]], 10),
        ] {
            assert_eq!(count(film(10, edits, b"")), Some(shown), "{edits:?}");
        }
        assert_eq!(count(film(10, &[], &boxed(b"mvex", b""))), None);
        // A number that cannot be is not counted up to.
        assert_eq!(count(film(u32::MAX, &[[120, 2048, ONE]], b"")), None);
    }
}
