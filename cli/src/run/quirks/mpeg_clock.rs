//! The clock of MPEG streams, of which tsdemux and mpegpsdemux (GStreamer 1.22) lose track. Recordings stand behind one another
//! that begin each with a clock of their own: behind a short one, a demuxer does not see that, and decoders hold up time then.
//! And the beginning of a program stream may be taken for a later one, so that frames before it would not be shown. Times are
//! mended between demuxer and decoder, for frames and for sound in the same way.

use std::sync::Arc;

use gst::prelude::*;
use parking_lot::Mutex;

use super::super::error::clock;

/// Demuxers of streams that can be put behind one another.
const DEMUXERS: [&str; 2] = ["tsdemux", "mpegpsdemux"];
/// A jump is at least so long. Frames that are not in the order in which they are shown can go back by less.
const LEAST: gst::ClockTime = gst::ClockTime::from_mseconds(300);
/// A stream that is where it was before after so many packets has not jumped: a time in it is wrong.
const STRAYS: u32 = 2;

/// A place where the clock jumps back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Jump {
    /// Time of the film.
    at: gst::ClockTime,
    /// What is added to all times behind it.
    back: gst::ClockTime,
}

/// What is known of a film's clock so far.
#[derive(Clone, Default)]
pub struct Clock(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// By how much the demuxer takes the beginning for a later one than it is.
    late: Option<gst::ClockTime>,
    jumps: Vec<Jump>,
}

impl Clock {
    /// Mends the times in a pipeline from now on: before it has opened the film.
    pub fn mend(bin: &gst::Bin) -> Self {
        let clock = Self::default();
        let of_streams = clock.clone();
        bin.connect_deep_element_added(move |_, _, element| {
            let factory = element.factory().map(|f| f.name());
            if factory.is_some_and(|name| DEMUXERS.contains(&name.as_str())) {
                let clock = of_streams.clone();
                element.connect_pad_added(move |_, pad| clock.mend_stream(pad));
            }
        });
        clock
    }

    /// Whether times are what the demuxer made them, so that it can be wound to one.
    pub fn is_the_demuxers(&self) -> bool {
        let known = self.0.lock();
        known.jumps.is_empty() && known.late.is_none_or(|late| late.is_zero())
    }

    /// All jumps, in words.
    pub fn notes(&self) -> Vec<String> {
        let real = |jump: &&Jump| !jump.back.is_zero();
        let note = |jump: &Jump| {
            format!(
                "the film's clock jumps back by {} at {}, as where another recording begins: what comes there is put behind \
                 what was before",
                clock(jump.back),
                clock(jump.at)
            )
        };
        self.0.lock().jumps.iter().filter(real).map(note).collect()
    }

    fn mend_stream(&self, pad: &gst::Pad) {
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_FLUSH;
        let (clock, stream) = (self.clone(), Mutex::new(Stream::default()));
        pad.add_probe(kinds, move |pad, info| {
            let mut known = clock.0.lock();
            let mut stream = stream.lock();
            let Some(buffer) = info.buffer_mut() else {
                // It goes on at another place, where frames may come that are not wanted.
                *stream = Stream::default();
                known.jumps.clear();
                known.late = Some(gst::ClockTime::ZERO);
                return gst::PadProbeReturn::Ok;
            };
            if let Some(time) = buffer.dts_or_pts() {
                stream.see(time, &mut known.jumps);
            }
            let late = match (known.late, buffer.pts()) {
                (None, Some(time)) => *known.late.insert(begin(pad).saturating_sub(time)),
                (late, _) => late.unwrap_or_default(),
            };
            let shift = late + stream.shift;
            if !shift.is_zero() {
                let buffer = buffer.make_mut();
                buffer.set_pts(buffer.pts().map(|time| time + shift));
                buffer.set_dts(buffer.dts().map(|time| time + shift));
            }
            gst::PadProbeReturn::Ok
        });
    }
}

/// What the demuxer takes for the beginning.
fn begin(pad: &gst::Pad) -> gst::ClockTime {
    let segment = pad.sticky_event::<gst::event::Segment>(0);
    let begin = segment.and_then(|s| s.segment().downcast_ref::<gst::ClockTime>()?.start());
    begin.unwrap_or_default()
}

