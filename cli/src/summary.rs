//! `tttseg summary`: one summary of the films of a farm, of those that its workers have written.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::run::INCOMPLETE;
use crate::run::summary::Summary;

/// Put summaries of workers together (`tttseg run --summary`), and print what became of each film, as JSON.
#[derive(Args)]
#[command(after_help = CODES)]
pub struct Arguments {
    /// Files that workers have written, or this command.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

const CODES: &str = "\
Exit codes: 0 every film is complete, 1 films have failed or were not worked on, 3 every film is written, and
something of one is not in it";

/// Runs it; the exit code says whether all films are there.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut all = arguments.files.iter().map(|file| Summary::read(file));
    let first = all.next().ok_or("there is no summary")??;
    let summary = all.try_fold(first, |one, next| next.map(|next| one.merge(next)))?;
    println!("{:#}", summary.to_json());
    Ok(match summary.is_complete() {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::from(INCOMPLETE),
        None => ExitCode::FAILURE,
    })
}
