//! Frames in colours: chroma that the network finds, beside the frame's own luma.

use std::sync::Arc;

use gst::subclass::prelude::*;
use tttseg::video::ChromaMap;

use super::engine::Forget;
use super::frame::no_result;
use super::imp::TttSegFilter;
use super::negotiate::Negotiated;
use super::pixels;
use super::product::Product;
use super::settings::Live;

impl TttSegFilter {
    /// Has a look whether another scene begins; colours of the last one are no good for it, however late it is.
    pub(super) fn look_for_cut(&self, rgb: &[u8], width: usize) {
        let is_cut = self.pixels().steady.is_cut(rgb, width);
        if is_cut {
            gst::debug!(super::imp::CAT, imp = self, "Another scene");
            self.stream().drawn.chroma = None;
            self.clear_hints();
            self.forget(Forget::Scene);
        }
    }

    /// Keeps the colours of this frame for the next ones, with a share of those before.
    pub(super) fn keep_colours(&self, chroma: ChromaMap, live: &Live) {
        let before = self.stream().drawn.chroma.clone();
        let keep = live.chroma_smoothing as f32;
        let calm = self.pixels().steady.smooth(chroma, before.as_deref(), keep);
        self.stream().drawn.chroma = Some(Arc::new(calm));
    }

    /// The frame in colours.
    pub(super) fn draw_colours(
        &self,
        mut inbuf: gst::Buffer,
        product: Product,
        negotiated: &Negotiated,
        live: &Live,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let drawn = self.stream().drawn.chroma.clone();
        let chroma = drawn.ok_or_else(|| no_result(self))?;
        let chroma = live.grade().apply(ChromaMap::clone(&chroma));
        let (info, of_grey) = (&negotiated.out_info, negotiated.info.is_gray());
        let beside = product == Product::ColoursBeside;
        let mut outbuf = if !beside && !of_grey && pixels::is_ours(&mut inbuf) {
            inbuf
        } else {
            let mut outbuf = self.buffer_for(&inbuf)?;
            let buffer = outbuf.make_mut();
            let copied = if of_grey {
                pixels::copy_luma(&inbuf, &negotiated.info, buffer, info)
            } else if beside {
                pixels::copy_beside_itself(&inbuf, &negotiated.info, buffer, info)
            } else {
                pixels::copy(&inbuf, buffer, info)
            };
            copied.map_err(|e| self.pixel_error(e))?;
            outbuf
        };
        let left = (info.width() - negotiated.info.width()) as usize;
        self.pixels()
            .tint(outbuf.make_mut(), info, left, &chroma)
            .map_err(|e| self.pixel_error(e))?;
        Ok(outbuf)
    }
}
