//! `tttseg corrupt`: a stream of stills with a corruption that drifts in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use tttseg::choice::Choice;
use tttseg::files::Pending;
use tttseg::video::{LabelIds, pending_png};
use tttseg_lab::data::{Corruption, CorruptionKind, Playback, Shift, Stream};

use crate::Outcome;
use crate::options::frame_bar;

/// Write a stream of stills with a corruption that drifts in.
///
/// Frames sorted by name are the stream. The corruption grows by the same step from nothing in the first frame to its full
/// strength in the middle of the stream, and stays there. The same seed gives the same frames. Labels stay as they are.
#[derive(Args)]
#[command(after_help = kinds())]
pub struct Arguments {
    #[arg(value_name = "KIND[:STRENGTH]", help = format!(
        "What happens, and how strongly (above 0, at most 2; 1 if not given): {}",
        CorruptionKind::CHOICES.names()
    ))]
    corruption: Corruption,
    /// Folder of frames (JPEG or PNG).
    #[arg(long)]
    frames: PathBuf,
    /// Folder to write to (PNG, same names); made if it is not there.
    #[arg(short, long)]
    output: PathBuf,
    /// Seed of grain and rain.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write to a folder that is not empty; files of the same names are replaced, others stay.
    #[arg(long)]
    force: bool,
}

/// The help on the kinds of corruption.
fn kinds() -> String {
    let kinds = CorruptionKind::CHOICES.values.iter();
    let rows = kinds.map(|(name, description)| format!("\n  {name:<6} {description}"));
    format!("Corruptions:{}", rows.collect::<String>())
}

pub fn run(arguments: &Arguments) -> Outcome {
    let stream = Stream::open(&arguments.frames, None)?;
    let output = &arguments.output;
    check(output, &arguments.frames, arguments.force)?;
    for left_out in &stream.left_out {
        eprintln!("left out: {left_out}");
    }
    let made = !output.exists();
    fs::create_dir_all(output).map_err(|e| format!("{}: {e}", output.display()))?;
    // Half a stream would pass for one that drifts faster: all frames are there, or none.
    let written = write(arguments, &stream).and_then(|files| {
        let count = files.len();
        for file in files {
            file.commit_unsynced()?;
        }
        Ok(count)
    });
    if written.is_err() && made {
        // The first error is the one to report.
        let _ = fs::remove_dir(output);
    }
    let count = written?;
    println!(
        "{}: {count} frames, {}, seed {}",
        output.display(),
        arguments.corruption,
        arguments.seed
    );
    Ok(true)
}

/// Refuses a folder that holds something, and the folder of the frames in any case: corrupting it again would start from
/// what is corrupted already.
fn check(output: &Path, frames: &Path, force: bool) -> Result<(), String> {
    let shown = output.display();
    let mut entries = match fs::read_dir(output) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(format!("{shown}: {e}")),
    };
    if let (Ok(a), Ok(b)) = (output.canonicalize(), frames.canonicalize())
        && a == b
    {
        return Err(format!("{shown}: this is the folder of the frames"));
    }
    if !force && entries.next().is_some() {
        return Err(format!(
            "{shown}: the folder is not empty (--force writes to it all the same)"
        ));
    }
    Ok(())
}

/// Writes all frames under temporary names.
fn write(
    arguments: &Arguments,
    stream: &Stream,
) -> Result<Vec<Pending>, Box<dyn std::error::Error>> {
    let shift = Shift {
        corrupt: Some(arguments.corruption),
        ..Shift::default()
    };
    let playback = Playback::new(stream, shift, arguments.seed, LabelIds::with_void_last(0));
    let bar = frame_bar(playback.len())?;
    let mut files = Vec::with_capacity(playback.len());
    for frame in playback {
        let frame = frame?;
        let name = format!("{}.png", stream.frames[frame.still].name);
        files.push(pending_png(&arguments.output.join(name), &frame.picture)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(files)
}
