//! The kind of output: the property `output`, as `task` has it.

use crate::filter::{Output, Task};

/// What the source pad carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) enum OutputKind {
    /// The frame with its classes painted over it.
    Overlay,
    /// Classes as GRAY8.
    ClassMap,
    /// The network's reconstruction of the frame.
    Reconstruction,
    /// The frame, and the overlay to its right.
    SideBySide,
    /// The frame as it is, with a class map as a meta.
    Metadata,
    /// The frame's luma in colours.
    Colours,
    /// The frame in grey, and in colours to its right.
    ColoursBeside,
}

impl OutputKind {
    pub fn new(task: Task, output: Output) -> Self {
        match (task, output) {
            (_, Output::Reconstruction) => Self::Reconstruction,
            // Refused with task=colorize before a frame comes.
            (_, Output::ClassMap) => Self::ClassMap,
            (_, Output::Metadata) => Self::Metadata,
            (Task::Segment, Output::Overlay) => Self::Overlay,
            (Task::Segment, Output::SideBySide) => Self::SideBySide,
            (Task::Colorize, Output::Overlay) => Self::Colours,
            (Task::Colorize, Output::SideBySide) => Self::ColoursBeside,
        }
    }

    /// Whether the network colours it.
    pub fn is_coloured(self) -> bool {
        matches!(self, Self::Colours | Self::ColoursBeside)
    }

    /// Whether the source pad has other caps than the sink pad, which may be grey.
    pub fn changes_caps(self, grey: bool) -> bool {
        match self {
            Self::ClassMap | Self::SideBySide | Self::ColoursBeside => true,
            Self::Colours => grey,
            Self::Overlay | Self::Reconstruction | Self::Metadata => false,
        }
    }

    /// Whether the frame itself stands to the left of what is drawn, and makes the output twice as wide.
    pub fn is_beside(self) -> bool {
        matches!(self, Self::SideBySide | Self::ColoursBeside)
    }
}
