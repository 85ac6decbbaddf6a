//! Stills, labelled sets, maps between their schemes, the colours of their classes, picture sets and streams on disk; corruptions, and a virtual camera;
//! pictures at model size.

mod corruption;
mod labelled_set;
mod model_size;
mod picture_set;
mod playback;
mod shift;
mod still;
mod stream;
mod virtual_camera;

pub(crate) use corruption::jpeg_coded;
pub use corruption::{Corruption, CorruptionError, CorruptionKind, MAX_STRENGTH};
pub use labelled_set::{LabelledSet, LabelledSetError};
pub use model_size::at_model_size;
pub use picture_set::{PictureSet, PictureSetError};
pub use playback::{Playback, Played};
pub use shift::{Shift, drift};
pub use still::{Sample, Stills};
pub use stream::{Stream, StreamError, StreamFrame};
pub use tttseg::video::{
    ClassGroups, ColourScheme, ColourSchemeError, LabelMap, LabelMapError, label_ids,
};
pub use virtual_camera::{pan, pan_size};
