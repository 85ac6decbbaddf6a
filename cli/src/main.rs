//! The command line: one file per subcommand.

mod bench;
mod corrupt;
mod eval;
mod export;
mod info;
mod options;
#[cfg(feature = "run")]
mod run;
mod settings;
mod streams;
#[cfg(feature = "run")]
mod summary;
mod train;
mod tune;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Video models that learn while they watch: the command line of tttseg.
#[derive(Parser)]
#[command(name = "tttseg", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Info(info::Arguments),
    Verify(verify::Arguments),
    Bench(bench::Arguments),
    Export(export::Arguments),
    Eval(eval::Arguments),
    Corrupt(corrupt::Arguments),
    Tune(tune::Arguments),
    Train(train::Arguments),
    #[cfg(feature = "run")]
    Run(run::Arguments),
    #[cfg(feature = "run")]
    Summary(summary::Arguments),
}

/// The result of a subcommand: whether all is well, or why it could not be done.
type Outcome = Result<bool, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    // Whoever reads what is printed may stop reading: `tttseg info | head`.
    sigpipe::reset();
    disable_telemetry();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return usage(&e),
    };
    let outcome = match cli.command {
        Command::Info(arguments) => info::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Corrupt(arguments) => corrupt::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        #[cfg(feature = "run")]
        Command::Run(arguments) => match run::run(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        #[cfg(feature = "run")]
        Command::Summary(arguments) => match summary::run(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tttseg: {}", one_line(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// Keeps ONNX Runtime from reporting to its maker, unless the user decided: its own switch for that leaves the first
/// report out of account.
fn disable_telemetry() {
    const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(VARIABLE).is_none() {
        // SAFETY: one of the first things that happen; nothing else runs that could read the environment meanwhile.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}

/// Help and version as clap prints them; anything wrong with the arguments as one line.
fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        error.exit();
    }
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let first = first.trim_start_matches("error: ");
    eprintln!("tttseg: {} (see --help)", one_line(first));
    ExitCode::from(2)
}

/// A message on one line: what stands on lines of its own is separated by semicolons.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    lines.join("; ").replace(":; ", ": ")
}
