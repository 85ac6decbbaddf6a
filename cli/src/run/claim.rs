//! The claim on a film: of several workers that are given the same films, on one machine or on many, one works on it.
//!
//! `OUT.part/claims` has a file for every claim there has been, named 1, 2, 3 …, and the last one counts. Whoever creates the
//! next file has the film: that is atomic on network file systems as well, so that one of several takers wins. None is removed
//! before all of them are, so that a number stays taken. An owner touches its file while it lives. A claim is over when its
//! process is gone from this machine, or when its file has not been touched for as long as it says; the clock is that of the
//! file system.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tttseg::files::Pending;

use super::error::Error;
use super::owner::Owner;
use super::stop::Stop;

/// The most time from one touch to the next.
const BEAT: Duration = Duration::from_secs(10);
/// Touches in the time after which a claim is over.
const BEATS: u32 = 8;

/// A list of files on a network may be older than what is there.
const MOMENT: Duration = Duration::from_millis(10);

/// What is in the file of a claim.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    owner: Owner,
    /// Seconds without a touch after which it is over.
    timeout: u64,
}

/// A claim that was found.
struct Found {
    /// None where its owner came no further than to create the file.
    record: Option<Record>,
    touched: SystemTime,
}

impl Found {
    fn read(path: &Path) -> std::io::Result<Self> {
        let mut file = File::open(path)?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes)?;
        Ok(Self {
            record: serde_json::from_slice(&bytes).ok(),
            touched: file.metadata()?.modified()?,
        })
    }

    /// Whether another may take the film; one without a record lasts for `timeout`.
    fn is_over(&self, folder: &Path, timeout: Duration) -> std::io::Result<bool> {
        let record = self.record.as_ref();
        if record.is_some_and(|record| record.owner.is_gone()) {
            return Ok(true);
        }
        let timeout = record.map_or(timeout, |record| Duration::from_secs(record.timeout));
        let age = now(folder)?.duration_since(self.touched);
        Ok(age.is_ok_and(|age| age > timeout))
    }

    fn owner(&self) -> String {
        let record = self.record.as_ref();
        record.map_or("another process".to_owned(), |r| r.owner.to_string())
    }
}

/// What time it is where the file system keeps its clock.
fn now(folder: &Path) -> std::io::Result<SystemTime> {
    let probe = Pending::new(&folder.join(format!("now-{}", Owner::host())));
    let probe = probe.map_err(|e| e.source)?;
    File::create(probe.temporary())?.metadata()?.modified()
}

/// The number of the last claim; 0 where there is none.
fn last(folder: &Path) -> u32 {
    let all = fs::read_dir(folder).into_iter().flatten().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.max().unwrap_or(0)
}

/// Who has a claim in this folder that is not over.
pub fn owner(folder: &Path, timeout: Duration) -> Option<String> {
    let found = Found::read(&folder.join(last(folder).to_string())).ok()?;
    // What cannot be found out here is found out by whoever takes it.
    let is_over = found.is_over(folder, timeout).unwrap_or(true);
    (!is_over).then(|| found.owner())
}

/// A claim of this process, which is touched as long as it lives.
pub struct Claim {
    own: Arc<Own>,
    /// Ends the thread that touches it.
    _end: Sender<()>,
}

/// What the thread that touches it has to know.
struct Own {
    folder: PathBuf,
    record: Record,
    state: Mutex<State>,
}

struct State {
    number: u32,
    file: File,
    /// The last touch, by the clock that goes on while a machine sleeps.
    touched: Duration,
    /// It was given back, or lost.
    is_over: bool,
}

