//! Files that were cut off. GStreamer's demuxers (1.22) often decode them to the last byte without an error, but most containers
//! say how long they should be.

use std::fs::File;
use std::path::Path;

use super::boxes;

/// What is missing at the end of a file, in words; none where nothing is, or the container does not say.
pub fn missing(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let end = file.metadata().ok()?.len();
    let head: [u8; 200] = read(&mut file, 0).or_else(|| {
        let mut short = [0; 200];
        let start: [u8; 12] = read(&mut file, 0)?;
        short[..12].copy_from_slice(&start);
        Some(short)
    })?;
    match &head {
        [0x1a, 0x45, 0xdf, 0xa3, ..] => of_matroska(&mut file, end),
        [b'R', b'I', b'F', b'F', ..] => of_riff(&mut file, end),
        _ if head[0] == 0x47 && head[188] == 0x47 => of_packets(end, 188),
        _ if head[4] == 0x47 && head[196] == 0x47 => of_packets(end, 192),
        _ if FIRST.iter().any(|name| &head[4..8] == *name) => of_quicktime(&mut file, end),
        _ => None,
    }
}

/// Names of boxes that QuickTime and MP4 files begin with.
const FIRST: [&[u8; 4]; 6] = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"];

fn read<const N: usize>(file: &mut File, at: u64) -> Option<[u8; N]> {
    boxes::read(file, at).ok()
}

fn short(bytes: u64) -> Option<String> {
    (bytes > 0).then(|| format!("the file should have {bytes} bytes more"))
}

/// Boxes with their lengths; one of them, which may be the last one, says where frames lie.
fn of_quicktime(file: &mut File, end: u64) -> Option<String> {
    let (mut at, mut has_contents) = (0, false);
    for found in boxes::boxes(file, 0..end) {
        let found = found.ok()?;
        has_contents |= &found.name == b"moov";
        at = found.content.end;
    }
    if has_contents {
        return short(at.saturating_sub(end));
    }
    Some("its table of contents (moov), which stands at the end, is missing: the file was cut off, or never completed".to_owned())
}

/// A header, and then one segment with its length.
fn of_matroska(file: &mut File, end: u64) -> Option<String> {
    let (header, after) = number(file, 4)?;
    let at = after.checked_add(header?)?;
    if read::<4>(file, at)? != [0x18, 0x53, 0x80, 0x67] {
        return None;
    }
    let (length, after) = number(file, at + 4)?;
    short(after.checked_add(length?)?.saturating_sub(end))
}

/// A number of Matroska's, none where it is left open, and the place behind it.
fn number(file: &mut File, at: u64) -> Option<(Option<u64>, u64)> {
    let [first] = read(file, at)?;
    let bytes = first.leading_zeros() + 1;
    if bytes > 8 {
        return None;
    }
    let mask = (1_u64 << (7 * bytes)) - 1;
    let mut value = u64::from(first);
    for n in 1..u64::from(bytes) {
        let [next] = read(file, at + n)?;
        value = value << 8 | u64::from(next);
    }
    value &= mask;
    Some(((value != mask).then_some(value), at + u64::from(bytes)))
}

/// AVI: pieces with their lengths.
fn of_riff(file: &mut File, end: u64) -> Option<String> {
    let mut at: u64 = 0;
    while at + 8 <= end {
        let [name @ .., a, b, c, d] = read::<8>(file, at)?;
        if &name != b"RIFF" {
            break;
        }
        at += 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
    }
    short(at.saturating_sub(end))
}

/// MPEG transport streams: packets of one size.
fn of_packets(end: u64, size: u64) -> Option<String> {
    (!end.is_multiple_of(size)).then(|| "the file ends within a packet".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_of(bytes: &[u8]) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        missing(file.path())
    }

    #[test]
    fn what_containers_say() {
        let atom = |name: &[u8], size: u32, inside: usize| {
            [&size.to_be_bytes()[..], name, &vec![0; inside]].concat()
        };
        let mp4 = [
            atom(b"ftyp", 16, 8),
            atom(b"moov", 28, 20),
            atom(b"mdat", 308, 300),
        ]
        .concat();
        let mkv = [
            &[0x1a, 0x45, 0xdf, 0xa3, 0x82, 0, 0][..],
            &[0x18, 0x53, 0x80, 0x67, 0x41, 0x00],
            &[0; 256],
        ]
        .concat();
        let avi = [&b"RIFF"[..], &300_u32.to_le_bytes(), &[0; 300]].concat();
        for whole in [&mp4, &mkv, &avi] {
            assert_eq!(missing_of(whole), None);
            let cut = missing_of(&whole[..whole.len() - 10]);
            assert_eq!(cut.unwrap(), "the file should have 10 bytes more");
        }
        let late = [atom(b"ftyp", 16, 8), atom(b"mdat", 308, 200)].concat();
        assert!(missing_of(&late).unwrap().contains("moov"));
        let packets = [&[0x47][..], &[0; 187]].concat().repeat(3);
        assert_eq!(missing_of(&packets), None);
        assert!(missing_of(&packets[..500]).unwrap().contains("packet"));
        // Longer than any file.
        let long = [&1_u32.to_be_bytes()[..], b"mdat", &[0xff; 8]].concat();
        assert!(missing_of(&long).unwrap().contains("moov"));
        // Its length was left open, as in live recordings.
        let mut open = mkv;
        open.splice(11..13, [0x01, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(missing_of(&open), None);
        for nothing in [
            &b""[..],
            b"x",
            b"This is no film at all, and nothing can be said of it.",
        ] {
            assert_eq!(missing_of(nothing), None);
        }
    }
}
