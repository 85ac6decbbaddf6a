//! What happens to a frame.

use std::sync::Arc;
use std::time::Instant;

use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{
    GenerateOutputSuccess, InputBuffer, PrepareOutputBufferSuccess,
};
use gst_base::subclass::prelude::*;
use tttseg::adapt::{Prediction, Skipped};
use tttseg::video::Palette;

use super::Output;
use super::effort::Cost;
use super::engine::{Failure, Forget};
use super::imp::{CAT, Negotiated, TttSegFilter};
use super::pixels::{self, Picture, PixelError};
use super::settings::Live;

/// The last result, for frames that come too late for one of their own.
pub(super) struct Drawn {
    bytes: Arc<[u8]>,
    size: (usize, usize),
}

impl Drawn {
    fn picture(&self) -> Picture<'_> {
        Picture {
            bytes: &self.bytes,
            width: self.size.0,
            height: self.size.1,
        }
    }
}

impl TttSegFilter {
    /// Learns from a frame, and sends it out as the properties say.
    pub(super) fn process(
        &self,
        inbuf: gst::Buffer,
    ) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let Some(negotiated) = self.negotiated() else {
            return Err(gst::FlowError::NotNegotiated);
        };
        let live = self.live_settings();
        let Some(output) = negotiated.output.filter(|_| {
            // Until caps have been negotiated again a class map has to stay one.
            !live.passthrough || negotiated.output == Some(Output::ClassMap)
        }) else {
            return Ok(GenerateOutputSuccess::Buffer(inbuf));
        };
        let engine = self.engine().ok_or(gst::FlowError::Flushing)?;
        let began = Instant::now();
        let running_time = self.running_time(&inbuf);

        if inbuf
            .flags()
            .intersects(gst::BufferFlags::DISCONT | gst::BufferFlags::GAP)
        {
            engine.forget(Forget::Window);
        }
        let rgb = self
            .pixels()
            .at_model_size(&inbuf, &negotiated.info, negotiated.model_size)
            .map_err(|e| self.pixel_error(e))?;

        let plan = self.plan(&live, &negotiated, running_time);
        let wanted = plan.wanted(&live, output);
        let before = began.elapsed();
        let mut prediction = engine
            .run(&rgb, negotiated.model_size, wanted)
            .map_err(|failure| self.engine_failure(failure))?;
        let after = Instant::now();
        self.pixels().keep(rgb);
        self.keep(&mut prediction, output);
        let outbuf = self.draw(inbuf, output, &negotiated, &live, engine.palette())?;
        // Without what the first frame of a size waits for: graphs being built.
        let report = &prediction.report;
        let waited = if engine.is_asynchronous() {
            report.predict_time
        } else {
            report.step_time + report.predict_time
        };
        let cost = Cost {
            learning: report.step_time,
            frame: before + waited + after.elapsed(),
        };
        self.account(&engine, report, &live, &plan, running_time);
        // A frame without a step that was wanted tells nothing: the graph for it is being built.
        if !(plan.effort.learn && report.skipped == Some(Skipped::Late)) {
            self.learn_of_cost(&plan, cost, &outbuf);
        }
        gst::trace!(
            CAT,
            imp = self,
            "Frame {} took {:?}, late: {}",
            report.frame,
            cost.frame,
            plan.late
        );
        Ok(GenerateOutputSuccess::Buffer(outbuf))
    }

    fn engine_failure(&self, failure: Failure) -> gst::FlowError {
        match failure {
            Failure::Cancelled => gst::FlowError::Flushing,
            Failure::Error(e) => {
                gst::element_imp_error!(self, gst::LibraryError::Failed, ("{e}"));
                gst::FlowError::Error
            }
        }
    }

    fn running_time(&self, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
        let segment = self.obj().segment();
        segment
            .downcast_ref::<gst::ClockTime>()?
            .to_running_time(buffer.pts()?)
    }

    /// Keeps the result of this frame for the next ones.
    fn keep(&self, prediction: &mut Prediction, output: Output) {
        let bytes = match output {
            Output::Reconstruction => prediction.reconstruction.take(),
            Output::Overlay | Output::ClassMap => prediction.classes.take(),
        };
        if let Some(bytes) = bytes {
            self.stream().drawn = Some(Arc::new(Drawn {
                bytes,
                size: (prediction.width, prediction.height),
            }));
        }
    }

    fn draw(
        &self,
        mut inbuf: gst::Buffer,
        output: Output,
        negotiated: &Negotiated,
        live: &Live,
        palette_of_model: &Palette,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let drawn = self.stream().drawn.clone();
        let Some(drawn) = drawn else {
            gst::element_imp_error!(
                self,
                gst::LibraryError::Failed,
                ("The engine gave no result for a frame")
            );
            return Err(gst::FlowError::Error);
        };
        let picture = drawn.picture();
        let in_place = output == Output::Overlay && pixels::is_ours(&mut inbuf);
        let mut outbuf = if in_place {
            inbuf
        } else {
            let mut outbuf = self.buffer_for(&inbuf)?;
            if output == Output::Overlay {
                pixels::copy(&inbuf, outbuf.make_mut(), &negotiated.info)
                    .map_err(|e| self.pixel_error(e))?;
            }
            outbuf
        };
        let buffer = outbuf.make_mut();
        let info = &negotiated.out_info;
        let mut pixels = self.pixels();
        match output {
            Output::Overlay => {
                let palette = live.palette.as_deref().unwrap_or(palette_of_model);
                pixels.draw(buffer, info, &picture, palette, live.opacity)
            }
            Output::ClassMap => pixels.class_map(buffer, info, &picture),
            Output::Reconstruction => pixels.paint(buffer, info, &picture),
        }
        .map_err(|e| self.pixel_error(e))?;
        drop(pixels);
        Ok(outbuf)
    }

    /// A buffer of the negotiated pool, with time stamps, flags and metas of the input.
    fn buffer_for(&self, inbuf: &gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
        match self.parent_prepare_output_buffer(InputBuffer::Readable(inbuf))? {
            PrepareOutputBufferSuccess::Buffer(buffer) => Ok(buffer),
            // Only in the base class's own pass-through, which is never switched on.
            PrepareOutputBufferSuccess::InputBuffer => Err(gst::FlowError::Error),
        }
    }

    fn pixel_error(&self, error: PixelError) -> gst::FlowError {
        gst::element_imp_error!(
            self,
            gst::StreamError::Failed,
            ("A video frame could not be handled: {error}")
        );
        gst::FlowError::Error
    }
}
