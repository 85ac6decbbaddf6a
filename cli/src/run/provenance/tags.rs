//! Tags of a film's own file. No time of day is among them: the same run gives the same bytes.

use super::super::Task;
use super::model::Model;
use super::source_type;

/// What stands in OUT.
pub fn tags(task: Task, model: &Model) -> gst::TagList {
    let what = match task {
        Task::Colorize => "Colours by machine, not those of the original",
        Task::Segment => "Classes painted over the picture by machine",
    };
    let program = concat!("tttseg ", env!("CARGO_PKG_VERSION"));
    let comment = format!(
        "{what}. Digital source type: {}. Made with {program}, model {} (SHA-256 {}).",
        source_type::of(task),
        model.name,
        model.sha256
    );
    let mut tags = gst::TagList::new();
    if let Some(tags) = tags.get_mut() {
        tags.add::<gst::tags::Comment>(&comment.as_str(), gst::TagMergeMode::Replace);
        tags.add::<gst::tags::Encoder>(&program, gst::TagMergeMode::Replace);
    }
    tags
}
