//! The flow combiner: what upstream gets as the result of both source pads together.

use std::sync::Arc;

use gst::glib::translate::{FromGlib, IntoGlibPtr, ToGlibPtr};
use gst::prelude::*;
use gst_base::prelude::*;

use super::classes_pad::ClassesPad;

/// Has every result of the base class's chain function go through [`ClassesPad::combine`]: the base class pushes frames
/// itself, and knows of one source pad only. For an element that is being made.
pub(in crate::filter) fn install(element: &gst_base::BaseTransform, classes: Arc<ClassesPad>) {
    let sink = element.sink_pad();
    // SAFETY: the element is being made, so nothing else has the pad, and its function does not change meanwhile.
    let Some(chain) = (unsafe { (*sink.as_ptr()).chainfunc }) else {
        return;
    };
    let of_base_class = move |pad: &gst::Pad, parent: Option<&gst::Object>, buffer: gst::Buffer| {
        // SAFETY: called as GStreamer would call it, for the pad that it was set for: both objects are alive as long
        // as their references, and the buffer is given away.
        let flow = unsafe {
            let (pad, parent) = (pad.to_glib_none(), parent.to_glib_none());
            gst::FlowReturn::from_glib(chain(pad.0, parent.0, buffer.into_glib_ptr()))
        };
        flow.into_result()
    };
    let source = element.src_pad().clone();
    classes.set_source(&source);
    // SAFETY: the pad is not active yet, so that nothing is in the function that is replaced.
    unsafe {
        sink.set_chain_function(move |pad, parent, buffer| {
            let flow = of_base_class(pad, parent, buffer);
            classes.combine(&source, flow)
        });
    }
}
