//! The command line of `tttseg run`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::encode::Codec;
use super::error::Error;
use super::films::Shard;
use super::{Input, Task, stills};

const USAGE: &str = "tttseg run [OPTIONS] <IN> <OUT>
       tttseg run [OPTIONS] --list <FILE> <OUT>
       tttseg run [OPTIONS] --export-references <DIR> <IN>
       tttseg run --verify <OUT>";

const KINDS: &str = "\
Beside a film stands OUT.framemd5: the hashes of the luma of all frames, of IN (stream 0), of OUT (1), and of IN in
the samples of OUT (2). Where 1 and 2 agree, OUT has the luma of IN. --verify OUT decodes OUT again and compares it.
OUT.provenance.json says what was done, by which model and with which settings; OUT itself says so in its tags.

Encodings:
  ffv1    .mkv  lossless; the luma of Y'CbCr and grey film stays what it is, with zeros behind it in more bits
  prores  .mov  ProRes 422 HQ, or 4444 for film in 4:4:4
  h264    .mp4  for looking at it

Exit codes: 0 all is well, 1 something is not, 3 OUT is written, and frames or sound of a film in IN are not in
it (cut off, cannot be decoded), 75 another process works on this film, 130 interrupted (the same command goes on)";

/// Colour a film, a sequence of pictures, or the films of a folder or a list; goes on after an interruption.
///
/// What is done is kept in OUT.part until OUT is complete: the same command goes on there. Sound is copied from the film.
/// Several workers may be given the same films and OUT, on one machine or many: each film is worked on by one at a time.
#[derive(Args)]
#[command(after_help = KINDS, override_usage = USAGE)]
pub struct Arguments {
    /// A film, a folder of pictures (PNG, JPEG, TIFF, DPX, EXR), their names as in scan-%05d.png, or a folder of films.
    #[arg(value_name = "IN")]
    pub first: PathBuf,
    /// The film to write (.mkv, .mov, .mp4), or a folder for pictures or films.
    #[arg(value_name = "OUT", required_unless_present_any = ["list", "verify", "export_references"], conflicts_with = "list")]
    pub second: Option<PathBuf>,
    /// A file with the path of a film on each line, in place of IN; they begin at its folder. # begins a comment, - is standard input.
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Work on the i-th of n shares of the films only.
    #[arg(long, value_name = "i/n")]
    pub shard: Option<Shard>,
    /// Wait for films that other workers have; go on with those whose worker dies.
    #[arg(long)]
    pub wait: bool,
    /// Write what became of each film to a file of JSON, which goes on with that of an earlier run. `tttseg summary` puts those
    /// of several workers together.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Seconds after which others may take a film over if nothing is heard of the process that works on it.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub claim_timeout: u64,
    /// Decode a film that was written (IN, here), or all films of a folder, and compare every frame with IN.framemd5.
    #[arg(long, conflicts_with_all = ["second", "list", "summary", "model", "set", "codec", "depth", "restart", "overwrite", "references", "export_references"])]
    pub verify: bool,
    /// Pictures in colour, each for a frame of IN (from 0) and those after it: ref_000040.png holds from frame 40 until the
    /// next picture does.
    #[arg(long, value_name = "DIR")]
    pub references: Option<PathBuf>,
    /// Write the first frame of every shot of IN to a folder, named as --references wants it, and do nothing else.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["second", "list", "summary", "references", "codec", "depth", "restart"])]
    pub export_references: Option<PathBuf>,
    /// What is done to the frames.
    #[arg(long, value_enum, default_value_t = Task::Colorize)]
    pub task: Task,
    /// Model to use (.safetensors), in place of the built-in one for the task.
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// Any other property of the element (gst-inspect-1.0 tttsegfilter lists them); can be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// How films are encoded. If not given, OUT's name decides; in a folder it is ffv1.
    #[arg(long, value_enum)]
    pub codec: Option<Codec>,
    /// Bits of a sample. If not given: 8 for h264, 10 for prores, for ffv1 those of the film and at least 10.
    #[arg(long, value_parser = ["8", "10", "12"])]
    pub depth: Option<String>,
    /// What pictures become. If not given: PNG and JPEG become PNG, all others stay what they are.
    #[arg(long, value_enum)]
    pub pictures: Option<stills::Format>,
    /// Frames after which what is done is put on record: that many are lost at most.
    #[arg(long, value_name = "FRAMES", default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..))]
    pub segment: u64,
    /// Throw away what an earlier run has left unfinished, and begin anew.
    #[arg(long)]
    pub restart: bool,
    /// Replace OUT where it is there already.
    #[arg(long)]
    pub overwrite: bool,
    /// Print progress and results as lines of JSON.
    #[arg(long)]
    pub json: bool,
    /// Seconds after which a film of a folder of which nothing comes is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    pub patience: u64,
    /// Work on a film of a folder, for a parent that reads what is printed.
    #[arg(long, hide = true)]
    pub child: bool,
}

impl Arguments {
    /// What there is to work on: IN, or the list.
    pub fn input(&self) -> &Path {
        self.list.as_ref().unwrap_or(&self.first)
    }

    /// Where it goes: it stands alone behind a list.
    pub fn output(&self) -> &Path {
        self.second.as_ref().unwrap_or(&self.first)
    }

    /// Refuses options that are about something else than what is given.
    pub fn check(&self, input: &Input) -> Result<(), Error> {
        let (is_films, is_pictures) = match input {
            Input::Films(..) => (true, false),
            Input::Pictures(_) => (false, true),
            Input::Film => (false, false),
        };
        for (option, is_wrong, about) in [
            (
                "--shard",
                self.shard.is_some() && !is_films,
                "folders and lists of films",
            ),
            (
                "--wait",
                self.wait && !is_films,
                "folders and lists of films",
            ),
            ("--summary", self.summary.is_some() && is_pictures, "films"),
        ] {
            if is_wrong {
                return Err(Error::of(
                    self.input(),
                    format!("{option} is about {about}"),
                ));
            }
        }
        Ok(())
    }
}
