//! Luminance of the display that the first video of a Matroska file was mastered on.

use std::io::{BufReader, Read, Result, Seek, SeekFrom, Write};

use gst_video::VideoMasteringDisplayInfo;

use super::super::bytes::skip;
use super::super::ebml::number;

const SEGMENT: u64 = 0x1853_8067;
const TRACKS: u64 = 0x1654_ae6b;
const TRACK: u64 = 0xae;
const VIDEO: u64 = 0xe0;
const COLOUR: u64 = 0x55b0;
const MASTERING: u64 = 0x55d0;
const MAX: u64 = 0x55d9;
const MIN: u64 = 0x55da;
const CLUSTER: u64 = 0x1f43_b675;

/// Where a number in floating point stands, and how many bytes it has.
pub struct Place {
    at: u64,
    bytes: u64,
    is_max: bool,
}

/// The places of luminance in a file that ends at `end`, before its frames.
pub fn luminance(file: &mut BufReader<impl Read + Seek>, end: u64) -> Result<Vec<Place>> {
    let (mut at, mut places) = (0, vec![]);
    while at + 2 <= end {
        let (id, length) = number(file, false)?;
        at += length;
        let (bytes, length) = number(file, true)?;
        at += length;
        match id {
            SEGMENT | TRACKS | TRACK | VIDEO | COLOUR | MASTERING => continue,
            CLUSTER => break,
            MAX | MIN => places.push(Place {
                at,
                bytes,
                is_max: id == MAX,
            }),
            _ => {}
        }
        if at.saturating_add(bytes) > end {
            break;
        }
        at += bytes;
        skip(file, bytes)?;
    }
    Ok(places)
}

/// Writes the luminance, in cd/m², over what stands there.
pub fn write_luminance(
    file: &mut (impl Write + Seek),
    places: &[Place],
    of: &VideoMasteringDisplayInfo,
) -> Result<()> {
    for place in places {
        let steps = match place.is_max {
            true => of.max_display_mastering_luminance(),
            false => of.min_display_mastering_luminance(),
        };
        let luminance = f64::from(steps) / 10_000.0;
        file.seek(SeekFrom::Start(place.at))?;
        match place.bytes {
            8 => file.write_all(&luminance.to_be_bytes())?,
            4 => file.write_all(&(luminance as f32).to_be_bytes())?,
            _ => {}
        }
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn element(id: &[u8], inside: &[u8]) -> Vec<u8> {
        [id, &[0x40, inside.len() as u8], inside].concat()
    }

    #[test]
    fn luminance_is_written_where_it_stands() {
        gst::init().unwrap();
        let film = |max: f64, min: f32| {
            let light = [
                element(&[0x55, 0xd1], &[9; 4]),
                element(&[0x55, 0xd9], &max.to_be_bytes()),
                element(&[0x55, 0xda], &min.to_be_bytes()),
            ];
            let colour = element(&[0x55, 0xb0], &element(&[0x55, 0xd0], &light.concat()));
            let track = element(&[0xae], &element(&[0xe0], &colour));
            let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &track);
            let head = element(&[0x1a, 0x45, 0xdf, 0xa3], &[0; 5]);
            // A segment of unknown length.
            let segment = [
                0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255,
            ];
            [
                &head[..],
                &segment,
                &tracks,
                &element(&[0x1f, 0x43, 0xb6, 0x75], &[1, 2]),
            ]
            .concat()
        };
        let mut caps = gst::Caps::new_empty_simple("video/x-raw");
        let said = "35400:14600:8500:39850:6550:2300:15635:16450:10000000:50";
        caps.make_mut()
            .structure_mut(0)
            .unwrap()
            .set("mastering-display-info", said);
        let mastering = VideoMasteringDisplayInfo::from_caps(&caps).unwrap();
        let mut bytes = film(200.0, 0.001);
        let end = bytes.len() as u64;
        let places = luminance(&mut BufReader::new(Cursor::new(&bytes)), end).unwrap();
        write_luminance(&mut Cursor::new(&mut bytes), &places, &mastering).unwrap();
        assert_eq!(bytes, film(1000.0, 0.005));
        for length in 0..bytes.len() {
            let places = luminance(&mut BufReader::new(Cursor::new(&bytes[..length])), end);
            assert!(places.is_err() || places.is_ok_and(|places| places.len() <= 2));
        }
    }
}
