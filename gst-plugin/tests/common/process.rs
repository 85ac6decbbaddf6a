//! What this process holds, as Linux tells it.

/// Kilobytes of memory, open files and threads at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    pub resident: f64,
    pub files: usize,
    pub threads: usize,
}

impl Held {
    pub fn now() -> Self {
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
