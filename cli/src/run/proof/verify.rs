//! `tttseg run --verify`: OUT decoded again, against its proof.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use gst_video::VideoInfo;

use super::super::encode::Codec;
use super::super::error::Error;
use super::super::extension;
use super::super::fixity::{self, sha256};
use super::super::mux::Reader;
use super::super::progress::{Progress, Verified};
use super::super::provenance;
use super::super::stop::Stop;
use super::framemd5::Line;
use super::luma::Luma;
use super::path_of;
use super::write::NAMED;

/// What is kept when the user wants an end.
const KEPT: &str = "nothing was changed";

/// Decodes a film that was written, and compares it with `OUT.framemd5`.
///
/// # Errors
/// A film or a proof that is not there or cannot be read, an end that the user wants. Frames that differ are no error.
pub fn run(output: &Path, progress: &Progress, stop: &Stop) -> Result<Verified, Error> {
    if !output.is_file() {
        return Err(Error::of(output, "there is no such film"));
    }
    let codec = Codec::of_extension(&extension(output));
    let codec = codec.ok_or_else(|| Error::of(output, "this is no film of tttseg run"))?;
    codec.check(None)?;
    let path = path_of(output);
    let counted = counted(&path)?;
    let mut lines = Lines::open(&path)?;
    let mut verified = Verified {
        output: output.to_owned(),
        frames: counted.frames,
        kept: counted.kept,
        ..Verified::default()
    };
    let reader = Reader {
        file: output,
        codec,
        progress,
        stop,
        kept: KEPT,
    };
    progress.begin(output, Some(counted.frames), 0);
    let found = reader.read(|sample| {
        let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer()) else {
            return Err("a decoded frame without caps or data".into());
        };
        let luma = Luma::of(buffer, &VideoInfo::from_caps(caps)?)?;
        let wanted = lines.next(1)?;
        if wanted.is_none_or(|line| (line.md5, line.bytes) != (luma.md5, luma.bytes)) {
            verified.differing += 1;
            if verified.first.len() < NAMED {
                verified.first.push(verified.decoded);
            }
        }
        verified.decoded += 1;
        progress.frames(verified.decoded);
        Ok(())
    })?;
    verified.has_other_bytes = has_other_bytes(output, stop)?;
    let video = found.iter().find(|stream| stream.is("video/"));
    verified.damaged = video.map(|v| v.broken.clone()).unwrap_or_default();
    Ok(verified)
}

/// Whether the file has another hash than its provenance says, where that is there.
fn has_other_bytes(output: &Path, stop: &Stop) -> Result<bool, Error> {
    let path = provenance::path_of(output);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(Error::of(&path, e)),
    };
    let provenance: serde_json::Value =
        serde_json::from_slice(&text).map_err(|e| Error::of(&path, e))?;
    let Some(wanted) = provenance["output"]["sha256"].as_str() else {
        return Ok(false);
    };
    let hash = sha256(output, || !stop.is_asked()).map_err(|e| fixity::error(output, e, KEPT))?;
    Ok(hash != wanted)
}

/// What a proof says by itself.
struct Counted {
    /// Frames of OUT.
    frames: u64,
    /// Those that have the film's luma.
    kept: u64,
}

fn counted(path: &Path) -> Result<Counted, Error> {
    let (mut out, mut film) = (Lines::open(path)?, Lines::open(path)?);
    let mut counted = Counted { frames: 0, kept: 0 };
    while let Some(line) = out.next(1)? {
        counted.frames += 1;
        let given = film.next(2)?;
        counted.kept += u64::from(given.is_some_and(|given| given.md5 == line.md5));
    }
    if counted.frames == 0 {
        return Err(Error::of(path, "there is no frame of stream 1 in it"));
    }
    Ok(counted)
}

/// The lines of a proof.
struct Lines<'a> {
    path: &'a Path,
    lines: std::io::Lines<BufReader<File>>,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| Error::of(path, e))?;
        Ok(Self {
            path,
            lines: BufReader::new(file).lines(),
        })
    }

    /// The next one of a stream.
    fn next(&mut self, stream: u32) -> Result<Option<Line>, Error> {
        for text in self.lines.by_ref() {
            let text = text.map_err(|e| Error::of(self.path, e))?;
            let line = Line::parse(&text).map_err(|e| Error::of(self.path, e))?;
            if let Some(line) = line.filter(|line| line.stream == stream) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}
