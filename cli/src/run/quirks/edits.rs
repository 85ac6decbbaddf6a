//! Edit lists that qtdemux (GStreamer 1.22) does not follow: it begins an edit that starts between two key frames with frames that
//! cannot be decoded, and ends it where a track without edits would be as long as the film. They are hidden from it, with the
//! film's length, and followed here.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use gst::prelude::*;

use super::boxes::{boxes, find, read};
use super::count;
use super::count::quicktime::{Edit, edits, scale};

/// A name in place of that of an edit list: demuxers pass it over.
const HIDDEN: &[u8; 4] = b"free";

/// Pieces of a track that are shown, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pieces(Vec<Piece>);

/// A piece of a track, and when it is shown; in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    begin: u64,
    end: u64,
    at: u64,
}

impl Pieces {
    fn of(list: &[Edit], scale: u32) -> Self {
        let time = |units: i64| {
            let units = u128::try_from(units).unwrap_or(0);
            let nanoseconds = units * 1_000_000_000 / u128::from(scale.max(1));
            u64::try_from(nanoseconds).unwrap_or(u64::MAX)
        };
        let piece = |edit: &Edit| Piece {
            begin: time(edit.begin),
            end: time(edit.end),
            at: time(edit.at),
        };
        Self(list.iter().map(piece).collect())
    }

    /// Whether each begins behind the one before, in the track as well.
    fn are_in_order(&self) -> bool {
        self.0.is_sorted_by(|a, b| a.end <= b.begin)
    }

    /// When what stands in the track at a time is shown, if it is: that is decided in its middle. All of a track without pieces is.
    pub fn shown(&self, time: gst::ClockTime, lasts: gst::ClockTime) -> Option<gst::ClockTime> {
        if self.0.is_empty() {
            return Some(time);
        }
        let middle = (time + lasts / 2).nseconds();
        let of = |piece: &&Piece| (piece.begin..piece.end).contains(&middle);
        let piece = self.0.iter().find(of)?;
        let shown = (piece.at + time.nseconds()).saturating_sub(piece.begin);
        Some(gst::ClockTime::from_nseconds(shown.max(piece.at)))
    }

    /// How long all of them are, where they have an end.
    pub fn length(&self) -> Option<gst::ClockTime> {
        let last = self.0.last()?;
        (last.end != u64::MAX)
            .then(|| gst::ClockTime::from_nseconds(last.at + last.end - last.begin))
    }
}

/// The edit lists of a film.
#[derive(Clone, Debug)]
pub struct Edits {
    /// Bytes that demuxers see in place of those at a place in the file: other names of boxes, another length.
    hidden: Vec<(u64, [u8; 4])>,
    pub video: Pieces,
    /// Of all tracks of sound.
    sound: Vec<Pieces>,
}

impl Edits {
    /// Those of a film of which some frames are not shown, if its pieces are in the order of the film; none of any other film.
    pub fn of(path: &Path) -> Option<Self> {
        let mut file = BufReader::new(File::open(path).ok()?);
        let end = file.get_ref().metadata().ok()?.len();
        let contents = find(&mut file, 0..end, &[b"moov"])?;
        let header = find(&mut file, contents.clone(), &[b"mvhd"])?.start;
        let movie = scale(&mut file, header).ok()?;
        let all: Vec<_> = boxes(&mut file, contents).map_while(Result::ok).collect();
        let (mut hidden, mut video, mut sound) = (vec![], None, vec![]);
        let mut longest = 0;
        for track in all.into_iter().filter(|found| &found.name == b"trak") {
            let track = track.content;
            if let Some(list) = find(&mut file, track.clone(), &[b"edts"]) {
                let name = list.start.checked_sub(4)?;
                if &read::<4>(&mut file, name).ok()? != b"edts" {
                    return None;
                }
                hidden.push((name, *HIDDEN));
            }
            let handler = find(&mut file, track.clone(), &[b"mdia", b"hdlr"])?;
            let kind: [u8; 4] = read(&mut file, handler.start + 8).ok()?;
            let of = find(&mut file, track.clone(), &[b"mdia", b"mdhd"])?.start;
            let of_track = scale(&mut file, of).ok()?;
            let length = length(&mut file, of)?;
            hidden.extend(length_of(
                &mut file,
                of,
                length.saturating_add(of_track.into()),
            )?);
            let length = u128::from(length) * u128::from(movie) / u128::from(of_track);
            longest = longest.max(u64::try_from(length).ok()?);
            let list = match find(&mut file, track, &[b"edts", b"elst"]) {
                Some(list) => edits(&mut file, list, of_track, movie).ok()?,
                None => None,
            };
            let pieces = Pieces::of(&list.unwrap_or_default(), of_track);
            match &kind {
                b"vide" if video.is_none() => video = Some(pieces),
                b"soun" => sound.push(pieces),
                _ => {}
            }
        }
        // And a second more, as the last frame may be shown later than its track is long.
        hidden.extend(length_of(
            &mut file,
            header,
            longest.saturating_add(movie.into()),
        )?);
        let video = video?;
        let is_followed = sound.iter().chain([&video]).all(Pieces::are_in_order);
        (is_followed && count::hides_frames(path)).then_some(Self {
            hidden,
            video,
            sound,
        })
    }