/// One stream of a film.
#[derive(Default)]
struct Stream {
    /// The latest time so far, by the clock that the stream has now, and from one time to the next.
    latest: Option<gst::ClockTime>,
    /// The latest but one: where a packet says only when it is shown, a single one may be far ahead.
    steady: gst::ClockTime,
    step: gst::ClockTime,
    /// Jumps that it has taken part in, and what they add.
    passed: usize,
    shift: gst::ClockTime,
    /// The latest time before the last jump, and packets since then.
    before: gst::ClockTime,
    since: u32,
}

impl Stream {
    /// Looks at the time of its next packet, as the film has it. Streams of one film jump together, and by the same time.
    fn see(&mut self, time: gst::ClockTime, jumps: &mut Vec<Jump>) {
        let Some(latest) = self.latest else {
            (self.latest, self.steady) = (Some(time), time);
            return;
        };
        let seen = self.steady.saturating_sub(time);
        let known = jumps.get(self.passed).map(|jump| jump.back);
        // They do not end and begin at the same time.
        let has_jumped = known.map_or(seen >= LEAST, |known| seen > known / 2);
        if has_jumped {
            let add = known.unwrap_or(latest + self.step - time);
            if known.is_none() {
                jumps.push(Jump {
                    at: latest + self.step + self.shift,
                    back: add,
                });
            }
            self.passed += 1;
            self.shift += add;
            (self.before, self.since) = (latest, 0);
            (self.latest, self.steady) = (Some(time), time);
            return;
        }
        self.since = self.since.saturating_add(1);
        if self.passed > 0 && self.since <= STRAYS && time > self.before {
            let stray = &mut jumps[self.passed - 1];
            self.shift = self.shift.saturating_sub(stray.back);
            stray.back = gst::ClockTime::ZERO;
            self.since = STRAYS;
        } else if time > latest {
            self.step = (time - latest).min(gst::ClockTime::SECOND);
        }
        self.latest = Some(latest.max(time));
        self.steady = self.steady.max(latest.min(time));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> gst::ClockTime {
        gst::ClockTime::from_mseconds(ms)
    }

    /// What becomes of times in milliseconds.
    fn mended(stream: &mut Stream, jumps: &mut Vec<Jump>, times: &[u64]) -> Vec<u64> {
        let mend = |time: &u64| {
            stream.see(ms(*time), jumps);
            time + stream.shift.mseconds()
        };
        times.iter().map(mend).collect()
    }

    #[test]
    fn a_clock_that_goes_on() {
        let (mut stream, mut jumps) = (Stream::default(), vec![]);
        // In the order of decoding, with a gap.
        let times = [5, 125, 45, 85, 245, 165, 205, 925, 845, 885];
        assert_eq!(mended(&mut stream, &mut jumps, &times), times);
        // The second one says only when it is shown.
        let times = [0, 360, 0, 40, 80, 120, 160, 200, 240, 280, 320, 360, 400];
        assert_eq!(mended(&mut Stream::default(), &mut jumps, &times), times);
        assert!(jumps.is_empty());
    }

    #[test]
    fn streams_jump_together() {
        let (mut video, mut sound, mut jumps) = Default::default();
        let times = mended(
            &mut video,
            &mut jumps,
            &[400, 440, 480, 0, 40, 80, 120, 160],
        );
        assert_eq!(times, (400..720).step_by(40).collect::<Vec<_>>());
        // Its first recording ended earlier, and its second one begins later.
        let times = mended(&mut sound, &mut jumps, &[400, 424, 448, 60, 84, 108]);
        assert_eq!(times, [400, 424, 448, 580, 604, 628]);
        let again = mended(&mut sound, &mut jumps, &[700, 724, 10, 34, 58, 82]);
        assert_eq!(again, [1220, 1244, 1268, 1292, 1316, 1340]);
        assert_eq!(mended(&mut video, &mut jumps, &[600, 640, 0])[2], 1258);
        let jumps = jumps.iter().map(|j| (j.at, j.back)).collect::<Vec<_>>();
        assert_eq!(jumps, [(ms(520), ms(520)), (ms(1268), ms(738))]);
    }

    #[test]
    fn a_time_that_is_wrong() {
        let (mut stream, mut jumps) = (Stream::default(), vec![]);
        let times = mended(&mut stream, &mut jumps, &[400, 440, 0, 520, 560, 600]);
        assert_eq!(times, [400, 440, 480, 520, 560, 600]);
        assert_eq!(jumps.iter().filter(|j| !j.back.is_zero()).count(), 0);
    }
}
