//! Work-arounds: what GStreamer's elements (seen in 1.22) get wrong or do not say, and how films come out right all the same.
//!
//! | file | what goes wrong |
//! |---|---|
//! | `mpeg_clock` | tsdemux and mpegpsdemux lose track of the clock of recordings behind one another |
//! | `cutoff` | demuxers end without an error where a file was cut off |
//! | `count` | demuxers lose frames without an error |
//! | `edits` | qtdemux does not follow edits that begin between key frames |
//! | `fields` | the order of fields is on frames, while encoders look at caps |
//! | `rotation` | muxers cannot say that a film is to be rotated |
//! | `timecode` | qtdemux does not read time code tracks |
//! | `tags` | matroskamux writes tags with backslashes in them |
//! | `streams` | streams hold up others, decoders and qtdemux stop without a message |
//! | `boxes` | of QuickTime and MP4 files, for `cutoff`, `count`, `edits` and `timecode` |
//!
//! Two smaller ones stand where they are needed: `videoconvert` leaves grey of full range as it is (`decode::conversion`), and
//! matroskademux names FFV1's version otherwise than matroskamux (`mux::join`).

mod boxes;
mod count;
mod cutoff;
mod edits;
mod fields;
mod mpeg_clock;
mod rotation;
mod streams;
mod tags;
mod timecode;

pub use count::frames as frames_in;
pub use cutoff::missing;
pub use edits::{Edits, Pieces};
pub use fields::FieldOrder;
pub use mpeg_clock::Clock;
pub use rotation::Rotator;
pub use streams::{drop_stream, stalled};
pub use tags::unquote;
pub use timecode::Start;
