//! Colours that people give: the pictures of `reference-location`, and hints in the frame that is shown.

use std::path::Path;
use std::sync::Arc;

use gst::subclass::prelude::*;
use tttseg::adapt::{ColourTarget, Error};
use tttseg::video::{ChromaMap, ReferenceError, Rgb, Scaler, StillError, read_references, scaled};

use super::Task;
use super::engine::Engine;
use super::hinted::{Frame, Hinted, Place};
use super::imp::{CAT, TttSegFilter};
use super::settings::Live;

/// The value of `hint-colour` with which clicks say nothing.
pub(super) const NO_COLOUR: u32 = u32::MAX;

/// What people have said.
#[derive(Default)]
pub(super) struct Directions {
    references: Arc<[Rgb]>,
    /// Frames with hints, in the order of the first hint of each.
    hinted: Vec<Hinted>,
    /// The frame that was shown last, as the network saw it.
    shown: Frame,
}

impl Directions {
    /// How many pictures there are, and hints.
    pub fn counts(&self) -> (usize, usize) {
        let hints = self.hinted.iter().map(Hinted::count).sum();
        (self.references.len(), hints)
    }

    /// Keeps the frame that is shown, for hints that may be given in it.
    pub fn show(&mut self, rgb: &[u8], (width, height): (usize, usize)) {
        let shown = &mut self.shown;
        shown.rgb.clear();
        shown.rgb.extend_from_slice(rgb);
        (shown.width, shown.height) = (width, height);
    }

    /// Drops all hints; tells whether there were any.
    pub fn drop_hints(&mut self) -> bool {
        !std::mem::take(&mut self.hinted).is_empty()
    }

    /// Adds a hint in the frame that is shown, in whose colours `chroma` it is; false when there is none.
    fn add_hint(&mut self, chroma: &ChromaMap, place: Place, radius: f64, colour: [u8; 3]) -> bool {
        if self.hinted.last().is_none_or(|last| !last.is(&self.shown)) {
            let Some(hinted) = Hinted::new(self.shown.clone(), chroma) else {
                return false;
            };
            self.hinted.push(hinted);
        }
        let Some(hinted) = self.hinted.last_mut() else {
            return false;
        };
        hinted.add(place, radius, colour);
        true
    }

    fn hints(&self) -> Result<Vec<ColourTarget>, Error> {
        self.hinted.iter().map(Hinted::direction).collect()
    }
}

impl TttSegFilter {
    /// Reads the pictures that `reference-location` names, or forgets those before if it names none.
    pub(super) fn read_references(&self, location: Option<&str>) -> Result<(), ReferenceError> {
        let references = match location {
            Some(location) => read_references(Path::new(location))?,
            None => vec![],
        };
        gst::debug!(CAT, imp = self, "{} references", references.len());
        self.directions().references = references.into();
        Ok(())
    }

