//! Colours that are given: the pictures of `reference-location`, and hints in the frame that is shown.

pub(super) mod caps;
mod hints;
mod references;

use std::sync::{Mutex, MutexGuard};

use gst_base::BaseTransform;
use tttseg::adapt::{ColourTarget, Error};
use tttseg::video::{ChromaMap, ReferenceError, Rgb};

use super::engine::Engine;
use super::log::CAT;
use super::{Task, lock};
use hints::Hinted;
pub(super) use hints::Place;
pub(super) use references::reference_error;

/// The targets of the colour head. They are sent to the engine in the order in which they are given, by whichever threads.
#[derive(Default)]
pub(super) struct ColourTargets {
    /// Held from the time `reference-location` is taken until its pictures are in force.
    reading: Mutex<()>,
    given: Mutex<Given>,
}

#[derive(Default)]
pub(super) struct Given {
    /// The location of the pictures that are in force.
    pub location: Option<String>,
    references: Vec<Rgb>,
    /// Frames with hints, in the order of the first hint of each.
    hinted: Vec<Hinted>,
    /// The frame that was shown last, as the network saw it.
    shown: Rgb,
}

impl Given {
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

    fn hint_targets(&self) -> Result<Vec<ColourTarget>, Error> {
        self.hinted.iter().map(Hinted::target).collect()
    }

    /// How many pictures there are, and hints.
    pub fn counts(&self) -> (u32, u32) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let hints = self.hinted.iter().map(Hinted::count).sum();
        (count(self.references.len()), count(hints))
    }

    /// Drops all hints, and gives whether there were any; the engine has to drop its own.
    pub fn drop_hints(&mut self) -> bool {
        !std::mem::take(&mut self.hinted).is_empty()
    }

    /// Keeps the frame that is shown, for hints that may be given in it.
    pub fn show(&mut self, rgb: &Rgb) {
        self.shown.clone_from(rgb);
    }
}

impl ColourTargets {
    pub fn given(&self) -> MutexGuard<'_, Given> {
        lock(&self.given)
    }

    /// Drops all hints, and what was learned from them.
    pub fn clear_hints(&self, element: &BaseTransform, engine: Option<&Engine>) {
        let mut given = self.given();
        if !given.drop_hints() {
            return;
        }
        gst::debug!(CAT, obj = element, "No hints any more");
        if let Some(Err(e)) = engine.map(|engine| engine.set_hints(vec![])) {
            gst::warning!(CAT, obj = element, "{e}");
        }
    }

    /// Adds a hint: a disc of `radius`, a share of the frame's width, in the frame that is shown, in whose colours `chroma`
    /// it is; false when there is none.
    pub fn add_hint(
        &self,
        engine: &Engine,
        chroma: &ChromaMap,
        place: Place,
        radius: f64,
        colour: [u8; 3],
    ) -> Result<bool, Error> {
        let mut given = self.given();
        let added = given.add_hint(chroma, place, radius, colour);
        if added {
            engine.set_hints(given.hint_targets()?)?;
        }
        Ok(added)
    }

    /// Reads the pictures of `reference-location`, instead of those before; an error leaves those. The location is taken
    /// when it is this call's turn: of two threads that change it, the last reads the pictures that stay.
    pub fn read_references(
        &self,
        location: impl FnOnce() -> Option<String>,
    ) -> Result<(), ReferenceError> {
        let _reading = lock(&self.reading);
        let location = location();
        let pictures = references::read(location.as_deref())?;
        gst::debug!(CAT, "{} references", pictures.len());
        let mut given = self.given();
        (given.references, given.location) = (pictures, location);
        Ok(())
    }

    /// Sends the pictures to the engine, at the size at which it sees the stream. The size is looked at with the pictures:
    /// of two threads that change one of them, the last sends both as they are then.
    pub fn send_references(
        &self,
        element: &BaseTransform,
        engine: &Engine,
        model_size: impl FnOnce() -> Option<(usize, usize)>,
    ) {
        if engine.key.task != Task::Colorize {
            return;
        }
        let given = self.given();
        let Some(size) = model_size() else {
            return;
        };
        let sent = references::targets(&given.references, size)
            .and_then(|targets| engine.set_references(targets).map_err(|e| e.to_string()));
        drop(given);
        if let Err(why) = sent {
            gst::element_warning!(
                element,
                gst::LibraryError::Settings,
                ("The pictures of reference-location cannot be learned from: {why}")
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_belong_to_the_frame_that_is_shown() {
        let mut given = Given::default();
        let shown = ChromaMap::ones((2, 8, 16));
        let place = Place { x: 0.5, y: 0.5 };
        let red = [255, 0, 0];
        let add = |given: &mut Given| given.add_hint(&shown, place, 0.1, red);
        assert!(!add(&mut given), "no frame");
        given.show(&Rgb::from_elem((32, 64, 3), 90));
        assert!(add(&mut given) && add(&mut given));
        assert_eq!((given.counts(), given.hinted.len()), ((0, 2), 1));
        // Another frame.
        given.show(&Rgb::from_elem((32, 64, 3), 91));
        assert!(add(&mut given));
        assert_eq!((given.counts(), given.hinted.len()), ((0, 3), 2));
        assert_eq!(given.hint_targets().unwrap().len(), 2);
        assert!(given.drop_hints() && !given.drop_hints());
    }
}
