//! What became of each film of a worker; those of several workers make one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tttseg::files;

use super::error::Error;
use super::films::{Film, Shard};
use super::owner::Owner;
use super::progress::{Done, Progress};

/// What became of a film. Where workers say different things of one, the last of these holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Not begun, or interrupted.
    Unfinished,
    /// Another worker had it.
    Held,
    Failed,
    /// OUT was there already.
    There,
    /// OUT is written, and something of the film is not in it.
    Incomplete,
    Done,
}

impl State {
    const ALL: [Self; 6] = [
        Self::Done,
        Self::Incomplete,
        Self::There,
        Self::Failed,
        Self::Held,
        Self::Unfinished,
    ];
}

/// A path. JSON is text, and names are bytes: what is no UTF-8 stands there a second time, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Name {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<Vec<u8>>,
}

impl Name {
    fn path(&self) -> PathBuf {
        match &self.bytes {
            Some(bytes) => OsStr::from_bytes(bytes).into(),
            None => PathBuf::from(&self.name),
        }
    }

    fn of(path: &Path) -> Self {
        let bytes = path.as_os_str().as_bytes();
        Self {
            name: path.to_string_lossy().into(),
            bytes: path.to_str().is_none().then(|| bytes.to_vec()),
        }
    }
}

/// A film.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Entry {
    output: Name,
    pub state: State,
    input: Name,
    /// What is wrong, or who has it.
    reason: Option<String>,
    frames: Option<u64>,
    /// Frames of them that an earlier worker had finished.
    before: Option<u64>,
    /// How long it was worked on.
    seconds: Option<f64>,
    worker: Option<String>,
}

impl Entry {
    /// One that was not begun.
    pub fn of(film: &Film) -> Self {
        Self {
            output: Name::of(&film.output),
            state: State::Unfinished,
            input: Name::of(&film.input),
            reason: None,
            frames: None,
            before: None,
            seconds: None,
            worker: None,
        }
    }

    /// After this process has worked on it.
    pub fn after(self, time: Duration) -> Self {
        Self {
            seconds: Some(time.as_secs_f64()),
            worker: Some(Owner::this_process().to_string()),
            ..self
        }
    }

    /// Now with a file, which is complete or not.
    pub fn done(self, done: &Done) -> Self {
        let state = match &done.incomplete {
            None => State::Done,
            Some(_) => State::Incomplete,
        };
        Self {
            state,
            reason: done.incomplete.clone(),
            frames: Some(done.frames),
            before: Some(done.before),
            ..self
        }
    }

    pub fn state(self, state: State) -> Self {
        Self { state, ..self }
    }

    pub fn with(self, state: State, reason: String) -> Self {
        let reason = Some(reason);
        Self {
            state,
            reason,
            ..self
        }
    }
}

/// All films of a worker, or of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The shares that they are; none where they are all films.
    shards: Option<BTreeSet<Shard>>,
    films: Vec<Entry>,
}

impl Summary {
    /// Before the first film.
    pub fn new(films: &[Film], shard: Option<Shard>) -> Self {
        Self {
            shards: shard.map(|shard| [shard].into()),
            films: films.iter().map(Entry::of).collect(),
        }
    }

    /// Says what became of film `number`.
    pub fn set(&mut self, number: usize, entry: Entry) {
        self.films[number] = entry;
    }

    /// How many films are in a state.
    pub fn count(&self, state: State) -> usize {
        self.films.iter().filter(|film| film.state == state).count()
    }

    /// Says what became of the films of this run.
    pub fn print(&self, progress: &Progress) {
        let finished = self.count(State::Done);
        if progress.is_json() {
            let event = json!({
                "event": "summary",
                "finished": finished,
                "there_already": self.count(State::There),
                "incomplete": self.list(State::Incomplete),
                "held": self.list(State::Held),
                "failed": self.list(State::Failed),
            });
            progress.print(&event.to_string());
            return;
        }
        let also = |state, what| match self.count(state) {
            0 => String::new(),
            n => format!(", {n} {what}"),
        };
        let (there, cut, held) = (
            also(State::There, "there already"),
            also(State::Incomplete, "incomplete"),
            also(State::Held, "left to other workers"),
        );
        let failed = self.count(State::Failed);
        progress.print(&format!(
            "{finished} finished{there}{cut}{held}, {failed} failed"
        ));
        for state in [State::Incomplete, State::Held, State::Failed] {
            for reason in self.reasons(state) {
                progress.print(&format!("  {reason}"));
            }
        }
    }

    /// Why films are in a state.
    fn reasons(&self, state: State) -> impl Iterator<Item = &str> {
        let films = self.films.iter().filter(move |film| film.state == state);
        films.map(|film| film.reason.as_deref().unwrap_or(&film.input.name))
    }

    /// Films in a state, as JSON.
    fn list(&self, state: State) -> Vec<Value> {
        let films = self.films.iter().filter(|film| film.state == state);
        let events = films.map(|film| {
            let mut event = json!({ "input": film.input.name, "error": film.reason });
            if let Some(bytes) = &film.input.bytes {
                event["input_bytes"] = json!(bytes);
            }
            event
        });
        events.collect()
    }

    /// Shares of the films that nobody speaks of.
    fn missing_shards(&self) -> Vec<Shard> {
        let shards = self.shards.iter().flatten();
        let all: BTreeSet<_> = shards.flat_map(|shard| shard.all()).collect();
        let has = |shard: &Shard| self.shards.iter().flatten().any(|known| known == shard);
        all.into_iter().filter(|shard| !has(shard)).collect()
    }

