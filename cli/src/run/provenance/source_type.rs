//! IPTC's digital source type (NewsCodes, as of October 2024), which broadcasters and C2PA use to say what a machine has made.

use super::super::Task;

/// The term for what a task makes of pictures.
pub fn of(task: Task) -> &'static str {
    match task {
        // "Augmentation, correction or enhancement using a Generative AI model": colours come from what it has learned of other
        // pictures. `algorithmicallyEnhanced` is for what does not change the main content.
        Task::Colorize => {
            "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
        }
        // "Mix or composite of several elements, any of which may or may not be generative AI": the film, and a layer that a
        // classifier has drawn.
        Task::Segment => "http://cv.iptc.org/newscodes/digitalsourcetype/composite",
    }
}
