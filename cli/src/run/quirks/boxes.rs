//! Boxes of QuickTime and MP4 files: pieces with a length and a name, which may hold others.

use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::ops::Range;

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mp4Box {
    pub name: [u8; 4],
    /// Where what it holds lies in the file; its end may lie behind that of the file.
    pub content: Range<u64>,
}

/// Bytes at a place in a file.
pub fn read<const N: usize>(file: &mut (impl Read + Seek), at: u64) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The boxes that stand one after the other in a part of a file. Ends with the first that is none.
pub fn boxes<F: Read + Seek>(
    file: &mut F,
    within: Range<u64>,
) -> impl Iterator<Item = Result<Mp4Box>> {
    let mut next = Some(within.start);
    std::iter::from_fn(move || {
        let at = next.filter(|at| at.saturating_add(8) <= within.end)?;
        let found = box_at(file, at, within.end);
        next = found.as_ref().ok().map(|found| found.content.end);
        Some(found)
    })
}

fn box_at(file: &mut (impl Read + Seek), at: u64, end: u64) -> Result<Mp4Box> {
    let [a, b, c, d, name @ ..] = read::<8>(file, at)?;
    let (size, header) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (end - at, 8),
        1 => (u64::from_be_bytes(read(file, at + 8)?), 16),
        size => (u64::from(size), 8),
    };
    if size < header {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "a box without its header",
        ));
    }
    Ok(Mp4Box {
        name,
        content: at + header..at.saturating_add(size),
    })
}

/// The first box on a path of names, beginning in a part of a file.
pub fn find<F: Read + Seek>(
    file: &mut F,
    within: Range<u64>,
    path: &[&[u8; 4]],
) -> Option<Range<u64>> {
    path.iter().try_fold(within, |within, name| {
        let mut all = boxes(file, within).map_while(Result::ok);
        all.find(|found| found.name == **name)
            .map(|found| found.content)
    })
}

/// The first track of a kind (`vide`, `soun`, `tmcd`) of a file that ends at `end`.
pub fn track<F: Read + Seek>(file: &mut F, end: u64, kind: &[u8; 4]) -> Option<Range<u64>> {
    let contents = find(file, 0..end, &[b"moov"])?;
    let all: Vec<_> = boxes(file, contents).map_while(Result::ok).collect();
    let tracks = all.into_iter().filter(|found| &found.name == b"trak");
    tracks.map(|track| track.content).find(|track| {
        let handler = find(file, track.clone(), &[b"mdia", b"hdlr"]);
        handler.and_then(|handler| read(file, handler.start + 8).ok()) == Some(*kind)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn boxes_in_boxes() {
        let boxed = |name: &[u8], inside: &[u8]| {
            let size = (inside.len() as u32 + 8).to_be_bytes();
            [&size[..], name, inside].concat()
        };
        let long = [&[0, 0, 0, 1][..], b"mdat", &20_u64.to_be_bytes(), b"1234"].concat();
        let table = boxed(b"stbl", &boxed(b"stco", b"5678"));
        let inside = [boxed(b"free", b""), boxed(b"minf", &table)].concat();
        let bytes = [long, boxed(b"moov", &inside)].concat();
        let end = bytes.len() as u64;
        let mut file = Cursor::new(bytes);
        let all: Vec<_> = boxes(&mut file, 0..end).map(Result::unwrap).collect();
        assert_eq!(all[0].content, 16..20);
        assert_eq!((&all[1].name, all[1].content.end), (b"moov", end));
        let found = find(&mut file, 0..end, &[b"moov", b"minf", b"stbl", b"stco"]).unwrap();
        assert_eq!(&read::<4>(&mut file, found.start).unwrap(), b"5678");
        assert_eq!(find(&mut file, 0..end, &[b"moov", b"trak"]), None);
        let mut broken = Cursor::new([[0, 0, 0, 7], *b"free", [0; 4]].concat());
        assert!(boxes(&mut broken, 0..12).next().unwrap().is_err());
        assert_eq!(boxes(&mut broken, 0..12).count(), 1);
    }
}