    /// Whether all films are complete; none where films are missing.
    pub fn is_complete(&self) -> Option<bool> {
        let missing = [State::Failed, State::Held, State::Unfinished];
        let is_missing = missing.iter().any(|state| self.count(*state) > 0);
        let has_all = !is_missing && self.missing_shards().is_empty();
        has_all.then(|| self.count(State::Incomplete) == 0)
    }

    /// With numbers that sum it up.
    pub fn to_json(&self) -> Value {
        let counts = State::ALL.map(|state| (json!(state), self.count(state)));
        let counts = counts.into_iter().filter_map(|(name, count)| {
            let name = name.as_str()?.to_owned();
            Some((name, json!(count)))
        });
        let films = self.films.iter();
        json!({
            "counts": serde_json::Map::from_iter(counts),
            "frames": films.clone().filter_map(|film| film.frames).sum::<u64>(),
            "seconds": films.filter_map(|film| film.seconds).sum::<f64>(),
            "missing_shards": self.missing_shards(),
            "shards": self.shards,
            "films": self.films,
        })
    }

    /// What an earlier run knew of films that are there: they are not looked at again.
    pub fn extend(&mut self, earlier: Option<Self>) {
        let films = earlier.into_iter().flat_map(|earlier| earlier.films);
        let known = films.filter(|film| matches!(film.state, State::Done | State::Incomplete));
        let known: BTreeMap<_, _> = known.map(|film| (film.output.clone(), film)).collect();
        for film in &mut self.films {
            if matches!(film.state, State::There | State::Unfinished)
                && let Some(known) = known.get(&film.output)
                && film.output.path().exists()
            {
                *film = known.clone();
            }
        }
    }

    /// Puts it into a file.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = format!("{:#}\n", self.to_json());
        Ok(files::write(path, text.as_bytes())?)
    }

    /// What a worker has written.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|e| Error::of(path, e))?;
        serde_json::from_slice(&bytes)
            .map_err(|e| Error::of(path, format!("this is no summary of a run ({e})")))
    }

    /// What two of them say together. The order makes no difference, nor does saying a thing twice.
    pub fn merge(self, other: Self) -> Self {
        let shards = match (self.shards, other.shards) {
            (Some(mut shards), Some(more)) => {
                shards.extend(more);
                Some(shards)
            }
            // One that has seen all.
            _ => None,
        };
        let mut films: BTreeMap<Name, Entry> = BTreeMap::new();
        for film in self.films.into_iter().chain(other.films) {
            match films.get_mut(&film.output) {
                Some(known) if *known < film => *known = film,
                Some(_) => {}
                None => drop(films.insert(film.output.clone(), film)),
            }
        }
        Self {
            shards,
            films: films.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn summaries() -> impl Strategy<Value = Summary> {
        let state = (0..6_usize).prop_map(|n| State::ALL[n]);
        let film = (0..5_u8, state, proptest::option::of(0..9_u64));
        let film = film.prop_map(|(n, state, frames)| {
            let film = Film {
                input: format!("in/{n}.mp4").into(),
                output: format!("out/{n}.mkv").into(),
            };
            Entry {
                frames,
                ..Entry::of(&film).with(state, format!("{state:?}"))
            }
        });
        let shard = (1..4_usize).prop_map(|n| format!("{n}/3").parse::<Shard>().unwrap());
        let shards = proptest::option::of(proptest::collection::btree_set(shard, 1..3));
        let films = proptest::collection::vec(film, 0..6);
        (shards, films).prop_map(|(shards, films)| Summary { shards, films })
    }

    fn none() -> Summary {
        Summary {
            shards: Some(BTreeSet::new()),
            films: vec![],
        }
    }

    proptest! {
        #[test]
        fn merging_in_any_order(a in summaries(), b in summaries(), c in summaries()) {
            let ab = a.clone().merge(b.clone());
            prop_assert_eq!(&ab, &b.clone().merge(a.clone()));
            prop_assert_eq!(&ab, &ab.clone().merge(a.clone()));
            let abc = ab.merge(c.clone());
            prop_assert_eq!(&abc, &a.clone().merge(b.merge(c)));
            let text = abc.to_json().to_string();
            prop_assert_eq!(abc, serde_json::from_str(&text).unwrap());
        }

        #[test]
        fn the_best_that_is_known(all in proptest::collection::vec(summaries(), 1..4)) {
            let films = all.iter().flat_map(|summary| &summary.films);
            let best = films.filter(|f| f.output.name == "out/1.mkv").map(|f| f.state).max();
            let merged = all.iter().cloned().fold(none(), Summary::merge);
            let mut found = merged.films.iter().filter(|f| f.output.name == "out/1.mkv");
            prop_assert_eq!(found.next().map(|f| f.state), best);
            prop_assert!(found.next().is_none());
        }
    }

    #[test]
    fn shares_that_are_missing() {
        let of = |shard: &str| Summary::new(&[], shard.parse().ok());
        let two = of("1/3").merge(of("3/3"));
        assert_eq!(two.missing_shards(), ["2/3".parse().unwrap()]);
        assert_eq!(two.is_complete(), None);
        assert_eq!(two.clone().merge(of("2/3")).is_complete(), Some(true));
        assert_eq!(two.merge(Summary::new(&[], None)).is_complete(), Some(true));
    }
}
