//! Pictures whose colours are given: reading them, and what the colour head learns from them.

use std::path::Path;

use tttseg::adapt::ColourTarget;
use tttseg::video::{ReferenceError, Rgb, Scaler, StillError, read_references, scaled};

/// The pictures that `reference-location` names; none where it names none.
pub(super) fn read(location: Option<&str>) -> Result<Vec<Rgb>, ReferenceError> {
    location.map_or(Ok(vec![]), |location| read_references(Path::new(location)))
}

/// The pictures as targets, at the size at which the network sees the stream.
pub(super) fn targets(
    pictures: &[Rgb],
    (width, height): (usize, usize),
) -> Result<Vec<ColourTarget>, String> {
    let mut scaler = Scaler::new();
    let target = |picture: &Rgb| {
        let picture = scaled(picture, width, height, &mut scaler).map_err(|e| e.to_string())?;
        ColourTarget::of_picture(&picture).map_err(|e| e.to_string())
    };
    pictures.iter().map(target).collect()
}

/// What is wrong with the pictures, and what can be done.
pub(in crate::filter) fn reference_error(error: &ReferenceError) -> gst::ErrorMessage {
    let what = "Set the property reference-location to a picture in colour (JPEG or PNG), or to a folder of such pictures";
    match error {
        ReferenceError::Still(StillError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            gst::error_msg!(gst::ResourceError::NotFound, ("{error}. {what}"))
        }
        _ => gst::error_msg!(gst::ResourceError::Read, ("{error}. {what}")),
    }
}
