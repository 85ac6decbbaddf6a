//! Full range that GStreamer (1.22) loses. qtdemux reads matrix, primaries and transfer of a `colr` box, and not the flag behind
//! them; parsers and decoders take what it says, limited range, for true, and do not look into the video. And where a decoder
//! finds a range and no matrix, all else takes range and matrix from the size of the frame; decoders that find neither do not ask
//! matroskademux for the range alone.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use gst_video::{VideoColorRange, VideoColorimetry, VideoInfo};

use super::boxes::{boxes, find, read, track};
use super::bytes::{skip, take};
use super::ebml::number;

/// Bytes of a video's sample entry before the boxes in it.
const ENTRY: u64 = 78;
/// The bit that says so.
const FULL: u8 = 0x80;

/// Elements of Matroska, those that others are in first.
const AROUND: [u64; 4] = [0x1853_8067, 0x1654_ae6b, 0xe0, 0x55b0];
const TRACK: u64 = 0xae;
const TYPE: u64 = 0x83;
const VIDEO: u8 = 1;
const RANGE: u64 = 0x55b9;
const FULL_IN_MATROSKA: u8 = 2;
const CLUSTER: u64 = 0x1f43_b675;

/// Whether the file says that its first video is of full range.
pub fn is_full_range(path: &Path) -> bool {
    if flag(path).is_some_and(|flag| flag & FULL != 0) {
        return true;
    }
    let range = || {
        let mut file = BufReader::new(File::open(path).ok()?);
        let head: [u8; 4] = take(&mut file).ok()?;
        file.rewind().ok()?;
        (head == [0x1a, 0x45, 0xdf, 0xa3]).then_some(())?;
        range_in_matroska(&mut file).ok()?
    };
    range() == Some(FULL_IN_MATROSKA)
}

/// What Matroska says of the first video, which comes before all frames.
fn range_in_matroska(file: &mut BufReader<impl Read + Seek>) -> std::io::Result<Option<u8>> {
    let (mut is_video, mut range) = (false, None);
    loop {
        let (id, _) = number(file, false)?;
        let (size, _) = number(file, true)?;
        match id {
            // The next track, or frames: all is known of the first video.
            TRACK | CLUSTER if is_video || id == CLUSTER => return Ok(range.filter(|_| is_video)),
            TRACK => range = None,
            TYPE if size == 1 => is_video = take::<1>(file)? == [VIDEO],
            RANGE if size == 1 => range = take::<1>(file)?.first().copied(),
            _ if AROUND.contains(&id) => {}
            _ => skip(file, size)?,
        }
    }
}

fn flag(path: &Path) -> Option<u8> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let end = file.get_ref().metadata().ok()?.len();
    let track = track(&mut file, end, b"vide")?;
    let table = find(&mut file, track, &[b"mdia", b"minf", b"stbl", b"stsd"])?;
    // Behind version and count.
    let entry = boxes(&mut file, table.start + 8..table.end).next()?.ok()?;
    let inside = entry.content.start + ENTRY..entry.content.end;
    let colours = find(&mut file, inside, &[b"colr"])?;
    if &read::<4>(&mut file, colours.start).ok()? != b"nclx" {
        return None;
    }
    // Primaries, transfer and matrix have two bytes each.
    let [flag] = read(&mut file, colours.start + 10).ok()?;
    Some(flag)
}

/// Caps that say full range of Y'CbCr video where they do not and it is: by the file, or by themselves without a matrix. None
/// where nothing is wrong with them.
pub fn say_full_range(caps: &gst::CapsRef, is_in_file: bool) -> Option<gst::Caps> {
    let info = VideoInfo::from_caps(caps).ok()?;
    let said = info.colorimetry();
    let text = caps.structure(0)?.get::<&str>("colorimetry").ok();
    let by_itself = text.and_then(|text| text.parse::<VideoColorimetry>().ok());
    let is_full =
        is_in_file || by_itself.is_some_and(|known| known.range() == VideoColorRange::Range0_255);
    if !info.is_yuv() || !is_full || said.range() != VideoColorRange::Range16_235 {
        return None;
    }
    let full = VideoColorRange::Range0_255;
    let full = VideoColorimetry::new(full, said.matrix(), said.transfer(), said.primaries());
    let mut caps = caps.to_owned();
    let structure = caps.make_mut().structure_mut(0)?;
    structure.set("colorimetry", full.to_string());
    Some(caps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matroska_says_of_the_first_video() {
        let element =
            |id: &[u8], inside: &[u8]| [id, &[0x80 | inside.len() as u8], inside].concat();
        let track = |kind: u8, range: u8| {
            let range = element(&[0x55, 0xb9], &[range]);
            let video = element(&[0xe0], &element(&[0x55, 0xb0], &range));
            element(&[0xae], &[element(&[0x83], &[kind]), video].concat())
        };
        let said = |tracks: &[Vec<u8>]| {
            let head = element(&[0x1a, 0x45, 0xdf, 0xa3], &[0; 8]);
            let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &tracks.concat());
            let open = [0x18, 0x53, 0x80, 0x67, 0xff];
            let file = [&head[..], &open, &tracks, &[0x1f, 0x43, 0xb6, 0x75, 0xff]].concat();
            range_in_matroska(&mut BufReader::new(std::io::Cursor::new(file)))
                .ok()
                .flatten()
        };
        assert_eq!(said(&[track(2, 1), track(1, 2), track(1, 1)]), Some(2));
        assert_eq!(said(&[track(1, 1), track(1, 2)]), Some(1));
        assert_eq!(said(&[track(2, 2)]), None);
    }

    #[test]
    fn caps_of_full_range() {
        gst::init().unwrap();
        let mended = |format: &str, colorimetry: &str, is_in_file| {
            let caps = format!("video/x-raw,format={format},width=64,height=48{colorimetry}");
            let caps = say_full_range(&caps.parse::<gst::Caps>().unwrap(), is_in_file)?;
            let info = VideoInfo::from_caps(&caps).unwrap();
            Some(info.colorimetry().to_string())
        };
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(mended("I420", ",colorimetry=bt709", true), said("1:3:5:1"));
        assert_eq!(mended("I420", ",colorimetry=bt709", false), None);
        assert_eq!(mended("I420", ",colorimetry=1:3:5:1", true), None);
        // GStreamer's guess for small frames is BT.601.
        assert_eq!(
            mended("I420", ",colorimetry=1:0:0:0", false),
            said("1:4:16:4")
        );
        assert_eq!(mended("I420", "", false), None);
        assert_eq!(mended("GRAY8", ",colorimetry=1:0:0:0", true), None);
    }
}
