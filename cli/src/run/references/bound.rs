//! The reference in force while a film runs: read when its frame comes, and dropped when another takes its place.

use std::path::Path;

use tttseg::weights::State;
use tttseg::weights::naming::{Network, network_of};

use super::super::error::Error;
use super::super::worker::Worker;
use super::set::References;

/// The frame that the reference in force is bound to.
#[derive(Default)]
pub struct Bound(Option<u64>);

impl Bound {
    /// Before a frame goes to the element: gives it the reference that holds from there on.
    ///
    /// # Errors
    /// A picture that has changed since it was checked.
    pub fn before(
        &mut self,
        frame: u64,
        references: Option<&References>,
        worker: &mut Worker,
    ) -> Result<(), Error> {
        let Some((of, reference)) = references.and_then(|references| references.at(frame)) else {
            return Ok(());
        };
        if self.0 != Some(of) {
            worker.set_reference(&reference.path)?;
            self.0 = Some(of);
        }
        Ok(())
    }
}

/// Takes what was learned of a reference's colours out of a saved state. A run that goes on learns the one in force
/// anew; left in, those colours would be what every later reference begins with.
pub fn forget_colours(path: &Path) -> Result<(), Error> {
    let wrong = |e: tttseg::weights::WeightsError| Error::Other(e.to_string());
    let mut state = State::load(path).map_err(wrong)?;
    let before = state.weights.len();
    state
        .weights
        .0
        .retain(|name, _| network_of(name) != Network::Main);
    match state.weights.len() == before {
        true => Ok(()),
        false => state.save(path).map_err(wrong),
    }
}
