//! `tttseg verify`: recorded tensors, recomputed.

use std::path::PathBuf;

use clap::Args;
use tttseg_lab::eval::recorded;

use crate::Outcome;
use crate::options::RuntimeArguments;

/// Recompute tensors recorded from PyTorch and compare them.
///
/// Prints a table of errors, and a digest of all recomputed bytes per case; fails when an error is out of tolerance.
#[derive(Args)]
pub struct Arguments {
    /// Directories of recorded cases (config.json, weights.safetensors, tensors.safetensors).
    #[arg(required = true)]
    cases: Vec<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArguments,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let (runtime, options) = arguments.runtime.load()?;
    let mut failed = vec![];
    println!("{:<44} {:>10} {:>10}", "tensor", "error", "tolerance");
    for case in &arguments.cases {
        let result = recorded::recompute(case, runtime, &options)?;
        let name = case.file_name().map_or_else(
            || case.display().to_string(),
            |n| n.to_string_lossy().into_owned(),
        );
        println!("{name}  (sha256 {})", &result.digest[..16]);
        for c in &result.comparisons {
            let mark = if c.passes() { "" } else { "  out of tolerance" };
            println!(
                "  {:<42} {:>10.2e} {:>10.0e}{mark}",
                c.tensor, c.error, c.tolerance
            );
        }
        if !result.comparisons.iter().all(recorded::Comparison::passes) {
            failed.push(name);
        }
    }
    let passed = arguments.cases.len() - failed.len();
    println!(
        "{passed} of {} cases within tolerance",
        arguments.cases.len()
    );
    Ok(failed.is_empty())
}