    /// Takes up a new `reference-location`. One that cannot be used leaves that of `before`, with a warning. Below READY it is read on the
    /// way there.
    pub(super) fn change_references(&self, before: Option<String>) {
        let Some(engine) = self.engine() else { return };
        let location = self.settings().reference_location.clone();
        match self.read_references(location.as_deref()) {
            Ok(()) => {
                if let Some(negotiated) = self.negotiated() {
                    self.send_references(&engine, negotiated.model_size);
                }
            }
            Err(e) => {
                self.settings().reference_location = before;
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Read,
                    ("{e}. The pictures of before stay")
                );
            }
        }
    }

    /// Hands the references to the engine, at the size at which it sees the stream.
    pub(super) fn send_references(&self, engine: &Engine, (width, height): (usize, usize)) {
        if engine.task() != Task::Colorize || width == 0 {
            return;
        }
        let references = self.directions().references.clone();
        let mut scaler = Scaler::new();
        let directions = references.iter().map(|picture| {
            let picture = scaled(picture, width, height, &mut scaler);
            let picture = picture.map_err(|e| e.to_string())?;
            ColourTarget::of_picture(&picture.bytes, width, height).map_err(|e| e.to_string())
        });
        let sent = directions
            .collect::<Result<Vec<_>, String>>()
            .and_then(|given| engine.set_references(given).map_err(|e| e.to_string()));
        if let Err(why) = sent {
            gst::element_imp_warning!(
                self,
                gst::LibraryError::Settings,
                ("The pictures of reference-location cannot be learned from: {why}")
            );
        }
    }

    /// A click: with the first button a hint, if `hint-colour` has been set, with the third the end of all hints.
    pub(super) fn on_click(&self, button: i32, x: f64, y: f64) {
        let live = self.live_settings();
        match button {
            _ if live.hint_colour == NO_COLOUR => {}
            1 => {
                self.hint(&live, x, y, live.hint_colour);
            }
            3 => self.clear_hints(),
            _ => {}
        }
    }

    /// A hint at a place of the frame, in pixels of what goes out; false when there is no such place or no frame yet.
    pub(super) fn hint(&self, live: &Live, x: f64, y: f64, colour: u32) -> bool {
        let place = self.negotiated().and_then(|negotiated| {
            let info = &negotiated.info;
            let (width, height) = (f64::from(info.width()), f64::from(info.height()));
            let left = f64::from(negotiated.out_info.width()) - width;
            // Side by side both halves show the same.
            let x = if left > 0.0 && x >= left { x - left } else { x };
            let inside = (0.0..width).contains(&x) && (0.0..height).contains(&y);
            (negotiated.output?.is_coloured() && inside).then(|| Place {
                x: x / width,
                y: y / height,
            })
        });
        let chroma = self.stream().drawn.chroma.clone();
        let [0, red, green, blue] = colour.to_be_bytes() else {
            return false;
        };
        let (Some(place), Some(chroma), Some(engine)) = (place, chroma, self.engine()) else {
            return false;
        };
        let hints = {
            let mut directions = self.directions();
            let colour = [red, green, blue];
            if !directions.add_hint(&chroma, place, live.hint_radius, colour) {
                return false;
            }
            directions.hints()
        };
        gst::debug!(CAT, imp = self, "Hint {colour:06x} at {x}, {y}");
        let sent = hints.and_then(|hints| engine.set_hints(hints));
        if let Err(e) = &sent {
            gst::element_imp_warning!(self, gst::LibraryError::Settings, ("{e}"));
        }
        sent.is_ok()
    }

    /// Drops all hints, and what was learned from them.
    pub(super) fn clear_hints(&self) {
        if !self.directions().drop_hints() {
            return;
        }
        gst::debug!(CAT, imp = self, "No hints any more");
        if let Some(Err(e)) = self.engine().map(|engine| engine.set_hints(vec![])) {
            gst::warning!(CAT, imp = self, "{e}");
        }
    }
}

/// What is wrong with the pictures, and what can be done.
pub(super) fn reference_error(error: &ReferenceError) -> gst::ErrorMessage {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_belong_to_the_frame_that_is_shown() {
        let mut directions = Directions::default();
        let shown = ChromaMap::new(16, 8, vec![1.0; 256]).unwrap();
        let place = Place { x: 0.5, y: 0.5 };
        let red = [255, 0, 0];
        let add = |directions: &mut Directions| directions.add_hint(&shown, place, 0.1, red);
        assert!(!add(&mut directions), "no frame");
        directions.show(&[90; 64 * 32 * 3], (64, 32));
        assert!(add(&mut directions) && add(&mut directions));
        assert_eq!((directions.counts(), directions.hinted.len()), ((0, 2), 1));
        // Another frame.
        directions.show(&[91; 64 * 32 * 3], (64, 32));
        assert!(add(&mut directions));
        assert_eq!((directions.counts(), directions.hinted.len()), ((0, 3), 2));
        assert_eq!(directions.hints().unwrap().len(), 2);
        assert!(directions.drop_hints() && !directions.drop_hints());
    }
}
