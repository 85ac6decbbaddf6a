//! Hashes of a film's frames in the folder of the run: a file for every segment, so that none is computed twice.

use gst_video::VideoInfo;
use serde::{Deserialize, Serialize};

use super::super::encode::Segment;
use super::super::error::Error;
use super::super::work::Work;
use super::luma::Luma;

/// A frame of a film, with its luma before the element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// In nanoseconds from the film's beginning.
    pub time: u64,
    pub duration: u64,
    /// Luma as it was decoded.
    pub decoded: Luma,
    /// The same in the samples of OUT.
    pub given: Luma,
}

impl Record {
    /// Of a frame at a time: as it was decoded, and as the element gets it.
    pub fn of(
        time: gst::ClockTime,
        duration: gst::ClockTime,
        decoded: (&gst::Buffer, &VideoInfo),
        given: (&gst::Buffer, &gst::Caps),
    ) -> Result<Self, Error> {
        let luma = Luma::of(decoded.0, decoded.1)?;
        let given = match decoded.0.as_ptr() == given.0.as_ptr() {
            true => luma.clone(),
            false => Luma::of(given.0, &VideoInfo::from_caps(given.1)?)?,
        };
        Ok(Self {
            time: time.nseconds(),
            duration: duration.nseconds(),
            decoded: luma,
            given,
        })
    }
}

/// The records of all segments, one after the other; one segment of them is in memory.
pub struct Records<'a> {
    work: &'a Work,
    segments: std::slice::Iter<'a, Segment>,
    records: std::vec::IntoIter<Record>,
}

impl<'a> Records<'a> {
    /// From the first segment on.
    pub fn new(work: &'a Work, segments: &'a [Segment]) -> Self {
        Self {
            work,
            segments: segments.iter(),
            records: vec![].into_iter(),
        }
    }

    /// The next one.
    ///
    /// # Errors
    /// A file that is not there any more, or that holds something else.
    pub fn next(&mut self) -> Result<Option<Record>, Error> {
        loop {
            if let Some(record) = self.records.next() {
                return Ok(Some(record));
            }
            let Some(segment) = self.segments.next() else {
                return Ok(None);
            };
            let name = segment.luma();
            let records: Option<Vec<Record>> = self.work.read(&name)?;
            let records = records.ok_or_else(|| {
                let why = "a finished part of it is missing; --restart begins anew";
                Error::of(&self.work.at(&name), why)
            })?;
            self.records = records.into_iter();
        }
    }
}
