//! Packets of sound in a file, with their times to the nanosecond, which containers round.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::super::error::Error;
use super::super::quirks::Pieces;

/// A packet that is longer is none.
const MOST: u32 = 1 << 28;
/// In place of a time that is not known.
const NONE: u64 = u64::MAX;

/// A packet of sound, at its time in the film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub time: Option<gst::ClockTime>,
    pub duration: Option<gst::ClockTime>,
    pub bytes: Vec<u8>,
}

impl Packet {
    /// As GStreamer has it.
    pub fn into_buffer(self) -> gst::Buffer {
        let mut buffer = gst::Buffer::from_mut_slice(self.bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(self.time);
            buffer.set_duration(self.duration);
        }
        buffer
    }
}

/// What a file of packets holds.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub file: String,
    pub caps: Option<gst::Caps>,
    pub packets: u64,
    end: gst::ClockTime,
}

impl Summary {
    /// Where the last packet ends.
    pub fn end(&self) -> gst::ClockTime {
        self.end
    }
}

/// Writes packets to a file.
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    summary: Summary,
    pieces: Pieces,
}

impl Writer {
    /// Opens the file `name` in a folder.
    pub fn open(folder: &Path, name: &str) -> Result<Self, Error> {
        let path = folder.join(name);
        let file = File::create(&path).map_err(|e| Error::of_writing(&path, e))?;
        Ok(Self {
            file: BufWriter::new(file),
            summary: Summary {
                file: name.to_owned(),
                ..Summary::default()
            },
            pieces: Pieces::default(),
            path,
        })
    }

    /// Of the samples that it takes, only these pieces are heard.
    #[must_use]
    pub fn with_pieces(self, pieces: Pieces) -> Self {
        Self { pieces, ..self }
    }

    /// Takes a sample of GStreamer's at its place in the film. What lies outside of the film's own bounds is not to be heard.
    pub fn take(&mut self, sample: &gst::Sample) -> Result<(), Error> {
        let Some(buffer) = sample.buffer() else {
            return Ok(());
        };
        if self.summary.caps.is_none() {
            self.summary.caps = sample.caps_owned();
        }
        let segment = sample.segment();
        let segment = segment.and_then(|s| s.downcast_ref::<gst::ClockTime>());
        let time = match (buffer.pts(), segment) {
            (Some(pts), Some(segment)) => match segment.to_running_time(pts) {
                Some(time) => Some(time),
                None => return Ok(()),
            },
            (pts, _) => pts,
        };
        let time = match time {
            Some(time) => {
                let lasts = buffer.duration().unwrap_or_default();
                match self.pieces.shown(time, lasts) {
                    Some(time) => Some(time),
                    None => return Ok(()),
                }
            }
            None => None,
        };
        let map = buffer.map_readable()?;
        let packet = Packet {
            time,
            duration: buffer.duration(),
            bytes: map.to_vec(),
        };
        self.write(&packet)
    }

    /// Writes a packet.
    pub fn write(&mut self, packet: &Packet) -> Result<(), Error> {
        let known = |time: Option<gst::ClockTime>| time.map_or(NONE, |time| time.nseconds());
        let length = u32::try_from(packet.bytes.len()).ok();
        let length = length.filter(|length| *length <= MOST);
        let length = length.ok_or_else(|| Error::of(&self.path, "a packet without measure"))?;
        let parts = [
            &known(packet.time).to_le_bytes()[..],
            &known(packet.duration).to_le_bytes(),
            &length.to_le_bytes(),
            &packet.bytes,
        ];
        for part in parts {
            let written = self.file.write_all(part);
            written.map_err(|e| Error::of_writing(&self.path, e))?;
        }
        self.summary.packets += 1;
        let end = packet
            .time
            .map(|time| time + packet.duration.unwrap_or_default());
        self.summary.end = self.summary.end.max(end.unwrap_or_default());
        Ok(())
    }

    /// Completes the file.
    pub fn finish(mut self) -> Result<Summary, Error> {
        let flushed = self.file.flush();
        let synced = flushed.and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|e| Error::of_writing(&self.path, e))?;
        Ok(self.summary)
    }
}

/// Reads packets from a file.
pub struct Reader {
    path: PathBuf,
    file: BufReader<File>,
}

impl Reader {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| Error::of(path, e))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::new(file),
        })
    }

    fn packet(&mut self) -> std::io::Result<Packet> {
        let mut word = [0; 8];
        let mut time = || -> std::io::Result<_> {
            self.file.read_exact(&mut word)?;
            let time = u64::from_le_bytes(word);
            Ok((time != NONE).then(|| gst::ClockTime::from_nseconds(time)))
        };
        let (time, duration) = (time()?, time()?);
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        if length > MOST {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        Ok(Packet {
            time,
            duration,
            bytes,
        })
    }
}

impl Iterator for Reader {
    type Item = Result<Packet, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        use std::io::BufRead;
        match self.file.fill_buf() {
            Ok([]) => None,
            Ok(_) => Some(self.packet().map_err(|e| Error::of(&self.path, e))),
            Err(e) => Some(Err(Error::of(&self.path, e))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let ms = gst::ClockTime::from_mseconds;
        let packets = [
            (Some(ms(5)), Some(ms(20)), vec![1, 2, 3]),
            (None, None, vec![]),
            (Some(ms(25)), Some(ms(7)), vec![4]),
        ];
        let packets = packets.map(|(time, duration, bytes)| Packet {
            time,
            duration,
            bytes,
        });
        let mut writer = Writer::open(folder.path(), "a").unwrap();
        for packet in &packets {
            writer.write(packet).unwrap();
        }
        let summary = writer.finish().unwrap();
        assert_eq!((summary.packets, summary.end()), (3, ms(32)));
        let path = folder.path().join("a");
        let read: Result<Vec<_>, _> = Reader::open(&path).unwrap().collect();
        assert_eq!(read.unwrap(), packets);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let cut: Vec<_> = Reader::open(&path).unwrap().collect();
        assert!(cut.len() == 3 && cut[2].is_err());
    }
}
