//! The values of the properties, and the engine that runs by them.

use std::sync::{Arc, Mutex, MutexGuard};

use gst::glib;

use super::Task;
use super::engine::{Engine, Key};
use super::lock;
use super::out::OutputKind;
use super::settings::{Change, Live, Settings};

/// Both under one lock: values are sent to the engine in the order in which they are set, by whichever threads.
#[derive(Default)]
pub(super) struct Control(Mutex<State>);

#[derive(Default)]
struct State {
    settings: Settings,
    /// From READY on.
    engine: Option<Arc<Engine>>,
}

impl State {
    /// What the loaded model does, or the one that is going to be loaded.
    fn task(&self) -> Task {
        let loaded = self.engine.as_ref().map(|engine| engine.key.task);
        loaded.unwrap_or(self.settings.task)
    }
}

impl Control {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    pub fn live(&self) -> Live {
        self.state().settings.live.clone()
    }

    pub fn engine(&self) -> Option<Arc<Engine>> {
        self.state().engine.clone()
    }

    pub fn task(&self) -> Task {
        self.state().task()
    }

    /// What the source pad carries by the properties as they are now; `None` in pass-through.
    pub fn output(&self) -> Option<OutputKind> {
        let state = self.state();
        (!state.settings.live.passthrough)
            .then(|| OutputKind::new(state.task(), state.settings.output))
    }

    /// Masked views per step and steps per frame. A step towards labels sees one view, whatever the batch size.
    pub fn full_effort(&self) -> (usize, usize) {
        let state = self.state();
        let settings = state.settings.method();
        let method = settings.method.for_task(state.task());
        let views = if method.learns_labels() {
            1
        } else {
            settings.batch_size
        };
        (views, settings.steps)
    }

    pub fn get(&self, name: &str) -> Option<glib::Value> {
        self.state().settings.get(name)
    }

    /// Sets a property, here and in the engine.
    pub fn set(&self, name: &str, value: &glib::Value) -> Change {
        let mut state = self.state();
        let change = state.settings.set(name, value);
        if change == Change::Engine
            && let Some(engine) = &state.engine
            && let Err(e) = engine.update(state.settings.method())
        {
            return Change::Refused(e.to_string());
        }
        change
    }

    /// Sets `reference-location` back from a value that could not be used, unless it has been set again since.
    pub fn restore_references(&self, unusable: Option<&str>, usable: Option<String>) {
        let location = &mut self.state().settings.reference_location;
        if location.as_deref() == unusable {
            *location = usable;
        }
    }

    /// Has the engine that the properties ask for; true if it is a new one. The error says what can be done.
    pub fn ensure_engine(&self, settings: &Settings) -> Result<bool, gst::ErrorMessage> {
        let key = Key::new(settings);
        let (engine, is_new) = match self.engine().filter(|engine| engine.key == key) {
            Some(engine) => (engine, false),
            None => {
                // The old one goes first: two models need not fit into memory.
                self.drop_engine();
                (Arc::new(Engine::start(key, settings.method())?), true)
            }
        };
        let refused = |why| gst::error_msg!(gst::LibraryError::Settings, ("{why}"));
        let mut state = self.state();
        if is_new {
            let known = state.settings.set_known(Some(engine.classes.clone()));
            known.map_err(refused)?;
        }
        // It does not have what was set while it started.
        let method = state.settings.method();
        if !is_new || method != settings.method() {
            let updated = engine.update(method);
            updated.map_err(|e| gst::error_msg!(gst::ResourceError::Settings, ("{e}")))?;
        }
        state.engine = Some(engine);
        Ok(is_new)
    }

    pub fn drop_engine(&self) {
        let mut state = self.state();
        let engine = state.engine.take();
        // Without a model nothing can be wrong with names.
        let _ = state.settings.set_known(None);
        // It ends its threads, which takes its time.
        drop(state);
        drop(engine);
    }
}
