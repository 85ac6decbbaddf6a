//! One still a shot, in the film's own size, named so that it is a reference once it has been painted.

use std::path::{Path, PathBuf};

use gst_video::VideoInfo;
use tttseg::video::{FrameRef, write_png};
use tttseg::weights::{self, ModelFile};

use super::super::decode::{Frames, Next, Target};
use super::super::encode::Codec;
use super::super::error::Error;
use super::super::progress::Done;
use super::super::stills;
use super::super::{Context, Task};
use super::names::name;
use super::shots::{Shots, with_frame};

/// The folder that stills are written to.
struct Stills<'a> {
    context: &'a Context,
    input: &'a Path,
    folder: &'a Path,
    shots: Shots,
    /// Frames that have been looked at, and stills of them.
    frames: u64,
    written: u64,
}

impl<'a> Stills<'a> {
    fn new(context: &'a Context, input: &'a Path, folder: &'a Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(|e| Error::of_writing(folder, e))?;
        let mut there = std::fs::read_dir(folder).map_err(|e| Error::of(folder, e))?;
        if there.next().is_some() && !context.overwrite {
            let why = "there are files in this folder already, which may have been painted (--overwrite replaces stills)";
            return Err(Error::of(folder, why));
        }
        let model = match context.settings.model() {
            Some(path) => ModelFile::open(path),
            None => ModelFile::embedded_for(weights::Task::Colorize),
        };
        let (height, width) = model.map_err(|e| e.to_string())?.size;
        Ok(Self {
            context,
            input,
            folder,
            shots: Shots::new((width, height)),
            frames: 0,
            written: 0,
        })
    }

    /// Takes in the next frame, which has these proportions in the world.
    fn frame(
        &mut self,
        frame: &FrameRef,
        size: (usize, usize),
        shape: (usize, usize),
    ) -> Result<(), Error> {
        if self.shots.begins(frame, shape)? {
            let picture = self.shots.picture(frame, size)?;
            let path = self.folder.join(name(self.frames));
            write_png(&path, &picture).map_err(|e| Error::Other(e.to_string()))?;
            self.written += 1;
        }
        Ok(())
    }

    /// A frame was looked at, or could not be.
    fn count(&mut self) {
        self.frames += 1;
        self.context.progress.frames(self.frames);
    }

    fn interrupted(&self) -> Error {
        let folder = self.folder.display();
        Error::Interrupted(format!("{} stills are in {folder}", self.written))
    }

    fn done(self, incomplete: Option<String>) -> Done {
        let all = self.frames;
        Done {
            output: self.folder.to_owned(),
            frames: self.written,
            before: 0,
            notes: vec![format!("stills of {} shots in {all} frames", self.written)],
            incomplete: incomplete.map(|why| format!("{}: {why}", self.input.display())),
        }
    }
}

/// Stills of a film.
///
/// # Errors
/// A film that cannot be decoded, a folder that is in use or cannot be written to, an end that the user wants.
pub fn film(context: &Context, input: &Path, folder: &Path) -> Result<Done, Error> {
    let mut stills = Stills::new(context, input, folder)?;
    let target = Target {
        codec: Codec::Ffv1,
        depth: None,
        task: Task::Colorize,
    };
    let mut frames = Frames::open(context, input, target)?;
    let broken = loop {
        let frame = match frames.next()? {
            Next::Frame(frame) => frame,
            Next::End => break None,
            Next::Broken(why) => break Some(format!("decoding ended: {why}")),
            Next::Stopped => return Err(stills.interrupted()),
        };
        if stills.frames == 0 {
            let (length, one) = (frames.duration(), frame.duration.nseconds().max(1));
            let total = length.map(|length| length.nseconds() / one);
            context.progress.begin(input, total, 0);
        }
        let info = VideoInfo::from_caps(&frame.caps)?;
        let size = (info.width() as usize, info.height() as usize);
        let shape = square_pixels(&info, size);
        let looked_at = with_frame(&frame.buffer, &info, |frame| {
            stills.frame(frame, size, shape)
        });
        looked_at.map_err(|e| Error::of(input, e))?;
        stills.count();
    };
    match (stills.frames, broken) {
        (0, why) => {
            let why = why.unwrap_or_else(|| "there is no frame in it".to_owned());
            Err(Error::of(input, why))
        }
        (_, broken) => Ok(stills.done(broken)),
    }
}

/// Stills of a sequence of pictures. One that cannot be read has its number all the same.
///
/// # Errors
/// A folder that is in use or cannot be written to, an end that the user wants.
pub fn pictures(
    context: &Context,
    input: &Path,
    files: &[PathBuf],
    folder: &Path,
) -> Result<Done, Error> {
    let mut stills = Stills::new(context, input, folder)?;
    context.progress.begin(input, Some(files.len() as u64), 0);
    let mut broken = vec![];
    for file in files {
        if context.stop.is_asked() {
            return Err(stills.interrupted());
        }
        let looked_at = stills::shown(file).and_then(|picture| {
            let (height, width, _) = picture.dim();
            let frame = FrameRef::rgb(&picture).map_err(|e| e.to_string())?;
            stills.frame(&frame, (width, height), (width, height))
        });
        match looked_at {
            Err(error) if error.is_no_room() => return Err(error),
            Err(error) => {
                context.progress.note(&error.to_string());
                broken.push(error.to_string());
            }
            Ok(()) => {}
        }
        stills.count();
    }
    let first = broken.first();
    let broken = first.map(|first| {
        format!(
            "{} pictures cannot be read, the first: {first}",
            broken.len()
        )
    });
    Ok(stills.done(broken))
}

/// Width and height in square pixels, neither smaller than in the frame's own: what the element goes by.
fn square_pixels(info: &VideoInfo, (width, height): (usize, usize)) -> (usize, usize) {
    let side = |n: i32| usize::try_from(n).unwrap_or(1).max(1);
    let (across, down) = (side(info.par().numer()), side(info.par().denom()));
    match across >= down {
        true => (width.saturating_mul(across) / down, height),
        false => (width, height.saturating_mul(down) / across),
    }
}