    /// Of a track of sound.
    pub fn sound(&self, number: usize) -> Pieces {
        self.sound.get(number).cloned().unwrap_or_default()
    }

    /// Hides the lists from all that read from this source.
    pub fn hide(&self, source: &gst::Element) {
        let Some(exit) = source.static_pad("src") else {
            return;
        };
        let hidden = self.hidden.clone();
        exit.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let Some(buffer) = info.buffer_mut() else {
                return gst::PadProbeReturn::Ok;
            };
            let (begin, size) = (buffer.offset(), buffer.size() as u64);
            let is_within =
                |(at, _): &(u64, [u8; 4])| *at < begin.saturating_add(size) && begin < at + 4;
            if !hidden.iter().any(is_within) {
                return gst::PadProbeReturn::Ok;
            }
            if let Ok(mut bytes) = buffer.make_mut().map_writable() {
                let all = hidden.iter().flat_map(|(at, with)| (*at..).zip(with));
                for (at, with) in all {
                    let at = at
                        .checked_sub(begin)
                        .and_then(|at| usize::try_from(at).ok());
                    if let Some(byte) = at.and_then(|at| bytes.get_mut(at)) {
                        *byte = *with;
                    }
                }
            }
            gst::PadProbeReturn::Ok
        });
    }
}

/// The length in a header of a movie or of a track.
fn length(file: &mut BufReader<File>, at: u64) -> Option<u64> {
    if read(file, at).ok()? == [1] {
        return Some(u64::from_be_bytes(read(file, at + 24).ok()?));
    }
    Some(u32::from_be_bytes(read(file, at + 16).ok()?).into())
}

/// Bytes that say another length in such a header.
fn length_of(file: &mut BufReader<File>, at: u64, length: u64) -> Option<Vec<(u64, [u8; 4])>> {
    if read(file, at).ok()? == [1] {
        let [a, b, c, d, low @ ..] = length.to_be_bytes();
        return Some(vec![(at + 24, [a, b, c, d]), (at + 28, low)]);
    }
    let length = u32::try_from(length).unwrap_or(u32::MAX - 1);
    Some(vec![(at + 16, length.to_be_bytes())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_shown() {
        let ms = gst::ClockTime::from_mseconds;
        let edit = |begin, end, at| Edit { begin, end, at };
        let pieces = Pieces::of(&[edit(200, 400, 100), edit(600, 1000, 300)], 1000);
        assert!(pieces.are_in_order());
        assert_eq!(pieces.length(), Some(ms(700)));
        let shown = |time| pieces.shown(ms(time), ms(40));
        assert_eq!([shown(160), shown(400), shown(1000)], [None; 3]);
        assert_eq!(shown(200), Some(ms(100)));
        // Half of it lies before the piece.
        assert_eq!(shown(180), Some(ms(100)));
        assert_eq!(shown(640), Some(ms(340)));
        assert!(!Pieces::of(&[edit(200, 400, 0), edit(300, 500, 200)], 1000).are_in_order());
        assert_eq!(Pieces::default().shown(ms(7), ms(1)), Some(ms(7)));
    }
}