impl Claim {
    /// Takes the film whose claims are in this folder. When the user wants an end and nothing comes of that for as long as the
    /// claim lasts, it runs out.
    ///
    /// # Errors
    /// When another process has it, or the folder cannot be written to.
    pub fn take(folder: &Path, timeout: Duration, stop: &Stop) -> Result<Self, Error> {
        let record = Record {
            owner: Owner::this_process(),
            timeout: timeout.as_secs(),
        };
        let (mut number, mut touched);
        let mut known = 0;
        let file = loop {
            fs::create_dir_all(folder).map_err(|e| Error::of_writing(folder, e))?;
            number = last(folder).max(known);
            if number > 0 {
                let path = folder.join(number.to_string());
                let found = match Found::read(&path) {
                    Ok(found) => found,
                    // All of it was removed meanwhile.
                    Err(e) if e.kind() == ErrorKind::NotFound => {
                        known = 0;
                        std::thread::sleep(MOMENT);
                        continue;
                    }
                    Err(e) => return Err(Error::of(&path, e)),
                };
                let is_over = found.is_over(folder, timeout);
                match is_over {
                    Ok(true) => {}
                    Err(e) if e.kind() == ErrorKind::NotFound => continue,
                    Err(e) => return Err(Error::of_writing(folder, e)),
                    Ok(false) => {
                        let why =
                            format!("another process works on this right now: {}", found.owner());
                        return Err(Error::Held(format!("{}: {why}", work_of(folder).display())));
                    }
                }
            }
            touched = clock();
            match create(folder, number + 1, &record) {
                Ok(file) => break file,
                // Another one was faster, whether the list of files has it already or not.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => known = number + 1,
                Err(e) if e.kind() == ErrorKind::NotFound => known = 0,
                Err(e) => return Err(Error::of_writing(folder, e)),
            }
        };
        let own = Arc::new(Own {
            folder: folder.to_owned(),
            record,
            state: Mutex::new(State {
                number: number + 1,
                file,
                touched,
                is_over: false,
            }),
        });
        let (end, ended) = channel();
        let (claim, stop) = (own.clone(), stop.clone());
        let pause = BEAT.min(timeout / BEATS);
        std::thread::spawn(move || {
            let mut since_stop = Duration::ZERO;
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(pause) {
                since_stop += if stop.is_asked() {
                    pause
                } else {
                    Duration::ZERO
                };
                // What is wrong is said when something is to be put on record.
                if since_stop > timeout || claim.keep().is_err_and(|e| matches!(e, Error::Held(_)))
                {
                    return;
                }
            }
        });
        Ok(Self { own, _end: end })
    }

    /// Which of the claims on the film it is, from 1 on.
    pub fn number(&self) -> u32 {
        self.own.state.lock().number
    }

    /// Makes sure that it holds, now and for a while.
    ///
    /// # Errors
    /// When another process has taken the film over.
    pub fn keep(&self) -> Result<(), Error> {
        self.own.keep()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.own.state.lock();
        if !state.is_over {
            state.is_over = true;
            // Touched so long ago that it is over for everybody. If that fails, it runs out.
            let _ = state.file.set_modified(SystemTime::UNIX_EPOCH);
        }
    }
}

impl Own {
    fn keep(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        if state.is_over {
            return Err(self.lost());
        }
        let now = clock();
        if now.saturating_sub(state.touched) < Duration::from_secs(self.record.timeout) / 2 {
            if touch(&state.file).is_ok() {
                state.touched = now;
            }
            return Ok(());
        }
        // This process stood still. If the next number is there, another has the film.
        match create(&self.folder, state.number + 1, &self.record) {
            Ok(file) => {
                state.file = file;
                state.number += 1;
                state.touched = now;
                Ok(())
            }
            Err(e) if matches!(e.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
                state.is_over = true;
                Err(self.lost())
            }
            Err(e) => Err(Error::of_writing(&self.folder, e)),
        }
    }

    fn lost(&self) -> Error {
        Error::Held(format!(
            "{}: this process stood still for too long (--claim-timeout), and another one has taken the work over",
            work_of(&self.folder).display()
        ))
    }
}

/// The folder that claims are about.
fn work_of(folder: &Path) -> &Path {
    folder.parent().unwrap_or(folder)
}

/// Creates the file of a claim, unless it or the one before it says that it is another's.
fn create(folder: &Path, number: u32, record: &Record) -> std::io::Result<File> {
    let path = folder.join(number.to_string());
    let mut file = File::create_new(&path)?;
    if number > 1 && !folder.join((number - 1).to_string()).exists() {
        // The folder is not the one that was looked at: it was removed, and made again by another.
        fs::remove_file(path)?;
        return Err(ErrorKind::NotFound.into());
    }
    // Without room it stays empty, and counts by its touches alone.
    let _ = serde_json::to_vec(record).map(|bytes| file.write_all(&bytes));
    Ok(file)
}

/// Lets the file system set the time: a server has a clock of its own.
fn touch(file: &File) -> rustix::io::Result<()> {
    let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps {
        last_access: time(UTIME_OMIT),
        last_modification: time(UTIME_NOW),
    };
    futimens(file, &times)
}

