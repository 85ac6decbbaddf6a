//! A film's sound, brought to what the container of OUT holds right, before any frame is computed: then it is known what becomes
//! of it, and what waits for the muxer cannot fail there.
//!
//! | file | holds |
//! |---|---|
//! | `fit` | what a container holds right, and what sound becomes that it does not |
//! | `read` | the packets of all streams of sound in a film |
//! | `transcode` | packets decoded, and encoded as another kind |
//! | `packets` | packets in a file |

mod fit;
mod packets;
mod read;
mod transcode;

use serde::{Deserialize, Serialize};

use super::Context;
use super::encode::Codec;
use super::error::{Error, clock};
use super::work::Work;
use fit::Fit;
use packets::{Reader, Summary};
use std::path::Path;

pub use packets::Packet;

/// Sound that is shorter by less than this than it was is whole: packets of another size end elsewhere.
const SHORT: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// A stream of sound as it goes into OUT.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Track {
    /// Its packets, in the folder of the run.
    pub file: String,
    /// What they are.
    caps: String,
    /// Of the film's sound, in samples a second; none where its packets do not say.
    pub rate: Option<i32>,
    /// Where it ends, in nanoseconds from the film's beginning.
    end: u64,
}

impl Track {
    /// What its packets are.
    pub fn caps(&self) -> Result<gst::Caps, Error> {
        let caps = self.caps.parse::<gst::Caps>();
        Ok(caps.map_err(|_| "the journal names no kind of sound")?)
    }

    /// Where it ends.
    pub fn end(&self) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(self.end)
    }

    /// Its packets.
    pub fn packets(
        &self,
        folder: &Path,
    ) -> Result<impl Iterator<Item = Result<Packet, Error>> + use<>, Error> {
        Reader::open(&folder.join(&self.file))
    }
}

/// What becomes of a film's sound.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sound {
    pub tracks: Vec<Track>,
    /// What there is to say about it.
    pub notes: Vec<String>,
    /// What is not in OUT, though it is in the film.
    pub losses: Vec<String>,
}

impl Sound {
    /// Reads all of a film's sound, and brings it to what the container holds. Files of packets are in the folder of the run then.
    ///
    /// # Errors
    /// A disk without room, an end that the user wants. What is wrong with the sound itself is a loss.
    pub fn read(context: &Context, work: &Work, input: &Path, codec: Codec) -> Result<Self, Error> {
        let read = read::streams(context, work, input)?;
        let mut sound = Self::default();
        if let Some(why) = read.broken.filter(|_| !read.streams.is_empty()) {
            let loss = format!("its sound could be read only in part: {why}");
            sound.losses.push(loss);
        }
        for (number, stream) in read.streams.into_iter().enumerate() {
            sound.take(context, work, codec, number, stream)?;
        }
        Ok(sound)
    }

    fn take(
        &mut self,
        context: &Context,
        work: &Work,
        codec: Codec,
        number: usize,
        stream: Summary,
    ) -> Result<(), Error> {
        let Some(caps) = stream.caps.clone().filter(|_| stream.packets > 0) else {
            let note = format!("stream {} of its sound is empty, and left out", number + 1);
            self.notes.push(note);
            return Ok(());
        };
        let name = caps.structure(0).map_or("?", |s| s.name().as_str());
        let what = format!("its sound ({name}, stream {})", number + 1);
        let way = match fit::fit(codec, &caps) {
            Fit::AsItIs => {
                self.tracks.push(track(&stream, &caps, None));
                return Ok(());
            }
            Fit::Becomes(way) => way,
            Fit::No(why) => {
                self.losses.push(format!("{what} is left out: {why}"));
                return Ok(());
            }
        };
        let file = format!("sound-{number:02}-made.packets");
        let made = transcode::transcode(context, work, &stream, &caps, &way.elements, &file)?;
        let Some(of_made) = made
            .summary
            .caps
            .clone()
            .filter(|_| made.summary.packets > 0)
        else {
            let why = made
                .broken
                .unwrap_or_else(|| "nothing comes of it".to_owned());
            let loss = format!("{what} cannot be decoded, and is left out: {why}");
            self.losses.push(loss);
            return Ok(());
        };
        let (was, is) = (stream.end(), made.summary.end());
        if is + SHORT < was {
            let why = made.broken.map_or(String::new(), |why| format!(": {why}"));
            self.losses.push(format!(
                "{what} could be decoded only to {} of {}{why}",
                clock(is),
                clock(was)
            ));
        }
        if let Some(words) = way.words {
            self.notes.push(format!(
                "{what} does not fit into the file as it is, and was made {words}"
            ));
        }
        self.tracks.push(track(&made.summary, &of_made, made.rate));
        // What cannot be removed does no harm.
        let _ = std::fs::remove_file(work.at(&stream.file));
        Ok(())
    }
}

/// `rate` is that of the samples, where the packets have none or another.
fn track(summary: &Summary, caps: &gst::Caps, rate: Option<i32>) -> Track {
    let of_packets = || caps.structure(0).and_then(|s| s.get("rate").ok());
    Track {
        file: summary.file.clone(),
        caps: caps.to_string(),
        rate: rate.or_else(of_packets),
        end: summary.end().nseconds(),
    }
}
