//! Work-arounds: what GStreamer's elements (seen in 1.22) get wrong or do not say, and how films come out right all the same.
//!
//! | file | what goes wrong |
//! |---|---|
//! | `mpeg_clock` | tsdemux and mpegpsdemux lose track of the clock of recordings behind one another |
//! | `cutoff` | demuxers end without an error where a file was cut off |
//! | `count` | demuxers lose frames without an error |
//! | `edits` | qtdemux does not follow edits that begin between key frames |
//! | `aspect` | avidemux takes a negative height for a negative width of samples |
//! | `colour_tags` | qtmux says nothing of ProRes' colours, matroskamux a fifth of the luminance of HDR |
//! | `fields` | the order of fields is on frames, while encoders look at caps |
//! | `range` | full range is lost: qtdemux reads no flag of it, matroskademux none without a matrix |
//! | `rotation` | muxers cannot say that a film is to be rotated |
//! | `timecode` | qtdemux does not read time code tracks |
//! | `tags` | matroskamux writes tags with backslashes in them |
//! | `streams` | streams hold up others, decoders and qtdemux stop without a message |
//! | `boxes`, `ebml`, `bytes` | what QuickTime and Matroska files consist of, for those above |
//!
//! Two smaller ones stand where they are needed: `videoconvert` leaves grey of full range as it is (`decode::conversion`), and
//! matroskademux names FFV1's version otherwise than matroskamux (`mux::join`).

mod aspect;
mod boxes;
mod bytes;
mod colour_tags;
mod count;
mod cutoff;
mod ebml;
mod edits;
mod fields;
mod mpeg_clock;
mod range;
mod rotation;
mod streams;
mod tags;
mod timecode;

pub use aspect::possible_aspect;
pub use colour_tags::write_colours;
pub use count::frames as frames_in;
pub use cutoff::missing;
pub use edits::{Edits, Pieces};
pub use fields::FieldOrder;
pub use mpeg_clock::Clock;
pub use range::{is_full_range, say_full_range};
pub use rotation::Rotator;
pub use streams::{drop_stream, stalled};
pub use tags::unquote;
pub use timecode::Start;
