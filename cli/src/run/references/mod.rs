//! Reference pictures that are bound to frames, and stills of a film to be painted.
//!
//! `ref_000040.png` is the reference of frame 40, counted from 0: it holds from there until that of a later frame takes its place. Not until
//! the shot ends: flashes and torn frames of old film look like cuts, and what was painted must not be lost with them.
//!
//! | file | holds |
//! |---|---|
//! | `names` | the number of a frame in the name of a picture |
//! | `set` | the pictures of a folder, checked |
//! | `bound` | the picture in force, while a film runs |
//! | `shots` | frames with which a shot begins |
//! | `export` | one still a shot |

mod bound;
mod export;
mod names;
mod set;
mod shots;

pub use bound::{Bound, forget_colours};
pub use export::{film as export_film, pictures as export_pictures};
pub use set::{References, Used, used};
