//! The order of fields, which GStreamer (1.22) has on frames only: Matroska does not say it, in MPEG-2 every frame may be
//! interlaced or not, and encoders look at caps, and take an interlaced film for one that begins with its lower field where
//! those say nothing.

use gst_video::prelude::*;
use gst_video::{VideoBufferFlags, VideoFieldOrder, VideoInfo, VideoInterlaceMode};

/// Which field of an interlaced film is shown first, as its first frame has it.
#[derive(Default)]
pub struct FieldOrder(Option<VideoFieldOrder>);

impl FieldOrder {
    /// Caps that say which field comes first. The first frame decides it for all; it is left open if that one is not
    /// interlaced, though others may be.
    pub fn complete(
        &mut self,
        caps: &gst::CapsRef,
        buffer: &gst::BufferRef,
    ) -> Result<(gst::Caps, VideoInfo), gst::glib::BoolError> {
        let info = VideoInfo::from_caps(caps)?;
        let mode = info.interlace_mode();
        let mut caps = caps.to_owned();
        let is_open = match mode {
            VideoInterlaceMode::Interleaved => info.field_order() == VideoFieldOrder::Unknown,
            VideoInterlaceMode::Mixed => true,
            _ => false,
        };
        if !is_open {
            return Ok((caps, info));
        }
        let flags = buffer.video_flags();
        let is_interlaced =
            mode == VideoInterlaceMode::Interleaved || flags.contains(VideoBufferFlags::INTERLACED);
        let first = match (is_interlaced, flags.contains(VideoBufferFlags::TFF)) {
            (false, _) => VideoFieldOrder::Unknown,
            (true, true) => VideoFieldOrder::TopFieldFirst,
            (true, false) => VideoFieldOrder::BottomFieldFirst,
        };
        let order = *self.0.get_or_insert(first);
        if order == VideoFieldOrder::Unknown {
            return Ok((caps, info));
        }
        let fields = caps.make_mut();
        fields.set("interlace-mode", VideoInterlaceMode::Interleaved.to_str());
        fields.set("field-order", order.to_str());
        let info = VideoInfo::from_caps(&caps)?;
        Ok((caps, info))
    }
}