/// Time since the machine started, with the time that it slept.
fn clock() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn take(folder: &Path) -> Result<Claim, Error> {
        Claim::take(folder, LONG, &Stop::default())
    }

    /// A claim that was found there, as if by another process.
    fn leave(folder: &Path, owner: Owner, touched: SystemTime) {
        fs::create_dir_all(folder).unwrap();
        let record = Record { owner, timeout: 60 };
        let file = create(folder, last(folder) + 1, &record).unwrap();
        file.set_modified(touched).unwrap();
    }

    fn elsewhere() -> Owner {
        Owner {
            boot: "of another machine".to_owned(),
            ..Owner::this_process()
        }
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("claims");
        let claim = take(&folder).unwrap();
        assert_eq!(claim.number(), 1);
        let error = take(&folder).err().unwrap();
        assert!(matches!(error, Error::Held(_)), "{error}");
        let pid = format!("pid {}", std::process::id());
        assert!(error.to_string().contains(&pid), "{error}");
        assert!(owner(&folder, LONG).is_some_and(|owner| owner.contains(&pid)));
        claim.keep().unwrap();
        drop(claim);
        assert_eq!(owner(&folder, LONG), None);
        assert_eq!(take(&folder).unwrap().number(), 2);
    }

    #[test]
    fn one_of_many_takers_wins() {
        let folder = tempfile::tempdir().unwrap();
        for (n, is_stale) in [(1, false), (3, true)] {
            if is_stale {
                leave(folder.path(), elsewhere(), SystemTime::UNIX_EPOCH);
            }
            let claims: Vec<_> = std::thread::scope(|scope| {
                let all = (0..8).map(|_| scope.spawn(|| take(folder.path())));
                let all: Vec<_> = all.collect();
                all.into_iter().map(|taker| taker.join().unwrap()).collect()
            });
            let won: Vec<_> = claims.iter().flatten().map(Claim::number).collect();
            assert_eq!(won, [n]);
        }
    }

    #[test]
    fn dead_and_silent_owners() {
        let now = SystemTime::now();
        let gone = Owner {
            started: 1,
            ..Owner::this_process()
        };
        let minutes = |n: u64| Duration::from_secs(60 * n);
        for (who, touched, is_over) in [
            (gone.clone(), now, true),
            (elsewhere(), now, false),
            (elsewhere(), now + minutes(5), false),
            (elsewhere(), now - minutes(5), true),
            (Owner::this_process(), now, false),
            (Owner::this_process(), now - minutes(5), true),
        ] {
            let folder = tempfile::tempdir().unwrap();
            leave(folder.path(), who.clone(), touched);
            assert_eq!(take(folder.path()).is_ok(), is_over, "{who:?}");
        }
        // One that came no further than its first step.
        for (touched, is_over) in [(now, false), (now - minutes(5), true)] {
            let folder = tempfile::tempdir().unwrap();
            let file = File::create(folder.path().join("1")).unwrap();
            file.set_modified(touched).unwrap();
            assert_eq!(take(folder.path()).is_ok(), is_over);
        }
    }

    #[test]
    fn what_was_taken_over_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        for is_lost in [false, true] {
            let claim = take(folder.path()).unwrap();
            let number = claim.number();
            claim.own.state.lock().touched = Duration::ZERO;
            if is_lost {
                leave(folder.path(), elsewhere(), SystemTime::now());
            }
            let kept = claim.keep();
            assert_eq!(kept.is_err(), is_lost);
            assert_eq!(claim.keep().is_err(), is_lost);
            let next = if is_lost { number } else { number + 1 };
            assert_eq!(claim.number(), next);
        }
        // What the loser does at its end does not end the claim of the other.
        assert!(owner(folder.path(), LONG).is_some());
    }

    #[test]
    fn a_folder_that_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let claims = folder.path().join("claims");
        let claim = take(&claims).unwrap();
        fs::remove_dir_all(&claims).unwrap();
        claim.own.state.lock().touched = Duration::ZERO;
        assert!(claim.keep().is_err());
        fs::create_dir(&claims).unwrap();
        let record = Record {
            owner: elsewhere(),
            timeout: 60,
        };
        assert!(create(&claims, 7, &record).is_err());
        assert_eq!(last(&claims), 0);
    }
}
