//! Colours that people give: the pictures of `reference-location`, and hints in the frame that is shown.
//!
//! A hint belongs to the frame it was given in. The other tokens of that frame are held, with as much weight as all its
//! hints have together, at the colours they had then: a network that is told nothing but one colour finds it everywhere.

use std::path::Path;
use std::sync::Arc;

use gst::subclass::prelude::*;
use tttseg::adapt::{Direction, Error};
use tttseg::video::{
    ChromaMap, ReferenceError, Rgb, Scaler, StillError, bt601_chroma, read_references, scaled,
};

use super::Task;
use super::engine::Engine;
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

/// Interleaved RGB at model size.
#[derive(Clone, Default, PartialEq)]
struct Frame {
    rgb: Vec<u8>,
    width: usize,
    height: usize,
}

/// A frame with hints.
struct Hinted {
    frame: Frame,
    /// Colours as they were shown, and hints.
    chroma: ChromaMap,
    /// Which tokens the hints are about.
    is_hint: Vec<bool>,
    hints: usize,
}

/// A place in a frame, as shares of its width and height.
#[derive(Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
}

impl Directions {
    /// How many pictures there are, and hints.
    pub fn counts(&self) -> (usize, usize) {
        let hints = self.hinted.iter().map(|h| h.hints).sum();
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
        let (across, down) = (chroma.width(), chroma.height());
        if self.shown.rgb.is_empty()
            || (self.shown.width, self.shown.height) != (across * 4, down * 4)
        {
            return false;
        }
        if self
            .hinted
            .last()
            .is_none_or(|last| last.frame != self.shown)
        {
            self.hinted.push(Hinted {
                frame: self.shown.clone(),
                chroma: chroma.clone(),
                is_hint: vec![false; across * down],
                hints: 0,
            });
        }
        let Some(hinted) = self.hinted.last_mut() else {
            return false;
        };
        let centre = [place.x * across as f64, place.y * down as f64];
        let radius = radius * across as f64;
        let given = bt601_chroma(colour.map(f32::from));
        let is_hint = &mut hinted.is_hint;
        hinted.chroma = hinted.chroma.clone().map(|token, chroma| {
            let (x, y) = (token % across, token / across);
            let is_under = [x, y] == centre.map(|c| c as usize);
            let away = (x as f64 + 0.5 - centre[0]).hypot(y as f64 + 0.5 - centre[1]);
            if is_under || away <= radius {
                is_hint[token] = true;
                given
            } else {
                chroma
            }
        });
        hinted.hints += 1;
        true
    }

    fn hints(&self) -> Result<Vec<Direction>, Error> {
        self.hinted.iter().map(Hinted::direction).collect()
    }
}

impl Hinted {
    fn direction(&self) -> Result<Direction, Error> {
        let hints = self.is_hint.iter().filter(|is| **is).count();
        let others = (self.is_hint.len() - hints).max(1);
        let held = (hints as f32 / others as f32).min(1.0);
        let weights = self.is_hint.iter().map(|is| if *is { 1.0 } else { held });
        let Frame { rgb, width, height } = &self.frame;
        Direction::of_tokens(rgb, *width, *height, &self.chroma, weights.collect())
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
            let picture = scaled(picture, width, height, &mut scaler)?;
            Direction::of_picture(&picture.bytes, width, height).map_err(|e| e.to_string())
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
    fn hints_are_discs_and_hold_the_rest() {
        let mut directions = Directions::default();
        let shown = ChromaMap::new(16, 8, vec![1.0; 256]).unwrap();
        let at = |x, y| Place { x, y };
        let red = [255, 0, 0];
        assert!(
            !directions.add_hint(&shown, at(0.5, 0.5), 0.1, red),
            "no frame"
        );
        directions.show(&[90; 64 * 32 * 3], (64, 32));
        assert!(directions.add_hint(&shown, at(0.5, 0.5), 1.6 / 16.0, red));
        assert!(directions.add_hint(&shown, at(0.99, 0.01), 0.0, [0, 0, 255]));
        assert_eq!((directions.counts(), directions.hinted.len()), ((0, 2), 1));
        let hinted = &directions.hinted[0];
        let tokens: Vec<usize> = (0..128).filter(|&i| hinted.is_hint[i]).collect();
        // Around the corner of four tokens: these, but not the next ones on the diagonal.
        assert_eq!(tokens, [15, 39, 40, 54, 55, 56, 57, 70, 71, 72, 73, 87, 88]);
        let [cb, cr] = hinted.chroma.planes();
        assert_eq!((cb[0], cr[0]), (1.0, 1.0));
        assert!(cr[56] > 100.0 && cb[15] > 100.0);
        assert!(hinted.direction().is_ok());
        // Another frame.
        directions.show(&[91; 64 * 32 * 3], (64, 32));
        assert!(directions.add_hint(&shown, at(0.1, 0.1), 2.0, red));
        assert_eq!((directions.counts(), directions.hinted.len()), ((0, 3), 2));
        assert!(directions.hints().is_ok(), "also with all of it");
        assert!(directions.drop_hints() && !directions.drop_hints());
        let other = ChromaMap::new(8, 8, vec![1.0; 128]).unwrap();
        assert!(!directions.add_hint(&other, at(0.5, 0.5), 0.1, red));
    }
}
