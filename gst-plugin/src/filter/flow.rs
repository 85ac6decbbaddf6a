//! What upstream is told about both source pads together.

use gst::glib::translate::{FromGlib, IntoGlibPtr, ToGlibPtr};
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::TttSegFilter;

impl TttSegFilter {
    /// Has every result of the base class's chain function go through [`TttSegFilter::combined`]. The base class pushes
    /// frames itself, and knows of one source pad only.
    pub(super) fn combine_flows(&self) {
        let sink = self.sink_pad();
        // SAFETY: the element is being made, so nobody else has the pad, and its function does not change meanwhile.
        let Some(chain) = (unsafe { (*sink.as_ptr()).chainfunc }) else {
            return;
        };
        let of_base_class =
            move |pad: &gst::Pad, parent: Option<&gst::Object>, buffer: gst::Buffer| {
                // SAFETY: called as GStreamer would call it, for the pad that it was set for: both objects are alive as long
                // as their references, and the buffer is given away.
                let flow = unsafe {
                    let (pad, parent) = (pad.to_glib_none(), parent.to_glib_none());
                    gst::FlowReturn::from_glib(chain(pad.0, parent.0, buffer.into_glib_ptr()))
                };
                flow.into_result()
            };
        // SAFETY: the pad is not active yet, so that nothing is in the function that is replaced.
        unsafe {
            sink.set_chain_function(move |pad, parent, buffer| {
                let flow = of_base_class(pad, parent, buffer);
                TttSegFilter::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |filter| filter.combined(flow),
                )
            });
        }
    }

    /// A frame's way out of the source pad and the last one out of `classes`, as one: nobody there is when nobody is on
    /// both, the end when it is on both, and anything else is told at once.
    fn combined(
        &self,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if self.classes_pad().is_none() {
            return flow;
        }
        self.flows().update_pad_flow(self.obj().src_pad(), flow)
    }
}
