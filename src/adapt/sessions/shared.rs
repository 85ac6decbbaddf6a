//! A model that several learners share.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::{FairMutex, FairMutexGuard, Mutex};

use crate::adapt::Error;
use crate::adapt::graphs::{AveragedStepOptions, Size, StepOptions};
use crate::optim::Layout;
use crate::runtime::{Cancel, Options, StatefulSession, Tensor};
use crate::weights::ModelFile;

/// A model for several learners, which share what does not learn: the weights on disk, in memory once, and sessions with
/// the memory that these compute in. What each has learned is its own. Clones are the same model.
///
/// A session does one run at a time: learners that need the same one take turns. They need the same one for frames of the
/// same size under the same [`Options`] and settings.
///
/// ```no_run
/// use tttseg::adapt::{Adapter, Settings, SharedModel};
/// use tttseg::{runtime, weights::ModelFile};
///
/// let model = SharedModel::from(ModelFile::embedded()?);
/// let one = Adapter::start(model.clone(), Settings::default(), runtime::Options::default())?;
/// let two = Adapter::start(model, Settings::default(), runtime::Options::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SharedModel(Arc<Inner>);

/// The same without keeping it in memory.
#[derive(Clone)]
pub struct WeakSharedModel(Weak<Inner>);

struct Inner {
    file: Arc<ModelFile>,
    hash: OnceLock<String>,
    base: Mutex<Vec<(Layout, Weak<[Tensor]>)>>,
    sessions: Mutex<Vec<(SessionKey, Weak<Slot>)>>,
}

/// What a session was built for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SessionKey {
    pub kind: Kind,
    pub size: Size,
    /// How weights travel.
    pub layout: Layout,
    pub options: Options,
    /// Whether it belongs to a worker that learns beside another one, which must not wait for it.
    pub beside: bool,
}

/// The graphs, and what is read of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::adapt) enum Kind {
    /// The main task on a frame; reads the classes or, of a model that colours, the chroma.
    Predict,
    /// The same; reads the classes and their probabilities.
    Scores,
    /// The main task on a frame up to class probabilities at stride 4; reads them.
    Probabilities,
    /// From class probabilities at stride 4 to the classes; reads these and, if wanted, the probabilities at model size.
    Classify { scores: bool },
    /// What g makes of a masked frame; reads the picture and the loss.
    Reconstruct,
    /// The step of masked reconstruction; reads the loss, the gradient's norm and whether both were finite. The state is
    /// the buffers and, if they carry over, the moments; with a pull the initial buffers are held.
    Step(StepOptions),
    /// The step towards given colours, over the buffers of f, which it leaves alone, and h; reads the loss and whether it
    /// was finite. The state is that of h, its mean and its moments.
    ColourStep(AveragedStepOptions),
    /// The step on a remembered frame, over the buffers of f and h; reads the loss and whether it was finite. The state is these,
    /// their mean and their moments.
    ReplayStep(AveragedStepOptions),
    /// The step on a frame of which parts are hidden, likewise; the buffers as they are on disk are held.
    ConsistencyStep(AveragedStepOptions),
}

/// How often a learner that waits for its turn checks that it has not been cancelled.
const CANCEL_INTERVAL: Duration = Duration::from_millis(10);

/// A session, once it is built. The lock is fair: a learner that takes step after step would otherwise starve the others.
pub(super) struct Slot(FairMutex<Option<StatefulSession>>);

impl From<Arc<ModelFile>> for SharedModel {
    fn from(file: Arc<ModelFile>) -> Self {
        Self(Arc::new(Inner {
            file,
            hash: OnceLock::new(),
            base: Mutex::default(),
            sessions: Mutex::default(),
        }))
    }
}

impl From<ModelFile> for SharedModel {
    fn from(file: ModelFile) -> Self {
        Arc::new(file).into()
    }
}

impl SharedModel {
    /// The model.
    pub fn file(&self) -> &Arc<ModelFile> {
        &self.0.file
    }

    /// [`ModelFile::content_hash`], computed once.
    pub fn content_hash(&self) -> &str {
        self.0.hash.get_or_init(|| self.0.file.content_hash())
    }

    /// A handle that does not keep the model in memory.
    pub fn downgrade(&self) -> WeakSharedModel {
        WeakSharedModel(Arc::downgrade(&self.0))
    }

    /// The weights on disk, as they travel in this layout.
    pub(in crate::adapt) fn base(
        &self,
        layout: &Layout,
        pack: impl FnOnce() -> Result<Vec<Tensor>, Error>,
    ) -> Result<Arc<[Tensor]>, Error> {
        // Held meanwhile, so that learners that begin at once make them once.
        let mut known = self.0.base.lock();
        known.retain(|(_, base)| base.strong_count() > 0);
        let found = known.iter().find(|(l, _)| l == layout);
        if let Some(base) = found.and_then(|(_, base)| base.upgrade()) {
            return Ok(base);
        }
        let base: Arc<[Tensor]> = pack()?.into();
        known.push((layout.clone(), Arc::downgrade(&base)));
        Ok(base)
    }

    /// The session of this key. The first learner builds it, while the others wait.
    pub(super) fn session(
        &self,
        key: &SessionKey,
        build: impl FnOnce() -> Result<StatefulSession, Error>,
    ) -> Result<Arc<Slot>, Error> {
        let slot = self.slot(key);
        let mut session = slot.0.lock();
        if session.is_none() {
            *session = Some(build()?);
        }
        drop(session);
        Ok(slot)
    }

    fn slot(&self, key: &SessionKey) -> Arc<Slot> {
        let mut known = self.0.sessions.lock();
        known.retain(|(_, slot)| slot.strong_count() > 0);
        let found = known.iter().find(|(k, _)| k == key);
        if let Some(slot) = found.and_then(|(_, slot)| slot.upgrade()) {
            return slot;
        }
        let slot = Arc::new(Slot(FairMutex::new(None)));
        known.push((key.clone(), Arc::downgrade(&slot)));
        slot
    }
}

impl WeakSharedModel {
    /// The model, if it is still in use.
    pub fn upgrade(&self) -> Option<SharedModel> {
        self.0.upgrade().map(SharedModel)
    }
}

impl Slot {
    /// The session, as soon as it is this learner's turn.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when `cancel` is meanwhile.
    pub fn turn(
        &self,
        cancel: &Cancel,
    ) -> Result<FairMutexGuard<'_, Option<StatefulSession>>, Error> {
        loop {
            if let Some(turn) = self.0.try_lock_for(CANCEL_INTERVAL) {
                return Ok(turn);
            }
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
        }
    }
}

impl fmt::Debug for SharedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedModel")
            .field("model", &self.0.file.name)
            .field("learners", &Arc::strong_count(&self.0))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakSharedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSharedModel")
            .field("learners", &self.0.strong_count())
            .finish()
    }
}
