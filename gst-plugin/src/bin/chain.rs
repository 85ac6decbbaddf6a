//! The inner elements that are always there: `videoconvert ! tttsegfilter ! videoconvert`.

use gst::glib;
use gst::prelude::*;

use super::entry::Entry;
use super::{CAT, TttSeg, pad};
use crate::filter::TttSegFilter;

/// Makes them, links them, and connects the filter to the bin; none if `videoconvert` is not installed.
pub(super) fn build(
    bin: &TttSeg,
    entry: &Entry,
    src: &gst::GhostPad,
) -> Result<TttSegFilter, glib::BoolError> {
    let convert = |name| gst::ElementFactory::make("videoconvert").name(name).build();
    let (before, after) = (convert("before")?, convert("after")?);
    let filter: TttSegFilter = glib::Object::builder().property("name", "filter").build();
    let elements = [&before, filter.upcast_ref(), &after];
    bin.add_many(elements)?;
    gst::Element::link_many(elements)?;
    connect(bin, &filter)?;
    entry.set_raw(pad(&before, "sink")?)?;
    src.set_target(Some(&pad(&after, "src")?))?;
    Ok(filter)
}

/// Passes on notifications of the filter's properties, and values that are controlled on the bin.
fn connect(bin: &TttSeg, filter: &TttSegFilter) -> Result<(), glib::BoolError> {
    let weak = bin.downgrade();
    filter.connect_notify(None, move |_, pspec| {
        if let Some(bin) = weak.upgrade()
            && pspec.owner_type() == TttSegFilter::static_type()
        {
            bin.notify(pspec.name());
        }
    });
    let weak = bin.downgrade();
    let probe = gst::PadProbeType::BUFFER;
    pad(filter.upcast_ref(), "sink")?.add_probe(probe, move |pad, info| {
        if let (Some(bin), Some(buffer)) = (weak.upgrade(), info.buffer()) {
            sync_values(&bin, pad, buffer);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// GStreamer does not do this for a bin; the filter does it for itself only.
fn sync_values(bin: &TttSeg, pad: &gst::Pad, buffer: &gst::Buffer) {
    if !bin.has_active_control_bindings() {
        return;
    }
    let stream_time = pad
        .sticky_event::<gst::event::Segment>(0)
        .and_then(|event| {
            let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
            segment.to_stream_time(buffer.pts()?)
        });
    if let Some(stream_time) = stream_time
        && let Err(e) = bin.sync_values(stream_time)
    {
        gst::warning!(
            CAT,
            obj = bin,
            "Controlled properties stay as they are: {e}"
        );
    }
}
