//! Streams that hold up others, and demuxers and decoders that stop without a word.

use std::time::Duration;

use gst::glib;
use gst::prelude::*;

use super::super::pipeline::{self, link};

/// How long the first frame behind a broken place may take, or one after it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first frame of a film may take, from slow storage as well.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(30);

/// Lets a stream run into nothing. A fakesink alone would hold up the streams beside it until the pipeline plays, which may
/// wait for them.
pub fn drop_stream(bin: &gst::Bin, pad: &gst::Pad) -> Result<(), glib::BoolError> {
    let line = "queue leaky=downstream max-size-buffers=1 max-size-time=0 max-size-bytes=0 ! fakesink async=false sync=false";
    let nothing =
        gst::parse::bin_from_description(line, true).map_err(|e| glib::bool_error!("{e}"))?;
    bin.add(&nothing)?;
    nothing.sync_state_with_parent()?;
    link(pad, &pipeline::pad(&nothing, "sink")?)
}

/// Why no more frames are to be waited for, if so. Some decoders, pngdec for one, return an error and post no message. It is
/// posted by the element that meets it on the way back: the demuxer with its next frame, or decodebin's multiqueue around the
/// end of the stream (1.22). Behind a broken place few frames are left for that, and it was seen once that no message came. And
/// qtdemux was seen to stop without an error when a file has no index (1.22): then no frame comes at all.
pub fn stalled(waited: Duration, is_behind_break: bool, is_first: bool) -> Option<&'static str> {
    if is_behind_break && waited > PATIENCE {
        return Some("nothing comes behind it");
    }
    (is_first && waited > PATIENCE_AT_FIRST).then_some("no frame comes of it")
}
