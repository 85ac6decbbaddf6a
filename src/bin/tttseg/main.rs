//! The command line: one file per subcommand.

mod bench;
mod eval;
mod options;
mod train;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Video models that learn while they watch: the command line of tttseg.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Verify(verify::Arguments),
    Bench(bench::Arguments),
    Eval(eval::Arguments),
    Train(train::Arguments),
}

/// What every subcommand returns: whether all is well, or why it could not be done.
type Outcome = Result<bool, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tttseg: {error}");
            ExitCode::FAILURE
        }
    }
}
