//! A film's frames in the format that the element gets.
//!
//! | file | holds |
//! |---|---|
//! | `frames` | frames one after the other, at their times; beyond places that cannot be decoded |
//! | `decoder` | the elements that decode |
//! | `conversion` | the formats that decoded video is converted to |
//! | `damage` | what is wrong with the film, counted |

mod conversion;
mod damage;
mod decoder;
mod frames;

pub use conversion::Target;
pub use damage::Damage;
pub use frames::{Frame, Frames, Next};
