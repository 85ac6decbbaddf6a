//! Processes by name, also of other machines: whose work something is, and whether they are gone.

use std::fmt;
use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// A process. Numbers are given to another one after it, so its start and that of its machine belong to it; and in
/// containers numbers are others, so their namespace does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub host: String,
    pub pid: u32,
    /// In ticks since the machine started; 0 where that is not known.
    pub started: u64,
    /// Which start of the machine it was; empty where that is not known.
    pub boot: String,
    /// The namespace of process numbers.
    pub namespace: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} pid {}", self.host, self.pid)
    }
}

impl Owner {
    /// The one that asks.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let namespace = fs::read_link("/proc/self/ns/pid");
        Self {
            host: Self::host(),
            pid,
            started: Stat::of(pid).map_or(0, |stat| stat.started),
            boot: text("/proc/sys/kernel/random/boot_id").trim().to_owned(),
            namespace: namespace.map_or(String::new(), |path| path.display().to_string()),
        }
    }

    /// The name of this machine.
    pub fn host() -> String {
        let system = rustix::system::uname();
        system.nodename().to_string_lossy().replace('/', "_")
    }

    /// Whether it is known to have ended. Of other machines nothing is known.
    pub fn is_gone(&self) -> bool {
        let this = Self::this_process();
        if self.boot.is_empty() || (&self.boot, &self.namespace) != (&this.boot, &this.namespace) {
            return false;
        }
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        match pid.map(test_kill_process) {
            None | Some(Err(Errno::SRCH)) => true,
            // Of other users' processes there may be no more to know.
            _ => Stat::of(self.pid).is_some_and(|stat| {
                stat.has_ended || (self.started != 0 && stat.started != self.started)
            }),
        }
    }
}

/// What the system says of a process.
struct Stat {
    started: u64,
    /// It waits for its parent to hear of it.
    has_ended: bool,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // A name in parentheses stands before them, and may have blanks and parentheses in it.
        let (_, behind) = text.rsplit_once(')')?;
        let mut fields = behind.split_whitespace();
        let has_ended = matches!(fields.next()?, "Z" | "X");
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { started, has_ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says() {
        let text = "7 (a (b) c) Z 1 7 7 0 -1 4194560 0 0 0 0 1 2 3 4 20 0 1 0 4711 0 0 18";
        let stat = Stat::parse(text).unwrap();
        assert!(stat.has_ended);
        assert_eq!(stat.started, 4711);
        assert!(Stat::parse("7 (a) R 1").is_none());
        assert!(Stat::parse("").is_none());
    }

    #[test]
    fn processes_that_are_gone() {
        let this = Owner::this_process();
        assert!(!this.is_gone());
        let other = |change: fn(&mut Owner)| {
            let mut other = this.clone();
            change(&mut other);
            other
        };
        assert!(other(|o| o.started += 1).is_gone());
        assert!(other(|o| o.pid = 0).is_gone());
        assert!(!other(|o| o.boot.push('x')).is_gone());
        assert!(!other(|o| (o.pid, o.namespace) = (0, "pid:[1]".to_owned())).is_gone());
        // Ended, and nobody has asked how.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let owner = Owner {
            pid: child.id(),
            started: Stat::of(child.id()).unwrap().started,
            ..this
        };
        while !Stat::of(child.id()).unwrap().has_ended {
            std::thread::yield_now();
        }
        assert!(owner.is_gone());
        child.wait().unwrap();
        assert!(owner.is_gone());
    }
}
