//! The command line: one file per subcommand.
use std::path::Path;
use tttseg::{eval::recorded, runtime};

fn main() {
    let options = runtime::Options { threads: 2, ..Default::default() };
    let rt = runtime::load(&options).unwrap();
    for case in std::env::args().skip(1) {
        let t = std::time::Instant::now();
        match recorded::recompute(Path::new(&case), rt, &options) {
            Ok(r) => {
                println!("{case} {} {:?}", &r.digest[..12], t.elapsed());
                for c in r.comparisons { println!("  {:<50} {:>10.2e} {:>8.0e} {}", c.tensor, c.error, c.tolerance, c.passes()); }
            }
            Err(e) => println!("{case}: {e}"),
        }
    }
}
