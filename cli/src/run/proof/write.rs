//! `OUT.framemd5`, written while OUT is read again.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use gst_video::VideoInfo;
use tttseg::files::Pending;

use super::super::encode::Segment;
use super::super::error::Error;
use super::super::work::Work;
use super::framemd5::{Line, Stream, write_header};
use super::luma::Luma;
use super::path_of;
use super::record::{Record, Records};

/// How many frames are named one by one.
pub(super) const NAMED: usize = 10;
/// What the streams are; see the room's text.
const ABOUT: [&str; 3] = [
    "the film, as decoded",
    "this file, as decoded",
    "the film, in the samples of this file",
];

/// What the proof of a film says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Frames of OUT that could be decoded.
    pub frames: u64,
    /// Those that have the film's luma.
    pub kept: u64,
    /// Those of the film's size that have not.
    pub changed: u64,
    /// The first numbers of these.
    pub first: Vec<u64>,
}

/// Units of time: frames where there is a steady rate, else thousandths of a second.
#[derive(Clone, Copy)]
struct Units {
    one: u64,
    of: u64,
}

impl Units {
    fn new(rate: Option<(i32, i32)>) -> Self {
        let rate = rate.and_then(|(n, d)| Some((u64::try_from(n).ok()?, u64::try_from(d).ok()?)));
        match rate.filter(|(n, d)| *n > 0 && *d > 0) {
            Some((n, d)) => Self { one: d, of: n },
            None => Self { one: 1, of: 1000 },
        }
    }

    fn count(self, nanoseconds: u64) -> u64 {
        let second = u128::from(gst::ClockTime::SECOND.nseconds());
        let (of, one) = (u128::from(self.of), u128::from(self.one) * second);
        u64::try_from((u128::from(nanoseconds) * of + one / 2) / one).unwrap_or(u64::MAX)
    }
}

/// The file, under its temporary name.
pub struct Proof<'a> {
    records: Records<'a>,
    units: Units,
    file: Pending,
    to: BufWriter<File>,
    has_header: bool,
    findings: Findings,
}

impl<'a> Proof<'a> {
    /// Begins it in the folder of the run.
    pub fn begin(
        output: &Path,
        work: &'a Work,
        segments: &'a [Segment],
        rate: Option<(i32, i32)>,
    ) -> Result<Self, Error> {
        let file = Pending::under(&path_of(output), work.at(&work.file("proof", "framemd5")));
        let to = File::create(file.temporary()).map_err(|e| file.error(e))?;
        Ok(Self {
            records: Records::new(work, segments),
            units: Units::new(rate),
            file,
            to: BufWriter::new(to),
            has_header: false,
            findings: Findings::default(),
        })
    }

    /// Takes in the next frame of OUT.
    pub fn frame(&mut self, sample: &gst::Sample) -> Result<(), Error> {
        let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer()) else {
            return Err("a decoded frame without caps or data".into());
        };
        let info = VideoInfo::from_caps(caps)?;
        let found = Luma::of(buffer, &info)?;
        let segment = sample
            .segment()
            .and_then(|s| s.downcast_ref::<gst::ClockTime>());
        let time = buffer
            .pts()
            .and_then(|pts| segment.map_or(Some(pts), |s| s.to_running_time(pts)));
        let number = self.findings.frames;
        self.findings.frames += 1;
        let record = self.records.next()?;
        let (record, found) = (record.as_ref(), Some(&found));
        if let (Some(record), Some(found)) = (record, found) {
            if record.given == *found {
                self.findings.kept += 1;
            } else if record.given.has_size_of(found) {
                self.findings.changed += 1;
                if self.findings.first.len() < NAMED {
                    self.findings.first.push(number);
                }
            }
        }
        let written = self.lines(record, found, time, info.par());
        written.map_err(|e| self.file.error(e).into())
    }

    /// The lines of a frame of the film, of OUT, or of both.
    fn lines(
        &mut self,
        record: Option<&Record>,
        found: Option<&Luma>,
        time: Option<gst::ClockTime>,
        pixels: gst::Fraction,
    ) -> io::Result<()> {
        let of_film = record.map(|record| (&record.decoded, &record.given));
        let all = [of_film.map(|o| o.0), found, of_film.map(|o| o.1)];
        if !self.has_header {
            let some = all.into_iter().flatten().next();
            let streams = [0, 1, 2].map(|n| Stream {
                time_base: (self.units.one, self.units.of),
                size: all[n].or(some).map_or((0, 0), |l| (l.width, l.height)),
                pixels: (pixels.numer(), pixels.denom()),
                about: ABOUT[n],
            });
            write_header(&mut self.to, &streams)?;
            self.has_header = true;
        }
        let recorded = record.map_or((0, 0), |r| (r.time, r.duration));
        for (stream, luma) in (0..).zip(all) {
            let Some(luma) = luma else { continue };
            let time = match stream {
                1 => time.map_or(recorded.0, gst::ClockTime::nseconds),
                _ => recorded.0,
            };
            let line = Line {
                stream,
                time: self.units.count(time),
                duration: self.units.count(recorded.1),
                bytes: luma.bytes,
                md5: luma.md5.clone(),
            };
            line.write(&mut self.to)?;
        }
        Ok(())
    }

    /// Completes the file, which still has its temporary name, with what is left of the film.
    pub fn finish(mut self) -> Result<(Pending, Findings), Error> {
        while let Some(record) = self.records.next()? {
            let written = self.lines(Some(&record), None, None, gst::Fraction::new(1, 1));
            written.map_err(|e| self.file.error(e))?;
        }
        let flushed = self.to.flush();
        flushed.map_err(|e| self.file.error(e))?;
        Ok((self.file, self.findings))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_are_counted_by_their_times(
            frame in 0_u64..10_000_000,
            rate in proptest::sample::select(vec![(25, 1), (24_000, 1001), (30_000, 1001), (50, 1), (18, 1)]),
        ) {
            let (n, d) = rate;
            let units = Units::new(Some(rate));
            let nanoseconds = u128::from(frame) * d as u128 * 1_000_000_000 / n as u128;
            prop_assert_eq!(units.count(nanoseconds as u64), frame);
            // As Matroska rounds it.
            let thousandths = (nanoseconds + 500_000) / 1_000_000 * 1_000_000;
            prop_assert_eq!(units.count(thousandths as u64), frame);
        }
    }

    #[test]
    fn without_a_rate() {
        for rate in [None, Some((0, 1)), Some((25, 0)), Some((-25, 1))] {
            assert_eq!(Units::new(rate).count(1_234_600_000), 1235);
        }
    }
}
