//! Streams of stills on the command line: which frames, and how they are played.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use tttseg::choice::Choice;
use tttseg_lab::data::{
    ColourScheme, ColourSchemeError, Corruption, CorruptionKind, LabelMap, Shift, Stream,
};

use crate::options::aspect;

/// How a stream is played; the same for every subcommand that scores one.
#[derive(Args, Clone, Debug)]
pub struct StreamOptions {
    /// Play every n-th frame only.
    #[arg(long, value_name = "N", default_value = "1")]
    every: NonZeroUsize,
    /// Play no more than this many frames.
    #[arg(long, value_name = "FRAMES")]
    most: Option<NonZeroUsize>,
    #[arg(long, value_name = "KIND[:STRENGTH]", help = format!(
        "Corrupt the stream ({}), up to this strength (above 0, at most 2; 1 if not given). It grows from nothing in the \
         first frame to its full strength in the middle, and stays there",
        CorruptionKind::CHOICES.names()
    ))]
    corrupt: Option<Corruption>,
    /// Take this many frames of every still with a virtual camera that sees about three quarters of either side and moves
    /// smoothly, labels along with it.
    #[arg(long, value_name = "N")]
    pan: Option<NonZeroUsize>,
    /// Labels are coarser than the model's classes: camvid11 or idd7 (both for a model with the classes of Cityscapes), or a
    /// JSON file {"coarse name": ["class", …], …} in the order of the ids. Class probabilities are added up before the
    /// highest is taken.
    #[arg(long, value_name = "MAP")]
    label_map: Option<String>,
    /// Labels are RGB: camvid11, camvid32, cityscapes or kitti-step (red is the id), or a JSON file
    /// {"class": [[red, green, blue], …], …} with `void` for what is no label. Not needed with --label-map camvid11. Grey
    /// values and palette indices are ids.
    #[arg(long, value_name = "COLOURS")]
    label_colours: Option<String>,
    /// Proportions of the frames, width to height, where they were squeezed: they are brought to them, with their labels,
    /// when they are read.
    #[arg(long, value_name = "W:H", value_parser = aspect)]
    aspect: Option<f32>,
}

impl StreamOptions {
    /// Opens a stream and prints which of its files are left out.
    pub fn open(&self, frames: &Path, labels: Option<&Path>) -> Result<Stream, Box<dyn Error>> {
        let label_map = match &self.label_map {
            Some(_) if labels.is_none() => return Err("--label-map needs labels".into()),
            Some(map) => Some(LabelMap::open(map)?),
            None => None,
        };
        let colours = match &self.label_colours {
            Some(_) if labels.is_none() => return Err("--label-colours needs labels".into()),
            given => colours(given.as_deref(), self.label_map.as_deref())?,
        };
        let stream = Stream {
            label_map,
            colours,
            aspect: self.aspect,
            ..Stream::open(frames, labels)?
        };
        for left_out in &stream.left_out {
            eprintln!("left out: {left_out}");
        }
        Ok(stream.thinned(self.every, self.most))
    }

    /// What is done to its stills before a model sees them.
    pub fn shift(&self) -> Shift {
        Shift {
            corrupt: self.corrupt,
            pan: self.pan,
        }
    }

    /// What differs from playing the stream as it is, as options of the command line: part of what makes
    /// a run different from another.
    pub fn describe(&self) -> String {
        let mut options = vec![];
        if self.every.get() > 1 {
            options.push(format!("--every {}", self.every));
        }
        if let Some(most) = self.most {
            options.push(format!("--most {most}"));
        }
        if let Some(corrupt) = self.corrupt {
            options.push(format!("--corrupt {corrupt}"));
        }
        if let Some(pan) = self.pan {
            options.push(format!("--pan {pan}"));
        }
        if let Some(map) = &self.label_map {
            options.push(format!("--label-map {map}"));
        }
        if let Some(colours) = &self.label_colours {
            options.push(format!("--label-colours {colours}"));
        }
        if let Some(aspect) = self.aspect {
            options.push(format!("--aspect {aspect}:1"));
        }
        options.join(" ")
    }
}

/// What the colours of RGB labels stand for: a scheme by its name or file, or else the one that has the label map's name.
///
/// # Errors
/// When there is no such scheme.
pub fn colours(
    scheme: Option<&str>,
    label_map: Option<&str>,
) -> Result<Option<ColourScheme>, ColourSchemeError> {
    match scheme {
        Some(scheme) => ColourScheme::open(scheme).map(Some),
        None => {
            let map = LabelMap::built_in().find(|map| Some(map.source()) == label_map);
            Ok(map.and_then(|map| ColourScheme::built_in(map.source())))
        }
    }
}

/// `FRAMES:LABELS`, two folders.
#[derive(Clone, Debug)]
pub struct LabelledStream {
    /// The folder of frames.
    pub frames: PathBuf,
    /// The folder of labels.
    pub labels: PathBuf,
}

impl FromStr for LabelledStream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((frames, labels)) if !frames.is_empty() && !labels.is_empty() => Ok(Self {
                frames: frames.into(),
                labels: labels.into(),
            }),
            _ => Err("two folders are needed, FRAMES:LABELS".to_owned()),
        }
    }
}

impl std::fmt::Display for LabelledStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.frames.display(), self.labels.display())
    }
}
