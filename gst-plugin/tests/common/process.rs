//! Memory, open files and threads of this process, from `/proc`.

/// Kilobytes of memory in use, open files and threads at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    pub resident: f64,
    pub files: usize,
    pub threads: usize,
}

impl Held {
    pub fn now() -> Self {
        give_back();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let field = |name: &str| -> usize {
            let line = status.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Self {
            resident: field("VmRSS:") as f64,
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            threads: field("Threads:"),
        }
    }
}

/// Lets the system have what has been freed. How much of it is kept for later differs by megabytes from one moment to the
/// next, as threads come and go that each free into pools of their own.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes no pointer, and may be called from every thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The slope of the line through points that lies closest to them.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let mean =
        |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let (up, across) = points.iter().fold((0.0, 0.0), |(up, across), p| {
        (up + (p.0 - x) * (p.1 - y), across + (p.0 - x).powi(2))
    });
    up / across
}
