//! Enumerations of the properties. The engine has those that it knows itself.

pub use tttseg::adapt::{Method, Recipe};
pub use tttseg::runtime::Provider as ExecutionProvider;
pub use tttseg::weights::Task;

tttseg::choices! {
    /// What the source pad carries.
    #[derive(Default)]
    pub enum Output: "Output" {
        #[default]
        Overlay = "overlay", "The frame with the classes painted over it; with task=colorize, the frame in colours";
        ClassMap = "class-map", "Class of each pixel as GRAY8 (255 = no class), at the size of the frame; not with task=colorize";
        Reconstruction = "reconstruction", "The network's reconstruction of the frame from its visible patches";
        SideBySide = "side-by-side", "The frame, and to its right the frame with the classes painted over it; with task=colorize, grey and in colours";
        Metadata = "metadata", "The frame untouched, with its class map as the meta GstTttSegMeta; not with task=colorize";
    }
}

tttseg::choices! {
    /// What happens when the element is slower than the stream.
    #[derive(Default)]
    pub enum Pace: "Pace" {
        #[default]
        Auto = "auto", "Leave out what there is no time for: while a syncing sink reports lateness, beyond the training budget, and beyond the frame rate of a live source";
        EveryFrame = "every-frame", "Learn from every frame, however late, whatever the budget";
    }
}
