//! Boxes about colours in the description of the first video of a QuickTime or MP4 file: `colr` (matrix, primaries, transfer),
//! `mdcv` and `clli` (what HDR video was mastered on, and its brightest places).

use std::io::{Cursor, Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::ops::Range;

use gst_video::{VideoColorRange, VideoContentLightLevel, VideoMasteringDisplayInfo};

use super::super::boxes::{boxes, find, read, track};
use super::super::bytes::block;
use super::Colours;

/// Bytes of a video's description before the boxes in it.
const DESCRIPTION: usize = 78;
/// Bytes of a box's length and name.
const HEADER: usize = 8;

/// Puts in what is not there. The file's table of contents has to stand at its end, as muxers write it: frames stay where they are.
pub fn write_boxes(file: &mut (impl Read + Write + Seek), end: u64, of: &Colours) -> Result<()> {
    let wrong = |why: &str| Error::new(ErrorKind::InvalidData, why);
    let no_video = || wrong("there is no description of a video in it");
    let all: Vec<_> = boxes(file, 0..end).collect::<Result<_>>()?;
    let is_quicktime = matches!(all.first(), Some(first) if &first.name == b"ftyp"
        && &read::<4>(file, first.content.start)? == b"qt  ");
    // Tags of MP4 stand behind it once more, in XMP, which nothing points to.
    let mut last = all.iter().rev().skip_while(|last| &last.name == b"uuid");
    let is_whole = all.last().is_some_and(|last| last.content.end == end);
    let contents = last.next().filter(|last| is_whole && &last.name == b"moov");
    let contents = contents.ok_or_else(|| wrong("its table of contents is not at its end"))?;
    let begin = contents.content.start - HEADER as u64;
    let mut movie = block(file, begin, end - begin)?;

    let chain = chain(&movie).ok_or_else(no_video)?;
    let description = chain.last().ok_or_else(no_video)?;
    let inside = description.start + DESCRIPTION;
    if inside > description.end || description.end > movie.len() {
        return Err(no_video());
    }
    let there = names(&movie, inside..description.end);
    let wanted = wanted(of, is_quicktime);
    let missing = wanted.into_iter().filter(|(name, _)| !there.contains(name));
    let made: Vec<u8> = missing
        .flat_map(|(name, content)| boxed(name, &content))
        .collect();
    if made.is_empty() {
        return Ok(());
    }
    for outer in &chain {
        grow(&mut movie, outer.start - HEADER, made.len())
            .ok_or_else(|| wrong("a box in it cannot grow"))?;
    }
    movie.splice(inside..inside, made);
    file.seek(SeekFrom::Start(begin))?;
    file.write_all(&movie)?;
    file.flush()
}

/// Contents of the boxes around the description of the first video, each within the one before, and its own.
fn chain(movie: &[u8]) -> Option<Vec<Range<usize>>> {
    const PATH: [&[u8; 4]; 4] = [b"mdia", b"minf", b"stbl", b"stsd"];
    let end = movie.len() as u64;
    let mut file = Cursor::new(movie);
    let contents = find(&mut file, 0..end, &[b"moov"])?;
    let mut chain = vec![contents, track(&mut file, end, b"vide")?];
    for name in PATH {
        let outer = chain.last()?.clone();
        chain.push(find(&mut file, outer, &[name])?);
    }
    // Behind version and count.
    let table = chain.last()?;
    let first = boxes(&mut file, table.start + 8..table.end).next()?.ok()?;
    chain.push(first.content);
    let usize = |at: u64| usize::try_from(at).ok();
    chain
        .iter()
        .map(|range| Some(usize(range.start)?..usize(range.end)?))
        .collect()
}

fn names(movie: &[u8], within: Range<usize>) -> Vec<[u8; 4]> {
    let within = within.start as u64..within.end as u64;
    let mut file = Cursor::new(movie);
    let all = boxes(&mut file, within).map_while(Result::ok);
    all.map(|found| found.name).collect()
}

/// Adds to the length of the box at a place; none where that is not a plain number.
fn grow(movie: &mut [u8], at: usize, by: usize) -> Option<()> {
    let length = movie.get_mut(at..at + 4)?.first_chunk_mut::<4>()?;
    let now = u32::from_be_bytes(*length);
    // Shorter ones mean something else.
    let longer = (now as usize >= HEADER).then(|| now.checked_add(u32::try_from(by).ok()?))?;
    *length = longer?.to_be_bytes();
    Some(())
}

fn boxed(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = (HEADER + content.len()) as u32;
    [&length.to_be_bytes(), &name[..], content].concat()
}

/// The boxes that say all that is known.
fn wanted(of: &Colours, is_quicktime: bool) -> Vec<([u8; 4], Vec<u8>)> {
    let said = &of.colorimetry;
    let codes = [
        said.primaries().to_iso(),
        said.transfer().to_iso(),
        said.matrix().to_iso(),
    ];
    let mut all = vec![];
    // 2 is "unspecified".
    if codes.iter().any(|code| *code != 2) {
        let kind = if is_quicktime { b"nclc" } else { b"nclx" };
        let mut content = kind.to_vec();
        content.extend(codes.iter().flat_map(|code| (*code as u16).to_be_bytes()));
        if !is_quicktime {
            let is_full = said.range() == VideoColorRange::Range0_255;
            content.push(u8::from(is_full) << 7);
        }
        all.push((*b"colr", content));
    }
    all.extend(
        of.mastering
            .as_ref()
            .map(|mastering| (*b"mdcv", mdcv(mastering))),
    );
    all.extend(of.light.as_ref().map(|light| (*b"clli", clli(light))));
    all
}

/// ISO/IEC 14496-12: primaries (green, blue, red) and white in steps of 0.00002, luminance in steps of 0.0001 cd/m².
fn mdcv(mastering: &VideoMasteringDisplayInfo) -> Vec<u8> {
    let [red, green, blue] = mastering.display_primaries();
    let places = [green, blue, red, mastering.white_point()];
    let codes = places.iter().flat_map(|place| [place.x(), place.y()]);
    let mut content: Vec<u8> = codes
        .flat_map(|share| ((share * 50_000.0).round() as u16).to_be_bytes())
        .collect();
    for luminance in [
        mastering.max_display_mastering_luminance(),
        mastering.min_display_mastering_luminance(),
    ] {
        content.extend(luminance.to_be_bytes());
    }
    content
}

fn clli(light: &VideoContentLightLevel) -> Vec<u8> {
    let levels = [
        light.max_content_light_level(),
        light.max_frame_average_light_level(),
    ];
    levels
        .iter()
        .flat_map(|level| level.to_be_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use gst_video::VideoColorimetry;

    use super::*;

    fn colours(colorimetry: &str) -> Colours {
        Colours {
            colorimetry: colorimetry.parse::<VideoColorimetry>().unwrap(),
            mastering: None,
            light: Some(VideoContentLightLevel::new(1000, 400)),
        }
    }

    fn film(brand: &[u8; 4], inside: &[u8]) -> Vec<u8> {
        let entry = boxed(*b"apcn", &[&[7; DESCRIPTION][..], inside].concat());
        let table = boxed(*b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1], &entry[..]].concat());
        let rest = boxed(*b"stts", b"1234");
        let table = boxed(*b"stbl", &[table, rest].concat());
        let handler = boxed(*b"hdlr", b"\0\0\0\0mhlrvide");
        let media = boxed(*b"mdia", &[handler, boxed(*b"minf", &table)].concat());
        let track = boxed(*b"trak", &media);
        [
            boxed(*b"ftyp", brand),
            boxed(*b"mdat", b"frames"),
            boxed(*b"moov", &track),
        ]
        .concat()
    }

    fn written(mut film: Vec<u8>, of: &Colours) -> Result<Vec<u8>> {
        let end = film.len() as u64;
        write_boxes(&mut Cursor::new(&mut film), end, of)?;
        Ok(film)
    }

    #[test]
    fn the_description_grows_and_all_around_it() {
        gst::init().unwrap();
        let pasp = boxed(*b"pasp", &[0, 0, 0, 1, 0, 0, 0, 1]);
        for (brand, colr) in [
            (b"qt  ", &b"nclc\0\x01\0\x01\0\x01"[..]),
            (b"isom", b"nclx\0\x01\0\x01\0\x01\0"),
        ] {
            let made = [
                boxed(*b"colr", colr),
                boxed(*b"clli", &[3, 232, 1, 144]),
                pasp.clone(),
            ];
            let found = written(film(brand, &pasp), &colours("bt709")).unwrap();
            assert_eq!(found, film(brand, &made.concat()));
            let behind = boxed(*b"uuid", b"of another kind");
            let with_more = |film: Vec<u8>| [film, behind.clone()].concat();
            let more = written(with_more(film(brand, &pasp)), &colours("bt709"));
            assert_eq!(more.unwrap(), with_more(found.clone()));
            // A second time there is nothing to do.
            assert_eq!(written(found.clone(), &colours("bt709")).unwrap(), found);
        }
    }

    #[test]
    fn what_cannot_be_written() {
        gst::init().unwrap();
        let good = film(b"qt  ", b"");
        let first = [
            &good[..4 + 4 + 4],
            &boxed(*b"moov", b""),
            &boxed(*b"mdat", b"frames"),
        ]
        .concat();
        assert!(written(first, &colours("bt709")).is_err());
        for length in 0..good.len() {
            // Cut off anywhere: an error, and no panic.
            assert!(
                written(good[..length].to_vec(), &colours("bt709")).is_err(),
                "{length}"
            );
        }
    }
}
